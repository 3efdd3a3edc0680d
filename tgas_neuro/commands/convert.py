"""`convert`: write a data set as an assembly (.nc) with its stimuli.

Writes OUT.nc, and stimuli.csv and stimuli/ into the same folder. The reader netcdf reads them
again, and so can other programs: `xarray.open_dataset("OUT.nc")["response"]`.
"""

import argparse
from pathlib import Path

from tgas_neuro.runtime.files import check_writable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("target", help="name of a data set, or the file of its description")
    parser.add_argument("out", type=Path, metavar="OUT.nc", help="the assembly to write")
    parser.add_argument(
        "--mirror", type=Path, help="folder to take files from instead of the internet"
    )


def run(arguments: argparse.Namespace) -> None:
    """Convert, and say what was written."""
    check_writable(arguments.out, "OUT.nc")
    from tgas_neuro.recordings.datasets.data_set import convert_data_set  # its readers load much

    print(convert_data_set(arguments.target, arguments.out, arguments.mirror))
