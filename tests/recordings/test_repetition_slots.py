"""Packing trials against loops, and blocks of HDF5 files against the whole array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.recordings.formats.hdf5_files import list_blocks
from tgas_neuro.recordings.missing import (
    drop_slots,
    number_repetitions,
    pack_repetitions,
)


@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 5), st.integers(1, 4)),
    share=st.floats(0, 0.9),
    seed=st.integers(0, 1000),
)
def test_rows_are_those_of_loops(shape, share, seed):
    rng = np.random.default_rng(seed)
    responses = rng.normal(size=shape).astype(np.float32)
    responses[rng.random(shape) < share] = np.nan
    rows, of_stimulus = [], []
    for stimulus, trials in enumerate(responses):
        packed = [[value for value in site if not np.isnan(value)] for site in trials.T]
        count = min(map(len, packed))
        rows += [[site[number] for site in packed] for number in range(count)]
        of_stimulus += [(stimulus, number) for number in range(count)]
    changed = responses.copy()
    counts = pack_repetitions(changed)
    found = drop_slots(changed, counts)
    np.testing.assert_array_equal(found, np.array(rows, np.float32).reshape(-1, shape[2]))
    assert list(zip(*map(list, number_repetitions(counts)), strict=True)) == of_stimulus
    assert found.size == 0 or np.shares_memory(found, changed)


def test_simultaneous_trials_stay_side_by_side():
    """Both sites lack the first trial: the rows hold trials 2 and 3, not moved apart."""
    responses = np.array([[[np.nan, np.nan], [1, 10], [2, 20]]])
    counts = pack_repetitions(responses)
    np.testing.assert_array_equal(drop_slots(responses, counts), [[1, 10], [2, 20]])


@given(
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    chunk=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    limit=st.integers(1, 400),
    chunked=st.booleans(),
)
def test_blocks_cover_every_value_once_in_whole_chunks(shape, chunk, limit, chunked):
    shape = tuple(shape)
    chunks = tuple(chunk[: len(shape)]) if chunked else None
    seen = np.zeros(shape, dtype=int)
    for block in list_blocks(shape, chunks, 4, limit):
        seen[block] += 1
        least = int(np.prod([min(c, s) for c, s in zip(chunks or (1,) * 9, shape, strict=False)]))
        assert seen[block].size * 4 <= max(limit, least * 4)
        for part, size, step in zip(block, shape, chunks or (1,) * 9, strict=False):
            assert part.start % step == 0
            assert part.stop == size or part.stop % step == 0
    assert (seen == 1).all()


@pytest.mark.parametrize(("limit", "count"), [(1, 24), (16, 6), (48, 2), (96, 1)])
def test_blocks_grow_from_the_last_axis(limit, count):
    assert len(list(list_blocks((2, 3, 4), None, 4, limit))) == count
