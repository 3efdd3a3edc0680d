"""A measured cell is a candidate of a search: the same P and TG, whenever else it is measured."""

import numpy as np
import pytest
from support.small_teacher import build_region

from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.config.experiments import MatureTraining
from tgas_neuro.experiments.measurement import join_teachers, measure_cell, train_mature
from tgas_neuro.runtime.files import write_json
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.search.candidate import Inputs
from tgas_neuro.search.candidate.evaluation import evaluate_candidate
from tgas_neuro.teacher.teacher import Teacher, write_teacher

pytestmark = pytest.mark.usefixtures("keep_settings_of_torch")
SIZE, CLASSES, N_IMAGES, N_STIMULI = 8, 4, 80, 16
N_TRAIN = 72  # the others are held back
GENOTYPE = SPACES["nasbench201"].read(
    {
        "space": "nasbench201",
        "architecture": "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|",
    },
    "genotype",
)


def make_teacher(seed):
    rng = np.random.default_rng(seed)
    responses = rng.normal(size=(N_STIMULI, 9))
    images = rng.integers(0, 256, (N_STIMULI, SIZE, SIZE, 3))
    return Teacher({"V4": build_region(responses, images)}, {})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Images that are easy to learn, in both splits, two teachers, and their ranks."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    colours = rng.integers(0, 256, (CLASSES, 1, 1, 3))
    for split in ("train", "val"):
        (folder / split).mkdir()
        labels = np.arange(N_IMAGES) % CLASSES
        noise = rng.normal(0, 40, (N_IMAGES, SIZE, SIZE, 3))
        pixels = np.clip(colours[labels] + noise, 0, 255).astype(np.uint8)
        np.save(folder / split / "images.npy", pixels)
        np.save(folder / split / "labels.npy", labels)
        content = {"classes": list("abcd"), "digest": "of the images"}
        write_json(folder / split / "classes.json", content)
    teachers = {"brain": make_teacher(0), "shuffled": make_teacher(1)}
    joined = join_teachers(teachers)
    write_ranks(folder / "ranks", joined)
    for key, teacher in teachers.items():
        write_teacher(folder / f"{key}.nc", teacher)
        write_ranks(folder / f"{key}_ranks", teacher)
    return folder, joined


@pytest.fixture
def training(experiment):
    return experiment.training


@pytest.fixture
def measured(files, training):
    return measure_cell(GENOTYPE, 0, training, files[0], files[1], files[0] / "ranks")


def evaluate(files, training, steps, key="brain"):
    """The evaluation of the same cell as a candidate that trains for so many steps."""
    epochs = steps * training.premature.batch_size / N_TRAIN
    premature = training.premature.model_copy(update={"epochs": epochs})
    folder = files[0]
    return evaluate_candidate(
        GENOTYPE,
        build_skeleton(premature, CLASSES),
        Inputs(folder / "train", folder / f"{key}.nc", folder / f"{key}_ranks"),
        premature,
        training.scoring,
        training.seed,
    )


@pytest.mark.parametrize("steps", [3, 6])
def test_after_some_steps_it_is_a_candidate_that_trained_for_so_many(
    files, training, measured, steps
):
    expected = evaluate(files, training, steps)
    found = measured["steps"][str(steps)]
    assert found["P"] == expected["premature"]["accuracy"]
    assert found["loss"] == expected["premature"]["loss"]
    assert found["regions"]["brain:V4"] == expected["teacher"]["regions"]["V4"]
    other = evaluate(files, training, steps, "shuffled")
    assert found["regions"]["shuffled:V4"] == other["teacher"]["regions"]["V4"]


def test_before_the_training_it_is_the_untrained_candidate(files, training, measured):
    expected = evaluate(files, training, 3)["teacher_untrained"]["regions"]["V4"]
    assert measured["steps"]["0"]["regions"]["brain:V4"] == expected
    assert list(measured["steps"]) == ["0", "3", "6"]
    assert (measured["state"], measured["repetition"]) == ("ok", 0)


def test_at_known_steps_only_accuracy_is_measured(files, training, measured):
    found = measure_cell(GENOTYPE, 0, training, files[0], files[1], files[0] / "ranks", [0, 3])
    expected = {
        step: one | {"regions": {} if step in ("0", "3") else one["regions"]}
        for step, one in measured["steps"].items()
    }
    assert found == measured | {"steps": expected}


def test_the_second_training_has_other_weights_and_the_same_held_back_images(
    files, training, measured
):
    again = measure_cell(GENOTYPE, 1, training, files[0], files[1], files[0] / "ranks")
    assert again["steps"]["0"]["regions"] != measured["steps"]["0"]["regions"]
    assert again["steps"]["6"]["loss"] != measured["steps"]["6"]["loss"]
    # P is a share of the same 8 images
    assert again["steps"]["6"]["P"] * 8 == round(again["steps"]["6"]["P"] * 8)
    repeated = measure_cell(GENOTYPE, 1, training, files[0], files[1], files[0] / "ranks")
    assert repeated == again


def test_a_cell_that_diverges_keeps_what_was_measured_before(files, training):
    fast = training.premature.model_copy(update={"learning_rate": 1e30})
    wild = training.model_copy(update={"premature": fast})
    record = measure_cell(GENOTYPE, 0, wild, files[0], files[1], files[0] / "ranks")
    assert record["state"] == "diverged" and "not finite" in record["message"]
    assert list(record["steps"]) == ["0"]


def test_a_longer_training_that_diverges_has_no_accuracy(files, training):
    fast = training.premature.model_copy(update={"learning_rate": 1e30})
    wild, said = training.model_copy(update={"premature": fast}), []
    mature = MatureTraining(kind="training", steps=20)
    assert train_mature(GENOTYPE, wild, mature, files[0], said.append) is None
    assert said[0].startswith("20 steps: diverged (") and len(said) == 1


def test_a_longer_training_learns(files, training):
    accuracy = train_mature(
        GENOTYPE, training, MatureTraining(kind="training", steps=150), files[0]
    )
    assert accuracy > 0.6  # chance is 0.25
    again = train_mature(GENOTYPE, training, MatureTraining(kind="training", steps=150), files[0])
    assert again == accuracy
