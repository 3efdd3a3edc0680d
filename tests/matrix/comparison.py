"""Results of two sets of versions: the same but for floating point."""

import math
from typing import Any

# Another numpy, scipy or torch takes sums in another order: results of 64 bits differ in their last
# digits, and what depends on weights trained in 32 bits in about the sixth. An accuracy is a count
# of images: it is the same, or differs by far more.
RELATIVE, ABSOLUTE = 1e-4, 1e-5
# A similarity is a correlation of ranks: where activations hardly differ between stimuli, the sixth
# digit reorders pairs. Of 64 stimuli the largest change was 0.0011 (torch 2.10 and 2.14).
SIMILARITY = 3e-3
# Of half of the stimuli, with a quarter of the pairs, the largest change was 0.0093.
HALF = 4 * SIMILARITY
SIMILARITIES = {"teacher", "regions", "reward", "TG", "TG_untrained"}
NOISE = {"ceiling", "reliability"}  # of the recordings alone, in 64 bits
VERSIONS = ("versions", "chain")  # what was installed; the digest of the files, netCDF among them


def compare_results(found: Any, expected: Any, where: str = "") -> list[str]:
    """What differs, in words, one for each place.

    Parameters
    ----------
    found, expected
        Contents of JSON files.
    where
        Their place in a larger content.
    """
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = {key: None for key in [*expected, *found] if key not in VERSIONS}
        return [
            difference
            for key in keys
            for difference in (
                compare_results(found[key], expected[key], f"{where}.{key}".lstrip("."))
                if key in found and key in expected
                else [f"{where}.{key}: only in {'this' if key in found else 'the pinned'} set"]
            )
        ]
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        return [
            difference
            for number, (one, other) in pairs
            for difference in compare_results(one, other, f"{where}[{number}]")
        ]
    if isinstance(found, float) and isinstance(expected, float):
        absolute = _choose_tolerance(where)
        same = math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=absolute)
        if same or (math.isnan(found) and math.isnan(expected)):
            return []
        return [f"{where}: {found}, expected {expected}"]
    if type(found) is type(expected) and found == expected:
        return []
    return [f"{where}: {found!r}, expected {expected!r}"]


def _choose_tolerance(where: str) -> float:
    *parts, last = where.replace("[", ".").split(".")
    if last in NOISE or SIMILARITIES.isdisjoint({*parts, last}):
        return ABSOLUTE
    return HALF if last.startswith("half_") else SIMILARITY


def calc_largest_difference(found: Any, expected: Any) -> float:
    """Largest absolute difference of two floats in places that both have."""
    if isinstance(found, dict) and isinstance(expected, dict):
        pairs = [(found[key], expected[key]) for key in expected if key in found]
    elif isinstance(found, list) and isinstance(expected, list):
        pairs = list(zip(found, expected, strict=False))
    elif isinstance(found, float) and isinstance(expected, float):
        return abs(found - expected)
    else:
        pairs = []
    return max((calc_largest_difference(*pair) for pair in pairs), default=0.0)
