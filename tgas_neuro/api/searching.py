"""Search for architectures from Python: the call `search`."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from tgas_neuro.api.candidates import Trainer
from tgas_neuro.api.study import Study
from tgas_neuro.api.values import Value
from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.architecture.spaces import SPACES, build_space
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.guidance import check_guidance
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import FallingAlpha, Search
from tgas_neuro.config.section import SectionError
from tgas_neuro.plan.configuration import build_search_model
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.strategies import ProgressiveStrategy, build_strategy
from tgas_neuro.teacher.sized import SizedTeacher

OF_THE_WORKFLOW = ("lag", "reuse", "candidates_per_job")  # keys of the section search
OF_TRAINING = ("keep_weights", "layer_choice", "limits", "scoring", "untrained")


def search(
    space: str | Space[Any] = "cell",
    evaluate: Callable[[Genotype], Value] | None = None,
    *,
    images: str | Path | Mapping[str, Any] | None = None,
    teacher: SizedTeacher | None = None,
    strategy: str = "tpe",
    generations: int = 4,
    candidates: int = 6,
    seed: int = 0,
    guidance: str | None = None,
    alpha: float | Mapping[str, float] = 1.0,
    premature: Mapping[str, Any] | None = None,
    catch: tuple[type[Exception], ...] = (),
    report: Callable[[str], None] = print,
    **options: Any,
) -> Study:
    """Search for architectures.

    With `evaluate`, or with `images` and `teacher`, the search runs to its end. With neither it
    waits for `Study.ask` and `Study.tell`.

    Parameters
    ----------
    space
        ``cell``, ``chain``, ``nasbench201``, or an object with the contract of
        `tgas_neuro.architecture.space.Space`.
    evaluate
        Genotype to P, a finite number, the more the better; or to a mapping with ``P`` and ``TG``
        and perhaps more (see `Study.tell`).
    images
        What candidates train on: a folder with ``train/<class>/<image>``, or the section
        ``premature.data`` of a configuration, as ``{"kind": "simulated"}``.
    teacher
        What guides the search, from `load_teacher`. Its stimuli are shown at
        ``premature.image_size``. Candidates are trained and scored in this process, with the
        numbers of the workflow.
    strategy
        ``random``, ``tpe``, ``reinforce``, ``evolution`` or ``progressive``.
    generations, candidates
        Generations, and candidates in each.
    seed
        Every random number follows from it.
    guidance
        What candidates are ranked by: ``p_plus_tg`` (P + alpha * TG), ``p``, ``tg``,
        ``tg_epoch0``, ``params``, ``macs``, or ``learned`` from candidates that are trained on
        (``premature={"probes": ...}``). None is ``p_plus_tg`` where there is a TG, else ``p``.
    alpha
        Weight of TG, at least 0; or ``{"start": ..., "end": ...}``, between which it changes over
        the rungs of the training.
    premature
        Further keys of the section ``premature``, as ``{"epochs": 2, "image_size": 32}``.
    catch
        Exceptions of `evaluate` by which a candidate has crashed; others end the search.
    report
        Receives a line for each candidate.
    **options
        Further keys of the section ``search``, as ``cell={"blocks": 2}`` or
        ``limits={"params": 100_000}``.

    Returns
    -------
    Study
        With `to_frame`, `best`, `entries`, `ask` and `tell`.

    Raises
    ------
    UserError
        A key or value that is not allowed, or one of `images` and `teacher` without the other.

    Examples
    --------
    An evaluation of one's own, here the number of different operations:

    >>> import tgas_neuro as tgas
    >>> def evaluate(genotype):
    ...     blocks = genotype.to_json()["normal"]["blocks"]
    ...     return len({name for block in blocks for name in block["operations"]})
    >>> study = tgas.search("cell", evaluate, generations=2, candidates=3, report=lambda line: None)
    >>> len(study.to_frame())
    6

    Ask and tell:

    >>> study = tgas.search("chain", strategy="random", candidates=2)
    >>> for candidate in study.ask():
    ...     entry = study.tell(candidate, {"P": 0.5, "TG": 0.2})
    >>> round(study.best.reward, 3)
    0.7
    """
    if (images is None) != (teacher is None) or (images is not None and evaluate is not None):
        raise UserError(
            "search: expected evaluate, or images and teacher together, or none of them (ask and "
            "tell)"
        )
    if premature is not None and images is None:
        raise UserError("premature: is the training on images; give images and teacher too")
    values = {"strategy": strategy, "generations": generations, "candidates": candidates}
    values |= {"seed": seed, "alpha": dict(alpha) if isinstance(alpha, Mapping) else alpha}
    values |= options
    if guidance is not None or images is not None:
        values["guidance"] = guidance or "p_plus_tg"
    if isinstance(space, str):
        values["space"] = space
    checked = check_section(build_search_model(), values, "search", [])
    found = build_space(checked) if isinstance(space, str) else _register(space)
    _refuse_unused(options, images is not None)
    strategies = build_strategy(checked, found)
    if isinstance(strategies, ProgressiveStrategy) and (evaluate or images):
        strategies.check_budget(generations * candidates)
    section = trainer = None
    if images is not None and teacher is not None:
        data = (
            images if isinstance(images, Mapping) else {"kind": "image_folder", "path": str(images)}
        )
        content = {"data": dict(data), **(premature or {})}
        section = check_section(Premature, content, "search", ["premature"])
    _check_guidance(checked, section)
    if section is not None and teacher is not None:
        trainer = Trainer(checked, section, teacher, report)
    ranked_by = guidance or ("p_plus_tg" if trainer else None)
    study = Study(found, checked, ranked_by, section, trainer, report)
    return study.run(evaluate, catch=catch) if evaluate or trainer else study


def _check_guidance(options: Search, premature: Premature | None) -> None:
    """Check that there are the rungs or probes that the guidance needs."""
    if premature is None and options.guidance == "learned":
        raise UserError(
            "guidance: 'learned' needs candidates that are trained on; give images and a teacher"
        )
    if premature is None and isinstance(options.alpha, FallingAlpha):
        raise UserError("alpha: changes over the rungs of a training; give a number, or images")
    if premature is not None:
        try:
            check_guidance(options, premature)
        except SectionError as error:
            raise UserError(f"search: {error.key}: {error}") from None


def _register(space: Any) -> Space[Any]:
    """Make a space of one's own known by its name, as networks are built by that of a genotype."""
    if not isinstance(space, Space):
        raise UserError(
            f"space: {space!r} is not a search space; expected one of {', '.join(SPACES)}, or an "
            "object of a class below tgas_neuro.architecture.space.Space"
        )
    known = SPACES.get(space.name, type(space))
    if known is not type(space) and known.__module__.startswith("tgas_neuro."):
        raise UserError(
            f"space: {space.name!r} is the name of {known.__name__}; give {type(space).__name__} "
            "another name"
        )
    SPACES[space.name] = type(space)
    return space


def _refuse_unused(options: Collection[str], trains: bool) -> None:
    for key in options:
        if key in OF_THE_WORKFLOW:
            raise UserError(f"{key}: is a key of the workflow, which runs jobs; leave it out")
        if key in OF_TRAINING and not trains:
            raise UserError(f"{key}: is of the training on images; give images and a teacher")
