"""The recordings stage: one data set's files become a checked assembly and stimulus set."""

import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from PIL import Image, UnidentifiedImageError

from tgas_neuro import __version__
from tgas_neuro.recordings.assembly import Recordings, validate_assembly, write_assembly
from tgas_neuro.recordings.datasets.description import Description, calc_description_digest
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
from tgas_neuro.runtime.files import calc_sha256, written_whole

RESULT_FILES = ("assembly.nc", "rdm.nc", "noise_free.nc")
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


def ingest_recordings(description: Description, files: dict[str, Path], folder: str | Path) -> None:
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

    Raises
    ------
    UserError
        What the reader found wrong with the files; an image that is missing, that nothing
        refers to, or that cannot be decoded; stimuli and responses that do not match.
    """
    name, folder = description.name, Path(folder)
    options = description.read_options()
    recordings = READERS[description.reader](name, options, files)
    if getattr(options, "leave_out", None):
        taken = getattr(options, "presentations", ())  # labels that reader arrays has looked at
        recordings = leave_out_values(recordings, options.leave_out, name, taken)
    _check_kind(recordings, description)
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".stimuli.{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        digests = _write_images(
            recordings.images, list(recordings.stimuli["filename"]), beside, name
        )
        stimuli = recordings.stimuli.assign(sha256=recordings.stimuli["filename"].map(digests))
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
    images: Iterable[tuple[str, bytes]], filenames: list[str], folder: Path, name: str
) -> dict[str, str]:
    """Write every image that the stimulus table names; SHA-256 of each by file name."""
    folder.mkdir(parents=True)
    for filename in filenames:
        _check_filename(filename, name)
    wanted, digests = set(filenames), {}
    for filename, content in images:
        if filename not in wanted:
            raise UserError(
                f"{name}: image {filename!r} belongs to no stimulus; the stimulus table names "
                f"{len(wanted)} images"
            )
        _check_image(filename, content, name)
        (folder / filename).write_bytes(content)
        digests[filename] = calc_sha256(folder / filename)
    missing = [filename for filename in filenames if filename not in digests]
    if missing:
        raise UserError(
            f"{name}: image {missing[0]!r} is missing ({len(missing)} such); the stimulus table "
            f"names {len(wanted)} images, there are {len(digests)}"
        )
    return digests


def _check_filename(filename: str, name: str) -> None:
    text = str(filename)
    if text != Path(text).name or text.startswith(".") or "\\" in text or "\0" in text:
        raise UserError(
            f"{name}: image file name {text!r} is not plain; it may have no folders and no "
            "leading dot"
        )


def _check_image(filename: str, content: bytes, name: str) -> None:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()  # decodes all of it; a truncated JPEG passes image.verify()
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise UserError(
            f"{name}: image {filename!r} cannot be decoded ({error}); "
            "fetch the data set's files again"
        ) from None


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
        noise_free.to_netcdf(beside, engine="netcdf4")
