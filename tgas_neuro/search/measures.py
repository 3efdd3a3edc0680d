"""What records hold that candidates are ranked by, at the end of their training and at rungs."""

from tgas_neuro.config.search import OF_UNTRAINED
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.layers import Guidance, Score, get_guidance
from tgas_neuro.search.guidance import Measures, Rating
from tgas_neuro.search.records import CandidateRecord, RungMeasures, Size


def read_measures(record: CandidateRecord, rating: Rating) -> Measures:
    """The measures of a candidate record whose state is ``ok``.

    Raises
    ------
    UserError
        The guidance needs TG at epoch 0, and the record does not hold it.
    """
    untrained, premature, score = (
        record["teacher_untrained"],
        record["premature"],
        record["teacher"],
    )
    if untrained is None and rating.guidance in OF_UNTRAINED:
        raise UserError(
            f"guidance: {rating.guidance!r} needs TG at epoch 0, which the record of candidate "
            f"{record['id']} does not hold; run the search with search.untrained: true"
        )
    if premature is None or score is None:
        raise ValueError(f"candidate {record['id']}: state {record['state']} without P and TG")
    TG = list_guidance(score)
    return build_measures(record["complexity"], untrained, premature["accuracy"], TG, rating)


def list_rung_values(record: CandidateRecord, rating: Rating) -> dict[str, float]:
    """Rung, as text, to the value that the candidate had there; see `list_thresholds`.

    Rungs at which something was not measured that the guidance needs are left out.
    """
    values = {}
    for rung in record["rungs"]:
        size, untrained = record["complexity"], record["teacher_untrained"]
        measures = build_measures(size, untrained, rung["P"], rung["TG"], rating)
        value = rating.rate(measures, share=_calc_share(record, rung["epoch"]))
        if value is not None:
            values[name_rung(rung["epoch"])] = value
    return values


def list_rung_measures(record: CandidateRecord, rating: Rating) -> dict[str, RungMeasures]:
    """Rung, as text, to P and TG there, of which z-scores are made; rungs without TG are left out.

    Empty unless the rating `standardises`.
    """
    if not rating.standardises:
        return {}
    return {
        name_rung(rung["epoch"]): {"P": rung["P"], "TG": TG}
        for rung in record["rungs"]
        if rung["TG"] and (TG := rung["TG"].get(rating.layer_choice)) is not None
    }


def list_guidance(score: Score) -> Guidance:
    """TG of a score for all layer choices."""
    return {**score["TG"], "mean": get_guidance(score, "mean")}


def _calc_share(record: CandidateRecord, epoch: float) -> float:
    """The share of the training that is done at a rung."""
    premature = record["premature"]
    if premature is None:
        raise ValueError(f"candidate {record['id']}: rungs without a training")
    return epoch / premature["epochs"]


def name_rung(epoch: float) -> str:
    """A rung as a key: 1 and 1.0 are the same."""
    return f"{epoch:.12g}"


def build_measures(
    size: Size, untrained: Score | None, P: float, TG: Guidance | None, rating: Rating
) -> Measures:
    """The measures of a candidate at some moment of its training.

    Parameters
    ----------
    size
        Of its network.
    untrained
        Its score before the training, if it was measured.
    P, TG
        What was measured at that moment; TG for all layer choices (`list_guidance`), or None.
    rating
        Which layer choice counts.
    """
    return Measures(
        P=P,
        TG=TG.get(rating.layer_choice) if TG else None,
        TG_untrained=get_guidance(untrained, rating.layer_choice) if untrained else None,
        **size,
    )
