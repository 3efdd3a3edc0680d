"""`search`: the proposals of the workflow, whoever evaluates, and the records of its candidates."""

import copy
import pickle

import pytest
import torch
from support.run_folders import DIGESTS, build_record, build_search
from support.toy_space import StackSpace

import tgas_neuro as tgas
from tgas_neuro.api.candidates import Candidate
from tgas_neuro.architecture import spaces
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json
from tgas_neuro.search.generation import make_history, make_proposals
from tgas_neuro.search.strategies import STRATEGIES

OPTIONS = {"progressive": {"progressive": {"candidates_per_stage": 4, "beam": 2}}}
BLOCKS = {"cell": {"blocks": 2}}


def silent(line):
    pass


def measure(genotype):
    """P and TG that depend on the architecture alone."""
    number = int(genotype.hash[:6], 16) / 16**6
    return {"P": number, "TG": 1 - number**2}


def ask_and_tell(study, generations, order=1):
    """Everything that was asked, generation by generation."""
    asked = []
    for _ in range(generations):
        candidates = study.ask()
        asked.append([(one.id, one.genotype.hash) for one in candidates])
        for candidate in candidates[::order]:
            study.tell(candidate, measure(candidate.genotype))
    return asked


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_proposals_are_those_of_the_workflow(tmp_path, strategy):
    options = {**BLOCKS, **OPTIONS.get(strategy, {})}
    values = {"strategy": strategy, "alpha": 0.5, "seed": 3, "candidates": 4, **options}
    search, previous, expected, rewards = build_search(**values), None, [], {}
    for number in range(3):
        proposals = make_proposals(number, previous, [], search, DIGESTS)["proposals"]
        new = [one for one in proposals if one["original"] is None]
        expected.append([(one["id"], one["hash"]) for one in new])
        paths = []
        for one in proposals:
            genotype = spaces.read_genotype(one["genotype"])
            P, TG = measure(genotype).values()
            state = {"state": "duplicate", "original": one["original"]} if one["original"] else {}
            record = build_record(one["id"], genotype, P=P, crossed=TG, **state)
            paths.append(tmp_path / f"generation_{number:03d}" / f"candidate_{one['id'][-2:]}.json")
            write_json(paths[-1], record)
        history = make_history(number, previous, paths, search, DIGESTS)
        previous = tmp_path / f"history_{number}.json"
        write_json(previous, history)
    rewards = {entry["id"]: entry["reward"] for entry in history["entries"]}
    for order in (1, -1):  # in whatever order a generation is told
        study = tgas.search(
            "cell", strategy=strategy, alpha=0.5, seed=3, candidates=4, report=silent, **options
        )
        assert ask_and_tell(study, 3, order) == expected
        frame = study.to_frame()
        assert dict(zip(frame["id"], frame["reward"], strict=True)) == pytest.approx(rewards)
        assert study.best.id == history["best"]["id"]


def test_a_generation_in_flight_is_that_of_lag_2(tmp_path):
    search = build_search(strategy="evolution", seed=1, lag=2, alpha=1.0, **BLOCKS)
    first = make_proposals(0, None, [], search, DIGESTS)
    second_path = tmp_path / "second.json"
    write_json(second_path, make_proposals(1, None, [], search, DIGESTS))
    paths = []
    for one in first["proposals"]:
        genotype = spaces.read_genotype(one["genotype"])
        P, TG = measure(genotype).values()
        paths.append(tmp_path / "generation_000" / f"candidate_{one['id'][-2:]}.json")
        write_json(paths[-1], build_record(one["id"], genotype, P=P, crossed=TG))
    write_json(tmp_path / "history.json", make_history(0, None, paths, search, DIGESTS))
    third = make_proposals(2, tmp_path / "history.json", [second_path], search, DIGESTS)

    study = tgas.search("cell", strategy="evolution", seed=1, candidates=3, **BLOCKS)
    told = study.ask()
    study.ask()
    for candidate in told:
        study.tell(candidate, measure(candidate.genotype))
    assert [one.genotype.hash for one in study.ask()] == [one["hash"] for one in third["proposals"]]


def test_an_evaluation_of_ones_own():
    lines = []
    study = tgas.search(
        "cell",
        lambda genotype: measure(genotype)["P"],
        strategy="random",
        generations=2,
        candidates=3,
        seed=2,
        report=lines.append,
    )
    frame = study.to_frame()
    assert list(frame["id"]) == [f"g00{g}_c0{c}" for g in range(2) for c in range(3)]
    assert list(frame["reward"]) == list(frame["P"])
    assert frame["TG"].isna().all() and frame["params"].isna().all()
    assert study.best.reward == frame["reward"].max()
    assert len(lines) == 6 and lines[0].startswith("candidate g000_c00: ok, reward 0.")


def test_rewards_by_their_formula():
    value = {"P": 0.5, "TG": 0.25, "TG_untrained": 0.125, "params": 100, "macs": 1000}
    expected = {
        "p_plus_tg": 1.0,
        "p": 0.5,
        "tg": 0.25,
        "tg_epoch0": 0.125,
        "params": 2.0,
        "macs": 3.0,
    }
    for guidance, reward in expected.items():
        study = tgas.search("chain", strategy="random", guidance=guidance, alpha=2.0)
        assert study.tell(study.ask()[0], value).reward == pytest.approx(reward)
    study = tgas.search("chain", strategy="random", alpha=2.0)  # there is a TG: P + alpha TG
    assert study.tell(study.ask(1)[0], value | {"regions": {"IT": 0.25}}).reward == 1.0
    assert study.to_frame()["TG_IT"][0] == 0.25 and study.to_frame()["params"][0] == 100


@pytest.mark.parametrize(
    "value, message",
    [
        (float("nan"), "P: nan; expected a finite number"),
        ("much", "P: 'much'; expected a finite number"),
        ({"p": 1}, "key: 'p' is not one of: P, TG"),
        ({"TG": 0.5}, "P is missing, by which guidance 'p_plus_tg' ranks"),
        ({"P": 0.5, "regions": {"IT": None}}, "regions: None; expected a finite number"),
        ({"P": 0.5, "regions": 0.5}, "regions: 0.5; expected a mapping of regions to similarities"),
        ({"P": 87.5, "TG": 0.5}, r"P: 87.5; expected an accuracy in \[0, 1\], .*guidance='p'"),
        ({"P": 0.5, "TG": 35}, r"TG: 35; expected a correlation in \[-1, 1\], or .*, 3\.3\]"),
        ({"P": 0.5, "TG": 0.1, "params": 0}, "params: 0; expected a whole number of at least 1"),
        ({"P": 0.5, "TG": 0.1, "macs": 2.5}, "macs: 2.5; expected a whole number of at least 1"),
        (torch.tensor([0.1, 0.2]), "P: tensor.*; expected a finite number"),
        (10**400, "P: 1000.*; expected a finite number"),
    ],
)
def test_what_is_no_value_is_refused(value, message):
    study = tgas.search("chain", strategy="random", candidates=1)
    (candidate,) = study.ask()
    with pytest.raises(UserError, match=message):
        study.tell(candidate, value)
    assert study.entries == [] and study.tell(candidate, {"P": 1, "TG": 0}).reward == 1


def test_a_value_that_is_refused_does_not_choose_the_guidance():
    study = tgas.search("chain", strategy="random", candidates=1)
    (candidate,) = study.ask()
    with pytest.raises(UserError):
        study.tell(candidate, {"TG": 0.5})
    assert study.tell(candidate, -7.5).reward == -7.5  # P alone has no range


def test_a_search_has_one_measure():
    study = tgas.search("chain", strategy="random", candidates=3)
    first, second, *_ = study.ask()
    study.tell(first, {"P": 0.5, "TG": 0.1})
    with pytest.raises(UserError, match="TG is missing, by which guidance 'p_plus_tg' ranks"):
        study.tell(second, 0.5)
    other = tgas.search("chain", strategy="random", candidates=3)
    first, second, *_ = other.ask()
    other.tell(first, 0.5)
    with pytest.raises(UserError, match=r"gives TG, but guidance 'p' ranks by P alone"):
        other.tell(second, {"P": 0.5, "TG": 0.1})


def test_candidates_are_told_once():
    study, other = (tgas.search("chain", strategy="random", candidates=2) for _ in range(2))
    first, second = study.ask()
    study.tell(first, 0.5)
    with pytest.raises(UserError, match="'g000_c00': was told before"):
        study.tell(first, 0.5)
    other.ask()  # has a candidate of the same id, and even of the same genotype
    for foreign in (second, pickle.loads(pickle.dumps(second)), Candidate("g9", second.genotype)):
        with pytest.raises(UserError, match=f"'{foreign.id}': was not asked for in this search"):
            other.tell(foreign, 0.5)
    with pytest.raises(UserError, match="'g000_c01'; expected one of the candidates of ask"):
        other.tell("g000_c01", 0.5)
    with pytest.raises(UserError, match="expected a value or a state"):
        study.tell(second)
    with pytest.raises(UserError, match="state: 'bad' is not one of: crashed"):
        study.tell(second, state="bad")
    sent = pickle.loads(pickle.dumps(second))  # to another process and back
    assert {second: 1}[sent] == 1
    assert study.tell(sent, state="diverged").reward is None
    assert list(study.to_frame()["state"]) == ["ok", "diverged"]
    with pytest.raises(UserError, match=r"no candidate has a reward \(none was told\)"):
        other.best  # noqa: B018


def test_a_search_has_as_many_generations_as_were_asked_for():
    study = tgas.search("chain", strategy="random", candidates=1, generations=2)
    study.ask(), study.ask()
    with pytest.raises(UserError, match="generations: all 2 have been asked for; search with more"):
        study.ask()
    for n in (0, 101, 2.5):
        with pytest.raises(UserError, match=f"n: {n}; expected a whole number, 1 to 100"):
            study.ask(n)
    done = tgas.search("chain", measure, candidates=1, generations=2, report=silent)
    with pytest.raises(UserError, match="all 2 have been asked for"):
        done.run(measure)
    with pytest.raises(UserError, match="generations: 0; expected a whole number, at least 1"):
        done.run(measure, generations=0)
    assert len(done.run(measure, generations=3).to_frame()) == 5  # is prolonged


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_pickled_search_goes_on_as_the_search_itself(strategy):
    options = {**BLOCKS, **OPTIONS.get(strategy, {})}
    study = tgas.search("cell", strategy=strategy, candidates=4, seed=3, **options)
    ask_and_tell(study, 1)
    waiting = study.ask()
    again, copied = pickle.loads(pickle.dumps(study)), copy.deepcopy(study)
    for one in (study, again, copied):
        for candidate in waiting:
            one.tell(candidate, measure(candidate.genotype))
        assert one.best.id == study.best.id and one.to_frame().equals(study.to_frame())
    assert ask_and_tell(again, 1) == ask_and_tell(copied, 1) == ask_and_tell(study, 1)


def test_exceptions_end_the_search_or_are_a_result():
    def evaluate(genotype):
        raise MemoryError("no room")

    with pytest.raises(MemoryError):
        tgas.search("chain", evaluate, report=silent)
    lines = []
    study = tgas.search(
        "chain", evaluate, generations=1, candidates=2, catch=(MemoryError,), report=lines.append
    )
    assert list(study.to_frame()["state"]) == ["crashed"] * 2
    assert lines[0] == "candidate g000_c00: MemoryError: no room"


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(spaces, "SPACES", spaces.SPACES)
    yield spaces.SPACES
    spaces.SPACES.pop("stack", None)


def test_a_space_of_ones_own_and_what_is_proposed_again(known):
    lines = []
    study = tgas.search(
        StackSpace(1), measure, strategy="random", generations=3, candidates=2, report=lines.append
    )
    frame = study.to_frame()
    assert len(frame) == 6 and frame["hash"].nunique() == 3  # the space has three networks
    again = frame[frame["state"] == "duplicate"]
    for _, row in again.iterrows():
        original = frame[frame["id"] == row["original"]].iloc[0]
        assert (row["hash"], row["reward"]) == (original["hash"], original["reward"])
    assert sum("equal finished candidates and have their values" in line for line in lines) >= 1
    assert known["stack"] is StackSpace


def test_names_of_spaces_are_not_taken_over(known):
    class CellSpace(StackSpace):
        name = "cell"

    with pytest.raises(UserError, match="'cell' is the name of CellSpace; give CellSpace another"):
        tgas.search(CellSpace(1))
    with pytest.raises(UserError, match="space: 7 is not a search space; expected one of cell"):
        tgas.search(7)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"space": "tree"}, "search: space: 'tree' is not one of: cell, chain, nasbench201"),
        ({"strategy": "luck"}, "search: strategy: 'luck' is not one of: random, tpe"),
        ({"cells": {}}, "unknown key 'cells', did you mean 'cell'"),
        ({"lag": 2}, "lag: is a key of the workflow"),
        ({"limits": {"params": 1}}, "limits: is of the training on images"),
        ({"images": "here"}, "expected evaluate, or images and teacher together"),
        ({"evaluate": 3}, "evaluate: expected a function"),
        ({"premature": {"epochs": 1}}, "premature: is the training on images"),
    ],
)
def test_mistakes_are_one_line(options, message):
    with pytest.raises(UserError, match=message) as raised:
        tgas.search(**options)
    assert "\n" not in str(raised.value)


def test_a_budget_that_is_too_small():
    with pytest.raises(UserError, match=r"search\.progressive: 4 candidates"):
        tgas.search("cell", measure, strategy="progressive", generations=2, candidates=2)


def test_candidates_build_their_networks():
    study = tgas.search("chain", strategy="random", candidates=1)
    (candidate,) = study.ask()
    network = candidate.build(n_classes=5, image_size=16, filters=2)
    assert network.eval()(torch.zeros(2, 3, 16, 16)).shape == (2, 5)
    again = candidate.build(n_classes=5, image_size=16, filters=2)
    assert all(map(torch.equal, network.state_dict().values(), again.state_dict().values()))
    assert candidate.describe()
