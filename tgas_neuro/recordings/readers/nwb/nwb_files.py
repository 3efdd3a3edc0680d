"""NWB files, opened with pynwb; what it raises about them is told in one line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb


@contextmanager
def open_nwb(path: Path) -> Iterator[pynwb.NWBFile]:
    """Open an NWB file; its arrays are read when they are asked for, inside the block.

    Raises
    ------
    UserError
        pynwb is not installed, or the file is missing, damaged or no NWB file.
    """
    try:
        from pynwb import NWBHDF5IO
    except ImportError:
        raise UserError(
            f"{path}: NWB files need pynwb, which is not installed; run: pip install "
            "'tgas-neuro[nwb]'"
        ) from None
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; correct the path in the description's files")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other versions of cached namespaces, and the like
            with NWBHDF5IO(str(path), mode="r") as io:
                yield io.read()
    except UserError:
        raise
    except Exception as error:  # pynwb and h5py raise all kinds on a damaged file
        raise UserError(
            f"{path}: not a readable NWB file ({type(error).__name__}: {error}); it may be "
            "truncated, or of another format: fetch it again"
        ) from None
