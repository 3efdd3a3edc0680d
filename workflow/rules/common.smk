# What all rules share: the plan of the run (names, inputs), made from the checked configuration.
import math
import os
import re
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.search.candidate import list_batches
from tgas_neuro.search.candidate.kept import drop_noticed, keep_cut_batches
from tgas_neuro.commands.summary import summarise
from tgas_neuro.config.section import dump_decisive, dump_section
from tgas_neuro.runtime.errors import UserError, forget_failures
from tgas_neuro.runtime.files import find_project, read_json, write_json
from tgas_neuro.runtime.fragments import remove_dead_fragments
from tgas_neuro.runtime.sections import get_section, locate_section
from tgas_neuro.runtime.yaml_files import load_yaml, mark_arguments
from tgas_neuro.images.decoded import CHECKED
from tgas_neuro.plan.images import describe_missing_archive
from tgas_neuro.plan.plan import build_plan, name_plugin, refuse_stale
from tgas_neuro.overview.console import show_run
from tgas_neuro.overview.jobs import PHASES, TARGETS, name_rule
from tgas_neuro.overview.note import build_note
from tgas_neuro.runtime.slurm import refuse_leftovers
from tgas_neuro.recordings.datasets.files import check_planned_files, locate_file, match_downloads
from tgas_neuro.search.runs.note import load_note
from tgas_neuro.search.runs.reuse import find_reused_folders, list_reused_files

# Network file systems often know no locks, without which HDF5 opens no file; nothing here needs them,
# since a file has one writer and is renamed to its name when it is whole. Jobs inherit this.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

MODIFIER = workflow.modifier  # what Snakemake changes in names and paths of a module

# The project's own files: beside the Snakefile, or, where that was fetched alone, in the installation.
HOME = PROJECT if PROJECT.is_dir() else find_project()

# Data set descriptions of the working directory come before those of the project.
DESCRIPTIONS = [Path("neural_data"), HOME / "neural_data"]


def warn_of_missing_images(images):
    """Say before a long search what its last stage will need; a search alone can do without."""
    for folder in map(images.get_split_folder, () if images.is_made else ("train", "val")):
        if not Path(folder).is_dir():
            print(
                f"Warning: final.data: {folder}: no such folder here; the final training will need it",
                file=sys.stderr,
            )


def refuse_changed(plan):
    """Refuse recordings that changed since they were read, where Snakemake would not notice it."""
    for name, description in plan.descriptions.items():
        params = build_recordings_params(name, description)
        kind = "assembly" if description.provides == "responses" else "rdm"
        refuse_stale(f"results/recordings/{name}/{kind}.nc", params)
    refuse_stale(f"results/teacher/{plan.teacher}/teacher.nc")
    size, images = plan.config.premature.image_size, plan.premature_images
    refuse_stale(f"results/images/{images.name}/train_{size}px/images.npy")
    for images in (plan.premature_images, plan.final_images):
        for split in ("train", "val"):
            refuse_stale(f"results/images/{images.name}/{split}")
    refuse_stale(f"results/final/{plan.final}/metrics.json")


def build_recordings_params(name, description):
    """Params of the rules that read recordings."""
    folder = f"results/recordings/{name}"
    return {
        "description": description.dump(),
        "folder": folder,
        "results_version": RESULTS_VERSION,
    }


def load_plan():
    """Plan the run; a mistake of the user ends in its one line."""
    try:
        refuse_prefix()
        section, name = find_configuration()
        for path in () if section is None else workflow.configfiles:
            if Path(path).suffix != ".json" and Path(path).is_file():
                load_yaml(path, section)  # a value with two meanings ends in its line
        given = mark_arguments(config, get_section(workflow.config_settings.config, section))
        plan = build_plan(given, DESCRIPTIONS, name)
        if workflow.is_main_process:  # in a pod of Kubernetes they are not there yet
            refuse_changed(plan)
            check_planned_files(plan.descriptions.values())
            if plan.config.search.reuse:
                find_reused_folders(plan.config.search.reuse)
            warn_of_missing_images(plan.final_images)
        return plan
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


def refuse_prefix():
    """Refuse to be a module whose results lie elsewhere: they name each other by their paths."""
    name = "results/best_cell.json"
    if MODIFIER.path_modifier.replace_prefix(name) != name:
        raise UserError(
            f"module {MODIFIER.namespace}: prefix: moves the results, whose files name each other; "
            "leave out prefix and replace_prefix, or run the workflow in a folder of its own"
        )


def find_configuration():
    """Where the configuration lies in the files: keys that lead to it, and its name in messages.

    A module may have been given what the outer workflow has put together: no keys, None.
    """
    names = ", ".join(dict.fromkeys(map(str, workflow.configfiles))) or "config.yaml"
    if not MODIFIER.skip_configfile:
        return (), names
    section = locate_section(workflow.modifier_stack[0].globals["config"], config)
    if section is None:
        return None, f"config of module {MODIFIER.namespace}"
    return section, ": ".join([names, *section])


PLAN = load_plan()
SEARCH = f"results/search/{PLAN.search}"
FINAL = f"results/final/{PLAN.final}"
FIGURES = f"results/figures/{PLAN.final}"
PLUGIN = name_plugin(PLAN.final)
TEACHER = f"results/teacher/{PLAN.teacher}/teacher.nc"
SCORING = PLAN.config.search.scoring
RANKS = f"results/teacher/{PLAN.teacher}/{SCORING.name_ranks()}"
DECODED = f"results/images/{PLAN.premature_images.name}/train_{PLAN.config.premature.image_size}px"
PER_JOB = PLAN.config.search.candidates_per_job
BATCHES = list_batches(PLAN.config.search.candidates, PER_JOB)
# Rules to the candidates of one of their jobs; for one a job, a single rule with a wildcard.
JOBS = (
    {f"candidates_{batch[0]}": batch for batch in BATCHES}
    if PER_JOB > 1
    else {"candidate": ["{candidate}"]}
)
# Rules, as the outer workflow of a module may call them, to their names here.
NAMES = {
    MODIFIER.modify_rulename(name): name
    for name in (*(rule for rules in PHASES.values() for rule in rules), *TARGETS, *JOBS)
}
show_run(Path(SEARCH), PLAN.config.search.name, NAMES)
GENERATIONS = range(PLAN.config.search.generations)
CANDIDATES = range(PLAN.config.search.candidates)
LAG = PLAN.config.search.lag
# Priority of what all candidates wait for longest: images are made beside it.
FIRST = 1

# Params of rules: a changed one makes the rule run again, so that they hold nothing that does not
# matter to its numbers: not how long the search goes on, not where files are looked for.
SETTINGS = dump_decisive(PLAN.config.search)
PREMATURE = dump_decisive(PLAN.config.premature, "search")
RECORDINGS = dump_decisive(PLAN.config.recordings)

# What all rules need. The workflow runs inside this environment, so that Snakemake has none to make.
ENVIRONMENT = "../../environment.yml"


wildcard_constraints:
    generation=r"\d{3}",
    candidate=r"\d{2}",
    split="train|val",
    region="|".join(PLAN.regions),
    images="|".join({PLAN.premature_images.name, PLAN.final_images.name}),


def grow(amount):
    """A resource of which each attempt asks for as much again as the first."""
    return lambda wildcards, attempt: amount * attempt


def ask_gpus(device, number=1):
    """Resources for so many GPUs; none at all on the CPU, where 0 would be too much to ask.

    SLURM's plugin takes nodes and tasks_per_gpu too: one task of one machine that sees all of them.
    """
    return {"gpu": number, "nodes": 1, "tasks_per_gpu": 0} if device.startswith("cuda") else {}


def get_digests(*stages):
    """Digests of the configuration of these stages, for the provenance of what a rule makes."""
    return {stage: PLAN.digests[stage] for stage in stages}


def get_images(name):
    """The images of that name, of the premature or of the final training."""
    found = [PLAN.premature_images, PLAN.final_images]
    return next(images for images in found if images.name == name)


def find_archive(wildcards):
    """The archive that images come from, if any; a missing one ends in one line."""
    images = get_images(wildcards.images)
    made = Path(images.get_split_folder(wildcards.split))
    if images.archive and not Path(images.archive).exists() and not made.exists():
        print(f"Error: {describe_missing_archive(PLAN.config, images.archive)}", file=sys.stderr)
        sys.exit(1)
    return images.archive or []


def name_picture(stem, caption, category):
    """Files of a picture in every format; the PNG is in Snakemake's report."""
    caption = f"../report/{caption}.rst"
    return [report(f"{stem}.png", caption=caption, category=category), f"{stem}.svg", f"{stem}.pdf"]


def figures(*formats):
    """All pictures of a run, in these formats."""
    regions = [f"results/figures/{PLAN.teacher}/rdm_{region}" for region in PLAN.regions]
    run = [f"{FIGURES}/{name}" for name in ("search_curve", "best_cell", "layer_map")]
    return [f"{stem}.{ending}" for stem in (*regions, *run) for ending in formats]


def print_summary():
    """Say at the end what was found and where it lies, when the run got as far as that."""
    try:
        result = read_json("results/best_cell.json")
        if result["files"]["metrics"] == f"{FINAL}/metrics.json":  # of this run, no earlier one
            found = Path("results/best_cell.json")
            shown = [path for path in figures("png") if Path(path).is_file()]
            page = Path("results/report.html")
            if page.is_file() and page.stat().st_mtime >= found.stat().st_mtime:  # of this run
                shown.insert(0, str(page))
            print(summarise(found, shown), file=sys.stderr)
    except (UserError, KeyError, TypeError):
        pass  # there is none yet, or one of an earlier version


def get_download(dataset, name):
    """A file to download; it is the same in whichever time window the data set is read."""
    found = next(found for found in PLAN.descriptions.values() if found.name == dataset)
    file = next(file for file in found.files if file.name == name)
    return file.model_dump(mode="json")


def list_files(dataset):
    """Files of a data set: the user's own where they lie, others where the download puts them."""
    description = PLAN.descriptions[dataset]
    folder = f"neural_data/raw/{description.name}"
    return [str(locate_file(file, folder)) for file in description.files]


def match_datasets(kind):
    """A regular expression that matches the data sets that provide it, and nothing else."""
    found = [name for name, found in PLAN.descriptions.items() if found.provides == kind]
    return "|".join(map(re.escape, found)) or "(?!)"


def list_recordings():
    """What the recordings stage writes of the data sets of all regions."""
    measured = [
        f"results/recordings/{dataset}/{'assembly' if found.provides == 'responses' else 'rdm'}.nc"
        for dataset, found in PLAN.descriptions.items()
    ]
    return [*measured, *list_stimuli()]


def list_stimuli():
    """The stimuli of the data sets of all regions, and their tables."""
    return [
        f"results/recordings/{dataset}/{name}"
        for dataset in PLAN.descriptions
        for name in ("stimuli.csv", "stimuli")
    ]


def get_file(generation, name):
    """A file of one generation."""
    return f"{SEARCH}/generation_{generation:03d}/{name}.json"


def list_records(generation):
    """Records of all candidates of one generation."""
    return [get_file(generation, f"candidate_{number:02d}") for number in CANDIDATES]


def describe_job(numbers):
    """What a job says that it does, of the candidates of these numbers."""
    if PER_JOB == 1:
        return "Candidate g{wildcards.generation}_c{wildcards.candidate}"
    return f"Candidates {numbers[0]} to {numbers[-1]} of generation {{wildcards.generation}}"


def get_history(generation):
    """The history up to a generation; empty before the first."""
    return [get_file(generation, "history")] if generation >= 0 else []


def list_in_flight(generation):
    """Proposals of the generations that may still run while this one is proposed."""
    return [
        get_file(number, "proposals") for number in range(max(0, generation - LAG + 1), generation)
    ]


def get_reused():
    """What is taken over from older runs, if any are named."""
    return [f"{SEARCH}/reused.json"] if SETTINGS["reuse"] else []


def list_reused():
    """Older runs and their records; once taken over, the same whatever is added to them."""
    if not SETTINGS["reuse"]:
        return {}
    folders = find_reused_folders(SETTINGS["reuse"])
    return list_reused_files(folders, Path(SEARCH, "reused.json"))


def check_leftovers():
    """Refuse to start beside SLURM jobs of a killed run, which would write the same files."""
    try:
        refuse_leftovers(Path.cwd(), submits=workflow.executor_plugin.name == "slurm")
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


def keep_finished():
    """Keep the records of batches that are not complete, if they are what was written."""
    try:
        keep_cut_batches(Path(SEARCH), BATCHES)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


def note_run():
    """Say in the run's folder what is to be done, for `tgas status`, `runs` and `compare`."""
    rules = Counter()
    for job in workflow.dag.needrun_jobs():
        if job.rule.name not in NAMES and not IS_MAIN:
            continue  # of the outer workflow
        name = name_rule(NAMES.get(job.rule.name, job.rule.name))
        rules[name] += len(job.output) if name == "candidate" else 1
    note = build_note(PLAN, rules, count_slots(), load_note(Path(SEARCH)))
    write_json(f"{SEARCH}/run.json", note)


def count_slots():
    """Candidates that this start of the workflow trains at once; None if nothing limits them."""
    if not workflow.local_exec:
        return workflow.nodes if workflow.nodes < sys.maxsize else None
    slots = max(workflow.cores // PLAN.config.premature.threads, 1)
    gpus = workflow.global_resources.get("gpu")
    if PLAN.config.premature.device.startswith("cuda") and gpus is not None:
        slots = max(min(slots, gpus.value), 1)
    return slots


def get_splits():
    """From the split to its folder where a rule makes it; the script checks folders of the user."""
    images = PLAN.final_images
    return {split: images.get_split_folder(split) for split in ("train", "val") if images.is_made}
