"""Every key of config.yaml, changed in a finished run: the result is that of a fresh folder.

The keys come from the models. Only the stages run again that the reference page says depend on the
key (docs/configuration.md, made from the same models).
"""

import time
from typing import Literal, get_args, get_origin

import pytest
import yaml
from soak.soak import TOY
from support.image_folders import write_noise
from support.toy_run import Toy

from tgas_neuro.config.section import MARK, Section, dump_decisive, get_extra, list_branches
from tgas_neuro.loggers import LOGGERS
from tgas_neuro.plan.configuration import check_configuration

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]


def merge(config, change):
    if not isinstance(config, dict) or not isinstance(change, dict) or "kind" in change:
        return change
    return {
        name: merge(config.get(name), change[name]) if name in change else config[name]
        for name in {**config, **change}
    }


TEACHER = TOY["teacher"]
SMALL = {"data": {"images_per_class": 12}, "network": {"filters": 8}}
BASE = merge(
    TOY,
    {
        "search": {
            "strategy": "random",
            "cell": {"blocks": 1},
            "generations": 2,
            "candidates": 2,
            "candidates_per_job": 2,
        },
        "premature": SMALL,
        "final": SMALL | {"epochs": 1},
    },
)
REGION = "recordings.regions.V4"
NETWORK = {"model": "resnet18", "layers": {"V4": "layer1", "IT": "layer3"}, "size": 32}
PHOTOS = {"data": {"kind": "image_folder", "path": "photos"}}
# What no other value of the same type says, or what needs other keys beside it.
GIVEN = {
    f"{REGION}.datasets": ["other"],
    f"{REGION}.select.variation": ["V0"],
    f"{REGION}.select.animal": ["simulated_1"],
    f"{REGION}.select.array": ["A"],
    f"{REGION}.select.window_ms": [50, 150],
    f"{REGION}.match": "array",
    f"{REGION}.ceiling_from": ["other"],
    f"{REGION}.degrees": 5,
    f"{REGION}.sample": {"recordings": {"regions": {"V4": {"sample": {"neuroids": 20}}}}},
    "recordings.mirror": "mirror",
    "teacher.kind": {"teacher": TEACHER | {"kind": "control", "control": {"type": "shuffled"}}},
    "teacher.network": {"teacher": TEACHER | {"kind": "network", "network": NETWORK}},
    "teacher.control": {"teacher": TEACHER | {"kind": "control", "control": {"type": "pixels"}}},
    "teacher.distance": {"teacher": {"distance": "cosine", "uncorrected": ["V4", "IT"]}},
    "teacher.comparison": {"teacher": {"comparison": "pearson", "uncorrected": ["V4", "IT"]}},
    "teacher.uncorrected": ["IT"],
    "search.name": "another name",
    "search.reinforce.clip": 0.2,
    "search.reinforce.passes": {"search": {"reinforce": {"passes": 2, "clip": 0.2}}},
    "search.scoring.max_units": 64,
    "search.scoring.pairs": 1000,
    "search.reuse": ["that of base"],  # known when it has run
    "search.limits.params": 10**9,
    "search.limits.macs": 10**12,
    "search.limits.memory_mb": 10**6,
    "search.limits.seconds": 10**4,
    "premature.data.kind": {"premature": PHOTOS},
    "premature.rungs": [0.5],
    "premature.probes": {"premature": {"probes": {"share": 1, "epochs": 2}}},
    "premature.device": "cpu",
    "final.data.kind": {"final": PHOTOS},
    "final.network.stem_filters": 8,
    "final.target": {"final": {"target": {"macs": 300_000}}},
    "final.drop_path": 0.1,
    "final.micro_batch": 8,
    "final.processes": 1,
    "final.ema": 0.9,
    "final.device": "cpu",
}
# Of these data no other value can be computed with.
REFUSED = {
    f"{REGION}.select.array": "the sites of simulated have no 'array'",
    f"{REGION}.select.window_ms": "one time window and no choice",
}
FAST = ("final.label_smoothing",)  # the others take hours
SHOWN = ["figures", "brainscore", "best_cell.json", "best_cell.png", "report.html"]
STAGES = {
    "recordings": ["recordings", "teacher", "images", "search", "final", *SHOWN],
    "teacher": ["teacher", "images", "search", "final", *SHOWN],
    "search": ["images", "search", "final", *SHOWN],
    "premature": ["images", "search", "final", *SHOWN],
    "final": ["images", "final", *SHOWN],
    "longer": ["search", "final", *SHOWN],
}


def list_keys(section, prefix=""):
    """Path, field and value of every key of a configuration that holds a value."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from list_keys(value, f"{prefix}{name}.")
        elif isinstance(value, dict) and all(isinstance(one, Section) for one in value.values()):
            first = next(iter(value))
            yield from list_keys(value[first], f"{prefix}{name}.{first}.")
        else:
            yield prefix + name, field, value


def choose_other(path, field, value):
    """The change of a key as a part of config.yaml."""
    other = GIVEN.get(path)
    if isinstance(other, dict):
        return other
    if other is None:
        (choices, *_) = [
            get_args(one) for one in list_branches(field.annotation) if get_origin(one) is Literal
        ] or [()]
        others = [one for one in choices if one != value]
        if others:
            other = others[0]
        elif isinstance(value, bool):
            other = not value
        elif isinstance(value, int):
            other = value + 1
        else:
            assert isinstance(value, float), f"{path}: give another value of this key in GIVEN"
            other = value * 0.9
    for name in reversed(path.split(".")):
        other = {name: other}
    return other


def find_first_stage(path, field):
    """Where a key has its first effect, as the reference page says; None: nowhere."""
    mark = get_extra(field, MARK)
    special = {
        "search.seed": "teacher",  # its splits are drawn from it
        "search.generations": "longer",  # more of the same search
        "search.scoring.pairs": "teacher",  # their ranks lie beside the teacher's others
    }
    if path in special:
        return special[path]
    return mark if isinstance(mark, str) else path.split(".")[0] if mark else None


CHECKED = check_configuration(BASE)
KEYS = {path: (field, value) for path, field, value in list_keys(CHECKED)}


def build_toy(folder, config):
    toy = Toy(folder)
    toy.config = config
    description = yaml.safe_load((folder / "neural_data/simulated.yaml").read_text())
    description["options"]["seed"] += 1
    (folder / "neural_data/other.yaml").write_text(yaml.safe_dump(description | {"name": "other"}))
    for number, split in enumerate(("train", "val")):
        write_noise(folder / "photos" / split, {"cat": 30, "dog": 30}, seed=number)
    return toy


@pytest.fixture(scope="module")
def base(warm, tmp_path_factory):
    toy = build_toy(tmp_path_factory.mktemp("base"), BASE)
    toy.run()
    return toy


def list_written(toy, since):
    """Results that are newer; no logs, and no notes of the ledger or of the progress."""
    files = [path.relative_to(toy.folder) for path in (toy.folder / "results").rglob("*")]
    return [
        path
        for path in files
        if (toy.folder / path).is_file()
        and (toy.folder / path).stat().st_mtime_ns > since
        and path.parts[1] not in ("ledger", "logs", "benchmarks")
        and path.name not in (".snakemake_timestamp", "run.json")
    ]


@pytest.mark.parametrize(
    "path",
    [path if path in FAST else pytest.param(path, marks=pytest.mark.slow) for path in KEYS],
)
def test_a_changed_key(base, tmp_path, comparable, path):
    field, value = KEYS[path]
    if path.startswith("loggers."):
        pytest.importorskip(LOGGERS[path.partition(".")[2]].package)
    config = merge(BASE, choose_other(path, field, value))
    if path == "search.reuse":
        (run,) = (base.folder / "results/search").iterdir()
        config["search"]["reuse"] = [run.name]
    for name in ("old", "fresh"):
        (tmp_path / name).mkdir()
    old = build_toy(tmp_path / "old", config)
    old.copy_results(base)
    since = time.time_ns()
    found = old.run(check=False)
    if path in REFUSED:
        assert found.returncode == 1
        assert REFUSED[path] in found.stdout
        assert old.read("results/best_cell.json") == base.read("results/best_cell.json")
        return
    assert found.returncode == 0, found.stdout[-3000:]
    fresh = build_toy(tmp_path / "fresh", config)
    if path == "search.reuse":
        fresh.copy_results(base)
    fresh.run("results/best_cell.json")
    result = comparable(old.read("results/best_cell.json"))
    assert result == comparable(fresh.read("results/best_cell.json"))
    stage, written = find_first_stage(path, field), list_written(old, since)
    used = dump_decisive(check_configuration(config), "search", "final") != dump_decisive(
        CHECKED, "search", "final"
    )
    if stage is None or not used:
        # best_cell.json holds the configuration
        assert {one.parts[1] for one in written} <= set(SHOWN) - {"figures"}
        before = comparable(base.read("results/best_cell.json"))
        assert result | {"configuration": None} == before | {"configuration": None}
    else:
        assert {one.parts[1] for one in written} <= set(STAGES[stage])
        assert any(one.parts[1] == "final" for one in written)
        before = {one.relative_to(base.folder) for one in base.folder.glob("results/*/**/*")}
        again = before & set(written)  # what was searched is taken up, not searched again
        prolonged = {"best.json", "candidates.csv"} if stage == "longer" else set()
        assert {one.name for one in again} <= prolonged
