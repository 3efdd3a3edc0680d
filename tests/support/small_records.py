"""The record of a candidate of a small test, made in any process."""

from support.run_folders import build_search
from tgas_neuro.config.premature import Premature
from tgas_neuro.search.candidate import Inputs, make_record


def list_inputs(folder):
    """Images, teacher and its ranks in one folder."""
    return Inputs(folder, folder / "teacher.nc", folder / "ranks")


def make_small_record(folder, proposal, rungs, settings):
    """Train and score a candidate in a process that is forked from this one."""
    return make_record(
        proposal,
        rungs,
        build_search(cell={"blocks": 1}),
        Premature.model_validate(settings),
        list_inputs(folder),
        None,
        {"teacher": "t"},
    )
