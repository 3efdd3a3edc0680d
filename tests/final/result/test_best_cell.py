import copy
import json

import pytest
from support.winner import build_parts, change

from tgas_neuro.config.premature import ImageFolder, ImageNet, SimulatedImages, TinyImageNet
from tgas_neuro.config.section import dump_section
from tgas_neuro.final.result.best_cell import (
    check_part,
    make_best_cell,
    name_images,
    write_best_cell,
)
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.runtime.errors import UserError


def build(parts):
    return make_best_cell(**parts).model_dump(mode="json")


@pytest.fixture
def parts(genotype):
    return build_parts(genotype)


def test_holds_what_went_in(parts, genotype, tmp_path):
    path = tmp_path / "results" / "best_cell.json"
    write_best_cell(path, make_best_cell(**parts))
    found = json.loads(path.read_text())
    assert found["genotype"] == genotype.to_json()
    assert (found["hash"], found["id"], found["reward"]) == (genotype.hash, "g0_c0", 0.55)
    assert (found["guidance"], found["alpha"]) == ("p_plus_tg", 2.0)  # of the search, not today's
    assert found["premature"] == {
        "accuracy": 0.2, "loss": 2.0, "epochs": 1, "n_train": 90, "n_held_back": 10,
    }  # fmt: skip
    assert (found["teacher"]["name"], found["teacher"]["kind"], found["teacher"]["level"]) == (
        "cowley2023_v4_recordings-01234567", "recordings", "image",
    )  # fmt: skip
    assert found["teacher"]["TG"] == 0.35
    v4, it = found["teacher"]["regions"]["V4"], found["teacher"]["regions"]["IT"]
    assert (v4["datasets"], v4["n_sites"]) == (["cowley2023_v4", "mine"], 50)
    assert (v4["reliability"], v4["ceiling"], v4["n_stimuli"]) == (0.72, 0.85, 640)
    assert v4["crossed"] == {"raw": 0.3, "corrected": 0.4, "layers": ["cell_0", "cell_1"]}
    assert v4["paper"]["layer"] == "cell_1"
    assert (v4["corrected"], it["corrected"]) == (True, False)
    assert it["datasets"] == ["kriegeskorte2008_it"]
    assert it["ceiling"] is None
    assert [entry["id"] for entry in found["leaderboard"]] == [f"g0_c{k}" for k in range(10)]
    assert found["search"]["evaluated"] == 15
    assert found["search"]["name"] == "cell_tpe-89abcdef"
    assert found["final"]["top1_interval"] == [0.2, 0.3]
    assert found["digests"] == {
        "teacher_configuration": "cd", "stimuli_V4": "ef", "stimuli_IT": "ef",
        "training_images": "ab",
    }  # fmt: skip
    assert found["dates"] == {"search": {"started": "before"}, "final": {"ended": "now"}}
    assert "torch" in found["versions"]
    assert found["cost"]["final"] == {"seconds": 9.0}
    assert found["configuration"] == dump_section(parts["config"])
    assert found["files"] == parts["files"]
    assert found["drawing"] == {
        "picture": "results/picture",
        "text": [
            "normal cell: block 0 = max_pool_3x3(cell before the previous) + "
            "identity(previous cell)",
            "normal cell: output = concatenation of block 0",
        ],
    }
    assert (v4["TG"], v4["layer"]) == (0.4, "cell_1")
    assert found["final"]["network"] == parts["metrics"]["network"]
    assert found["final"]["best"]["epoch"] == 3
    assert (found["final"]["dataset"], found["final"]["target"]) == ("tiny", {"macs": "90k"})
    assert found["final"]["per_class"] == "results/metrics"
    assert found["final"]["teacher"] == {
        "TG": 0.5,
        "regions": {
            "V4": {
                "crossed": {"raw": 0.3, "corrected": 0.5, "layers": ["cell_0", "cell_1"]},
                "paper": {"raw": 0.33, "corrected": 0.55, "layer": "cells.cell_2"},
                "TG": 0.5,
                "layer": "cells.cell_2",
            },
            "IT": {"crossed": None, "paper": None, "TG": None, "layer": None},
        },
    }
    assert list(found)[:2] == ["simulated_or_toy", "note"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (SimulatedImages(images_per_class=10), "simulated objects"),
        (ImageFolder(kind="image_folder", path="data/tiny_imagenet_100.zip"), "tiny_imagenet_100"),
        (ImageFolder(kind="image_folder", path="data/cars.tar.gz"), "cars"),
        (ImageFolder(kind="image_folder", path="../flowers/"), "flowers"),
        (ImageNet(kind="imagenet", root="/data/ilsvrc"), "ImageNet (ILSVRC2012)"),
        (TinyImageNet(kind="tiny_imagenet", root="data/tiny"), "Tiny-ImageNet"),
    ],
)
def test_name_of_the_images(data, name):
    assert name_images(data) == name


def test_what_is_simulated_or_a_toy_stands_first(parts):
    toy = "images of the final training: 900 in 100 classes, a toy beside ImageNet's 1,281,167"
    assert build(parts)["simulated_or_toy"] == [toy]
    parts["metrics"]["n_train_images"] = 50_000
    assert build(parts)["simulated_or_toy"] == []
    parts["teacher"].regions["V4"].attrs["simulated"] = 1
    parts["config"] = change(parts["config"], "premature", data=SimulatedImages())
    parts["config"] = change(parts["config"], "final", data=SimulatedImages())
    found = build(parts)
    assert found["simulated_or_toy"] == [
        "recordings of V4: simulated",
        "images of the search: simulated",
        "images of the final training: simulated, 50,000 in 100 classes",
    ]
    regions = found["teacher"]["regions"]
    assert (regions["V4"]["simulated"], regions["IT"]["simulated"]) == (True, False)


def test_the_similarity_that_counts_is_that_of_the_layer_choice(parts):
    parts["best"]["layer_choice"] = "paper"
    found = build(parts)
    teacher, final = found["teacher"], found["final"]["teacher"]
    assert (teacher["TG"], teacher["regions"]["V4"]["TG"]) == (0.44, 0.44)
    assert (final["TG"], final["regions"]["V4"]["TG"]) == (0.55, 0.55)


def test_the_mean_of_all_layers_is_there_where_it_counts(parts):
    """Of 0.2 and 0.4 with ceiling 0.5; without a ceiling they count as measured."""
    assert "mean" not in build(parts)["teacher"]["regions"]["V4"]
    parts["best"]["layer_choice"] = "mean"
    layers = {"layers": {"cell_0": {"all": 0.2}, "cell_1": {"all": 0.4}, "stem": None}}
    for score in (parts["best"]["record"]["teacher"], parts["guidance"]):
        score["regions"]["V4"] |= layers | {"ceiling": 0.5}
        score["regions"]["IT"] |= layers | {"ceiling": None}
    found = build(parts)
    for part in (found["teacher"], found["final"]["teacher"]):
        assert part["regions"]["V4"]["mean"] == pytest.approx({"raw": 0.3, "corrected": 0.6})
        assert part["regions"]["IT"]["TG"] == pytest.approx(0.3)
        assert part["TG"] == pytest.approx(0.45)


def test_scale_and_a_falling_alpha(parts):
    before = build(parts)
    assert "scale" not in before
    parts["best"] |= {"scale": "standardised", "alpha": {"start": 2.0, "end": 1.0}}
    parts["best"]["standardisation"] = None
    found = build(parts)
    expected = "P and TG as measured, as fewer than 5 candidates have both"
    assert found["reward_basis"] == expected and "reward_basis" not in before
    assert (found["scale"], found["alpha"]) == ("standardised", {"start": 2.0, "end": 1.0})


def test_cost_and_dates_are_nowhere_else(parts):
    other = copy.deepcopy(parts)
    other["best"]["cost"] = {"seconds": 99.0}
    other["best"]["record"]["dates"] = {"started": "then"}
    other["metrics"] |= {"cost": {"seconds": 77.0}, "dates": {"ended": "later"}}
    one, two = build(parts), build(other)
    assert one["cost"] != two["cost"]
    assert one["dates"] != two["dates"]
    for key in ("cost", "dates"):
        del one[key], two[key]
    assert one == two


def test_note_of_real_data(parts):
    note = build(parts)["note"]
    assert (
        "V4 from cowley2023_v4 and mine, IT from kriegeskorte2008_it (not corrected for noise)"
        in note
    )
    assert "25.0% top-1 of 200 validation images in 100 classes (95 % interval 20.0%" in note
    assert "Small search: the best of 15 candidates" in note
    assert "imulated" not in note
    parts["best"]["states"] = {"ok": 100}
    assert "Small search" not in build(parts)["note"]


@pytest.mark.parametrize("kind", ["recordings", "control"])
def test_note_says_what_is_simulated(parts, kind):
    parts["config"] = change(parts["config"], "teacher", kind=kind)
    parts["teacher"].regions["V4"].attrs["simulated"] = 1
    parts["config"] = change(parts["config"], "final", data=SimulatedImages())
    found = build(parts)
    assert found["teacher"]["simulated"] is True
    assert found["final"]["simulated"] is True
    assert "says nothing about brains" in found["note"]
    assert "Simulated images in the final training: accuracies there say nothing" in found["note"]
    parts["config"] = change(parts["config"], "premature", data=SimulatedImages())
    assert "Simulated images in the search and the final training" in build(parts)["note"]


def test_note_of_a_network_teacher(parts):
    parts["config"] = change(parts["config"], "teacher", kind="network")
    parts["teacher"].regions["V4"].attrs["description"] = "network resnet18, random weights"
    note = build(parts)["note"]
    assert "a network, not a brain: V4, network resnet18, random weights; IT, recorded" in note
    parts["config"] = change(parts["config"], "teacher", kind="oracle")
    with pytest.raises(UserError, match=r"teacher\.kind: 'oracle'; .*'recordings', 'network' or"):
        build(parts)


def test_region_of_another_teacher_is_named(parts):
    del parts["teacher"].regions["IT"]
    with pytest.raises(UserError, match=r"region 'IT' .* not among its regions: V4"):
        build(parts)


@pytest.mark.parametrize(
    "path, value, message",
    [
        (("note",), None, "note: None; Input should be a valid string"),
        (("final", "top1"), 1.5, "final.top1: 1.5; Input should be less than or equal to 1"),
        (("final", "loss"), float("nan"), "final.loss: nan; Input should be a finite number"),
        (("teacher", "regions", "V4", "extra"), 1, "teacher.regions.V4.extra: 1; Extra inputs"),
        (("search", "states"), {"ok": -1}, "search.states.ok: -1; Input should be greater than"),
        (("surplus",), 1, "best_cell.json: surplus: 1; Extra inputs are not permitted"),
    ],
)
def test_a_value_that_does_not_fit_is_named(parts, path, value, message):
    content = build(parts)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(UserError) as caught:
        check_part(BestCell, content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_place_of_a_wrong_value_is_named_while_it_is_made(parts):
    parts["metrics"]["top1"] = 1.5
    with pytest.raises(UserError, match=r"best_cell\.json: final\.top1: 1\.5; "):
        build(parts)


@pytest.mark.parametrize(
    "key", [name for name, field in BestCell.model_fields.items() if field.is_required()]
)
def test_no_part_may_be_missing(parts, key):
    content = build(parts)
    check_part(BestCell, content)
    del content[key]
    with pytest.raises(UserError, match=f"best_cell.json: {key}: Field required"):
        check_part(BestCell, content)


def test_schema_describes_every_key():
    schema = BestCell.model_json_schema()
    parts = {"": schema} | schema["$defs"]
    assert all(part["description"].endswith(".") for part in parts.values())
    seen = [(name, inner) for part in parts.values() for name, inner in part["properties"].items()]
    for name, inner in seen:
        # pydantic leaves a description out where it is that of the part itself
        described = inner if "description" in inner else parts[inner["$ref"].split("/")[-1]]
        assert described["description"].endswith("."), name
    assert len(seen) > 100
