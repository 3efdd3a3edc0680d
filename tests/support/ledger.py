"""A small chain of results with its ledger, in the current folder."""

import json
from pathlib import Path
from types import SimpleNamespace

from tgas_neuro.runtime.ledger import noted

RECORD = {"P": 0.5, "cost": {"seconds": 3.0}, "list": [{"dates": "today", "TG": 0.1}]}


def make(rule, sources, outputs, folders=(), **params):
    """Run a rule that writes these contents."""
    job = SimpleNamespace(rule=rule, input=sources, output=list(outputs), params=params)
    with noted(job, folders=folders) as root:
        for path, content in outputs.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(content if isinstance(content, str) else json.dumps(content))
    return root


def make_chain(record=RECORD):
    make("recordings", ["../own/a.npy"], {"results/assembly.nc": "responses"}, folder="f")
    make("candidate", ["results/assembly.nc"], {"results/record.json": record})
    return make("best", ["results/record.json"], {"results/best.json": {"best": 0}})
