"""`check`: list what recordings contain and every problem with them; exit code 0 or 1.

The target is the name of a data set (a file of neural_data/), the file of its description, an
assembly (.nc, with stimuli.csv and stimuli/ in the same folder, if there are any), published RDMs
(rdm.nc), a teacher (teacher.nc), or a folder of results/recordings/.
"""

import argparse
from pathlib import Path

from tgas_neuro.commands.terminal import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("target", help="data set, description, assembly, RDMs, teacher or folder")
    parser.add_argument(
        "--splits", type=positive, default=10, help="random splits of the repetitions (default: 10)"
    )
    parser.add_argument(
        "--mirror", type=Path, help="folder to take files from instead of the internet"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the report; return 1 if there is a problem."""
    from tgas_neuro.inspection.check import check_target
    from tgas_neuro.runtime.devices import computing_with  # torch: other commands start without it

    with computing_with(1):  # halves are small: several threads would only wait for each other
        return check_target(arguments.target, arguments.splits, arguments.mirror)
