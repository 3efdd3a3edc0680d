"""Brain-Score with the registry's entries replaced by local data."""

import numpy as np
import pytest
import xarray as xr

from tgas_neuro.recordings.readers.brainscore import import_brainscore

PUBLIC = "MajajHong2015.public"


@pytest.fixture
def brainscore(tmp_path, monkeypatch):
    """Brain-Score with empty homes, and nothing of ours left in the environment afterwards."""
    from brainscore_core.supported_data_standards.brainio import fetch

    monkeypatch.setattr(fetch, "_local_data_path", None)
    for name in ("BRAINSCORE_HOME", "BRAINIO_HOME", "RESULTCACHING_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("BS_INSTALL_DEPENDENCIES", "RESULTCACHING_DISABLE", "BRAINSCORE_SKIP_MEMORY_CHECK",
                 "AWS_EC2_METADATA_DISABLED"):  # fmt: skip
        monkeypatch.setenv(name, "no" if name.startswith("BS") else "1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    # proxies of the machine must not stand between the test and its own server
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    brainscore = import_brainscore(tmp_path / "unused")
    import brainscore_vision.data.freemanziemba2013
    import brainscore_vision.data.majajhong2015  # noqa: F401

    return brainscore


@pytest.fixture
def local(source, brainscore, monkeypatch):
    """The small data set under the identifiers of the public part; change it before reading."""
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    source.options = {"identifier": PUBLIC}
    source.table = source.table.drop(columns="degrees")
    source.bins = np.array([[70, 170]])
    source.factors = np.array([1.0])

    def load_stimuli():
        folder = source.folder / "hvm"
        folder.mkdir(exist_ok=True)
        for name, content in source.images.items():
            (folder / name).write_bytes(content)
        source.table.to_csv(source.folder / "hvm.csv", index=False)
        stimuli = StimulusSet.from_files(source.folder / "hvm.csv", folder)
        stimuli.identifier = "hvm-public"
        return stimuli

    def load_data():
        """As Brain-Score has it: float64, sites first, time bins, a MultiIndex on every dim."""
        from brainscore_core.supported_data_standards.brainio.assemblies import (
            NeuronRecordingAssembly,
        )

        assembly = source.assembly.astype(float).rename(PUBLIC).assign_attrs({}).T
        assembly = assembly * xr.DataArray(source.factors, dims="time_bin")
        assembly = assembly.assign_coords(
            time_bin_start=("time_bin", source.bins[:, 0]),
            time_bin_end=("time_bin", source.bins[:, 1]),
        ).rename(PUBLIC)
        path = source.folder / "majajhong.nc"
        assembly.to_dataset(name=PUBLIC).to_netcdf(path)
        stimuli = brainscore.load_stimulus_set("hvm-public")
        return NeuronRecordingAssembly.from_files(
            path, stimulus_set_identifier=stimuli.identifier, stimulus_set=stimuli
        )

    source.load_data, source.load_stimuli = load_data, load_stimuli
    for kind, identifier, load in (
        ("data", PUBLIC, lambda: source.load_data()),
        ("data", "MajajHong2015.temporal.public", lambda: source.load_data()),
        ("data", "FreemanZiemba2013.public", lambda: source.load_data()),
        ("stimulus_set", "hvm-public", lambda: source.load_stimuli()),
    ):
        monkeypatch.setitem(getattr(brainscore, f"{kind}_registry"), identifier, load)
    return source
