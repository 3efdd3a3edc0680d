"""Tiles hold every pair once, in the part it belongs to."""

import hypothesis.strategies as st
import torch
from hypothesis import given

from tgas_neuro.rdm.streaming import tiles as module
from tgas_neuro.rdm.streaming.tiles import ACROSS, HALF_0, HALF_1, build_tiles


@given(st.integers(0, 1500), st.integers(0, 1500), st.sampled_from([(512, 4096), (64, 100)]))
def test_every_pair_once_in_its_part(n_half_0, n_half_1, shape):
    before = module.BLOCK, module.WIDTH
    module.BLOCK, module.WIDTH = shape
    try:
        tiles = build_tiles(n_half_0, n_half_1)
    finally:
        module.BLOCK, module.WIDTH = before
    n = n_half_0 + n_half_1
    seen = torch.zeros((n, n), dtype=torch.int8)
    for tile in tiles:
        rows, columns = slice(*tile.rows), slice(*tile.columns)
        seen[rows, columns] += (
            torch.ones_like(seen[rows, columns]).triu(1) if tile.is_triangle else 1
        )
        first = HALF_0 if tile.rows[1] <= n_half_0 else HALF_1
        second = HALF_0 if tile.columns[1] <= n_half_0 else HALF_1
        assert tile.part == (first if first == second else ACROSS)
    assert torch.equal(seen, torch.ones_like(seen).triu(1))


@given(st.integers(2, 1300), st.integers(0, 1300))
def test_places_follow_each_other(n_half_0, n_half_1):
    start = within = 0
    for tile in build_tiles(n_half_0, n_half_1):
        assert (tile.start, tile.start_within) == (start, within)
        start += tile.n_pairs
        within += tile.n_pairs if tile.part != ACROSS else 0
        size = (tile.rows[1] - tile.rows[0], tile.columns[1] - tile.columns[0])
        assert len(tile.flatten(torch.zeros(size))) == tile.n_pairs
    n = n_half_0 + n_half_1
    assert start == n * (n - 1) // 2
