"""The event files: TensorBoard's own readers find the numbers of every candidate, once."""

from dataclasses import replace

import pytest

event_accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
)

from tgas_neuro.loggers.tensorboard_events import (  # noqa: E402
    FOLDER,
    list_metrics,
    write_events,
)


def read_scalars(folder):
    """Tag to its points."""
    found = event_accumulator.EventAccumulator(str(folder))
    found.Reload()
    tags = found.Tags()
    scalars = {
        tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in tags["scalars"]
    }
    return scalars


def read_hparams(folder):
    """What the tab HPARAMS shows: of each session its hyperparameters, metrics and status."""
    from google.protobuf import json_format
    from tensorboard import context
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request = context.RequestContext()
    metadata = backend.hparams_metadata(request, "")
    experiment = backend.experiment_from_metadata(
        request, "", True, metadata, backend.hparams_from_data_provider(request, "", limit=None)
    )
    wanted = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, allowed_statuses=range(4)
    )
    wanted.col_params.extend(
        [api_pb2.ColParams(metric=one.name) for one in experiment.metric_infos]
        + [api_pb2.ColParams(hparam=one.name) for one in experiment.hparam_infos]
    )
    groups = list_session_groups.Handler(
        request_context=request,
        backend_context=backend,
        experiment_id="",
        request=wanted,
    ).run()
    sessions = {}
    for group in groups.session_groups:
        (session,) = group.sessions
        sessions[session.name] = {
            "hparams": {
                name: json_format.MessageToDict(one) for name, one in group.hparams.items()
            },
            "metrics": {one.name.tag: one.value for one in session.metric_values},
            "status": api_pb2.Status.Name(session.status),
        }
    return experiment, sessions


def test_hparams_has_an_entry_for_each_candidate(make_log):
    log = make_log()
    write_events(log)
    experiment, sessions = read_hparams(log.folder / FOLDER)
    assert experiment.name == log.name
    assert set(sessions) == {row["id"] for row in log.rows}
    for row, choices in zip(log.rows, log.choices, strict=True):
        session = sessions[row["id"]]
        size = {name: row[name] for name in ("params", "macs", "generation", "state")}
        assert session["hparams"] == size | choices
        known = {name: row[name] for name in list_metrics(log.rows) if row[name] is not None}
        assert session["metrics"] == pytest.approx(known)
        assert {"P", "TG", "TG_IT", "reward"} <= set(known) or row["reward"] is None
        failed = row["state"] == "diverged"
        assert session["status"] == ("STATUS_FAILURE" if failed else "STATUS_SUCCESS")


def test_the_course_of_the_search(make_log):
    log = make_log()
    write_events(log)
    found = read_scalars(log.folder / FOLDER / "search")
    assert found["reward"] == [(1, 1.0), (3, 1.625), (5, 1.0), (6, 0.5)]
    assert found["P"] == [(1, 0.5), (3, 0.625), (5, 0.5), (6, 0.25)]
    assert found["best"] == [(1, 1.0), (2, 1.0), *((step, 1.625) for step in (3, 4, 5, 6))]
    assert found["images_seen_in_all"] == [(step, 7.0 * step) for step in range(1, 7)]
    assert read_scalars(log.folder / FOLDER / "g000_c01") == {
        "images_seen": [(0, 7.0)],
        "seconds": [(0, 1.5)],
        "peak_memory_mb": [(0, 100.0)],
    }


def list_files(log):
    return {
        path.relative_to(log.folder / FOLDER).as_posix(): path.stat().st_mtime_ns
        for path in (log.folder / FOLDER).rglob("*")
        if path.is_file()
    }


def test_written_again_nothing_is_there_twice(make_log):
    write_events(make_log(1))
    log = make_log(2)
    before = list_files(log)
    write_events(log)
    after = list_files(log)
    assert len(after) == 7  # one file for each candidate, one for the search
    old = {name for name in before if not name.startswith("search/")}
    assert {name: after[name] for name in old} == {name: before[name] for name in old}
    write_events(log)
    assert list_files(log) == after
    assert len(read_scalars(log.folder / FOLDER / "search")["P"]) == 4


def test_a_changed_reward_takes_the_place_of_the_old_one(make_log):
    log = make_log()
    write_events(log)
    rows = [row | {"reward": 0.75 if row["reward"] else None} for row in log.rows]
    write_events(replace(log, rows=rows))
    assert read_scalars(log.folder / FOLDER / "g000_c00")["reward"] == [(0, 0.75)]
    names = sorted(path.name for path in (log.folder / FOLDER / "g000_c00").iterdir())
    assert len(names) == 1 and names[0].startswith("events.out.tfevents.0000000001.")


def test_a_board_that_is_open_reads_what_is_new(make_log):
    write_events(make_log(1))
    log = make_log(2)
    found = event_accumulator.EventAccumulator(str(log.folder / FOLDER / "search"))
    found.Reload()
    assert len(found.Scalars("P")) == 2
    write_events(log)
    found.Reload()
    assert max(one.step for one in found.Scalars("P")) == 6


def test_candidates_that_were_taken_back_are_gone(make_log):
    write_events(make_log(2))
    log = make_log(1)
    write_events(log)
    assert set(read_hparams(log.folder / FOLDER)[1]) == {row["id"] for row in log.rows}


@pytest.mark.parametrize("lost", [1, 7, 40, 1000])
def test_half_of_an_event_is_completed(make_log, lost):
    """A kill while events are added: what is whole is read, and the next history adds the rest."""
    write_events(make_log(1))
    log = make_log(2)
    write_events(log)
    (path,) = (log.folder / FOLDER / "search").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])
    assert 2 <= len(read_scalars(path.parent)["P"]) <= 4
    write_events(log)
    assert path.read_bytes() == whole and list(path.parent.iterdir()) == [path]


def test_a_kill_leaves_no_file_that_is_read_by_half(make_log, monkeypatch):
    """A new file has a name that TensorBoard does not read until it is whole."""
    log = make_log()
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_events(log)
    monkeypatch.undo()
    assert not list((log.folder / FOLDER).rglob("*tfevents*"))
    write_events(log)
    assert len(read_hparams(log.folder / FOLDER)[1]) == 6


def test_an_empty_search(make_log):
    write_events(replace(make_log(1), rows=[], choices=[], rungs=[]))
