"""Images of NWB stimuli: in the file, or in an archive or folder beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats import ARCHIVES
from tgas_neuro.recordings.formats.archives import compose, count_image_files, read_image_files
from tgas_neuro.recordings.readers.nwb_containers import (
    Keys,
    describe_images,
    describe_values,
    get_basename,
    get_container,
    is_external,
    list_external,
    list_meanings,
    read_nwb_images,
)
from tgas_neuro.recordings.readers.nwb_files import ENDINGS, get_path
from tgas_neuro.recordings.readers.options import NwbOptions
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb


NOTED = {
    "logical": "are logical; true is shown white",
    "16 bits": "have 16 bits; 65535 is shown white",
}


class FoundImages(NamedTuple):
    """Images of the stimuli.

    Attributes
    ----------
    filenames
        Of each stimulus.
    images
        Pairs (filename, bytes of the encoded image), lazily.
    notes
        What was assumed, one line each.
    pictures
        What is still to be chosen of the images; None: the options, as they are.
    """

    filenames: list[str]
    images: Iterable[tuple[str, bytes]]
    notes: list[str]
    pictures: Pictures | None


def find_images(
    nwb: pynwb.NWBFile,
    listed: ListedFiles,
    path: Path,
    options: NwbOptions,
    stimuli: pd.DataFrame,
    series: Any,
) -> FoundImages:
    """Find the image of each stimulus.

    The numbers of an IndexSeries are places, from 0, in the images that it refers to, whatever
    these are called: in ``order_of_images``, among the frames of an ImageSeries, or in the list of
    its external files. What a table names is an image's name, with or without its ending, or a
    number: the one in the name, or its place. Where these are different images, the option
    ``images_by`` decides.

    Parameters
    ----------
    nwb
        The open file.
    listed
        Files of the description.
    path
        The NWB file.
    options
        Of the reader.
    stimuli
        With ``stimulus_id`` and perhaps ``filename``.
    series
        The IndexSeries of the presentations, or None.

    Raises
    ------
    UserError
        A stimulus has no image, or it is not clear which.
    """
    container = get_container(nwb, options, series, str(path))
    beside = _find_archive(listed, path)
    external = container is not None and is_external(container)
    if container is not None and not external and (options.images or beside is None):
        return _find_inside(path, container, options, stimuli["stimulus_id"].tolist(), series)
    if external and beside is None:
        raise UserError(
            f"{path}: options.images: {container.name!r} has its frames in other files, as "
            f"{list_external(container)[0]!r}; give the images as a folder or archive under files"
        )
    archive = beside or listed.find(None, ARCHIVES, "options.images")
    asked = _list_names(container, stimuli, series, str(path))
    return _find_beside(archive, asked, stimuli["stimulus_id"].tolist(), options.images_by)


def _find_inside(
    path: Path, container: Any, options: NwbOptions, ids: list[str], series: Any
) -> FoundImages:
    """The images of the stimuli in a container of the file."""
    meanings = list_meanings(container, ids, series is not None, str(path))
    what = f"{path}: options.images: {container.name!r}"
    found = _choose_meaning(meanings, options.images_by, ids, what, describe_images(container))
    filenames = [f"image_{number:04d}.png" for number in range(len(ids))]
    pictures = options.pictures or Pictures()
    values = describe_values(container, found, pictures, str(path))
    images = read_nwb_images(path, get_path(container), options, found, filenames, values)
    notes = _note_frames(found, series, what)
    if values in NOTED:
        notes.append(f"{what}: {len(found)} images {NOTED[values]}")
    # values in a range are scaled here; what is chosen of other pictures holds for all
    return FoundImages(filenames, images, notes, pictures.model_copy(update={"range": None}))


def _list_names(
    container: Any, stimuli: pd.DataFrame, series: Any, where: str
) -> list[dict[str, Keys]]:
    """Names of image files that the stimuli can mean; later ones count where earlier have none."""
    if "filename" in stimuli:
        return [{"name": stimuli["filename"].astype(str).tolist()}]
    ids = stimuli["stimulus_id"].tolist()
    names: dict[str, Keys] = {"name": list(ids)}
    if container is None:
        return [names]
    meanings = list_meanings(container, ids, series is not None, where)
    if series is None:
        return [names | meanings]
    # the place decides; where images of the file are also in the archive, they may be called by it
    return [meanings] if is_external(container) else [meanings, names]


def _find_beside(
    archive: Path, asked: list[dict[str, Keys]], ids: list[str], by: str | None
) -> FoundImages:
    """The images of the stimuli in an archive or folder."""
    there = count_image_files(archive)
    index = _index_files(there)
    if by is not None:
        asked = [{meaning: keys for one in asked for meaning, keys in one.items()}]
    found: list[dict[str, Keys]] = [
        {
            meaning: [_find_file(index, key, archive) for key in keys]
            for meaning, keys in meanings.items()
        }
        for meanings in asked
    ]
    whole = [any(None not in keys for keys in meanings.values()) for meanings in found]
    place = whole.index(True) if any(whole) else 0
    first = next(iter(asked[place].values()))
    shown = [str(ids[row] if key is None else key) for row, key in enumerate(first)]
    hint = (
        f"there are {len(there)}, as {next(iter(there), 'none')!r}: name the column with their "
        "names as options.filename_column"
    )
    chosen = _choose_meaning(found[place], by, ids, str(archive), hint, shown)
    return FoundImages(chosen, read_image_files(archive, set(chosen)), [], None)


def _find_archive(listed: ListedFiles, nwb_path: Path) -> Path | None:
    """The only folder of images or archive under files, if there is exactly one."""
    folders = [
        path
        for name, path in listed.paths.items()
        if path.is_dir() and path != nwb_path
        if not (name.lower().endswith(ENDINGS) or str(path).lower().endswith(ENDINGS))
    ]
    archives = [
        path
        for name, path in listed.paths.items()
        if name.lower().endswith(ARCHIVES) or str(path).lower().endswith(ARCHIVES)
    ]
    if len(folders) == 1:
        return folders[0]
    return archives[0] if len(archives) == 1 and not folders else None


def _choose_meaning(
    meanings: dict[str, Keys],
    by: str | None,
    ids: list[str],
    what: str,
    hint: str,
    shown: list[str] | None = None,
) -> list[Any]:
    """The images by the meaning asked for, or by the only one by which all stimuli have one.

    Raises
    ------
    UserError
        There is no such meaning, or two that lead to different images.
    """
    if by is not None:
        meanings = {by: meanings.get(by, [None] * len(ids))}
    whole = {meaning: keys for meaning, keys in meanings.items() if None not in keys}
    if not whole:
        nearest = min(meanings.values(), key=lambda keys: keys.count(None), default=[None])
        row = nearest.index(None)
        image = f"image {shown[row]!r}" if shown else "image"
        raise UserError(
            f"{what}{':' if shown else ' has'} no {image} of stimulus {ids[row]!r}"
            f"{f' by {by}' if by else ''}; {hint}"
        )
    first = next(iter(whole))
    for meaning, keys in whole.items():
        differs = [row for row, key in enumerate(keys) if key != whole[first][row]]
        if differs:
            row = differs[0]
            raise UserError(
                f"{what}: stimulus {ids[row]!r} is {whole[first][row]!r} by {first} and "
                f"{keys[row]!r} by {meaning}; write options.images_by: {first} or {meaning}"
            )
    return whole[first]


def _note_frames(found: Keys, series: Any, what: str) -> list[str]:
    """A note where a table's numbers, taken as places from 0, never are 0."""
    frames = [key for key in found if isinstance(key, int)]
    if series is not None or not frames or min(frames) == 0:
        return []
    return [f"{what}: its frames are counted from 0, and none of the stimuli is frame 0"]


def _index_files(there: Iterable[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Files of an archive by their names, and by their names without endings."""
    whole, stems = {}, defaultdict(list)
    for file in there:
        whole[compose(file)] = file
        stems[compose(file.rsplit(".", 1)[0])].append(file)
    return whole, stems


def _find_file(
    index: tuple[dict[str, str], dict[str, list[str]]], key: str | int | None, archive: Path
) -> str | None:
    """Name in the archive of an image called so, with or without its ending."""
    if key is None:
        return None
    name = compose(get_basename(str(key)))
    whole, stems = index
    same = [whole[name]] if name in whole else stems.get(name, [])
    if len(same) > 1:
        raise UserError(
            f"{archive}: image {name!r} is there as {' and '.join(sorted(same)[:2])}; write the "
            "names with their endings"
        )
    return same[0] if same else None
