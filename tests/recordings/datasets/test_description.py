"""Descriptions of data sets: found, checked, and the mistakes that users make in them."""

from pathlib import Path
from typing import get_args

import pytest
import yaml

from tgas_neuro.config.configuration import check_section
from tgas_neuro.recordings.datasets.description import (
    Description,
    calc_description_digest,
    load_description,
)
from tgas_neuro.recordings.ingest import READERS
from tgas_neuro.recordings.readers.options import OPTIONS
from tgas_neuro.runtime.errors import UserError

NAMES = get_args(Description.model_fields["reader"].annotation)

SHIPPED = Path(__file__).parents[3] / "neural_data"
CORRECT = {
    "name": "mine",
    "title": "A title",
    "source": "https://example.org/data",
    "license": "MIT",
    "citation": "Somebody (2020)",
    "provides": "responses",
    "reader": "simulated",
    "files": [
        {"name": "a.npy", "url": "https://example.org/a.npy", "sha256": "0" * 64},
        {"name": "a.zip", "url": "https://example.org/a.zip", "sha256": "1" * 64, "size": 5},
    ],
    "options": {
        "seed": 0,
        "image_size": 64,
        "images_per_object": {"V0": 2},
        "repetitions": [8, 16],
        "sites": {"V4": 4},
    },
}


def write(folder: Path, content: dict | str, name: str = "mine") -> Path:
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    (folder / f"{name}.yaml").write_text(text)
    return folder


def change(**keys) -> dict:
    return CORRECT | keys


def change_file(**keys) -> dict:
    return change(files=[CORRECT["files"][0] | keys, CORRECT["files"][1]])


def change_options(**keys) -> dict:
    return change(options=CORRECT["options"] | keys)


def leave_out(key: str) -> dict:
    return {name: value for name, value in CORRECT.items() if name != key}


def test_a_correct_description_is_returned_as_it_is(tmp_path):
    assert load_description("mine", [write(tmp_path, CORRECT)]).dump() == CORRECT


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.yaml")))
def test_what_is_shipped_is_correct(name):
    description = load_description(name, [SHIPPED])
    assert description.name == name
    assert description.reader in READERS


LOCAL = {"name": "a.h5", "path": "~/data/ventral_neural_data.hdf5"}


def change_local(**keys) -> dict:
    return change(files=[LOCAL | keys])


@pytest.mark.parametrize("digests", [{}, {"sha256": "A" * 64}, {"sha1": "B" * 40}])
def test_a_file_of_the_users_is_given_by_its_path(tmp_path, digests):
    # whether it is there is asked when planning, not here
    file = load_description("mine", [write(tmp_path, change_local(**digests))]).files[0]
    assert file.model_dump(exclude_none=True) == LOCAL | {
        kind: digest.lower() for kind, digest in digests.items()
    }


MISTAKES = {
    "misspelt key": (change(licence="MIT"), "unknown key 'licence', did you mean 'license'?"),
    "missing key": (leave_out("citation"), "key 'citation' is missing; add it: What to cite"),
    "wrong type": (change(title=5), "title: expected text, got 5 (a whole number)"),
    "empty text": (change(title=""), "title: 0 given, at least 1 expected"),
    "unknown kind": (change(provides="rmd"), "provides: 'rmd' is not one of: responses, rdm, did"),
    "unknown reader": (
        change(reader="kriegeskorte"),
        f"reader: 'kriegeskorte' is not one of: {', '.join(NAMES)}, did you mean 'kriegeskorte2",
    ),
    "other name": (
        change(name="yours"),
        "name: 'yours' differs from the file's name; write 'mine'",
    ),
    "name with folders": (
        change(name="../x"),
        "name: '../x' is not what is expected here: letters",
    ),
    "wrong digest": (
        change_file(sha256="abc"),
        "files[0].sha256: 'abc' is not what is expected here: 64 hexadecimal digits",
    ),
    "digest as number": (change_file(sha256=123), "files[0].sha256: expected text, got 123"),
    "address": (change_file(url="ftp://x/y"), "files[0].url: 'ftp://x/y' is not what is expected"),
    "neither address nor path": (
        change(files=[{"name": "a.npy"}]),
        "files[0]: key 'path' is missing; add it: Where it lies, absolute or relative to the "
        "working directory, ~ is the home; or give url and sha256",
    ),
    "address and path": (change_file(path="a.npy"), "files[0]: unknown key 'path' (allowed: name"),
    "address without digest": (
        change(files=[{"name": "a.npy", "url": "https://example.org/a.npy"}]),
        "files[0]: key 'sha256' is missing; add it: SHA-256 of the file",
    ),
    "misspelt path": (
        change(files=[{"name": "a.npy", "paht": "a.npy"}]),
        "files[0]: unknown key 'paht', did you mean 'path'? (allowed: name, path, sha256, sha1)",
    ),
    "misspelt address": (
        change(files=[{"name": "a.npy", "uri": "https://x.org/y", "sha256": "0" * 64}]),
        "files[0]: unknown key 'uri', did you mean 'url'? (allowed: name, url, sha256, size)",
    ),
    "path of nothing": (change_local(path=""), "files[0].path: '' is not what is expected here: a"),
    "path with a pattern": (
        change_local(path="data/{a}.npy"),
        "files[0].path: 'data/{a}.npy' is not what is expected here: a path without control",
    ),
    "path as list": (change_local(path=["a"]), "files[0].path: expected text, got ['a'] (a list)"),
    "wrong SHA-1": (
        change_local(sha1="0" * 64),
        "files[0].sha1: '0000000000000000000000000000000000000000000000000000000000000000' is not "
        "what is expected here: 40 hexadecimal digits",
    ),
    "size of a local file": (change_local(size=5), "files[0]: unknown key 'size' (allowed: name"),
    "name of an unfinished file": (
        change_file(name="a.part"),
        "files[0].name: 'a.part' is not what is expected here: a plain file name without folders",
    ),
    "file with folders": (
        change_file(name="../a"),
        "files[0].name: '../a' is not what is expected",
    ),
    "misspelt key of a file": (change_file(md5="x"), "files[0]: unknown key 'md5' (allowed: name"),
    "size as text": (
        change_file(size="5"),
        "files[0].size: expected a whole number or null, got '5' (text)",
    ),
    "size of nothing": (
        change_file(size=0),
        "files[0].size: 0 is too small; the least allowed is 1",
    ),
    "the same name twice": (change_file(name="a.zip"), "files: name 'a.zip' appears twice"),
    "files not a list": (change(files={"a": 1}), "files: expected a list, got {'a': 1} (keys with"),
    "unknown option": (
        change_options(image_sise=64),
        "options: unknown key 'image_sise', did you mean 'image_size'?",
    ),
    "seed as text": (
        change_options(seed="0"),
        "options.seed: expected a whole number, got '0' (text); write 0",
    ),
    "image size": (
        change_options(image_size=8),
        "options.image_size: 8 is too small; the least allowed is 16",
    ),
    "no options": (leave_out("options"), "options: key 'seed' is missing; add it: Determines"),
    "not YAML": ("name: mine\ntitle: [a, b\nsource: x\n", "line 3, column 7: not valid YAML ("),
    "tab": ("name: mine\n\ttitle: x\n", "line 2, column 1: not valid YAML ("),
    "key twice": ("name: mine\nname: mine\n", "line 2, column 1: not valid YAML (key 'name' is"),
    "empty": ("", "expected keys with values, got nothing (null)"),
    "a list": ("- name: mine\n", "expected keys with values, got [{'name': 'mine'}] (a list)"),
    "a list as key": ("? [a, b]\n: 1\n", "line 1, column 3: not valid YAML (found unhashable key)"),
    "a set": ("!!set {a, b}\n", "was read as a set; put it in quotes"),
    "no date": (
        "name: 2020-13-45\n",
        "line 1, column 7: not valid YAML ('2020-13-45' is no timestamp)",
    ),
    "a tag that is wrong": (
        "name: [!!timestamp x]\n",
        "line 1, column 8: not valid YAML ('x' is no timestamp)",
    ),
    "a tag without a value": ("name: !!int\n", "line 1, column 7: not valid YAML ('' is no int)"),
    "a number for a truth": ("name: !!bool 5\n", "column 7: not valid YAML ('5' is no bool)"),
    "within itself": ("files: &a [*a]\n", "nested too deeply, or within itself; write it out"),
    "deeper than deep": ("a: " + "[" * 5000, "nested too deeply, or within itself; write it out"),
    "a few lines that grow by aliases": (
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9)),
        "values, at most 100000 are read; shorten it",
    ),
    "a Python object": ("name: !!python/object:os.system x\n", "not valid YAML ("),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_naming_file_and_key(tmp_path, mistake):
    content, message = MISTAKES[mistake]
    with pytest.raises(UserError) as error:
        load_description("mine", [write(tmp_path, content)])
    assert str(error.value).startswith(f"{tmp_path / 'mine.yaml'}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_text_in_another_encoding_is_named(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"name: mine\ntitle: caf\xe9\n")
    with pytest.raises(UserError, match=r"mine.yaml: not a YAML text in UTF-8"):
        load_description("mine", [tmp_path])


def test_an_unknown_data_set_names_what_there_is(tmp_path):
    write(tmp_path, CORRECT)
    write(tmp_path, CORRECT, "other")
    write(tmp_path, CORRECT, "template")  # to copy; it is no data set
    with pytest.raises(UserError, match=r"'mien'.*did you mean 'mine'\?; there are: mine, other$"):
        load_description("mien", [tmp_path, tmp_path / "absent"])
    with pytest.raises(UserError, match="there are: none"):
        load_description("mine", [tmp_path / "absent"])


def test_a_name_cannot_reach_out_of_the_folder(tmp_path):
    write(tmp_path, CORRECT)
    (tmp_path / "inner").mkdir()
    with pytest.raises(UserError, match=r"data set '\.\./mine'"):
        load_description("../mine", [tmp_path / "inner"])


def test_the_first_folder_wins(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    write(first, change(title="first"))
    write(second, change(title="second"))
    assert load_description("mine", [first, second]).title == "first"
    assert load_description("mine", [tmp_path, second]).title == "second"


def test_digests_are_compared_in_lower_case(tmp_path):
    description = load_description("mine", [write(tmp_path, change_file(sha256="A" * 64))])
    assert description.files[0].sha256 == "a" * 64


def calc_digest(content: dict) -> str:
    return calc_description_digest(Description.model_validate(content))


def test_the_digest_depends_on_what_determines_the_data():
    digest = calc_digest(CORRECT)
    assert len(digest) == 64
    local = calc_digest(change_local())
    assert calc_digest(change_local(path="elsewhere.h5")) != local
    moved = [change_local(path=path, sha1="0" * 40) for path in ("here.h5", "there.h5")]
    assert calc_digest(moved[0]) == calc_digest(moved[1]) != local
    for same in (
        change(title="x", source="x", license="x", citation="x"),
        change_file(url="https://elsewhere.org/a.npy", size=7),
        change(files=CORRECT["files"][::-1]),
    ):
        assert calc_digest(same) == digest
    for other in (
        change(name="x"),
        change(reader="arrays"),
        change(provides="rdm"),
        change(options={}),
        change_file(sha256="2" * 64),
        change_file(name="b.npy"),
    ):
        assert calc_digest(other) != digest


@pytest.mark.parametrize(
    "reader", [name for name, model in OPTIONS.items() if "degrees" in model.model_fields]
)
@pytest.mark.parametrize("degrees", [60.5, 224, 1024])
def test_widths_in_pixels_are_refused_by_every_reader(reader, degrees):
    values = {"time_window_ms": [0, 9], "window_ms": [0, 9]}
    options = {
        name: values.get(name, "x")
        for name, field in OPTIONS[reader].model_fields.items()
        if field.is_required()
    }
    with pytest.raises(UserError) as error:
        check_section(OPTIONS[reader], options | {"degrees": degrees}, "mine.yaml")
    message = str(error.value)
    assert "too large; the most allowed is 60 degrees of visual angle: are these pixels?" in message


def test_options_that_are_not_given_change_no_digest():
    """Digests of descriptions as they were before readers got the option ``pictures``."""
    folder = Path(__file__).parents[3] / "neural_data"
    digests = {"majajhong2015_public": "679414b53417", "cowley2023_v4": "3571c5c26f24"}
    for name, digest in digests.items():
        assert calc_description_digest(load_description(name, [folder])).startswith(digest)
