"""A small data set in the form that laboratories keep: netCDF, stimulus table, images."""

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from support.recordings import describe

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.stimuli import load_stimuli


def encode_image(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (value % 256, value // 256, 0)).save(file, format="PNG")
    return file.getvalue()


@dataclass
class Source:
    """What a test may change before it is written: `assembly`, `table`, `images`, `options`."""

    folder: Path
    assembly: xr.DataArray
    table: pd.DataFrame
    images: dict[str, bytes]
    options: dict = field(default_factory=dict)

    def write(self) -> dict[str, Path]:
        """Write a.nc, s.csv and i.zip, unless a test has written them already."""
        files = {name: self.folder / name for name in ("a.nc", "s.csv", "i.zip")}
        if not files["a.nc"].exists():
            self.assembly.to_dataset(name=self.assembly.name).to_netcdf(files["a.nc"])
        if not files["s.csv"].exists():
            self.table.to_csv(files["s.csv"], index=False)
        if not files["i.zip"].exists():
            with zipfile.ZipFile(files["i.zip"], "w") as archive:
                for name, content in self.images.items():
                    archive.writestr(name, content)
        return files

    def ingest(self, reader: str, files: dict[str, Path] | None = None):
        """Read, check, write and load again: (assembly, stimuli, folder)."""
        files = self.write() if files is None else files
        folder = self.folder / "results"
        ingest_recordings(describe(reader, self.options), files, folder)
        return load_assembly(folder / "assembly.nc"), load_stimuli(folder / "stimuli.csv"), folder


@pytest.fixture
def source(tmp_path) -> Source:
    """Five stimuli with 3, 2, 4, 1 and 2 repetitions in mixed order; 2 V4 and 2 IT sites."""
    generator = np.random.default_rng(7)
    stimulus = np.repeat(np.arange(5), [3, 2, 4, 1, 2])
    repetition = np.concatenate([np.arange(n) for n in (3, 2, 4, 1, 2)])
    order = generator.permutation(len(stimulus))
    ids = np.array([f"s{number}" for number in range(5)])
    assembly = xr.DataArray(
        generator.poisson(6, (len(stimulus), 4)).astype(np.float32),
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", ids[stimulus[order]]),
            "repetition": ("presentation", repetition[order]),
            "neuroid_id": ("neuroid", ["a1", "a2", "b1", "b2"]),
            "region": ("neuroid", ["V4", "V4", "IT", "IT"]),
            "animal": ("neuroid", ["A", "B", "A", "B"]),
        },
        attrs={"unit": "spikes", "time_window_ms": [70, 170]},
        name="response",
    )
    table = pd.DataFrame(
        {
            "stimulus_id": ids,
            "filename": [f"{id_}.png" for id_ in ids],
            "degrees": 8.0,
            "object_name": ["cat", "dog", "car", "bus", "cat"],
            "variation": ["V0", "V3", "V3", "V0", "V3"],
        }
    )
    images = {f"{id_}.png": encode_image(40 * k) for k, id_ in enumerate(ids)}
    return Source(tmp_path, assembly, table, images)
