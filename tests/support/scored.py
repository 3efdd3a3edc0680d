"""A folder with a small simulated data set and an importable network, to score one by the other."""

from pathlib import Path

import numpy as np
import torch
import yaml
from scipy.spatial.distance import pdist
from scipy.stats import zscore
from soak.soak import TOY_RECORDINGS

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.datasets.data_set import read_data_set
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.teacher.teacher import show_stimuli

PROJECT = Path(__file__).parents[2]
SIZE = 24
FACTORY = """
import torch
from torch import nn

def build():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        layers = [nn.Conv2d(3, 6, 5, 3), nn.ReLU(), nn.Conv2d(6, 9, 3, 2), nn.ReLU()]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(81, 4))
"""


def make_folder(folder):
    """Write ``neural_data/small.yaml`` and ``scored_net.py``."""
    description = yaml.safe_load((PROJECT / "neural_data/simulated.yaml").read_text())
    description["options"] |= TOY_RECORDINGS
    (folder / "neural_data").mkdir()
    (folder / "neural_data/small.yaml").write_text(yaml.safe_dump(description | {"name": "small"}))
    (folder / "scored_net.py").write_text(FACTORY)
    return folder


def read_small(folder):
    """The stimulus table of the data set, and the folder of its images."""
    description = load_description("small", [folder / "neural_data"])
    if not (folder / "read").exists():
        assert not list(read_data_set(description, folder / "read"))
    return load_stimuli(folder / "read/stimuli.csv"), folder / "read/stimuli"


def record(folder, network, mean, deviation, size=SIZE):
    """Layer of a chain of modules to what it gives for the stimuli, (stimulus, unit), float64."""
    stimuli, images = read_small(folder)
    shown = torch.from_numpy(show_stimuli(stimuli, images, size, 8)) / 255
    x = ((shown - torch.tensor(mean)) / torch.tensor(deviation)).permute(0, 3, 1, 2)
    features = {}
    with torch.inference_mode():
        for name, module in network.named_children():
            x = module(x)
            features[name] = x.flatten(1).double().numpy()
    return features


def refer_rdms(folder):
    """Region to the RDM of its mean responses, by scipy alone."""
    stimuli, _ = read_small(folder)
    responses = load_assembly(folder / "read/assembly.nc")
    found = {}
    for region in ("V4", "IT"):
        sites = responses[:, (responses["region"] == region).values]
        shown = sites["stimulus_id"].values
        means = np.stack([sites.values[shown == one].mean(0) for one in stimuli["stimulus_id"]])
        found[region] = pdist(zscore(means.astype(np.float64)), "correlation")
    return found
