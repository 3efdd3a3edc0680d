"""Scripts of rules load what they need and no more: each of them is a process of its own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
LIGHT = ("torch", "xarray", "pandas", "scipy", "matplotlib", "optuna", "h5py")
DRAWING = ("torch", "scipy.stats", "optuna")
NOT_LOADED = {
    "candidate": LIGHT,
    "proposals": LIGHT,
    "history": LIGHT,
    "best": LIGHT,
    "reused": LIGHT,
    "recordings_download": LIGHT,
    "images_split": ("torch", "xarray", "pandas"),
    "images_decoded": ("torch", "xarray", "pandas"),
    "recordings": ("torch", "matplotlib"),
    "search_figures": (*DRAWING, "xarray"),
    "final_figures": (*DRAWING, "xarray"),
    "teacher_figure": DRAWING,
    "best_cell": ("torch", "scipy.stats", "matplotlib"),
    "teacher": ("torchvision", "sympy", "scipy.stats"),
}


@pytest.mark.parametrize("script", NOT_LOADED)
def test_a_script_loads_no_library_that_it_does_not_need(script):
    tree = ast.parse((SCRIPTS / f"{script}.py").read_text())
    imports = [
        ast.unparse(one) for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)
    ]
    code = "\n".join([*imports, "import sys", f"print([one for one in {NOT_LOADED[script]!r}"])
    done = subprocess.run(
        [sys.executable, "-c", f"{code} if one in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
