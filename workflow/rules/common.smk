# What all rules share: the plan of the run (names, inputs), made from the checked configuration.
import sys
from dataclasses import asdict
from pathlib import Path

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.commands.summary import summarise
from tgas_neuro.errors import UserError
from tgas_neuro.plan import build_plan

# Data set descriptions of the working directory come before those of the project.
DESCRIPTIONS = [Path("neural_data"), Path(workflow.basedir) / "neural_data"]


def load_plan():
    """Plan the run; a mistake of the user ends in its one line."""
    names = [str(path) for path in workflow.configfiles] or ["config.yaml"]
    try:
        return build_plan(config, DESCRIPTIONS, ", ".join(dict.fromkeys(names)))
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


PLAN = load_plan()
SEARCH = f"results/search/{PLAN.search}"
FINAL = f"results/final/{PLAN.final}"
TEACHER = f"results/teacher/{PLAN.teacher}/teacher.nc"


wildcard_constraints:
    generation=r"\d{3}",
    candidate=r"\d{2}",
    split="train|val",
    images="|".join({PLAN.premature_images.name, PLAN.final_images.name}),


def get_config(*sections):
    """Sections of the checked configuration, for params: a changed one makes the rule run again."""
    return {section: PLAN.config[section] for section in sections}


def get_images(name):
    """The images of that name, of the premature or of the final training."""
    found = [PLAN.premature_images, PLAN.final_images]
    return next(images for images in found if images.name == name)


def figures():
    """All pictures of a run."""
    regions = [
        f"results/figures/{PLAN.teacher}/rdm_{region}.png" for region in PLAN.regions
    ]
    run = f"results/figures/{PLAN.final}"
    return [*regions, f"{run}/search_curve.png", f"{run}/best_cell.png"]


def print_summary():
    """Say at the end what was found and where it lies, when the run got as far as that."""
    if Path("results/best_cell.json").is_file():
        print(summarise(Path("results/best_cell.json"), figures()), file=sys.stderr)
