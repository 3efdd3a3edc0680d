"""Random numbers: each purpose has a generator of its own, seeded by a hash of (seed, purpose).

Nothing seeds globally: the draws of one part never depend on those of another.
"""

import hashlib
import json

import numpy as np


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A seed in [0, 2**63) for one purpose of a run.

    Parameters
    ----------
    seed
        The run's seed.
    purpose
        What the numbers are for, for example ``("propose", generation)``.
    """
    text = json.dumps([int(seed), *purpose], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def derive_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A `numpy.random.Generator` for one purpose of a run (see `derive_seed`)."""
    return np.random.default_rng(derive_seed(seed, *purpose))
