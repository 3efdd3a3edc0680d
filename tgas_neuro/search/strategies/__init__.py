"""Strategies: each proposes genotypes from the history, one a file."""

from tgas_neuro.search.strategies.random import RandomStrategy
from tgas_neuro.search.strategies.tpe import TPEStrategy

STRATEGIES = {"random": RandomStrategy, "tpe": TPEStrategy}
