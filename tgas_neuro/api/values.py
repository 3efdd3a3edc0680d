"""What a candidate is worth, as a user says it: checked numbers, and the reward of them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tgas_neuro.rdm.noise_ceiling import MIN_CEILING
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.search.guidance import Measures, Rating
from tgas_neuro.search.history import Entry

Value = float | Mapping[str, Any]
KEYS = ("P", "TG", "TG_untrained", "regions", "params", "macs")
SIZES = ("params", "macs")
FAILURES = ("crashed", "diverged", "out_of_memory", "oversized", "stopped", "timeout")
NEEDS = {
    "p_plus_tg": ("P", "TG"),
    "p": ("P",),
    "tg": ("TG",),
    "tg_epoch0": ("TG_untrained",),
    "params": ("params",),
    "macs": ("macs",),
}
MOST = 1 / MIN_CEILING  # of a similarity divided by its noise ceiling


def rate_value(
    entry: Entry, value: Value, rating: Rating | None, default: Rating, guessed: bool
) -> tuple[Entry, Rating]:
    """Give an entry its measures and its reward.

    Parameters
    ----------
    entry
        Of a candidate without measures.
    value
        P, or a mapping with some of `KEYS`.
    rating
        How candidates are ranked; None, of a search without a guidance that has no value yet,
        ranks by P + alpha * TG where there is a TG, else by P.
    default
        The rating but for its guidance, where `rating` is None.
    guessed
        Whether the first value chose the guidance: by P alone, no later one may give a TG.

    Returns
    -------
    entry, rating
        The entry with its reward, and how it was ranked.

    Raises
    ------
    UserError
        A number is not finite or out of its range, or one that the guidance needs is missing.
    """
    what = f"candidate {entry.id!r}"
    given = _read_value(what, value)
    rating = rating or replace(default, guidance="p_plus_tg" if "TG" in given else "p")
    if guessed and rating.guidance == "p" and "TG" in given:
        raise UserError(
            f"{what}: gives TG, but guidance 'p' ranks by P alone, as those before had none; "
            "search with guidance='p' or 'p_plus_tg'"
        )
    for key in NEEDS[rating.guidance]:
        if key not in given:
            raise UserError(
                f"{what}: {key} is missing, by which guidance {rating.guidance!r} ranks; the value "
                f"has: {', '.join(given)}"
            )
    if rating.guidance == "p_plus_tg" and not 0 <= given["P"] <= 1:
        raise UserError(
            f"{what}: P: {given['P']}; expected an accuracy in [0, 1], to which guidance "
            "'p_plus_tg' adds alpha * TG; scale it, or search with guidance='p'"
        )
    measures = Measures(
        given.get("P", math.nan), given.get("TG"), given.get("TG_untrained"),
        given.get("params", 0), given.get("macs", 0),
    )  # fmt: skip
    return replace(entry, **given, reward=rating.rate(measures)), rating


def _read_value(what: str, value: Value) -> dict[str, Any]:
    given: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"P": value}
    for key, one in given.items():
        check_choice(f"{what}: key", key, KEYS)
        name = f"{what}: {key}"
        if key == "regions":
            if not isinstance(one, Mapping):
                raise UserError(f"{name}: {one!r}; expected a mapping of regions to similarities")
            given[key] = {region: _read_similarity(name, number) for region, number in one.items()}
        elif key in SIZES:
            given[key] = _read_size(name, one)
        else:
            given[key] = _read_number(name, one) if key == "P" else _read_similarity(name, one)
    return given


def _read_number(what: str, number: Any) -> float:
    try:
        found = float(number)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # RuntimeError: of a torch tensor
        found = math.nan
    if not math.isfinite(found):
        raise UserError(f"{what}: {number!r}; expected a finite number")
    return found


def _read_similarity(what: str, number: Any) -> float:
    found = _read_number(what, number)
    if abs(found) > MOST:
        raise UserError(
            f"{what}: {number!r}; expected a correlation in [-1, 1], or one that is divided by "
            f"its noise ceiling, in [-{MOST:.1f}, {MOST:.1f}]"
        )
    return found


def _read_size(what: str, number: Any) -> int:
    found = _read_number(what, number)
    if found < 1 or found != int(found):
        raise UserError(f"{what}: {number!r}; expected a whole number of at least 1")
    return int(found)
