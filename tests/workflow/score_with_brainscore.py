"""Scores a plugin with Brain-Score's own ModelCommitment and metrics on local recordings.

    python score_with_brainscore.py PLUGIN RECORDINGS OUTPUT.npz

In a process of its own, since Brain-Score reads its switches when it is imported. RECORDINGS is a
folder as in results/recordings. The output holds what Brain-Score recorded and what it scored.
"""

import importlib
import os
import sys
from pathlib import Path

plugin, recordings, output = map(Path, sys.argv[1:])
for name in ("BRAINSCORE_HOME", "BRAINIO_HOME", "RESULTCACHING_HOME"):
    os.environ[name] = str(output.parent / "home")
os.environ |= {
    "BS_INSTALL_DEPENDENCIES": "no",
    "RESULTCACHING_DISABLE": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "BRAINSCORE_SKIP_MEMORY_CHECK": "1",
}

import brainscore_vision  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
import xarray as xr  # noqa: E402
from brainscore_core.supported_data_standards.brainio.assemblies import (  # noqa: E402
    NeuronRecordingAssembly,
)
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet  # noqa: E402
from brainscore_vision.benchmark_helpers.neural_common import average_repetition  # noqa: E402

torch.set_num_threads(1)

table = pd.read_csv(recordings / "stimuli.csv", dtype={"stimulus_id": str})
stimuli = StimulusSet(table)
stimuli.identifier = "local"
stimuli.stimulus_paths = {
    row.stimulus_id: str(recordings / "stimuli" / row.filename) for row in table.itertuples()
}
ours = xr.open_dataset(recordings / "assembly.nc")["response"].load()
assembly = NeuronRecordingAssembly(
    ours.values[:, :, None],
    coords={
        "stimulus_id": ("presentation", ours["stimulus_id"].values.astype(str)),
        "object_name": ("presentation", ours["object_name"].values.astype(str)),
        "repetition": ("presentation", ours["repetition"].values),
        "neuroid_id": ("neuroid", ours["neuroid_id"].values.astype(str)),
        "region": ("neuroid", ours["region"].values.astype(str)),
        "time_bin_start": ("time_bin", [70]),
        "time_bin_end": ("time_bin", [170]),
    },
    dims=("presentation", "neuroid", "time_bin"),
)
assembly.attrs["stimulus_set"] = stimuli

sys.path.insert(0, str(plugin.parent))
sys.modules["tgas_neuro"] = None  # the plugin needs none of it
importlib.import_module(plugin.name)  # registers it, as Brain-Score's own import does
model = brainscore_vision.model_registry[plugin.name]()

found = {"identifier": model.identifier, "layers": model.layers}
for region in ("V4", "IT"):
    measured = average_repetition(
        assembly.sel(neuroid=assembly["region"].values == region).squeeze("time_bin")
    )
    model.start_recording(region, time_bins=[(70, 170)])
    responses = model.look_at(stimuli)
    if "time_bin" in responses.dims:
        responses = responses.squeeze("time_bin")
    responses = responses.transpose("presentation", "neuroid")
    found[f"{region}_rdm"] = float(brainscore_vision.load_metric("rdm")(responses, measured))
    pls = brainscore_vision.load_metric(
        "pls", crossvalidation_kwargs={"stratification_coord": None, "splits": 4}
    )
    found[f"{region}_pls"] = float(pls(responses, measured))
    found[f"{region}_responses"] = responses.values
    found[f"{region}_stimuli"] = responses["stimulus_id"].values.astype(str)
    found[f"{region}_layer"] = str(np.unique(responses["layer"].values))
# responses that are sums of what the layer of IT does: a linear map of it predicts them
rng = np.random.default_rng(0)
mixed = responses[:, :20].copy(data=responses.values @ rng.normal(size=(responses.shape[1], 20)))
found["mixed_pls"] = float(pls(responses, mixed))
np.savez(output, **found)
