"""Load the file of an experiment, and make of it the configurations of its teachers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.space import Space
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.grids import check_grids, list_teachers
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.yaml_files import load_configuration


def load_experiment(name: str, folders: Sequence[Path]) -> Experiment:
    """Load and check ``<name>.yaml``.

    Its key ``like`` names another experiment, from which all is taken that the file does not say;
    null takes a key of it away.

    Parameters
    ----------
    name
        Of the experiment.
    folders
        Where its file is looked for, in order.

    Raises
    ------
    UserError
        There is no such file, or something in it is wrong.
    """
    path, content = _load_content(name, folders, [])
    return check_experiment(content, str(path))


def _load_content(name: str, folders: Sequence[Path], before: list[str]) -> tuple[Path, Any]:
    """Path and content of the file of an experiment, with what it takes from another."""
    paths = [folder / f"{name}.yaml" for folder in folders]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        there = sorted({found.stem for folder in folders for found in folder.glob("*.yaml")})
        text = f"no experiment {name!r}; there are: {', '.join(there) or 'none'}"
        raise UserError(f"{before[-1]}.yaml: like: {text}" if before else text)
    content = load_configuration(path)
    if not isinstance(content, dict) or "like" not in content:
        return path, content
    other = content.pop("like")
    if not isinstance(other, str) or other in (name, *before):
        raise UserError(f"{path}: like: {other!r}; expected the name of another experiment")
    return path, _overlay(_load_content(other, folders, [*before, name])[1], content)


def _overlay(below: Any, above: Any) -> Any:
    """`above` laid over `below`, section by section; null takes a key away."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    if below.get("kind") != above.get("kind", below.get("kind")):
        return above  # keys of another kind say nothing of this one
    both = below | {key: _overlay(below.get(key), value) for key, value in above.items()}
    return {key: value for key, value in both.items() if value is not None}


def check_experiment(content: Any, name: str) -> Experiment:
    """Check an experiment; `name` is its file, for messages."""
    experiment = check_section(Experiment, content, name)
    try:
        build_cell_space(experiment, name)
        check_grids(experiment)
    except UserError as error:
        text = str(error)
        raise UserError(text if text.startswith(name) else f"{name}: {text}") from None
    return experiment


def build_cell_space(experiment: Experiment, name: str = "experiment") -> Space[Any]:
    """The space that cells are drawn from, with its options; `name` is the file, for messages."""
    check_choice("space", experiment.space, SPACES)
    space = SPACES[experiment.space]
    if space.options is not None:
        options = check_section(space.options, experiment.options, name, ["options"])
        return space(**options.model_dump())
    if experiment.options:
        raise UserError(f"options: {experiment.options}; {experiment.space} has none; remove")
    return space()


def configure_teacher(experiment: Experiment, key: str) -> dict[str, Any]:
    """A configuration as of config.yaml, of which only recordings, teacher and seed matter."""
    teacher, size = list_teachers(experiment)[key], experiment.training.premature.image_size
    return {
        "recordings": {"mirror": experiment.mirror} | dict(teacher.recordings),
        "teacher": {"stimuli": {"size": size, "visual_degrees": 8}} | dict(teacher.teacher),
        "search": {"seed": experiment.training.seed},
        "premature": {"data": {"kind": "simulated"}},
        "final": {"data": {"kind": "simulated"}},
    }
