"""Score networks and features against a teacher."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgas_neuro.api.options import InputOptions, ScoreOptions, check_options
from tgas_neuro.api.score_tables import Scores
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from tgas_neuro.final.evaluation.published import Settings
    from tgas_neuro.scoring.features import Features
    from tgas_neuro.scoring.layers import Score
    from tgas_neuro.teacher.sized import SizedTeacher

Colours = Sequence[float]
# From what is counted and how many there are: a context that receives the number finished since.
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], Any]]]


def no_progress(what: str, total: int) -> AbstractContextManager[Callable[[int], Any]]:
    """Show nothing of the progress."""
    return nullcontext(lambda number: None)


def score(
    model: "nn.Module | str | Path | Mapping[str, Any]",
    teacher: "SizedTeacher",
    layers: str | Sequence[str] = "auto",
    *,
    name: str | None = None,
    weights: str | Path | None = None,
    download: bool = False,
    size: int | None = None,
    mean: Colours | None = None,
    deviation: Colours | None = None,
    device: str = "auto",
    threads: int = 1,
    seed: int = 0,
    exact: bool = False,
    batch_size: int = 32,
    keep_rdms: bool = False,
    report: Callable[[str], None] = print,
    progress: Progress = no_progress,
) -> Scores:
    """Compare the layers of a network with the regions of a teacher.

    Parameters
    ----------
    model
        A network, or its name: ``torchvision:<name>``, ``timm:<name>``,
        ``package.module:function``, the folder of a final training, a program of
        ``torch.export.save`` (``.pt2``) or an ONNX file. Or features: a file that
        `tgas_neuro.scoring.feature_files.read_features` reads, or a mapping of layers to arrays:
        (stimulus, unit), in the order of the teacher's stimuli, or labelled arrays of xarray or
        pandas, whose rows are matched by their names (`tgas_neuro.scoring.arrays.read_arrays`). A
        network of yours is given back as it came, in training mode if it was.
    teacher
        See `load_teacher`.
    layers
        Names of modules, in which ``*`` stands for any text; ``all``; or ``auto``, the ends of
        blocks. Of features ``auto`` takes all layers.
    name
        What the network is called in the results; None takes its own name.
    weights
        A file with a state dict, for networks that come without weights.
    download
        Whether torchvision or timm download the weights that they publish.
    size
        Width and height of the input [px], at most 2048; None is the network's own, 224 where
        nothing is known.
    mean, deviation
        Of red, green and blue in [0, 1], deviations above 0, which the network's inputs are
        normalised with; None are the network's own, those of ImageNet where nothing is known.
    device
        ``auto``, ``cpu``, ``cuda`` or ``cuda:<n>``.
    threads
        Of torch.
    seed
        Of projections.
    exact
        Whether nothing is projected or binned, which is slower.
    batch_size
        Stimuli that pass through the network at once.
    keep_rdms
        Whether the RDM of each region's best layer is kept, for bootstraps and pictures.
    report
        Receives notes, a line each.
    progress
        Called with ``stimuli`` or ``layers`` and how many there are; gives a context whose value
        is called with the number that has been finished since.

    Returns
    -------
    Scores
        Of this network.

    Raises
    ------
    UserError
        The network is unknown, has no such layers, or refuses images of this size; the features do
        not belong to the teacher's stimuli; or an option is not within its range.

    Examples
    --------
    >>> from torch import nn
    >>> import tgas_neuro as tgas
    >>> quiet = lambda line: None
    >>> teacher = tgas.load_teacher(data={"IT": "simulated"}, splits=4, report=quiet)
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 8, 5, 2), nn.ReLU())
    >>> scores = tgas.score(network, teacher, size=24, report=quiet)
    >>> list(scores.to_frame()["layer"])
    ['1', '3']
    """
    from tgas_neuro.api.models import choose_settings, load_model, prepare_network
    from tgas_neuro.runtime.devices import (
        choose_device,
        computing_with,
        keep_freed_memory,
        with_types_of_tensors,
    )
    from tgas_neuro.scoring.scores import check_memory
    from tgas_neuro.teacher.sized import SizedTeacher

    options = check_options(
        ScoreOptions,
        layers=[layers] if isinstance(layers, str) else layers,
        name=name,
        size=size,
        mean=mean,
        deviation=deviation,
        threads=threads,
        seed=seed,
        batch_size=batch_size,
    )
    if not isinstance(teacher, SizedTeacher):
        raise UserError(
            f"teacher: a {type(teacher).__name__}; expected what load_teacher returns, as "
            "load_teacher(data={'V4': 'cowley2023_v4'})"
        )
    best_rdms: dict[str, np.ndarray] = {}
    kept: dict[str, Any] = {
        "exact": exact,
        "track": partial(_track, progress=progress),
        "best_rdms": best_rdms if keep_rdms else None,
    }
    try:
        place = choose_device(device, "device")
        keep_freed_memory()
        features = _read_features(model, teacher, weights, options)
        with computing_with(options.threads), with_types_of_tensors(), _giving_back(model):
            if features is not None:
                called, scored = features.source, _score_features(features, teacher, kept)
            else:
                named, called = load_model(model, weights, download)
                used = choose_settings(named, options)
                own, found = prepare_network(named, called, options.layers, used, place, report)
                shown = teacher.at(used.size)
                report(f"{called}: {_describe(used)}")
                for note in used.notes:
                    report(f"Note: {note}")
                check_memory(own, found, shown, used.size, exact)
                units: Any = {
                    "max_units": None if exact else "auto",
                    "batch_size": options.batch_size,
                }
                scored = _score_network(
                    own, found, shown, place, options.seed, progress, units | kept
                )
    except UserError as error:  # of functions that are commands', too
        raise UserError(re.sub(r"(?<!\S)--(?=[a-z])", "", str(error))) from None
    called = options.name or called
    rdms = {called: best_rdms} if keep_rdms else {}
    return Scores({called: scored}, rdms, teacher=teacher.identity)


def _giving_back(model: Any) -> AbstractContextManager[None]:
    """A network of the user's own is afterwards as it came."""
    from torch import nn

    from tgas_neuro.scoring.networks import giving_back

    return giving_back(model) if isinstance(model, nn.Module) else nullcontext()


def _read_features(
    model: Any, teacher: "SizedTeacher", weights: Any, options: ScoreOptions
) -> "Features | None":
    """The features that `model` is or names; None of a network."""
    from tgas_neuro.scoring.arrays import read_arrays
    from tgas_neuro.scoring.feature_files import FORMATS, read_features

    is_file = isinstance(model, str | Path) and Path(model).suffix in FORMATS
    if not (is_file or isinstance(model, Mapping)) or (is_file and Path(model).is_dir()):
        return None
    inputs = {key: getattr(options, key) for key in InputOptions.model_fields}
    for key, value in ({"weights": weights} | inputs).items():
        if value is not None:
            raise UserError(f"{key}: is for networks, not for features; leave it out")
    if is_file:
        return read_features(model).choose(options.layers)
    first = teacher.list_stimuli(teacher.regions[0])
    return read_arrays(model, tuple(first["stimulus_id"])).choose(options.layers)


def _score_features(
    features: "Features", teacher: "SizedTeacher", options: Mapping[str, Any]
) -> "Score":
    from tgas_neuro.scoring.features import match_rows
    from tgas_neuro.scoring.scores import score_features

    shown = teacher.at()
    stimuli = {region: teacher.list_stimuli(region) for region in shown.regions}
    first, *others = (tuple(table["stimulus_id"]) for table in stimuli.values())
    if features.names is None and any(other != first for other in others):
        raise UserError(
            f"{features.source}: its rows have no names, but the regions "
            f"{' and '.join(stimuli)} have other stimuli; name the rows in file_names.txt beside "
            "the file, or as the index of a table, or score one region at a time"
        )
    n_rows = len(features.load(next(iter(features.layers))))
    rows = {name: match_rows(features, n_rows, table, name) for name, table in stimuli.items()}
    return score_features(features, n_rows, rows, shown, **options)


def _score_network(
    network: "nn.Module",
    layers: "dict[str, nn.Module]",
    teacher: Any,
    device: "torch.device",
    seed: int,
    progress: Progress,
    options: Mapping[str, Any],
) -> "Score":
    from tgas_neuro.scoring.scores import score_network
    from tgas_neuro.scoring.scoring import group_regions

    groups = group_regions(teacher)
    total = sum(teacher.regions[names[0]].sizes["stimulus"] for names in groups)
    with progress("stimuli", total) as advance:
        handle = network.register_forward_hook(
            lambda module, inputs, output: advance(len(inputs[0]))
        )
        try:
            return score_network(network, layers, teacher, None, device, seed, **options)
        finally:
            handle.remove()


def _track(names: list[str], progress: Progress) -> Iterator[str]:
    """Pass on the names of layers, and show how many are compared."""
    with progress("layers", len(names)) as advance:
        for name in names:
            yield name
            advance(1)


def _describe(used: "Settings") -> str:
    colours = (" ".join(f"{one:g}" for one in values) for values in (used.mean, used.deviation))
    return "input {} px, mean {}, deviation {} ({})".format(used.size, *colours, used.source)
