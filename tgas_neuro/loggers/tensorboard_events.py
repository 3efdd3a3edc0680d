"""A search as TensorBoard shows it: HParams with one entry a candidate, and the search's course."""

import io
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tgas_neuro.loggers.rows import Row, SearchLog
from tgas_neuro.runtime.files import written_whole

FOLDER = "tensorboard"
COURSE = "search"  # the run with the course of the whole search
HYPERPARAMETERS = ("params", "macs", "generation", "state")
DIGITS = 10  # of the number in a file's name


def write_events(log: SearchLog) -> None:
    """Write a run of TensorBoard for each candidate, and one with the course of the search.

    A run is one event file. New events are added to it, and a TensorBoard that is open reads them.
    Where known numbers change, as rewards that depend on all candidates do, another file takes its
    place, which a TensorBoard reads when it is started again.
    """
    folder = log.folder / FOLDER
    metrics = list_metrics(log.rows)
    wanted = {COURSE: _build_course(log, metrics)}
    for row, choices in zip(log.rows, log.choices, strict=True):
        wanted[str(row["id"])] = _build_session(row, choices, metrics)
    for name, events in wanted.items():
        _write_run(folder / name, events)
    for run in folder.iterdir():
        if run.name not in wanted:  # of a candidate that was taken back
            shutil.rmtree(run)


def list_metrics(rows: Sequence[Row]) -> list[str]:
    """The numbers of a candidate that are metrics: reward, P and TG in all forms, and cost."""
    chosen = ("reward", "P", "TG", "loss", "seconds", "images_seen", "peak_memory_mb")
    names = dict.fromkeys(name for row in rows for name in row)
    return [
        name
        for name in names
        if name in chosen or name.startswith(("TG_", "raw_", "probe_accuracy"))
    ]


def _build_session(row: Row, choices: Mapping[str, int], metrics: Sequence[str]) -> list[Any]:
    """Events of one candidate: its hyperparameters, each metric once, and how it ended."""
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.plugin_data_pb2 import SessionEndInfo, SessionStartInfo

    begin, end = (_read_time(row[key]) for key in ("started", "finished"))
    start = SessionStartInfo(start_time_secs=begin)
    for name, value in _list_hyperparameters(row, choices).items():
        kind = "string_value" if isinstance(value, str) else "number_value"
        setattr(start.hparams[name], kind, value)
    failed = row["reward"] is None and row["state"] != "stopped"
    ended = SessionEndInfo(
        status=Status.STATUS_FAILURE if failed else Status.STATUS_SUCCESS, end_time_secs=end
    )
    scalars = {name: row[name] for name in metrics if row[name] is not None}
    return [
        _build_event(begin, _build_plugin_value(session_start_info=start)),
        *(_build_scalar(end, 0, name, value) for name, value in scalars.items()),
        _build_event(end, _build_plugin_value(session_end_info=ended)),
    ]


def _list_hyperparameters(row: Row, choices: Mapping[str, int]) -> dict[str, Any]:
    """Size and state, then the choices of the genotype."""
    return {name: row[name] for name in HYPERPARAMETERS} | dict(choices)


def _build_course(log: SearchLog, metrics: Sequence[str]) -> list[Any]:
    """Events of the search: what HParams shows, and the metrics by number of the candidate."""
    from tensorboard.plugins.hparams.api_pb2 import (
        DataType,
        Experiment,
        HParamInfo,
        MetricInfo,
        MetricName,
    )

    begin = _read_time(log.rows[0]["started"]) if log.rows else 0.0
    experiment = Experiment(
        name=log.name,
        time_created_secs=begin,
        hparam_infos=[
            HParamInfo(
                name=name,
                type=DataType.DATA_TYPE_STRING if name == "state" else DataType.DATA_TYPE_FLOAT64,
            )
            for name in [*HYPERPARAMETERS, *log.n_values]
        ],
        metric_infos=[MetricInfo(name=MetricName(tag=name), display_name=name) for name in metrics],
    )
    events = [_build_event(begin, _build_plugin_value(experiment=experiment))]
    best, images = None, 0
    for number, row in enumerate(log.rows, start=1):
        reward, images = row["reward"], images + int(row["images_seen"] or 0)
        if reward is not None and row["complete"]:
            best = max(reward, reward if best is None else best)
        time = _read_time(row["finished"])
        values = {name: row[name] for name in metrics} | {
            "best": best,
            "images_seen_in_all": images,
        }
        events += [
            _build_scalar(time, number, name, value)
            for name, value in values.items()
            if value is not None
        ]
    return events


def _read_time(date: Any) -> float:
    """Seconds since 1970 of a date in ISO 8601; 0 without one."""
    return datetime.fromisoformat(str(date)).timestamp() if date is not None else 0.0


def _build_event(time: float, *values: Any, step: int = 0) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Event(wall_time=time, step=step, summary=Summary(value=values))


def _build_scalar(time: float, step: int, name: str, value: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return _build_event(time, Summary.Value(tag=name, simple_value=float(value)), step=step)


def _build_plugin_value(**content: Any) -> Any:
    """A value of the plugin HParams, as its own summaries are (they need TensorFlow)."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    tags = {
        "experiment": metadata.EXPERIMENT_TAG,
        "session_start_info": metadata.SESSION_START_INFO_TAG,
        "session_end_info": metadata.SESSION_END_INFO_TAG,
    }
    (kind,) = content
    data = HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **content)
    plugin = SummaryMetadata.PluginData(
        plugin_name=metadata.PLUGIN_NAME, content=data.SerializeToString()
    )
    return Summary.Value(tag=tags[kind], metadata=SummaryMetadata(plugin_data=plugin))


def _write_run(folder: Path, events: Sequence[Any]) -> None:
    """Write the event file of a run, or what the file that is there lacks.

    The bytes follow from the events: half a record, which a kill leaves, is completed.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    data = io.BytesIO()
    writer = RecordWriter(data)
    first = Event(wall_time=events[0].wall_time, file_version="brain.Event:2")
    for one in (first, *events):
        writer.write(one.SerializeToString(deterministic=True))
    content = data.getvalue()
    old = sorted(folder.glob("events.out.tfevents.*"))
    known = old[-1].read_bytes() if old else b""
    if old and content.startswith(known):
        for one in old[:-1]:  # a kill came before they were deleted
            one.unlink()
        with old[-1].open("ab") as file:
            file.write(content[len(known) :])
        return
    number = int(old[-1].name.split(".")[3]) + 1 if old else 0
    whole = folder / "events.new"  # TensorBoard reads every file with tfevents in its name
    with written_whole(whole) as beside:
        beside.write_bytes(content)
    whole.replace(folder / f"events.out.tfevents.{number:0{DIGITS}d}.tgas")
    for one in old:
        one.unlink()
