"""Tiny-ImageNet as it comes: validation images in one folder, their classes in a table."""

from pathlib import Path

from tgas_neuro.images.image_folder import Found, ImageFolder, build_listing, list_images
from tgas_neuro.runtime.errors import UserError

ANNOTATIONS = "val_annotations.txt"
IMAGES = "images"


def is_annotated(folder: Path) -> bool:
    """Whether a validation folder has Tiny-ImageNet's table."""
    return (folder / ANNOTATIONS).is_file()


def load_annotated_validation(folder: Path) -> ImageFolder:
    """List the images of ``images/`` that ``val_annotations.txt`` labels.

    Parameters
    ----------
    folder
        A row of the table is the name of a file, its class, and a box that is not read, separated
        by tabs.

    Raises
    ------
    UserError
        A row cannot be read, or the table and the folder do not hold the same images.
    """
    path, names = folder / ANNOTATIONS, {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        columns = line.split("\t")
        if not line.strip():
            continue
        if len(columns) < 2 or columns[0] in names:
            raise UserError(
                f"{path}: line {number}: {line[:60]!r}; expected <file><tab><class>, each file once"
            )
        names[columns[0]] = columns[1].strip()
    found = {Path(name).name: (name, size) for name, size in list_images(folder, IMAGES)}
    for what, one, other in (
        (f"of the images in {path.name} are not in {IMAGES}/", names, found),
        (f"of the images in {IMAGES}/ are not in {path.name}", found, names),
    ):
        missing = sorted(name for name in one if name not in other)
        if missing:
            raise UserError(
                f"{folder}: {len(missing):,} {what}, the first {missing[0]}; unpack the data set "
                "again"
            )
    if not names:
        raise UserError(f"{path}: holds no image; unpack the data set again")
    classes = sorted(set(names.values()))
    numbers = {name: label for label, name in enumerate(classes)}
    images = [Found(numbers[name], *found[file]) for file, name in names.items()]
    return build_listing(folder, classes, images, labelled=True)
