"""Import scripts of benchmarks/, whose modules import each other as a script's do."""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"


def import_scripts(*names):
    """The modules of these names; they stay imported for those that import them later."""
    sys.path.insert(0, str(FOLDER))
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(str(FOLDER))
