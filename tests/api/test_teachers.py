"""`load_teacher`: sizes, regions and files that do not do."""

from pathlib import Path

import pytest

import tgas_neuro as tgas
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.ledger import write_entry
from tgas_neuro.teacher.teacher import write_teacher

SIZE = 16


@pytest.fixture(scope="module")
def teacher(small):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(small)
        found = tgas.load_teacher(data={"V4": "simulated"}, splits=2, report=lambda line: None)
        found.at(SIZE)
        yield found


@pytest.mark.parametrize("size", [0, -1, 2.5, "x", True, 10**5])
def test_what_is_no_size_is_refused(teacher, size):
    with pytest.raises(UserError, match=f"size: {size!r}; expected a whole number, 1 to 2,048"):
        teacher.at(size)
    assert teacher.at(SIZE).regions["V4"].sizes["x"] == SIZE


def test_regions_that_do_not_exist(teacher):
    with pytest.raises(UserError, match="region: 'TE' is not one of: V4"):
        teacher.list_stimuli("TE")
    for wrong in (None, 3):
        with pytest.raises(UserError, match=f"uncorrected: {wrong!r}; expected a list of regions"):
            tgas.load_teacher(data={"V4": "simulated"}, uncorrected=wrong)


def test_a_changed_file_is_refused_wherever_it_is_read_from(teacher, tmp_path, monkeypatch):
    path = Path("results/teacher/one/teacher.nc")
    (tmp_path / path.parent).mkdir(parents=True)
    write_teacher(tmp_path / path, teacher.at(SIZE))
    monkeypatch.chdir(tmp_path)
    write_entry(path, "teacher")
    monkeypatch.chdir(tmp_path.parent)
    assert tgas.load_teacher(tmp_path / path).size == SIZE
    content = (tmp_path / path).read_bytes()
    (tmp_path / path).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=r"teacher\.nc: was changed after the rule teacher wrote"):
        tgas.load_teacher(tmp_path / path)
