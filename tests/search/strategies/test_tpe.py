"""TPE proposes the same with every optuna that is allowed, whatever its defaults are."""

import inspect
import warnings

import optuna
import pytest

from tgas_neuro.search.strategies.tpe import ask_study

SIZES = {"width": 4, "kernel": 3, "stride": 2, "skip": 5}
# of optuna 5.0.0 as `TPESampler(n_startup_trials=10, constant_liar=True, seed=seed)`
PROPOSED = {
    12: [[3, 0, 1, 2], [3, 0, 0, 3], [2, 0, 0, 4], [2, 0, 1, 0]],
    40: [[1, 2, 1, 0], [2, 1, 0, 1], [3, 0, 0, 4], [0, 0, 0, 4]],
}


def build_history(n):
    """Trials that count through the choices, and values that rise and fall."""
    finished = [
        (
            {name: (number * step) % size for step, (name, size) in enumerate(SIZES.items(), 1)},
            (number * 7 % 11) / 10,
        )
        for number in range(n)
    ]
    return finished, [dict.fromkeys(SIZES, 1)]


def propose(n):
    finished, running = build_history(n)
    asked = ask_study(SIZES, finished, running, n=4, seed=3)
    return [[choices[name] for name in SIZES] for choices in asked]


@pytest.mark.parametrize("n", PROPOSED)
def test_proposals_are_those_of_optuna_5(n):
    assert propose(n) == PROPOSED[n]


def test_every_option_is_written_out(monkeypatch):
    """A default that changes in a later optuna changes no proposal."""
    given = {}
    sampler = optuna.samplers.TPESampler
    monkeypatch.setattr(
        optuna.samplers, "TPESampler", lambda **options: given.update(options) or sampler(**options)
    )
    propose(2)
    deprecated = {  # warns when it is given
        name
        for name in inspect.signature(sampler.__init__).parameters
        if name in ("gamma", "weights") or name.startswith(("consider_", "prior_", "warn_"))
    }
    functions = {"constraints_func", "categorical_distance_func"}  # none in every release
    options = {*inspect.signature(sampler.__init__).parameters} - {"self"}
    assert set(given) == options - deprecated - functions


def test_options_that_optuna_calls_experimental_are_no_news():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        propose(12)
