"""Numbers on the command line."""

import argparse

import pytest

from tgas_neuro.__main__ import main
from tgas_neuro.commands import terminal
from tgas_neuro.commands.terminal import duration, natural, positive, share, show_progress


@pytest.mark.parametrize(
    "convert, taken, refused",
    [
        (positive, {"1": 1, "50000": 50000}, ["0", "-1", "1.5", "", "many"]),
        (natural, {"0": 0, "3": 3}, ["-1", "0.5", "nan"]),
        (duration, {"0": 0.0, "2.5": 2.5, "1e9": 1e9}, ["-0.1", "nan", "inf", "soon"]),
        (share, {"0": 0.0, "0.485": 0.485, "1": 1.0}, ["-0.1", "1.01", "nan", "half"]),
    ],
)
def test_what_is_in_range_is_taken(convert, taken, refused):
    for text, number in taken.items():
        assert convert(text) == number
    for text in refused:
        with pytest.raises(argparse.ArgumentTypeError, match=f"^'{text}': expected a "):
            convert(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("leaderboard", "--n", "0"),
        ("rerank", "--n", "-2"),
        ("rescore", "--teacher", "x", "--n", "0"),
        ("check", "simulated", "--splits", "0"),
        ("status", "--seconds", "nan"),
    ],
)
def test_commands_refuse_numbers_out_of_range(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    assert end.value.code == 2
    *_, option, value = arguments
    assert f"argument {option}: '{value}': expected a " in capsys.readouterr().err


def test_a_picture_or_assembly_that_cannot_be_written(tmp_path, capsys):
    for arguments, key in (
        (("show", "g000_c00", "--picture", str(tmp_path)), "--picture"),
        (("convert", "simulated", str(tmp_path)), "OUT.nc"),
    ):
        assert main(list(arguments)) == 1
        assert capsys.readouterr().err == f"Error: {key}: {tmp_path}: is a folder; name a file\n"


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(capsys, monkeypatch):
    now = iter([0.0, 4.0, 11.0, 12.0, 25.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(now))
    with show_progress("stimuli", 40) as advance:
        for _ in range(4):
            advance(10)
    # 20 of 40 took 11 s; the end is not shown, because the results follow
    assert capsys.readouterr().err == "stimuli: 20 of 40, 11 s left\n"


def test_progress_is_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(terminal.sys.stderr, "isatty", lambda: True)
    with show_progress("layers", 3) as advance:
        advance(3)
    assert "layers:   0%" in capsys.readouterr().err
