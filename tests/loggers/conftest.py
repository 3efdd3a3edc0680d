"""A search of two generations with every kind of candidate, as its folder and as loggers see it."""

import pytest
from support.run_folders import SEARCH, build_record, draw, write_run

from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.loggers.rows import build_log
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.history import load_history
from tgas_neuro.search.runs import get_record_path

RUNG = {"epoch": 0.5, "threshold": 0.9, "of": 2, "P": 0.125, "TG": None, "value": 0.25}


def date(record, minute):
    """With dates: it took a minute."""
    times = (f"2026-11-29T12:{number:02d}:00+00:00" for number in (minute, minute + 1))
    return record | {"dates": dict(zip(("started", "finished"), times, strict=True))}


@pytest.fixture
def generations():
    """Records of two generations."""
    a, b, c, d, e = draw(5)
    premature = {"accuracy": 0.125, "loss": 1.5, "epochs": 0.5, "stopped_at": 0.5}
    stopped = build_record("g001_c00", d, state="stopped", rungs=[RUNG])
    stopped["premature"] |= premature
    return [
        [
            date(build_record("g000_c00", a, P=0.5, crossed=0.25, params=10), 0),
            date(build_record("g000_c01", b, state="diverged"), 1),
            date(build_record("g000_c02", c, P=0.625, crossed=0.5, params=30, macs=300), 2),
        ],
        [
            date(stopped, 3),
            date(build_record("g001_c01", a, state="duplicate", original="g000_c00"), 4),
            date(build_record("g001_c02", e, P=0.25, crossed=0.125), 5),
        ],
    ]


@pytest.fixture
def make_log(tmp_path, generations):
    """Writes the run up to a generation, and looks at it."""

    def make(number=2):
        folder = write_run(tmp_path / "cell_random-01234567", generations[:number])
        entries = load_history(folder / f"generation_{number - 1:03d}" / "history.json")
        records = {one.id: read_json(get_record_path(folder, one.id)) for one in entries}
        return build_log(folder, entries, records, build_space(SEARCH), "crossed")

    return make
