"""Errors of samples of pairs: a hundred seeds beside all pairs, and their standard errors.

    python benchmarks/streaming_errors.py [--size 22248x4096] [--seeds 100]

The dissimilarities of the layer and the ranks of the regions are made once, and each sample takes
its pairs from them. At 22,248 stimuli this needs 12 GB of memory. Adds a table to
``streaming.json``.
"""

import argparse
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import rdm_inputs
import torch
from tables import format_table

from tgas_neuro.rdm.distances import calc_patterns, calc_rdm
from tgas_neuro.rdm.streaming import sampled
from tgas_neuro.rdm.streaming.binning import calc_binned_ranks
from tgas_neuro.rdm.streaming.products import choose_bins
from tgas_neuro.rdm.streaming.ranked import SUBSETS, RankedRDMs, Ranks, Sample
from tgas_neuro.rdm.streaming.tiles import ACROSS, order_by_blocks
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.provenance import derive_generator, get_time

HERE = Path(__file__).parent
PAIRS = (250_000, 500_000, 1_000_000, 2_000_000, 4_000_000)
COLUMNS = ("pairs", "subset", "99 of 100 errors below", "largest", "spread", "standard error")


def main() -> None:
    """Parse the command line, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="22248x4096")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--output", type=Path, default=HERE / "results", help="of the JSON file")
    chosen = parser.parse_args()
    n_rows, n_units = map(int, chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        rdm_inputs.write_inputs(Path(folder), n_rows, n_units, 1)
        features = torch.from_numpy(np.load(Path(folder, "features.npy")))
        rdm, half = np.load(Path(folder, "V4.npy")), np.load(Path(folder, "half.npy"))
    everything = Everything(features, rdm, half)
    most = n_rows * (n_rows - 1) // 20
    rows = []
    for pairs in (pairs for pairs in PAIRS if pairs <= most):
        found = [everything.compare(Sample(pairs, seed)) for seed in range(chosen.seeds)]
        rows += summarise(pairs, found, everything.truth)
        print(f"{pairs:,} pairs", flush=True)
    path = chosen.output / "streaming.json"
    content = read_json(path) if path.is_file() else {}
    entry = {"date": get_time(), "seeds": chosen.seeds, "truth": everything.truth, "rows": rows}
    write_json(path, {**content, f"errors, {chosen.size}": entry})
    print(format_table(COLUMNS, [" | ".join(map(str, row.values())) for row in rows]))


def summarise(pairs: int, found: list[dict], truth: dict[str, float]) -> list[dict]:
    """Rows of the table: of a number of pairs, for each subset of the stimuli."""
    rows = []
    for subset in SUBSETS:
        errors = np.array([one[subset] - truth[subset] for one in found])
        of_sample = [one[f"{subset}_standard_error"] for one in found]
        # of 100 seeds the second largest
        values = {
            "p99": np.sort(abs(errors))[-1 - len(errors) // 100],
            "largest": abs(errors).max(),
            "spread": np.sqrt((errors**2).mean()),
            "standard_error": np.mean(of_sample),
        }
        rows.append(
            {"pairs": pairs, "subset": subset}
            | {name: round(float(value), 5) for name, value in values.items()}
        )
    return rows


class Everything:
    """All dissimilarities of a layer, and all ranks of a region, condensed in pdist order."""

    def __init__(self, features: torch.Tensor, rdm: np.ndarray, half: np.ndarray):
        self.half, self.n = half, len(half)
        self.features = features
        rows = torch.randperm(self.n, generator=torch.Generator().manual_seed(0))
        patterns = calc_patterns(features)
        self.bins = choose_bins(features, patterns, rows, "correlation")[0]
        del patterns
        self.model = calc_rdm(features).numpy()
        self.all = calc_binned_ranks(torch.from_numpy(rdm)).to(torch.float32).numpy()
        self.within = np.zeros_like(rdm)
        self.truth = {}
        for subset, part in SUBSETS.items():
            places = slice(None) if part is None else self._find(half == part)
            ranks = calc_binned_ranks(torch.from_numpy(rdm[places])).numpy()
            model = calc_binned_ranks(torch.from_numpy(self.model[places])).numpy()
            self.truth[subset] = float(np.corrcoef(ranks, model)[0, 1])
            if part is not None:
                self.within[places] = ranks

    def _find(self, keep: np.ndarray) -> np.ndarray:
        """Places of the pairs of some rows."""
        rows = np.flatnonzero(keep)
        return np.concatenate([_condense(row, rows[k + 1 :], self.n) for k, row in enumerate(rows)])

    def compare(self, sample: Sample) -> dict[str, float]:
        """The coefficients of a sample, as `compare_sampled` gives them."""
        shuffled = derive_generator(sample.seed, "pairs").permutation(self.n)
        order = shuffled[np.argsort(self.half[shuffled], kind="stable")]
        ranked = RankedRDMs(order, int((self.half == 0).sum()), "spearman", {}, sample)
        order[:] = order[order_by_blocks(ranked.blocks)]
        tiles = ranked.tiles
        both = np.concatenate([order[tile.list_places().numpy()] for tile in tiles], axis=1)
        places = _condense(both.min(axis=0), both.max(axis=0), self.n)
        n_within = sum(tile.n_pairs for tile in tiles if tile.part != ACROSS)
        of_half = self.within[places[:n_within]]
        nothing = dict.fromkeys(SUBSETS, 0.0)  # moments are those of the sample
        ranked.regions["V4"] = Ranks(self.all[places], of_half, nothing, nothing)
        made = (torch.from_numpy(self.model[places]), self.bins)
        with mock.patch.object(sampled, "_calc_dissimilarities", return_value=made):
            return sampled.compare_sampled(self.features, ranked, "correlation")["V4"]


def _condense(first: np.ndarray | int, second: np.ndarray, n: int) -> np.ndarray:
    return first * (2 * n - first - 1) // 2 + second - first - 1


if __name__ == "__main__":
    main()
