import copy

import pytest

from tgas_neuro.experiments.options import check_experiment

REGIONS = {"regions": {"V4": {"datasets": ["simulated"]}}}
CONTENT = {
    "title": "A test",
    "space": "nasbench201",
    "cells": {"number": 12},
    "mature": {"kind": "training", "steps": 20},
    "training": {
        "steps": [0, 3, 6],
        "premature": {
            "data": {"kind": "simulated"},
            "image_size": 8,
            "network": {"filters": 2, "cells_per_stage": 1, "stages": 2},
            "batch_size": 12,
            "device": "cpu",
        },
    },
    "resamples": 200,
    "primary": {"teacher": "brain", "control": "shuffled", "steps": 6},
    "teachers": {
        "brain": {"title": "a brain", "recordings": REGIONS},
        "shuffled": {
            "title": "shuffled",
            "control": True,
            "recordings": REGIONS,
            "teacher": {"kind": "control", "control": {"type": "shuffled"}},
        },
    },
}


@pytest.fixture
def content():
    """An experiment as in its file."""
    return copy.deepcopy(CONTENT)


@pytest.fixture
def experiment(content):
    return check_experiment(content, "a_test.yaml")
