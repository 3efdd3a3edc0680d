"""Where the files of the project are that are not Python: the Snakefile, rules, data sets."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def find_project() -> Path:
    """Folder with ``Snakefile``, ``config.yaml``, ``workflow/``, ``neural_data/``, ``profiles/``.

    In a clone, also in one that is installed as editable, it is the root of the repository. A wheel
    has the same files in the folder ``project`` of the package. The folder may be read-only.
    """
    installed = PACKAGE / "project"
    return installed if (installed / "Snakefile").is_file() else PACKAGE.parent
