"""Guidance by probes: what it needs of the short training."""

import copy

import pytest
import yaml
from support.documentation import PROJECT

from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.errors import UserError

DEFAULT = yaml.safe_load((PROJECT / "config.yaml").read_text())


def check(search=None, probes=None):
    config = copy.deepcopy(DEFAULT)
    config["search"] |= search or {}
    config["premature"] |= {"probes": probes}
    return check_configuration(config)


@pytest.mark.parametrize(
    ("search", "probes", "message"),
    [
        (
            {},
            {"share": 0.2, "epochs": 1},
            r"premature.probes.epochs: 1 are counted from the beginning and must be more than",
        ),
        ({}, {"share": 0, "epochs": 2}, r"premature.probes.share: 0 is too small"),
        ({}, {"share": 1}, r"premature.probes: key 'epochs' is missing"),
        ({"guidance": "learned"}, None, r"premature.probes: is missing; .*'learned' needs it"),
        (
            {"guidance": "learned", "untrained": False},
            {"share": 1, "epochs": 4},
            r"search.untrained: false, but search.guidance 'learned' needs it",
        ),
        (
            {"guidance": "learned"},
            {"share": 0.25, "epochs": 4},
            r"share: 0.25 of 24 candidates are about 6.0 probes, and with fewer than 8 ",
        ),
    ],
)
def test_mistakes_are_one_line(search, probes, message):
    with pytest.raises(UserError, match=message) as caught:
        check(search, probes)
    assert "\n" not in str(caught.value)


def test_enough_probes_are_expected_or_come_from_older_runs():
    few = {"share": 0.25, "epochs": 4}
    assert check({"guidance": "learned", "generations": 6}, few).premature.probes.share == 0.25
    assert check({"guidance": "learned", "reuse": ["cell_tpe-1"]}, few).search.reuse
    assert check(probes=few).search.guidance == "p_plus_tg"  # they may be recorded for later
