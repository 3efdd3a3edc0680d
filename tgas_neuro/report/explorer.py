"""The RDM explorer: the RDM of each region beside that of the model's best layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tgas_neuro.figures.rdm import DISTANCES, sort_categories
from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.netcdf_groups import load_netcdf_groups
from tgas_neuro.report.packed import build_sprite, pack_bytes, quantise
from tgas_neuro.runtime.changes import refuse_changed
from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.teacher.shown_rows import choose_shown, take_pairs
from tgas_neuro.teacher.teacher import build_title, get_rdm, load_teacher

THUMBNAIL = 40  # most pixels of a stimulus on the page


@dataclass(frozen=True)
class Matrix:
    """An RDM on the page: its pairs as bytes, and the values of the lowest and highest byte."""

    pairs: str
    low: float
    high: float
    undefined: int
    caption: str


@dataclass(frozen=True)
class ShownRegion:
    """A region in the explorer.

    Attributes
    ----------
    name
        Of the region.
    rows, categories
        (row,), stimulus or object, and its category ("" where none is known).
    borders, names
        Where categories begin, and what they are called; empty without categories.
    teacher, model
        Their RDMs over these rows; the model's is None where it was not made.
    sprite
        Key of the pictures of these rows.
    n_rows
        Rows of the whole RDM.
    """

    name: str
    rows: list[str]
    categories: list[str]
    borders: list[int]
    names: list[str]
    teacher: Matrix
    model: Matrix | None
    sprite: str
    n_rows: int


@dataclass(frozen=True)
class Explorer:
    """The regions, and the sprites of their stimuli by key."""

    regions: tuple[ShownRegion, ...]
    sprites: dict[str, dict[str, Any]]


def build_explorer(teacher: Path, rdms: Path | None) -> Explorer:
    """Read what the explorer shows.

    Parameters
    ----------
    teacher
        The teacher file.
    rdms
        RDMs of the final network (see `tgas_neuro.final.evaluation.layer_rdms`), or None.
    """
    regions = load_teacher(teacher).regions
    models = _load_models(rdms)
    sprites: dict[str, dict[str, Any]] = {}
    shown = [
        _show_region(name, region, models.get(name), sprites) for name, region in regions.items()
    ]
    return Explorer(tuple(shown), sprites)


def _load_models(path: Path | None) -> dict[str, xr.Dataset]:
    if path is None or not path.is_file():
        return {}
    refuse_changed(path)
    names = str(load_netcdf(path).attrs["regions"])
    return load_netcdf_groups(path, names.split(", ") if names else [])


def _show_region(
    name: str, region: xr.Dataset, model: xr.Dataset | None, sprites: dict[str, dict[str, Any]]
) -> ShownRegion:
    rows = choose_shown(region) if model is None else model["row"].values
    names = region["row_name"].values.astype(str)[rows]
    categories = region["category_name"].values.astype(str)[rows]
    known = (categories != "").any()
    _, kinds, borders = sort_categories(categories if known else None, len(rows))
    return ShownRegion(
        name=name,
        rows=[str(one) for one in names],
        categories=[str(one) for one in categories],
        borders=[int(one) for one in borders],
        names=kinds,
        teacher=_build_matrix(_get_pairs(region, rows), describe_region(name, region)),
        model=None if model is None else _build_matrix(model["rdm"].values, describe_model(model)),
        sprite=_add_sprite(region, rows, sprites),
        n_rows=region.sizes["row_name"],
    )


def _get_pairs(region: xr.Dataset, rows: np.ndarray) -> np.ndarray:
    """The teacher's RDM of these rows; one that is not kept is made from their responses."""
    if "rdm" in region:
        return take_pairs(region["rdm"].values, region.sizes["row_name"], rows)
    return get_rdm(region.isel(row_name=rows))


def _build_matrix(rdm: np.ndarray, caption: str) -> Matrix:
    levels, low, high = quantise(rdm)
    undefined = int(np.isnan(rdm).sum())
    return Matrix(pack_bytes(levels.tobytes()), low, high, undefined, caption)


def describe_region(name: str, region: xr.Dataset) -> str:
    """The teacher's region and its dissimilarity, in words."""
    distance = str(region.attrs["distance"])
    origin = "simulated " if region.attrs["simulated"] else ""
    return f"{origin}{build_title(name, region)}; {DISTANCES.get(distance, distance)}"


def describe_model(model: Mapping[str, Any] | xr.Dataset) -> str:
    """The final network's layer, and its similarity to the region, in words."""
    attrs = model.attrs if isinstance(model, xr.Dataset) else model
    return (
        f"{attrs['layer']} of the final network; similarity {float(attrs['similarity']):.3f} "
        "as measured"
    )


def _add_sprite(region: xr.Dataset, rows: np.ndarray, sprites: dict[str, dict[str, Any]]) -> str:
    """Add the pictures of some rows, of each the first stimulus, and return their key."""
    _, first = np.unique(region["row"].values, return_index=True)
    stimuli = region["stimulus"].values.astype(str)[first[rows]]
    key = calc_digest([str(region.attrs["stimuli_digest"]), *map(str, stimuli)])[:16]
    if key not in sprites:
        images = region["images"].values[first[rows]]
        picture, columns = build_sprite(images, THUMBNAIL)
        sprites[key] = {"picture": picture, "columns": columns, "of": len(rows)}
    return key
