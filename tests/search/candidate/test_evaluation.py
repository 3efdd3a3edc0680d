"""One candidate from the network to its record: before the training, at rungs, stopped early."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from support.run_folders import draw
from support.small_records import list_inputs, make_small_record
from support.small_teacher import build_region

from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.spaces import SPACES, calc_complexity
from tgas_neuro.config.premature import Premature, Probes
from tgas_neuro.config.search import FallingAlpha, Scoring
from tgas_neuro.images.decoded import load_decoded
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import derive_generator, derive_seed
from tgas_neuro.scoring.layers import get_guidance
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.search.candidate import (
    EarlyStop,
    find_proposal,
)
from tgas_neuro.search.candidate.child import DivergedError
from tgas_neuro.search.candidate.evaluation import evaluate_candidate
from tgas_neuro.search.candidate.probe import is_probed
from tgas_neuro.search.candidate.training import draw_held_back, train_candidate
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import build_entry
from tgas_neuro.teacher.teacher import Teacher, write_teacher

pytestmark = pytest.mark.usefixtures("keep_settings_of_torch")
SIZE, CLASSES, N_IMAGES, N_STIMULI = 8, 4, 80, 16
SETTINGS = Premature(
    data={"kind": "simulated"},
    network={"filters": 2, "cells_per_stage": 1, "stages": 1},
    image_size=SIZE,
    epochs=3,
    batch_size=12,
    device="cpu",
)
SKELETON = build_skeleton(SETTINGS, CLASSES)
GENOTYPE = SPACES["cell"](blocks=1).sample(np.random.default_rng(3))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Decoded images that are easy to learn, a teacher of random responses, and its ranks."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    labels = np.arange(N_IMAGES) % CLASSES
    colours = rng.integers(0, 256, (CLASSES, 1, 1, 3))
    noise = rng.normal(0, 40, (N_IMAGES, SIZE, SIZE, 3))
    np.save(folder / "images.npy", np.clip(colours[labels] + noise, 0, 255).astype(np.uint8))
    np.save(folder / "labels.npy", labels)
    write_json(folder / "classes.json", {"classes": list("abcd"), "digest": "of the images"})
    images = rng.integers(0, 256, (N_STIMULI, SIZE, SIZE, 3))
    responses = rng.normal(size=(N_STIMULI, 9))
    teacher = Teacher({"IT": build_region(responses, images)}, {})
    write_teacher(folder / "teacher.nc", teacher)
    write_ranks(folder / "ranks", teacher)
    return folder, teacher


def evaluate(files, settings=SETTINGS, thresholds=None, guidance="p_plus_tg", **options):
    """`thresholds`: rung to threshold."""
    if thresholds is not None:
        options["early_stop"] = EarlyStop(
            [{"epoch": e, "threshold": t, "of": 7} for e, t in thresholds.items()],
            Rating(guidance, 2.0),
            asdict(calc_complexity(GENOTYPE, SKELETON)),
        )
    return evaluate_candidate(
        GENOTYPE,
        SKELETON,
        list_inputs(files[0]),
        settings,
        Scoring(),
        5,
        **options,
    )


@pytest.fixture(scope="module")
def plain(files):
    return evaluate(files)


def drop_cost(evaluation, *others):
    return {key: value for key, value in evaluation.items() if key not in ("cost", *others)}


def test_the_untrained_score_is_that_of_the_network_as_it_was_built(files, plain):
    generator = torch.Generator().manual_seed(derive_seed(5, "weights", GENOTYPE.hash))
    network = build_network(GENOTYPE, SKELETON, generator).eval()
    expected = score_network(
        network, network.layers(), files[1], None, torch.device("cpu"), 5, **Scoring().model_dump()
    )
    found = plain["teacher_untrained"]
    assert found["TG"] == pytest.approx(expected["TG"], abs=1e-6)
    assert list(found["regions"]["IT"]["layers"]) == list(network.layers())
    assert found["TG"] != plain["teacher"]["TG"]


def test_scoring_before_the_training_changes_nothing_after_it(files, plain):
    without = evaluate(files, untrained=False)
    assert without["teacher_untrained"] is None
    dropped = "teacher_untrained"
    assert drop_cost(without, dropped) == drop_cost(plain, dropped)
    # it has learned something; an accuracy in eight images may change by one of them
    assert plain["premature"]["loss"] < 0.85 * np.log(CLASSES)


def test_going_on_at_rungs_changes_nothing(files, plain):
    found = evaluate(files, thresholds={1: None, 2: -9.0})
    assert drop_cost(found, "rungs") == drop_cost(plain, "rungs")
    assert [rung["epoch"] for rung in found["rungs"]] == [1, 2]


def test_a_rung_is_the_end_of_a_shorter_training(files):
    settings = SETTINGS.model_copy(update={"augment": False})  # drawn after the order of all images
    for rung in evaluate(files, settings, thresholds={1: None, 2: None})["rungs"]:
        short = evaluate(files, settings.model_copy(update={"epochs": rung["epoch"]}))
        assert rung["P"] == short["premature"]["accuracy"]
        by_mean = get_guidance(short["teacher"], "mean")  # the layers are not recorded at a rung
        assert rung["TG"] == short["teacher"]["TG"] | {"mean": by_mean}
        assert rung["value"] == rung["P"] + 2 * rung["TG"]["crossed"]


def test_the_value_at_a_rung_is_standardised_with_the_alpha_of_its_epoch(files):
    """After one of three epochs alpha has fallen from 3 to 2; z-scores are of the threshold's."""
    spread = {"P": {"mean": 0.1, "deviation": 0.2}, "TG": {"mean": -0.5, "deviation": 0.25}}
    threshold = {"epoch": 1, "threshold": None, "of": 7, "standardisation": {**spread, "of": 7}}
    rating = Rating("p_plus_tg", FallingAlpha(start=3, end=0), scale="standardised")
    stop = EarlyStop([threshold], rating, asdict(calc_complexity(GENOTYPE, SKELETON)))
    assert SETTINGS.epochs == 3
    (rung,) = evaluate(files, early_stop=stop)["rungs"]
    expected = (rung["P"] - 0.1) / 0.2 + 2 * (rung["TG"]["crossed"] + 0.5) / 0.25
    assert rung["value"] == pytest.approx(expected)


def test_stopped_at_a_rung(files, plain):
    reached = evaluate(files, thresholds={1: None})["rungs"][0]
    found = evaluate(files, thresholds={1: reached["value"], 2: 9.0})  # to equal it is enough
    assert [rung["threshold"] for rung in found["rungs"]] == [reached["value"], 9.0]
    assert found["teacher"] is None
    assert found["premature"]["stopped_at"] == 2
    assert found["premature"]["accuracy"] == found["rungs"][-1]["P"]
    n_train = plain["premature"]["n_train"]
    assert found["cost"]["images_seen"] == round(2 * n_train / 12) * 12
    assert found["cost"]["images_seen"] < plain["cost"]["images_seen"]


@pytest.mark.parametrize("guidance", ["p", "tg", "params", "macs", "tg_epoch0"])
def test_values_at_a_rung_follow_the_guidance(files, plain, guidance):
    (rung,) = evaluate(files, thresholds={1: 99.0}, guidance=guidance)["rungs"]
    complexity = calc_complexity(GENOTYPE, SKELETON)
    expected = {
        "p": rung["P"],
        "tg": rung["TG"] and rung["TG"]["crossed"],
        "params": np.log10(complexity.params),
        "macs": np.log10(complexity.macs),
        "tg_epoch0": plain["teacher_untrained"]["TG"]["crossed"],
    }
    assert rung["value"] == pytest.approx(expected[guidance])
    assert (rung["TG"] is None) == (guidance != "tg")  # measured only where it is needed


@pytest.fixture(scope="module")
def record(files):
    """Make the record of a candidate, whose process is forked from another one than this.

    Torch refuses to train in one that is forked from here once a test has started its threads.
    """
    settings = SETTINGS.model_dump(mode="json")

    def make(genotype=GENOTYPE, rungs=(), original=None):
        proposal = {"id": "g000_c00", "genotype": genotype.to_json(), "hash": genotype.hash}
        proposal |= {"original": original}
        return pool.submit(make_small_record, files[0], proposal, list(rungs), settings).result()

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield make


def test_the_record_of_a_stopped_candidate(record):
    found = record(rungs=[{"epoch": 1, "threshold": 99.0, "of": 7}])
    assert found["state"] == "stopped"
    assert "99.000 was needed there to be among the best of 7 candidates" in found["message"]
    assert (found["teacher"], found["complete"]) == (None, True)
    assert found["premature"]["stopped_at"] == 1
    assert found["cost"]["images_seen"] > 0
    entry = build_entry(found, Rating("p_plus_tg", 2.0), {})
    assert (entry.reward, entry.P) == (None, None)
    assert entry.rungs == {"1": found["rungs"][0]["value"]}
    assert found["provenance"]["digests"] == {"images": "of the images", "teacher": "t"}


def test_the_record_of_one_that_went_on(record):
    found = record(rungs=[{"epoch": 1, "threshold": None, "of": 0}])
    assert (found["state"], found["message"], found["guidance"]) == ("ok", "", "p_plus_tg")
    entry = build_entry(found, Rating("p_plus_tg", 2.0), {})
    TG = found["teacher"]["TG"]["crossed"]
    assert entry.reward == found["premature"]["accuracy"] + 2 * TG
    assert entry.TG_untrained == found["teacher_untrained"]["TG"]["crossed"]


def test_duplicates_and_partial_ones(record):
    """Of five blocks in a space of one: not a member, so that it may not win."""
    (other,) = draw(1)
    found = record(other, original="old-1/g000_c07")
    assert found["state"] == "duplicate"
    assert found["message"] == "the same network as old-1/g000_c07, whose record is reused"
    assert (found["complete"], found["rungs"], found["premature"]) == (False, [], None)


def test_a_proposal_is_found_by_its_id():
    content = {"proposals": [{"id": "g000_c00"}, {"id": "g000_c01"}]}
    assert find_proposal(content, "g000_c01") == {"id": "g000_c01"}
    with pytest.raises(UserError, match="there are: g000_c00, g000_c01"):
        find_proposal(content, "g000_c02")


def test_a_probe_is_trained_on_from_its_weights_and_changes_nothing_before(files, plain, tmp_path):
    """The oracle goes on from the weights that were kept."""
    settings = SETTINGS.model_copy(update={"probes": Probes(share=1, epochs=5)})
    found = evaluate(files, settings, weights=tmp_path / "weights.pt")
    assert drop_cost(found, "probe") == drop_cost(plain)
    network = build_network(GENOTYPE, SKELETON, torch.Generator())
    network.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    pixels, labels, _ = load_decoded(files[0])
    held_back = draw_held_back(labels, SETTINGS.held_back, derive_generator(5, "held back"))
    on = train_candidate(
        network,
        pixels,
        labels,
        held_back,
        SETTINGS.model_copy(update={"epochs": 2}),
        derive_generator(5, "probe", GENOTYPE.hash),
        torch.device("cpu"),
    )
    assert found["probe"] == {"accuracy": on.accuracy, "loss": on.loss, "epochs": 5}
    assert on.loss != plain["premature"]["loss"]
    seen = found["cost"]["images_seen"] - plain["cost"]["images_seen"]
    assert seen == on.images_seen > 0


def test_who_is_probed_and_who_is_not(files, plain, monkeypatch):
    """By the hash alone; a stopped candidate is not, and a probe that diverges is no failure."""
    few, many = Probes(share=0.1, epochs=4), Probes(share=0.3, epochs=4)
    drawn = [
        {digest for digest in map(str, range(2000)) if is_probed(probes, 5, digest)}
        for probes in (few, many)
    ]
    assert drawn[0] < drawn[1]
    assert [len(digests) / 2000 for digests in drawn] == pytest.approx([0.1, 0.3], abs=0.02)
    none = SETTINGS.model_copy(update={"probes": Probes(share=1e-9, epochs=4)})
    assert drop_cost(evaluate(files, none)) == drop_cost(plain) | {"probe": None}
    every = SETTINGS.model_copy(update={"probes": Probes(share=1, epochs=4)})
    assert "probe" not in evaluate(files, every, thresholds={1: 99.0})

    def diverge(*_):
        raise DivergedError("loss at step 1 of 2 is not finite")

    monkeypatch.setattr("tgas_neuro.search.candidate.probe.train_candidate", diverge)
    found = evaluate(files, every)
    assert found["probe"] == {"accuracy": None, "loss": None, "epochs": 4}
    assert drop_cost(found, "probe") == drop_cost(plain)
