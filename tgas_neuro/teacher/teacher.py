"""The teacher file, one netCDF with a group per region; the stimuli as a candidate sees them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.config.teacher import OF_RESPONSES
from tgas_neuro.recordings.assembly import load_netcdf, sort_coordinates
from tgas_neuro.recordings.formats.pictures import BROKEN, calc_pixel_digest, read_pixels
from tgas_neuro.recordings.netcdf_groups import load_netcdf_groups
from tgas_neuro.recordings.stimuli import validate_images
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.teacher.options import Source, TeacherOptions
from tgas_neuro.teacher.recorded.joining import (
    join_tables,
    load_tables,
    split_purposes,
    stack_tables,
)

REGION_VARIABLES = {
    "images": ("stimulus", "y", "x", "rgb"),
    "row": ("stimulus",),
    "half": ("row_name",),
    "rdm": ("pair",),
}
# Large variables, and the comparisons that need them for scoring.
LEFT_OUT = {"rdm": ("kendall",), "responses": OF_RESPONSES}
MOST_STORED = 2**27  # pairs of an RDM that is kept, 0.5 GB; a larger one is made from its responses


@dataclass(frozen=True)
class Teacher:
    """One or more regions, each with stimuli, RDM and ceiling of its own.

    Attributes
    ----------
    regions
        Region name to `xarray.Dataset` with

        - ``images`` ("stimulus", "y", "x", "rgb") uint8: the stimuli as a candidate sees them
        - ``row`` ("stimulus",): the RDM row of each stimulus
        - ``category_name``, ``half`` ("row_name",): category and crossed half (0 or 1) of a row
        - ``rdm`` ("pair",) float32: condensed, in scipy's `pdist` order of the rows, NaN where
          it is not defined (cka, ridge, pls); not there if ``rdm_from`` is ``responses``
        - ``responses`` ("row_name", "neuroid"): normalised mean responses, where recorded; of a
          layer or of pixels only for cka (units, or axes with the same inner products), ridge, pls
        - ``held_out`` ("subset", "prediction_split", "row_name"): for ridge and pls
        - ``neuroid_id``, ``animal``, ``site_dataset``, ``site_reliability`` ("neuroid",): of sites
        - ``split_correlations`` ("subset", "split"): split-half r of all rows and both halves
        - attrs ``kind``, ``description`` (in words), ``title`` (beside the region's name, "" for
          recordings), ``distance``, ``comparison``
        - attrs ``ceiling``, ``ceiling_half_0``, ``ceiling_half_1`` (NaN when there is none),
          ``ceiling_low``, ``ceiling_high`` (its interval over splits), ``reliability``,
          ``corrected_for_noise``, ``noise_free``
        - attrs ``animal_lower``, ``animal_upper`` (across-animal bounds, NaN with one animal)
        - attrs ``dataset`` (several with ", " between), ``simulated``, ``stimuli_digest`` and more

        Regions on the same stimuli have the same ``half``, ``row`` and ``images``.
    provenance
        Configuration, digests, versions.
    """

    regions: dict[str, xr.Dataset]
    provenance: dict[str, Any]


def write_teacher(path: str | Path, teacher: Teacher) -> None:
    """Write a teacher as one netCDF file, whole or not at all."""
    with written_whole(path) as beside:
        with netCDF4.Dataset(beside, "w") as file:
            file.setncattr("provenance", json.dumps(teacher.provenance, sort_keys=True))
            file.setncattr("regions", ", ".join(teacher.regions))
            # one for all regions, known before any is read
            file.setncattr("comparison", next(iter(teacher.regions.values())).attrs["comparison"])
        for name, region in teacher.regions.items():
            packed, region = {"images": {"zlib": True, "complevel": 1}}, sort_coordinates(region)
            region.to_netcdf(beside, mode="a", group=name, engine="netcdf4", encoding=packed)


def load_teacher(path: str | Path, for_scoring: bool = False) -> Teacher:
    """Load a teacher into memory.

    Parameters
    ----------
    path
        The file.
    for_scoring
        Leave out what scoring does not read: RDMs of which the ranks are known (see
        `tgas_neuro.scoring.scoring.write_ranks`), and responses except for cka, ridge and pls.

    Raises
    ------
    UserError
        The file is missing, truncated, or not a teacher.
    """
    root = load_netcdf(path)
    if "regions" not in root.attrs:
        raise UserError(f"{path}: not a teacher file (attribute 'regions' is missing)")
    names = root.attrs["regions"].split(", ")
    comparison = root.attrs.get("comparison")
    drop = [name for name, needed in LEFT_OUT.items() if for_scoring and comparison not in needed]
    regions = load_netcdf_groups(path, names, drop)
    if comparison in LEFT_OUT["rdm"]:  # those that are made from responses, too
        made = [name for name, found in regions.items() if "rdm" not in found]
        regions |= load_netcdf_groups(path, made)
    for name, region in regions.items():
        for variable, dims in REGION_VARIABLES.items():
            found = region[variable].dims if variable in region else None
            left_out = variable == "rdm" and "rdm_from" in region.attrs
            if found != dims and variable not in drop and not left_out:
                raise UserError(
                    f"{os.fspath(path)}: region {name}: {variable!r} has dims {found}, expected "
                    f"{dims}; delete the file to have it made again"
                )
    return Teacher(regions, json.loads(root.attrs["provenance"]))


def get_rdm(region: xr.Dataset) -> np.ndarray:
    """The RDM of a region, (pair,), float32: as it is kept, or made from the mean responses."""
    if "rdm" in region:
        return region["rdm"].values
    from tgas_neuro.rdm import calc_rdm  # torch, which others who read teachers do without

    return calc_rdm(region["responses"].values, str(region.attrs["distance"]))


def get_ceiling(region: xr.Dataset, which: str = "ceiling") -> float | None:
    """Ceiling by which similarities of a region are divided; None when it is used uncorrected."""
    value = float(region.attrs[which])
    return value if region.attrs["corrected_for_noise"] and np.isfinite(value) else None


WIDE = 1.5  # widths of the field of view, beyond which most of an image is outside
GREY = (128, 128, 128)  # what surrounds an image smaller than the field of view


def show_image(pixels: np.ndarray, degrees: float, size: int, visual_degrees: float) -> np.ndarray:
    """Place an image in the field of view.

    Parameters
    ----------
    pixels
        (y, x, rgb), uint8; the width spans `degrees`.
    degrees
        Width of the image [deg], above 0.
    size, visual_degrees
        Width and height of the field of view [pixel], [deg]. A smaller image is centred on grey,
        a larger one loses its border, as on Brain-Score's screen.

    Returns
    -------
    seen
        (y, x, rgb), uint8.
    """
    from tgas_neuro.images.pixels import resize_pixels  # torch, as above

    width = max(1, round(size * degrees / visual_degrees))
    height = max(1, round(width * pixels.shape[0] / pixels.shape[1]))
    resized = resize_pixels(pixels, width, height)
    left, top = (size - width) // 2, (size - height) // 2
    inside = resized[max(0, -top) : size - top, max(0, -left) : size - left]
    y, x = max(0, top), max(0, left)
    field = np.full((size, size, 3), GREY, dtype=np.uint8)
    field[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return field


def show_stimuli(
    stimuli: pd.DataFrame, folder: str | Path, size: int, visual_degrees: float
) -> np.ndarray:
    """Show all stimuli of a table in its order, (stimulus, y, x, rgb), uint8 (see `show_image`)."""
    seen = np.empty((len(stimuli), size, size, 3), dtype=np.uint8)
    shown = zip(stimuli["filename"], stimuli["degrees"], strict=True)
    for number, (filename, degrees) in enumerate(shown):
        path = Path(folder) / filename
        try:
            pixels = read_pixels(path.read_bytes())
        except FileNotFoundError:
            raise UserError(
                f"{path}: image is missing; restore it or run the recordings stage again"
            ) from None
        except BROKEN as error:
            raise UserError(f"{path}: not a readable image ({error}); replace it") from None
        seen[number] = show_image(pixels, float(degrees), size, visual_degrees)
    return seen


ShownPictures = dict[tuple, np.ndarray]  # stimuli that a region has shown, for the next ones


def show_checked(
    stimuli: pd.DataFrame,
    folder: Path,
    options: TeacherOptions,
    pictures: ShownPictures | None = None,
) -> np.ndarray:
    """Check stimuli by their digests and show them, once for all regions that share `pictures`."""
    key = (folder, *stimuli["filename"], *stimuli["sha256"], *stimuli["degrees"].astype(float))
    pictures = {} if pictures is None else pictures
    if key not in pictures:
        validate_images(stimuli, folder)
        pictures[key] = show_stimuli(stimuli, folder, options.size, options.visual_degrees)
    return pictures[key]


def note_shown(images: np.ndarray, stimuli: pd.DataFrame, visual_degrees: float) -> tuple[str, ...]:
    """What is odd about stimuli in a field of view of `visual_degrees` [deg], one line each."""
    notes = []
    digests = pd.Series([calc_pixel_digest(image) for image in images])
    repeated = digests.duplicated().to_numpy()
    if repeated.any():
        alike = (digests == digests[repeated].iloc[0]).to_numpy()
        first, second = stimuli["stimulus_id"].to_numpy(dtype=str)[alike][:2]
        notes.append(
            f"{int(repeated.sum())} of {len(images)} stimuli look like another one to a candidate "
            f"({second} like {first})"
        )
    degrees = stimuli["degrees"].to_numpy(dtype=float)
    wide = degrees > WIDE * visual_degrees
    if wide.any():
        notes.append(
            f"{int(wide.sum())} of {len(images)} stimuli are up to {degrees.max():g} degrees wide, "
            f"teacher.stimuli.visual_degrees is {visual_degrees:g}: a candidate sees the middle "
            f"{(visual_degrees / degrees.max()) ** 2:.2g} of their area"
        )
    return tuple(notes)


def resize_stimuli(
    teacher: Teacher, sources: Mapping[str, Source], size: int, visual_degrees: float
) -> Teacher:
    """Show a teacher's stimuli at another size; its RDMs, rows, halves and ceilings stay.

    Parameters
    ----------
    teacher
        Of any kind.
    sources
        Region to where it comes from, as when the teacher was built.
    size
        Width and height of the field of view [pixel].
    visual_degrees
        The same [deg]; that of the teacher, for the same stimuli.

    Raises
    ------
    UserError
        A stimulus is missing, or another one than the teacher was built with.
    """
    images: dict[tuple, np.ndarray] = {}  # regions on the same stimuli share them
    regions = {}
    for name, region in teacher.regions.items():
        source, shown = sources[name], region["stimulus"].values.astype(str)
        folder = source.first
        key = (folder, source.join, source.degrees, tuple(source.folders), *shown)
        if key not in images:
            stimuli = find_stimuli(source, shown, name)
            images[key] = show_stimuli(stimuli, folder / "stimuli", size, visual_degrees)
        regions[name] = region.drop_vars("images").assign(
            images=(REGION_VARIABLES["images"], images[key])
        )
    return replace(teacher, regions=regions)


def find_stimuli(source: Source, shown: np.ndarray, name: str) -> pd.DataFrame:
    """The stimuli of a region in the teacher's own order, which need not be that of their table."""
    folder = source.first
    tables, _ = load_tables(name, source)
    if source.join == "stimuli":
        table = stack_tables(join_tables(split_purposes(tables)[0], source, name))
    else:
        table = next(iter(tables.values()))
    table = table.set_index("stimulus_id", drop=False)
    missing = [stimulus for stimulus in shown if stimulus not in table.index]
    if missing:
        raise UserError(
            f"{folder / 'stimuli.csv'}: stimulus {str(missing[0])!r} of the teacher's "
            f"region {name} is missing ({len(missing)} in all); make the teacher again: "
            "snakemake --cores 2 --force teacher"
        )
    stimuli = table.loc[shown]
    validate_images(stimuli, folder / "stimuli")
    return stimuli


def build_title(name: str, region: xr.Dataset) -> str:
    """Name of a region for a picture: a network or a control is called one."""
    return f"{name}, {region.attrs['title']}" if region.attrs["title"] else name
