"""The wheel, built once for all tests of this folder."""

import subprocess
import sys

import pytest
from soak.soak import PROJECT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", *options, str(PROJECT)], check=True
    )
    (path,) = folder.glob("*.whl")
    return path
