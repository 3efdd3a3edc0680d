"""The recordings stage: one data set's files become a checked assembly and stimulus set."""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from PIL import Image

from tgas_neuro import __version__
from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.assembly import (
    Recordings,
    sort_coordinates,
    validate_assembly,
    write_assembly,
)
from tgas_neuro.recordings.datasets.description import Description, calc_description_digest
from tgas_neuro.recordings.formats.archives import encode_png
from tgas_neuro.recordings.formats.pictures import (
    BROKEN,
    PictureSource,
    Survey,
    opened_picture,
    show_as_file,
    show_picture,
)
from tgas_neuro.recordings.published_rdms import build_rdm_dataset, validate_rdms, write_rdms
from tgas_neuro.recordings.readers.arrays import read_arrays
from tgas_neuro.recordings.readers.brainscore import read_brainscore
from tgas_neuro.recordings.readers.kriegeskorte2008_it import read_kriegeskorte2008_it
from tgas_neuro.recordings.readers.lab_hdf5 import read_lab_hdf5
from tgas_neuro.recordings.readers.leaving_out import leave_out_values
from tgas_neuro.recordings.readers.netcdf import read_brainio, read_netcdf
from tgas_neuro.recordings.readers.nwb import read_nwb
from tgas_neuro.recordings.readers.simulated import read_simulated
from tgas_neuro.recordings.stimuli import calc_stimuli_digest, validate_stimuli
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256, reading_files, written_whole

RESULT_FILES = ("assembly.nc", "rdm.nc", "noise_free.nc")
PICTURES = {"arrays": "images"}  # option with `Pictures` of readers that call it otherwise
READERS: dict[str, Callable[[str, Any, dict[str, Path]], Recordings]] = {
    "arrays": read_arrays,
    "brainio": read_brainio,
    "brainscore": read_brainscore,
    "kriegeskorte2008_it": read_kriegeskorte2008_it,
    "lab_hdf5": read_lab_hdf5,
    "netcdf": read_netcdf,
    "nwb": read_nwb,
    "simulated": read_simulated,
}


def ingest_recordings(
    description: Description,
    files: dict[str, Path],
    folder: str | Path,
    report: Callable[[str], None] | None = None,
) -> None:
    """Read, check and write one data set.

    Writes ``stimuli/``, ``stimuli.csv`` and at last ``assembly.nc``, or ``rdm.nc`` where only
    RDMs were published; for simulated recordings also ``noise_free.nc``.

    Parameters
    ----------
    description
        From `tgas_neuro.recordings.datasets.description.load_description`.
    files
        Path of each of its files by name, from `datasets.files.fetch_files`.
    folder
        Where to write, usually ``results/recordings/<dataset>``.
    report
        Receives a line for whatever was left out or converted.

    Raises
    ------
    UserError
        What the reader found wrong with the files; an image that is missing, that nothing
        refers to, or that cannot be decoded; stimuli and responses that do not match.
    """
    with reading_files(files.values()):
        recordings = _ingest(description, files, Path(folder))
    if report is not None:
        for note in recordings.notes:
            report(f"Note: {description.name}: {note.removeprefix(f'{description.name}: ')}")


def _ingest(description: Description, files: dict[str, Path], folder: Path) -> Recordings:
    """Read, check and write one data set; what the reader gave, with all notes."""
    name = description.name
    options = description.read_options()
    recordings = READERS[description.reader](name, options, files)
    if getattr(options, "leave_out", None):
        taken = getattr(options, "presentations", ())  # labels that reader arrays has looked at
        recordings = leave_out_values(recordings, options.leave_out, name, taken)
    _check_kind(recordings, description)
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".stimuli.{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        option = PICTURES.get(description.reader, "pictures")
        stimuli, noted = _write_images(recordings, beside, name, option)
        recordings = replace(recordings, notes=(*recordings.notes, *noted))
        validate_stimuli(stimuli, name)
        content = _build_content(recordings, stimuli, description)
        # older results go first: they would not belong to the new stimuli
        for file in RESULT_FILES:
            (folder / file).unlink(missing_ok=True)
        shutil.rmtree(folder / "stimuli", ignore_errors=True)
        beside.rename(folder / "stimuli")
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    with written_whole(folder / "stimuli.csv") as path:
        stimuli.to_csv(path, index=False)
    # the truth of a simulation comes first: the assembly is written when everything else is there
    for file in sorted(content, reverse=True):
        content[file](folder / file)
    return recordings


def _check_kind(recordings: Recordings, description: Description) -> None:
    given = [
        kind
        for kind, found in (("responses", recordings.assembly), ("rdm", recordings.rdms))
        if found is not None
    ]
    if given != [description.provides]:
        raise UserError(
            f"{description.name}.yaml: provides: {description.provides!r}, but reader "
            f"{description.reader!r} gives {' and '.join(given) or 'nothing'}; correct the key"
        )


def _write_images(
    recordings: Recordings, folder: Path, name: str, option: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Write every image that the stimulus table names, as a candidate sees it.

    Files of ordinary images stay as they are; others become PNG files. Returns the table with the
    names of the written files and their SHA-256, and what was converted or is odd.
    """
    filenames = recordings.stimuli["filename"].tolist()
    folder.mkdir(parents=True)
    for filename in filenames:
        _check_filename(filename, name)
    wanted, survey = set(filenames), Survey()
    key = f"options.{option}"
    written: dict[str, str] = {}
    for filename, content in recordings.images:
        if filename not in wanted:
            raise UserError(
                f"{name}: image {filename!r} belongs to no stimulus; the stimulus table names "
                f"{len(wanted)} images"
            )
        shown, kept = _show_image(filename, content, name, recordings.pictures, survey.notes, key)
        survey.add(filename, shown)
        is_png = filename.lower().endswith(".png")
        place = filename if kept is not None or is_png else f"{filename}.png"
        (folder / place).write_bytes(encode_png(shown) if kept is None else kept)
        written[filename] = place
    missing = [filename for filename in filenames if filename not in written]
    if missing:
        raise UserError(
            f"{name}: image {missing[0]!r} is missing ({len(missing)} such); the stimulus table "
            f"names {len(wanted)} images, there are {len(written)}"
        )
    if survey.is_dark():
        raise UserError(
            f"{name}: all images have the values 0 and 1 alone, which are both shown black; set "
            f"{key}.range: [0, 1], the values of black and white"
        )
    places = recordings.stimuli["filename"].map(written)
    digests = {place: calc_sha256(folder / place) for place in places}
    stimuli = recordings.stimuli.assign(filename=places, sha256=places.map(digests))
    return stimuli, tuple(survey.describe())


def _show_image(
    filename: str, content: bytes, name: str, pictures: Pictures, notes: Counter[str], key: str
) -> tuple[np.ndarray, bytes | None]:
    """The picture of a file, and the file's bytes if every reader of it sees that picture."""
    source = PictureSource(f"{name}: image {filename!r}", pictures, key)
    try:
        with opened_picture(content) as image:
            plain = show_as_file(image, source)
            shown = show_picture(image, source, notes)
    except Image.DecompressionBombError:
        raise UserError(
            f"{name}: image {filename!r} is too large: it has more than "
            f"{2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels; a candidate sees at most 1024 x 1024: "
            "make it smaller"
        ) from None
    except BROKEN as error:
        raise UserError(
            f"{name}: image {filename!r} cannot be decoded ({error}); "
            "fetch the data set's files again"
        ) from None
    return shown, content if plain else None


def _check_filename(filename: str, name: str) -> None:
    text = str(filename)
    if text != Path(text).name or text.startswith(".") or "\\" in text or "\0" in text:
        raise UserError(
            f"{name}: image file name {text!r} is not plain; it may have no folders and no "
            "leading dot"
        )


def _build_content(
    recordings: Recordings, stimuli: pd.DataFrame, description: Description
) -> dict[str, Callable[[Path], None]]:
    """What writes each netCDF file, by the file's name; its content is stamped and checked."""
    name = description.name
    attrs = {
        "dataset": name,
        "simulated": int(description.reader == "simulated"),
        "title": description.title,
        "source": description.source,
        "license": description.license,
        "citation": description.citation,
        "stimuli_digest": calc_stimuli_digest(stimuli),
        "description_digest": calc_description_digest(description),
        "tgas_neuro_version": __version__,
    }
    if recordings.notes:
        attrs["notes"] = "\n".join(recordings.notes)
    if recordings.rdms is not None:
        ids = list(map(str, stimuli["stimulus_id"]))
        rdms = validate_rdms(build_rdm_dataset(recordings.rdms, ids, attrs), name, stimuli)
        return {"rdm.nc": lambda path: write_rdms(path, rdms)}
    assert recordings.assembly is not None  # as checked
    assembly = validate_assembly(recordings.assembly.assign_attrs(attrs), name, stimuli)
    content: dict[str, Callable[[Path], None]] = {
        "assembly.nc": lambda path: write_assembly(path, assembly)
    }
    if recordings.noise_free is not None:
        noise_free = recordings.noise_free.assign_attrs(attrs).to_dataset(name="noise_free")
        content["noise_free.nc"] = lambda path: _write_noise_free(path, noise_free)
    return content


def _write_noise_free(path: Path, noise_free: xr.Dataset) -> None:
    with written_whole(path) as beside:
        sort_coordinates(noise_free).to_netcdf(beside, engine="netcdf4")
