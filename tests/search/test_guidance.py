"""The reward of every mode of guidance, by hand."""

import math

import pytest
from support.run_folders import SEARCH, build_record, build_search, draw

from tgas_neuro.config.search import FallingAlpha
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.guidance import GUIDANCES, Rating
from tgas_neuro.search.history import build_entry
from tgas_neuro.search.measures import list_rung_values, read_measures

# P 0.5; TG 0.2 crossed, 0.3 paper; before the training 0.05 and 0.06; 1,000 parameters, 10,000 MACs
# Layers have 0.2 and the paper's: their means are 0.25 and 0.13.
EXPECTED = {
    ("p_plus_tg", "crossed"): 0.5 + 2 * 0.2,
    ("p_plus_tg", "paper"): 0.5 + 2 * 0.3,
    ("p_plus_tg", "mean"): 0.5 + 2 * 0.25,
    ("p", "crossed"): 0.5,
    ("p", "paper"): 0.5,
    ("tg", "crossed"): 0.2,
    ("tg", "paper"): 0.3,
    ("tg", "mean"): 0.25,
    ("params", "crossed"): 3.0,
    ("macs", "crossed"): 4.0,
    ("tg_epoch0", "crossed"): 0.05,
    ("tg_epoch0", "paper"): 0.06,
    ("tg_epoch0", "mean"): 0.13,
}


@pytest.fixture
def record():
    return build_record("g000_c00", draw(1)[0], params=1000, macs=10_000)


@pytest.mark.parametrize(("guidance", "layer_choice"), EXPECTED)
def test_reward_by_hand(record, guidance, layer_choice):
    rating = Rating(guidance, 2.0, layer_choice)
    entry = build_entry(record, rating, {})
    assert entry.reward == pytest.approx(EXPECTED[guidance, layer_choice], abs=1e-12)
    assert entry.P == 0.5  # the measures stand beside the reward in every mode
    assert pytest.approx({"crossed": 0.2, "paper": 0.3, "mean": 0.25}[layer_choice]) == entry.TG
    assert entry.regions == {"IT": entry.TG}
    before = {"crossed": 0.05, "paper": 0.06, "mean": 0.13}
    assert entry.TG_untrained == pytest.approx(before[layer_choice])


def test_alpha_plays_no_part_elsewhere(record):
    for guidance in GUIDANCES:
        rewards = {build_entry(record, Rating(guidance, alpha), {}).reward for alpha in (0.0, 3.0)}
        assert len(rewards) == (2 if guidance == "p_plus_tg" else 1)


def test_more_is_better_in_every_mode():
    """A candidate that has more of everything is before one that has less."""
    small, large = (
        build_record(f"g000_c0{k}", genotype, **values)
        for k, (genotype, values) in enumerate(
            zip(
                draw(2),
                (
                    {"P": 0.1, "crossed": 0.1, "untrained": (0.1, 0.1), "params": 5, "macs": 50},
                    {"P": 0.2, "crossed": 0.2, "untrained": (0.2, 0.2), "params": 6, "macs": 60},
                ),
                strict=True,
            )
        )
    )
    for guidance in GUIDANCES:
        rating = Rating(guidance)
        assert build_entry(small, rating, {}).reward < build_entry(large, rating, {}).reward


def test_failures_have_no_reward_in_any_mode():
    for state in ("diverged", "oversized", "stopped", "timeout"):
        failed = build_record("g000_c00", draw(1)[0], state)
        assert {build_entry(failed, Rating(name), {}).reward for name in GUIDANCES} == {None}


def test_epoch_zero_has_to_be_recorded(record):
    record["teacher_untrained"] = None
    assert build_entry(record, Rating(), {}).TG_untrained is None
    with pytest.raises(UserError, match=r"record of candidate g000_c00 does not .*untrained: true"):
        build_entry(record, Rating("tg_epoch0"), {})


def test_a_network_that_is_dead_before_its_training_has_no_reward_by_it(record):
    record["teacher_untrained"]["TG"] = {"crossed": None, "paper": None}
    assert build_entry(record, Rating("tg_epoch0"), {}).reward is None
    assert build_entry(record, Rating("p"), {}).reward == 0.5


def test_rating_of_a_configuration_and_back():
    rating = Rating.from_search(SEARCH)
    assert rating == Rating("p_plus_tg", 2.0, "crossed")
    assert Rating.read(rating.to_json()) == rating
    assert rating.describe() == "P + 2 x TG (crossed)"
    assert Rating("params").describe() == "log10 of the parameters"
    for guidance in GUIDANCES:
        assert Rating(guidance).describe()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"guidance": "size"}, r"guidance: 'size' is not one of: p_plus_tg, p, tg, params"),
        ({"layer_choice": "best"}, r"layer_choice: 'best' is not one of: crossed, paper, mean"),
        ({"alpha": -1.0}, r"alpha: -1.0; expected a number of at least 0"),
        ({"alpha": math.nan}, r"alpha: nan"),
    ],
)
def test_mistakes_are_one_line(values, message):
    with pytest.raises(UserError, match=message):
        Rating(**values)


def test_alpha_falls_linearly_with_the_trained_share(record):
    """From 3 to 1 over 4 epochs: 2.75 after half an epoch, 2 after two, 1 at the end."""
    rating = Rating("p_plus_tg", FallingAlpha(start=3, end=1))
    record["rungs"] = [
        {"epoch": epoch, "P": 0.3, "TG": {"crossed": 0.1, "paper": 0.2}} for epoch in (0.5, 2)
    ]
    entry = build_entry(record, rating, {})
    assert entry.rungs == pytest.approx({"0.5": 0.3 + 2.75 * 0.1, "2": 0.3 + 2 * 0.1})
    assert entry.reward == pytest.approx(0.5 + 1 * 0.2)
    assert rating.describe() == "P + 3 to 1 x TG (crossed)"
    content = rating.to_json()
    assert content["alpha"] == {"start": 3, "end": 1} and Rating.read(content) == rating
    search = build_search(alpha={"start": 3, "end": 1})
    assert Rating.from_search(search) == rating
    assert read_search(dump_section(search)).alpha == search.alpha


def test_values_at_rungs(record):
    """P + alpha TG there; where TG was not measured only the modes that do not need it."""
    record["rungs"] = [
        {"epoch": 0.5, "P": 0.3, "TG": {"crossed": 0.1, "paper": 0.2}},
        {"epoch": 1, "P": 0.2, "TG": {"crossed": 0.1, "paper": 0.2, "mean": 0.15}},
        {"epoch": 2, "P": 0.4, "TG": None},
    ]
    both = list_rung_values(record, Rating("p_plus_tg", 3.0))
    assert both == {"0.5": pytest.approx(0.3 + 3 * 0.1), "1": pytest.approx(0.2 + 3 * 0.1)}
    assert list_rung_values(record, Rating("tg", 1.0, "paper")) == {"0.5": 0.2, "1": 0.2}
    assert list_rung_values(record, Rating("tg", 1.0, "mean")) == {"1": 0.15}  # of older records
    assert list_rung_values(record, Rating("p")) == {"0.5": 0.3, "1": 0.2, "2": 0.4}
    assert list_rung_values(record, Rating("tg_epoch0")) == dict.fromkeys(("0.5", "1", "2"), 0.05)
    assert read_measures(record, Rating()).P == 0.5
