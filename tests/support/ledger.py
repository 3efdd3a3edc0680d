"""A small chain of results with its ledger, and changes of results that dates do not show."""

import json
import os
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


def rewrite(path, content):
    """Change a file and keep its date."""
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def list_results(folder):
    """Files below ``results/`` that hold something."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    return [path for path in files if path.stat().st_size]


def flip(drawn, files):
    """Flip one bit of one of the files; the file, and what it held and holds."""
    path = drawn.choice(files)
    content = path.read_bytes()
    changed = bytearray(content)
    changed[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
    rewrite(path, changed)
    return path, content, changed
