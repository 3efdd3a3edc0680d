"""Strategies: each proposes genotypes from the history, one a file.

None imports torch, optuna or scikit-learn before it proposes, so that the light rules start fast.
"""

from typing import Any

from tgas_neuro.architecture.space import Space, build_space
from tgas_neuro.search.strategies.contract import Strategy
from tgas_neuro.search.strategies.evolution import EvolutionStrategy
from tgas_neuro.search.strategies.progressive import ProgressiveStrategy
from tgas_neuro.search.strategies.random import RandomStrategy
from tgas_neuro.search.strategies.reinforce import ReinforceStrategy
from tgas_neuro.search.strategies.tpe import TPEStrategy


def build_strategy(search: dict[str, Any], space: Space | None = None) -> Strategy:
    """The strategy of the section ``search`` of a configuration, with the options of its kind.

    Parameters
    ----------
    search
        The section: ``space``, ``strategy``, ``seed``, and the sections of both, if any.
    space
        What is searched; by default the space of the section.

    Raises
    ------
    UserError
        An option has a value that the strategy does not allow, or the search is too short for
        the progressive one to come to a complete genotype.
    """
    options = search.get(search["strategy"], {})
    strategy = STRATEGIES[search["strategy"]](
        space or build_space(search), search["seed"], **options
    )
    # rules do not know how long the search goes on; the plan, which comes first, does
    if isinstance(strategy, ProgressiveStrategy) and "generations" in search:
        strategy.check_budget(search["generations"] * search["candidates"])
    return strategy


STRATEGIES = {
    "random": RandomStrategy,
    "tpe": TPEStrategy,
    "reinforce": ReinforceStrategy,
    "evolution": EvolutionStrategy,
    "progressive": ProgressiveStrategy,
}
