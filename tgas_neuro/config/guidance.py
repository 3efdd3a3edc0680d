"""What the guidance of a search needs of the short training."""

from tgas_neuro.config.premature import FEWEST_PROBES, Premature
from tgas_neuro.config.search import FallingAlpha, Search
from tgas_neuro.config.section import SectionError


def check_guidance(search: Search, premature: Premature) -> None:
    """Check that there are the rungs or the probes that the guidance needs.

    Raises
    ------
    SectionError
        They are missing, or fewer probes are to be expected than guidance learned needs.
    """
    alpha = search.alpha
    if isinstance(alpha, FallingAlpha) and not premature.rungs:
        raise SectionError(
            "search.alpha",
            f"{{start: {alpha.start:g}, end: {alpha.end:g}}} changes over premature.rungs, of "
            f"which there are none; set it to {alpha.end:g}, which counts at the end, or give "
            "rungs",
        )
    if search.guidance != "learned":
        return
    if premature.probes is None:
        raise SectionError(
            "premature.probes",
            "is missing; search.guidance 'learned' needs it, for example "
            f"{{share: 0.4, epochs: {4 * premature.epochs:g}}}",
        )
    share, candidates = premature.probes.share, search.generations * search.candidates
    if share * candidates < FEWEST_PROBES and not search.reuse:
        raise SectionError(
            "premature.probes.share",
            f"{share:g} of {candidates} candidates are about {share * candidates:.1f} probes, and "
            f"with fewer than {FEWEST_PROBES} search.guidance 'learned' ranks by P alone; raise it "
            "or search.generations",
        )
