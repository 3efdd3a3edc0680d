"""Score the layers of a network, or features from elsewhere, against every region of a teacher."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import nn

from tgas_neuro.architecture.network import catching_outputs
from tgas_neuro.rdm.distances import calc_rdm
from tgas_neuro.rdm.streaming.ranked import Sample
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.activations import (
    BATCH_SIZE,
    Activations,
    choose_width,
    record_activations,
)
from tgas_neuro.scoring.features import Features
from tgas_neuro.scoring.layers import RegionScore, Score, calc_teacher_guidance
from tgas_neuro.scoring.scoring import Similarities, Target, build_targets, score_region
from tgas_neuro.teacher.teacher import Teacher

Track = Callable[[list[str]], Iterable[str]]


def score_network(
    network: nn.Module,
    layers: dict[str, nn.Module],
    teacher: Teacher,
    ranks: Path | None,
    device: torch.device,
    seed: int,
    max_units: int | str | None = "auto",
    spatial_mean: bool = False,
    exact: bool = False,
    pairs: int | None = None,
    batch_size: int = BATCH_SIZE,
    track: Track = iter,
    best_rdms: dict[str, np.ndarray] | None = None,
) -> Score:
    """Record the layers of a network and score them against every region of a teacher.

    Parameters
    ----------
    network, layers, device, seed, max_units, spatial_mean, batch_size
        See `record_activations`.
    pairs
        Compare a sample of so many pairs of stimuli, which follows from `seed`; None takes all.
    teacher, ranks, exact, track, best_rdms
        See `score_layers`.
    """

    def record(target: Target) -> dict[str, Activations]:
        return record_activations(
            network,
            layers,
            target.images,
            target.row,
            device,
            distance=target.distance,
            max_units=max_units,
            spatial_mean=spatial_mean,
            seed=seed,
            batch_size=batch_size,
        )

    sample = Sample.choose(pairs, seed)
    return score_layers(record, teacher, ranks, exact, track, best_rdms, sample)


def score_layers(
    record: Callable[[Target], Mapping[str, Activations]],
    teacher: Teacher,
    ranks: Path | None = None,
    exact: bool = False,
    track: Track = iter,
    best_rdms: dict[str, np.ndarray] | None = None,
    sample: Sample | None = None,
) -> Score:
    """Score layers against every region of a teacher, wherever their features come from.

    Parameters
    ----------
    record
        Gives the layers for the stimuli of a target; of a lazy mapping one is loaded at a time.
    teacher
        See `Teacher`.
    ranks
        Folder that `write_ranks` made of it, or None.
    exact
        Dissimilarities in float64, sorted; see `compare_features`.
    track
        Passes on the names of the layers, and may show how many are compared.
    best_rdms
        Receives the RDM of the best layer of each region, (pair,), float32; None keeps none.
    sample
        Pairs of stimuli that are compared; None: all. See `build_targets`.
    """
    regions: dict[str, RegionScore] = {}
    for target in build_targets(teacher, ranks, sample):
        recorded = record(target)
        if best_rdms is None and isinstance(recorded, dict):
            similarities = _compare_and_drop(recorded, target, exact, track)
        else:
            similarities = {
                name: target.compare((layer := recorded[name]).features, layer.distance, exact)
                for name in track(list(recorded))
            }
        for region in target.regions:
            regions[region] = score_region(
                {name: found[region] for name, found in similarities.items()},
                teacher.regions[region],
            )
            best = regions[region]["paper"]
            if best_rdms is not None and best is not None:
                best_rdms[region] = calc_layer_rdm(recorded[best["layer"]])
    regions = {name: regions[name] for name in teacher.regions}
    return {"TG": calc_teacher_guidance(regions), "regions": regions}


def _compare_and_drop(
    recorded: dict[str, Activations], target: Target, exact: bool, track: Track
) -> dict[str, Similarities]:
    """Compare each layer and free it; the widest comes last, when most memory is free."""
    names = list(recorded)
    found = {}
    for name in track(sorted(names, key=lambda name: recorded[name].features.shape[1])):
        layer = recorded.pop(name)
        found[name] = target.compare(layer.features, layer.distance, exact)
    return {name: found[name] for name in names}


def calc_layer_rdm(layer: Activations) -> np.ndarray:
    """The RDM of a layer, (pair,), float32, in scipy's order."""
    if layer.distance == "patterns":  # half a squared distance
        return (calc_rdm(layer.features, "euclidean").square() / 2).cpu().numpy()
    return calc_rdm(layer.features, layer.distance).cpu().numpy()


def check_memory(
    network: nn.Module, layers: dict[str, nn.Module], teacher: Teacher, size: int, exact: bool
) -> None:
    """Raise `UserError` if the features of the layers do not fit into the memory that is free.

    Parameters
    ----------
    network, layers, teacher
        See `score_network`.
    size
        Width and height of the network's input [px].
    exact
        Whether wide layers are kept whole.
    """
    device = next((one.device for one in network.buffers()), torch.device("cpu"))
    with torch.inference_mode(), catching_outputs(layers) as outputs:
        network(torch.zeros(2, 3, size, size, device=device))
        units = [output[0].numel() for output in outputs.values()]
    needed = 0
    for region in teacher.regions.values():  # recorded one after the other
        n_rows = region.sizes["row_name"]
        width = max(units) if exact else choose_width(n_rows)
        needed = max(needed, sum(4 * n_rows * min(one, width) for one in units))
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    else:
        free = psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"layers: the features of {len(layers)} layers take {needed / 1e9:.3g} GB, of memory "
            f"{free / 1e9:.3g} GB are free; name fewer layers and score the others afterwards"
        )


def score_features(
    features: Features,
    n_rows: int,
    rows: Mapping[str, np.ndarray],
    teacher: Teacher,
    exact: bool = False,
    track: Track = iter,
    best_rdms: dict[str, np.ndarray] | None = None,
) -> Score:
    """Score features from elsewhere against every region of a teacher.

    Parameters
    ----------
    features
        Its layers are loaded one at a time.
    n_rows
        Rows of each layer.
    rows
        Region to the row of each of its stimuli, from `match_rows`.
    teacher, exact, track, best_rdms
        See `score_layers`.
    """

    def record(target: Target) -> Mapping[str, Activations]:
        return _LoadedLayers(features, n_rows, rows[target.regions[0]], target)

    return score_layers(record, teacher, None, exact, track, best_rdms)


class _LoadedLayers(Mapping[str, Activations]):
    """Layers of a file for the rows of a target, loaded when they are asked for."""

    def __init__(self, features: Features, n_rows: int, rows: np.ndarray, target: Target):
        self.features, self.n_rows, self.rows, self.target = features, n_rows, rows, target

    def __getitem__(self, name: str) -> Activations:
        loaded = self.features.load(name)
        if len(loaded) != self.n_rows:
            raise UserError(
                f"{self.features.source}: layer {name!r} has {len(loaded):,} rows, the first one "
                f"has {self.n_rows:,}; all layers are of the same stimuli"
            )
        values = torch.from_numpy(loaded[self.rows])
        row = torch.from_numpy(np.asarray(self.target.row, dtype=np.int64))
        counts = torch.bincount(row)
        means = values.new_zeros((len(counts), values.shape[1])).index_add_(0, row, values)
        means /= counts[:, None]
        return Activations(means, self.target.distance, values.shape[1])

    def __iter__(self) -> Iterator[str]:
        return iter(self.features.layers)

    def __len__(self) -> int:
        return len(self.features.layers)
