"""The stimulus table and its images: what is accepted, and what is refused by name."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tgas_neuro.recordings.stimuli import (
    calc_stimuli_digest,
    load_stimuli,
    match_pictures,
    validate_images,
    validate_stimuli,
)
from tgas_neuro.runtime.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """Three files that stand for images."""
    for number in "123":
        (tmp_path / f"{number}.png").write_bytes(number.encode())
    return tmp_path


@pytest.fixture
def stimuli():
    return pd.DataFrame(
        {
            "stimulus_id": ["001", "002", "003"],
            "filename": ["1.png", "2.png", "3.png"],
            "sha256": [hashlib.sha256(number.encode()).hexdigest() for number in "123"],
            "degrees": [8.0, 8.0, 4.0],
            "category_name": ["face", np.nan, "car"],
        }
    )


def test_a_correct_table_is_returned(stimuli):
    assert validate_stimuli(stimuli, "here") is stimuli


def test_identifiers_stay_text_in_a_file(stimuli, folder):
    stimuli.to_csv(folder / "stimuli.csv", index=False)
    loaded = load_stimuli(folder / "stimuli.csv")
    pd.testing.assert_frame_equal(loaded, stimuli, check_dtype=False, check_column_type=False)
    assert list(loaded["stimulus_id"]) == ["001", "002", "003"]


def change(column, row, value):
    def changed(stimuli):
        stimuli = stimuli.astype({column: object})
        stimuli.loc[row, column] = value
        return stimuli

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.drop(columns="sha256"), "column 'sha256' is missing; .* this one has stimulu"),
        (lambda s: s.iloc[:0], "no stimuli"),
        (change("stimulus_id", 1, None), "row 3: 'stimulus_id' is empty"),
        (change("degrees", 0, None), "row 2: 'degrees' is empty"),
        (change("stimulus_id", 2, "001"), "stimulus_id '001' appears more than once"),
        (change("filename", 2, "1.png"), "filename '1.png' appears more than once"),
        (change("degrees", 1, 0), "row 3: degrees is 0"),
        (change("degrees", 1, -8.0), "row 3: degrees is -8.0"),
        (change("degrees", 1, "wide"), "row 3: degrees is 'wide'"),
        (change("degrees", 1, ""), "row 3: 'degrees' is empty"),
        (change("degrees", 2, 61), r"row 4: degrees is 61 \(1 such\), more than 60 .* pixels"),
    ],
)
def test_a_mistake_is_named(stimuli, change, message):
    with pytest.raises(UserError, match=rf"^here: {message}"):
        validate_stimuli(change(stimuli), "here")


def test_a_missing_file_and_one_that_is_no_table_are_named(tmp_path):
    with pytest.raises(UserError, match=r"absent.csv: no such file"):
        load_stimuli(tmp_path / "absent.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match=r"empty.csv: not a CSV table"):
        load_stimuli(tmp_path / "empty.csv")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(UserError, match=r"ragged.csv: not a CSV table"):
        load_stimuli(tmp_path / "ragged.csv")


def test_images_are_checked_against_the_table(stimuli, folder):
    validate_images(stimuli, folder)
    (folder / "2.png").write_bytes(b"changed")
    with pytest.raises(
        UserError, match=r"2.png: sha256 is [0-9a-f]{64}, stimuli.csv says [0-9a-f]"
    ):
        validate_images(stimuli, folder)
    (folder / "2.png").unlink()
    with pytest.raises(UserError, match=r"2.png: image of stimulus '002' is missing"):
        validate_images(stimuli, folder)


def test_the_digest_is_of_identifiers_and_images_in_order(stimuli):
    lines = "".join(
        f"{i} {s}\n" for i, s in zip(stimuli["stimulus_id"], stimuli["sha256"], strict=True)
    )
    digest = calc_stimuli_digest(stimuli)
    assert digest == hashlib.sha256(lines.encode()).hexdigest()
    assert calc_stimuli_digest(stimuli.assign(degrees=1.0)) == digest
    assert calc_stimuli_digest(stimuli.iloc[::-1]) != digest
    assert calc_stimuli_digest(change("sha256", 0, "0" * 64)(stimuli)) != digest


@pytest.fixture
def two_programs(tmp_path):
    """Data sets of pictures 0 to 3, and of 1 to 4 by another program; 3 has the same bytes."""
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(5)]
    tables, folders = {}, {}
    for name, numbers in (("first", range(4)), ("second", range(1, 5))):
        folder = folders[name] = tmp_path / name
        (folder / "stimuli").mkdir(parents=True)
        rows = []
        for number in numbers:
            path = folder / "stimuli" / f"{name}_{number}.png"
            level = 9 if name == "first" or number == 3 else 0
            Image.fromarray(pictures[number]).save(path, compress_level=level)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            rows.append([str(number), path.name, digest, 8.0])
        columns = ["stimulus_id", "filename", "sha256", "degrees"]
        tables[name] = pd.DataFrame(rows, columns=columns)
    return tables, folders


def test_pictures_saved_by_another_program_are_the_same(two_programs):
    tables, folders = two_programs
    matched = match_pictures(tables, folders)
    pd.testing.assert_frame_equal(matched["first"], tables["first"])
    first, second = matched["first"]["sha256"].tolist(), matched["second"]["sha256"].tolist()
    assert second[:3] == first[1:]
    assert second[3] == tables["second"]["sha256"][3]  # a picture of the second alone
    assert (matched["second"]["filename"] == tables["second"]["filename"]).all()


def test_a_single_data_set_is_not_decoded(two_programs):
    tables, _ = two_programs
    matched = match_pictures({"first": tables["first"]}, {})
    pd.testing.assert_frame_equal(matched["first"], tables["first"])
