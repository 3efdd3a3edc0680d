"""Reads nothing: makes the simulated recordings from a seed, for the form of real ones."""

from pathlib import Path
from typing import Any

from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.recordings.datasets.description import check_options
from tgas_neuro.recordings.formats.image_files import encode_images
from tgas_neuro.simulation.stimuli import simulate_stimuli
from tgas_neuro.simulation.ventral_stream import simulate_responses


def read_simulated(description: dict[str, Any], files: dict[str, Path]) -> Recordings:
    """Make the simulated recordings.

    Parameters
    ----------
    description
        The parsed ``neural_data/simulated.yaml``; under ``options``: ``seed``, ``image_size``
        [pixels], ``images_per_object`` (by variation level), ``repetitions`` (fewest and most)
        and ``sites`` (by region).
    files
        Not used: nothing is downloaded.

    Returns
    -------
    Recordings
        With ``noise_free``, the truth behind the counts.

    Raises
    ------
    UserError
        An option is missing, unknown or out of range.
    """
    options = check_options(description, "simulated")
    seed = options["seed"]
    images, table = simulate_stimuli(seed, options["images_per_object"], options["image_size"])
    assembly, noise_free = simulate_responses(
        images, table, seed, sites=options["sites"], repetitions=options["repetitions"]
    )
    return Recordings(
        stimuli=table,
        images=encode_images(table["filename"], images),
        assembly=assembly,
        noise_free=noise_free,
    )
