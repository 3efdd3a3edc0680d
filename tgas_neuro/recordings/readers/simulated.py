"""The simulated recordings, which are computed from a seed and have the form of real ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import Recordings, build_assembly
from tgas_neuro.recordings.formats.archives import encode_images
from tgas_neuro.recordings.readers.options import SimulatedOptions
from tgas_neuro.simulation.stimuli import simulate_stimuli
from tgas_neuro.simulation.ventral_stream import SimulatedResponses, simulate_responses

TIME_WINDOW_MS = [70, 170]
STIMULUS_COORDS = ("object_name", "category_name", "variation")


def read_simulated(dataset: str, options: SimulatedOptions, files: dict[str, Path]) -> Recordings:
    """Make the simulated recordings.

    Parameters
    ----------
    dataset
        Not used.
    options
        Of the description, for example ``neural_data/simulated.yaml``.
    files
        Not used: nothing is downloaded.

    Returns
    -------
    Recordings
        With ``noise_free``, the truth behind the counts.
    """
    seed = options.seed
    numbers = {str(level): number for level, number in options.images_per_object.items()}
    sites = {str(region): number for region, number in options.sites.items()}
    images, table = simulate_stimuli(seed, numbers, options.image_size)
    responses = simulate_responses(
        images, table, seed, sites=sites, repetitions=options.repetitions
    )
    assembly, noise_free = label_responses(responses, table, seed)
    return Recordings(
        stimuli=table,
        images=encode_images(table["filename"], images),
        assembly=assembly,
        noise_free=noise_free,
    )


def label_responses(
    responses: SimulatedResponses, table: pd.DataFrame, seed: int
) -> tuple[xr.DataArray, xr.DataArray]:
    """Label simulated responses as recordings are labelled.

    Parameters
    ----------
    responses
        Of `simulate_responses`.
    table
        The stimuli that were shown, see `simulate_stimuli`.
    seed
        The seed of both; it is named in the attribute ``source``.

    Returns
    -------
    assembly, noise_free
        Spike counts, dims (presentation, neuroid), and their true means, dims (stimulus,
        neuroid). Besides the coordinates of every assembly: ``target_reliability`` on neuroid.
    """
    attrs: dict[str, object] = {
        "dataset": "simulated",
        "source": f"simulated, seed {seed}",
        "unit": "spikes",
        "time_window_ms": TIME_WINDOW_MS,
    }
    neuroid = {
        "neuroid_id": responses.sites,
        "region": responses.regions,
        "animal": responses.animals,
        "target_reliability": responses.target_reliability,
    }
    shown = responses.repetitions
    stimulus = {name: table[name].to_numpy(str) for name in ("stimulus_id", *STIMULUS_COORDS)}
    presentation = {name: np.repeat(values, shown) for name, values in stimulus.items()}
    presentation["repetition"] = np.concatenate([np.arange(count) for count in shown])
    noise_free = xr.DataArray(
        responses.rates,
        dims=("stimulus", "neuroid"),
        coords={name: ("stimulus", values) for name, values in stimulus.items()}
        | {name: ("neuroid", values) for name, values in neuroid.items()},
        attrs=attrs,
        name="noise_free",
    )
    return build_assembly(responses.counts, presentation, neuroid, attrs), noise_free
