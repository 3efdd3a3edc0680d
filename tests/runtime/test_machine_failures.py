"""Failures of the machine are counted, and stop a search in which nothing else happens."""

import pytest

from tgas_neuro.runtime.errors import (
    MachineError,
    UserError,
    counting_failures,
    forget_failures,
)


def fail(run, name, cause="ImportError: libtorch_cpu.so is gone"):
    with counting_failures(run, name):
        raise MachineError(cause)


def succeed(run, name):
    with counting_failures(run, name):
        pass


def test_a_failure_of_the_machine_names_the_candidate_and_the_way_out(tmp_path):
    with pytest.raises(MachineError) as found:
        fail(tmp_path, "g000_c04")
    assert str(found.value) == (
        "candidate g000_c04: ImportError: libtorch_cpu.so is gone; the machine failed, and nothing "
        "is recorded: correct the cause, and the same command evaluates it again"
    )
    with pytest.raises(MachineError, match=r"^candidate g000_c04: "):
        fail(None, "g000_c04")  # outside a run


def test_three_candidates_in_a_row_stop_the_search_until_it_is_started_again(tmp_path):
    for name in ("g000_c00", "g000_c00", "g000_c01", "g000_c02"):  # a job that is tried again too
        with pytest.raises(MachineError, match=rf"^candidate {name}: "):
            fail(tmp_path, name)
    for name in ("g000_c03", "g000_c00"):
        with pytest.raises(UserError) as found, counting_failures(tmp_path, name):
            raise AssertionError("it began")
        assert "the search stops: 3 candidates in a row failed" in str(found.value)
        assert "libtorch_cpu.so is gone" in str(found.value)
    forget_failures(tmp_path)
    succeed(tmp_path, "g000_c03")


def test_one_that_ends_breaks_the_row_and_a_users_mistake_does_not_count(tmp_path):
    for number in range(9):
        with pytest.raises(MachineError):
            fail(tmp_path, f"g000_c{number:02d}")
        if number % 2:
            succeed(tmp_path, "g001_c00")
    for number in range(5):
        with pytest.raises(UserError, match="a mistake"), counting_failures(tmp_path, "g002_c00"):
            raise UserError(f"a mistake {number}")


def test_a_full_disk_keeps_nobody_from_saying_so(tmp_path):
    (tmp_path / "failed").write_text("nothing can be written here")
    with pytest.raises(MachineError, match=r"^candidate g000_c00: OSError: no space"):
        fail(tmp_path, "g000_c00", "OSError: no space")
