"""Write what any reader gives as an assembly netCDF with its stimuli beside it."""

import tempfile
from pathlib import Path

from tgas_neuro.recordings.datasets.data_set import find_description, read_data_set
from tgas_neuro.runtime.errors import UserError

BESIDE = ("stimuli.csv", "stimuli")


def convert_data_set(target: str | Path, out: Path, mirror: Path | None = None) -> str:
    """Read a data set and write it as an assembly.

    Parameters
    ----------
    target
        Name of the data set, or the file of its description.
    out
        The assembly, ``.nc``; ``stimuli.csv`` and ``stimuli/`` are written to its folder. Nothing
        that is there is overwritten.
    mirror
        A folder that is looked in before the internet.

    Returns
    -------
    str
        One line that says what was written.

    Raises
    ------
    UserError
        Something is there already, of the data set only an RDM was published, or it cannot be
        read.
    """
    description = find_description(target)
    if description["provides"] != "responses":
        raise UserError(
            f"{description['name']}: provides: {description['provides']!r}: only an RDM was "
            "published, so that there are no responses to convert; take another data set"
        )
    if out.suffix != ".nc":
        raise UserError(f"{out}: an assembly is a netCDF file; write {out.with_suffix('.nc')}")
    for path in (out, *(out.parent / name for name in BESIDE)):
        if path.exists():
            raise UserError(f"{path}: is there already; delete it, or write to another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".convert-", dir=out.parent) as beside:
        for problem in read_data_set(description, Path(beside), mirror):
            raise UserError(problem)
        for name in BESIDE:
            (Path(beside) / name).rename(out.parent / name)
        (Path(beside) / "assembly.nc").rename(out)
    n_images = sum(1 for _ in (out.parent / "stimuli").iterdir())
    return f"{description['name']}: wrote {out}, and beside it stimuli.csv and {n_images} images"
