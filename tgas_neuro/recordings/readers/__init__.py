"""Readers: one file each, all giving the contract of an assembly and a stimulus set."""

from collections.abc import Callable
from pathlib import Path

from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.recordings.readers.cowley2023_v4 import read_cowley2023_v4
from tgas_neuro.recordings.readers.kriegeskorte2008_it import read_kriegeskorte2008_it
from tgas_neuro.recordings.readers.simulated import read_simulated

READERS: dict[str, Callable[[dict, dict[str, Path]], Recordings]] = {
    "cowley2023_v4": read_cowley2023_v4,
    "kriegeskorte2008_it": read_kriegeskorte2008_it,
    "simulated": read_simulated,
}
