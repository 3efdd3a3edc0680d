"""Read a .mat file in another process first: on damaged bytes scipy's reader can crash Python.

Of 2,000 small files with one to three damages (a byte changed, up to 40 cut out, 5 put in), 15
ended `scipy.io.loadmat` 1.17.1 with a segmentation fault, which no exception handler sees.
"""

import signal
from pathlib import Path

from tgas_neuro.recordings.formats.reading_alone import BYTES_PER_SECOND, read_alone
from tgas_neuro.runtime.errors import UserError

SECONDS = 60.0


def probe_mat(path: str | Path) -> None:
    """Raise `UserError` when reading a .mat file up to version 7 ends the process, or never ends.

    What scipy reports itself is left to the reading that follows. It costs a second reading; such
    files hold at most 2 GB a variable.
    """
    seconds = SECONDS + Path(path).stat().st_size / BYTES_PER_SECOND
    code = read_alone(_load, path, seconds)
    if code is None or code < 0:
        end = f"ended with {signal.Signals(-code).name}" if code else f"took over {seconds:.0f} s"
        raise UserError(
            f"{path}: not a readable .mat file (reading it {end}); it is damaged: copy it again, "
            "or save it anew"
        )


def _load(path: str) -> None:
    import scipy.io

    scipy.io.loadmat(path)
