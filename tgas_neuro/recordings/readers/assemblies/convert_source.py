"""A source's assembly made the project's: labels, time window, missing values, float32."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from tgas_neuro.recordings.assembly import build_assembly
from tgas_neuro.recordings.readers.assemblies.source_assembly import (
    SourceAssembly,
    check_source,
    word_absent,
)
from tgas_neuro.recordings.readers.assemblies.source_labels import (
    number_repetitions,
    read_presentation_labels,
    read_site_labels,
)
from tgas_neuro.recordings.readers.assemblies.source_responses import (
    leave_out_missing,
    read_responses,
)
from tgas_neuro.recordings.readers.time_bins import Window, check_window, choose_window
from tgas_neuro.runtime.errors import UserError

COUNTS = "spikes"  # the unit of counts: they are added over time bins and never negative
NOT_STATED = "not stated by the source"


def convert_assembly(source: SourceAssembly, options: Mapping[str, object]) -> xr.DataArray:
    """Make the project's assembly, dims ``("presentation", "neuroid")``, float32, of a source.

    Responses are read in blocks of presentations, so that beside the result only one block and
    the labels are in memory. The order of presentations and sites is the source's. Constant sites
    are kept (the teacher leaves them out by their reliability), and so is a single repetition.

    Parameters
    ----------
    source
        As it lies in a file or comes from Brain-Score.
    options
        ``window_ms``, ``unit``, ``region``, ``animal``, ``repetition``, ``neuroid_id`` and
        ``missing`` as `readers.reader_options` describes them; each may be absent.

    Raises
    ------
    UserError
        Naming the source, the label or option, the value, what is allowed and the way out.
    """
    check_source(source)
    unit = str(options.get("unit") or source.attrs.get("unit") or NOT_STATED)
    presentation = read_presentation_labels(source, options)
    neuroid = read_site_labels(source, options)
    window, edges = _choose_window(source, options.get("window_ms"), unit == COUNTS)
    responses, missing = read_responses(source.responses, source.load, window)
    _check_range(source.where, responses, unit, presentation, neuroid)
    rows, sites = leave_out_missing(
        source.where, missing, options.get("missing", "refuse"), presentation, neuroid
    )
    if len(rows) < responses.shape[0]:
        responses = responses[rows]
    if len(sites) < responses.shape[1]:
        responses = responses[:, sites]
    presentation = {label: values[rows] for label, values in presentation.items()}
    presentation["repetition"] = number_repetitions(source.where, presentation)
    neuroid = {label: values[sites] for label, values in neuroid.items()}
    return build_assembly(responses, presentation, neuroid, {"unit": unit, "time_window_ms": edges})


def _choose_window(
    source: SourceAssembly, window_ms: list[float] | None, counted: bool
) -> tuple[Window | None, list[float] | str]:
    """The bins to combine, None without a dim ``time_bin``; and the window's edges [ms]."""
    binned = "time_bin" in source.responses.dims
    bins = [source.labels.get(name) for name in ("time_bin_start", "time_bin_end")]
    if all(label is not None and label[0] in ((), ("time_bin",)) for label in bins):
        starts, stops = (np.ravel(label[1]) for label in bins)
        window = choose_window(starts, stops, window_ms, counted, source.where)
        return (window if binned else None), window.edges
    if source.responses.sizes.get("time_bin", 1) > 1:
        raise word_absent(source, "time_bin_start and time_bin_end", "time_bin")
    only_bin = Window(np.array([0]), np.ones(1), []) if binned else None
    return only_bin, _word_window(source, window_ms)


def _word_window(source: SourceAssembly, window_ms: list[float] | None) -> list[float] | str:
    """The window [ms] of a source without time bins: its attribute or what the user states."""
    stated = source.attrs.get("time_window_ms")
    has_edges = stated is not None and not isinstance(stated, str) and np.size(stated) == 2
    if window_ms is None:
        return [float(edge) for edge in stated] if has_edges else str(stated or NOT_STATED)
    edges = list(check_window(window_ms, source.where))
    if has_edges and [float(edge) for edge in stated] != edges:
        raise UserError(
            f"{source.where}: options.window_ms: {list(window_ms)} is not the window that the "
            f"source states, {[float(edge) for edge in stated]} (time_window_ms), and there are no "
            "time bins to choose from; remove the option"
        )
    return edges


def _check_range(
    where: str, responses: np.ndarray, unit: str, presentation: dict, neuroid: dict
) -> None:
    limits = [(np.isinf, "responses are finite numbers (up to 3e38): correct it")]
    if unit == COUNTS:
        words = "unit 'spikes' means counts, which are never negative: correct it, or state "
        limits.append((lambda values: values < 0, f"{words}another unit"))
    for is_wrong, words in limits:
        wrong = is_wrong(responses)
        if wrong.any():
            row, site = np.unravel_index(int(wrong.argmax()), wrong.shape)
            raise UserError(
                f"{where}: response of neuroid_id {str(neuroid['neuroid_id'][site])!r} to "
                f"stimulus_id {str(presentation['stimulus_id'][row])!r} is "
                f"{responses[row, site]:g}; {words}"
            )
