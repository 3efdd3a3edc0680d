"""What a strategy can learn from: the finished candidates that are members of its space."""

from collections.abc import Sequence

from tgas_neuro.architecture.space import Space
from tgas_neuro.search.history import Entry, is_member


def select_members(space: Space, history: Sequence[Entry]) -> list[Entry]:
    """The entries with complete genotypes of the space, in order, without duplicates.

    A duplicate repeats the record of its original and says nothing new.
    """
    return [
        entry for entry in history if entry.original is None and is_member(space, entry.genotype)
    ]
