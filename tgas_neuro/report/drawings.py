"""Drawings of genotypes for the page: SVG, whose letters stay text."""

import io
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl

from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import describe_genotype
from tgas_neuro.figures.pictures import build_genotype_figure
from tgas_neuro.report.facts import Candidate

MOST_DRAWN = 200  # genotypes; more take long to draw
# Letters as text; the axes fill the figure, so that nothing has to be drawn twice to cut it.
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "tgas-neuro",
    "svg.fonttype": "none",
    "figure.subplot.left": 0.01,
    "figure.subplot.right": 0.99,
    "figure.subplot.bottom": 0.01,
}


def draw_genotype(genotype: Genotype) -> str:
    """The drawing as SVG, the same each time."""
    drawn = io.StringIO()
    with mpl.rc_context(SETTINGS):
        figure = build_genotype_figure(genotype, genotype.space)
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    svg = drawn.getvalue()
    return svg[svg.index("<svg") :]


def draw_candidates(
    candidates: Iterable[Candidate], most: int = MOST_DRAWN
) -> tuple[dict[str, str], int]:
    """Draw the genotypes of candidates, the best ones where there are many.

    Returns
    -------
    drawings, left_out
        Hash to SVG, and the number of genotypes that are not drawn.
    """
    genotypes: dict[str, Genotype] = {}
    for one in sorted(candidates, key=_rank):
        genotypes.setdefault(one.hash, one.genotype)
    drawn = {name: draw_genotype(genotypes[name]) for name in list(genotypes)[:most]}
    return drawn, len(genotypes) - len(drawn)


def _rank(candidate: Candidate) -> tuple[bool, float, int]:
    """The best first, failures last, in their order."""
    reward = candidate.reward
    return reward is None, 0.0 if reward is None else -reward, candidate.number


def describe_candidates(candidates: Iterable[Candidate]) -> dict[str, list[str]]:
    """Hash to the genotype in words."""
    genotypes = {one.hash: one.genotype for one in candidates}
    return {name: describe_genotype(genotype) for name, genotype in genotypes.items()}
