"""Grids of an experiment: the teachers with so many sites and repetitions, made from one."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from tgas_neuro.config.experiments import Experiment, ExperimentTeacher
from tgas_neuro.config.teacher import Electrodes
from tgas_neuro.runtime.errors import UserError, check_choice


@dataclass(frozen=True)
class GridTeacher:
    """A teacher of a grid.

    Attributes
    ----------
    neuroids, repetitions
        Sites of each region and presentations of each stimulus; None: all.
    draw
        From 0; different parts of the recordings, or other units and spikes.
    teacher
        As if the file of the experiment had it.
    """

    neuroids: int | None
    repetitions: int | None
    draw: int
    teacher: ExperimentTeacher


def expand_grid(experiment: Experiment, name: str) -> dict[str, GridTeacher]:
    """The teachers of a grid by their keys, ``<grid>_<neuroids>x<repetitions>_<draw>``.

    All sites in all repetitions are one teacher: there is nothing to draw.
    """
    grid = experiment.grids[name]
    teacher = experiment.teachers[grid.of]
    found = {}
    for neuroids, repetitions in product(grid.neuroids, grid.repetitions):
        number = 1 if neuroids is None and repetitions is None else grid.draws
        sizes = "x".join("all" if one is None else str(one) for one in (neuroids, repetitions))
        for draw in range(number):
            changed = _change(teacher, neuroids, repetitions, draw)
            found[f"{name}_{sizes}_{draw}"] = GridTeacher(neuroids, repetitions, draw, changed)
    return found


def list_teachers(experiment: Experiment) -> dict[str, ExperimentTeacher]:
    """Key to teacher: those of the file, and then those of its grids."""
    return experiment.teachers | {
        key: found.teacher
        for name in experiment.grids
        for key, found in expand_grid(experiment, name).items()
    }


def check_grids(experiment: Experiment) -> None:
    """Check what grids and teachers say of each other.

    Raises
    ------
    UserError
        A grid is of no teacher, or of one that cannot be sampled or has sites already; without
        repetitions its ceiling is missing; or two teachers have the same key.
    """
    keys = dict.fromkeys(experiment.teachers, "teachers")
    for name, grid in experiment.grids.items():
        check_choice(f"grids.{name}.of", grid.of, experiment.teachers)
        teacher = experiment.teachers[grid.of]
        kind = teacher.teacher.get("kind", "recordings")
        if kind not in _CHANGES:
            raise UserError(
                f"grids.{name}.of: {grid.of!r} is of kind {kind!r}, which has no sites to draw; "
                f"name a teacher of kind {' or '.join(_CHANGES)}"
            )
        if 1 in grid.repetitions:
            corrected = set(_get_regions(teacher)) - set(teacher.teacher.get("uncorrected", ()))
            if corrected:
                region = min(corrected)
                raise UserError(
                    f"grids.{name}.repetitions: 1 presentation cannot be split, so that {region} "
                    f"has no noise ceiling; add {region} to "
                    f"teachers.{grid.of}.teacher.uncorrected, or leave out 1"
                )
        _CHECKS[kind](experiment, name)
        for key in expand_grid(experiment, name):
            if key in keys:
                raise UserError(
                    f"grids.{name}: makes a teacher {key!r}, which is in {keys[key]}, too; "
                    "rename one"
                )
            keys[key] = f"grids.{name}"


def _get_regions(teacher: ExperimentTeacher) -> Mapping[str, Any]:
    found = teacher.recordings.get("regions")
    return found if isinstance(found, dict) else {}  # else the plan of the teacher refuses it


def _check_recordings(experiment: Experiment, name: str) -> None:
    of = experiment.grids[name].of
    for region, source in _get_regions(experiment.teachers[of]).items():
        if isinstance(source, dict) and source.get("sample") is not None:
            raise UserError(
                f"grids.{name}.of: region {region} of {of!r} has a sample already; name a teacher "
                "without"
            )


def _check_network(experiment: Experiment, name: str) -> None:
    for key in ("neuroids", "repetitions"):
        if None in getattr(experiment.grids[name], key):
            raise UserError(
                f"grids.{name}.{key}: null, but {experiment.grids[name].of!r} is a network, seen "
                "through electrodes; name numbers"
            )


_CHECKS = {"recordings": _check_recordings, "network": _check_network}


def _change(
    teacher: ExperimentTeacher, neuroids: int | None, repetitions: int | None, draw: int
) -> ExperimentTeacher:
    if neuroids is None and repetitions is None:
        return teacher
    kind = teacher.teacher.get("kind", "recordings")
    return _CHANGES[kind](teacher, neuroids, repetitions, draw)


def _sample_recordings(
    teacher: ExperimentTeacher, neuroids: int | None, repetitions: int | None, draw: int
) -> ExperimentTeacher:
    sample = {"neuroids": neuroids, "repetitions": repetitions, "draw": draw}
    regions = {
        region: {**source, "sample": sample} for region, source in _get_regions(teacher).items()
    }
    return teacher.model_copy(update={"recordings": {**teacher.recordings, "regions": regions}})


def _place_electrodes(
    teacher: ExperimentTeacher, neuroids: int | None, repetitions: int | None, draw: int
) -> ExperimentTeacher:
    network = teacher.teacher.get("network") or {}
    electrodes = {
        **(network.get("electrodes") or {"mean_count": Electrodes().mean_count}),
        "units": neuroids,
        "repetitions": repetitions,
        "draw": draw,
    }
    changed = {**teacher.teacher, "network": {**network, "electrodes": electrodes}}
    return teacher.model_copy(update={"teacher": changed})


_CHANGES = {"recordings": _sample_recordings, "network": _place_electrodes}
