"""Inputs of the benchmark of RDMs: features of a layer, RDMs of two regions, crossed halves."""

from pathlib import Path

import numpy as np

REGIONS = ("V4", "IT")
FACTORS = 24  # rank of the signal
UNITS_OF_A_REGION = 168
RELATED = (0.7, 0.8)  # share of the layer's factors in those of each region; r is about 0.3
ROWS_AT_ONCE = 1000


def write_inputs(folder: Path, n_rows: int, n_units: int, n_regions: int, seed: int = 0) -> None:
    """Write ``features.npy``, a condensed RDM ``<region>.npy`` of each region and ``half.npy``.

    Parameters
    ----------
    folder
        Is there.
    n_rows, n_units
        Features are (row, unit), float32: a signal of low rank, noise, and a threshold at zero
        that leaves half of them zero, as the activations of a rectified layer.
    n_regions
        RDMs of the first so many `REGIONS`, condensed in the order of scipy's `pdist`, float32.
    seed
        Of everything.
    """
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n_rows, FACTORS), dtype=np.float32)
    np.save(folder / "features.npy", _rectify(factors, n_units, rng))
    for region, share in list(zip(REGIONS, RELATED, strict=True))[:n_regions]:
        own = rng.standard_normal((n_rows, FACTORS), dtype=np.float32)
        mixed = share * factors + np.sqrt(np.float32(1 - share**2)) * own
        _write_rdm(folder / f"{region}.npy", _rectify(mixed, UNITS_OF_A_REGION, rng))
    np.save(folder / "half.npy", rng.permutation(np.arange(n_rows) % 2))


def _rectify(factors: np.ndarray, n_units: int, rng: np.random.Generator) -> np.ndarray:
    loadings = rng.standard_normal((FACTORS, n_units), dtype=np.float32)
    features = factors @ loadings
    features /= np.sqrt(np.float32(FACTORS))
    features += rng.standard_normal(n_units, dtype=np.float32)  # some units are often active
    for rows in np.array_split(features, max(1, len(features) // ROWS_AT_ONCE)):
        rows += rng.standard_normal(rows.shape, dtype=np.float32)
    return np.maximum(features, 0, out=features)


def _write_rdm(path: Path, features: np.ndarray) -> None:
    """Correlation distances by plain numpy in float64, block by block, into a mapped file."""
    n_rows = len(features)
    patterns = features - features.mean(axis=1, keepdims=True, dtype=np.float64)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    n_pairs = n_rows * (n_rows - 1) // 2
    rdm = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n_pairs,))
    place = 0
    for start in range(0, n_rows, ROWS_AT_ONCE):
        block = 1 - patterns[start : start + ROWS_AT_ONCE] @ patterns.T
        for row, distances in enumerate(block, start):
            rdm[place : place + n_rows - row - 1] = distances[row + 1 :]
            place += n_rows - row - 1
    rdm.flush()
