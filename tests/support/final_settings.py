"""A small final training: the section ``final`` as its file holds it, and checked."""

from tgas_neuro.config.final import Final

FINAL = {
    "data": {"kind": "simulated", "images_per_class": 160, "seed": 0},
    "network": {
        "filters": 4,
        "cells_per_stage": 1,
        "stages": 2,
        "stem": "cifar",
        "stem_filters": None,
        "downsampling": "between",
    },
    "image_size": 8,
    "epochs": 3,
    "batch_size": 6,
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "label_smoothing": 0.1,
    "warmup": 0.05,
    "gradient_clip": 5.0,
    "augmentation": "pad_crop",
    "micro_batch": None,
    "processes": "auto",
    "optimizer": "sgd",
    "schedule": "cosine",
    "decay": 0.97,
    "decay_epochs": 2.4,
    "ema": None,
    "evaluate_every": 1,
    "checkpoint_minutes": 10,
    "compile": False,
    "target": None,
    "drop_path": 0.0,
    "auxiliary": 0.0,
    "threads": 1,
    "memory_mb": 2048,
    "workers": 0,
    "device": "cpu",
}


def build_settings(**changes):
    """The section with changes to its top-level keys."""
    return Final.model_validate(FINAL | changes)
