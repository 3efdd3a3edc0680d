"""Simulated IT sites: category, object and shape that tolerates position and size."""

import numpy as np
import pandas as pd

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation.objects import CATEGORIES, SimulatedObject
from tgas_neuro.simulation.poses import Pose
from tgas_neuro.simulation.rendering import draw_object
from tgas_neuro.simulation.v4_sites import calc_v4_drives, standardise

SHAPE_SIZE = 16  # pixels along each side of the view from which shape is taken

# How a site's variance is shared, on average: category, object, shape, V4-like signal. Sites
# differ around it (Dirichlet; the sum says how little): some care for hardly anything but shape.
SHARES = (3.0, 1.6, 1.6, 1.2)

# Categories and objects lie in spaces of few dimensions, and a site prefers a direction there:
# some categories are alike, and many sites say the same, as in IT (Kiani et al. 2007; Lehky et
# al. 2014). Independent preferences would make an RDM that depends on which sites were found.
CATEGORY_DIMENSIONS = 6
OBJECT_DIMENSIONS = 8
NATURAL = ("Animals", "Faces", "Fruits")


def calc_shape_views(table: pd.DataFrame, objects: dict[str, SimulatedObject]) -> np.ndarray:
    """Each stimulus's object, turned as it is, but centred, at size 1 and without clutter.

    Returns
    -------
    numpy.ndarray
        (stimulus, `SHAPE_SIZE` ** 2): grey levels, and so the same at every position and size.

    Raises
    ------
    UserError
        The table names an object that these objects do not have.
    """
    columns = ["object_name", "rotation_x", "rotation_y", "rotation_z"]
    views = []
    for name, *turns in table[columns].itertuples(index=False):
        if name not in objects:
            raise UserError(
                f"object_name: {name!r} is not one of the {len(objects)} simulated objects; "
                "responses need the table that simulate_stimuli gave"
            )
        pose = Pose(**dict(zip(columns[1:], turns, strict=True)))
        views.append(draw_object(objects[name], pose, SHAPE_SIZE)[0].ravel())
    return np.array(views)


def calc_it_drives(
    energies: np.ndarray,
    table: pd.DataFrame,
    objects: dict[str, SimulatedObject],
    n_sites: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Drive of IT sites, before the rate's nonlinearity.

    Parameters
    ----------
    energies
        (stimulus, channel, row, column), of `calc_gabor_energies`.
    table
        Of `simulate_stimuli`, in the same order.
    objects
        Of `build_objects` with the seed of the stimuli.
    n_sites
        How many.
    rng
        Draws preferences.

    Returns
    -------
    numpy.ndarray
        (stimulus, site), mean 0 and standard deviation 1 over stimuli.
    """
    category = pd.Categorical(table["category_name"], categories=CATEGORIES).codes
    thing = pd.Categorical(table["object_name"], categories=list(objects)).codes
    category_space, object_space = _draw_spaces(len(objects), rng)
    views = calc_shape_views(table, objects)
    parts = [
        _project(category_space[category], n_sites, rng),
        _project(object_space[thing], n_sites, rng),
        _project(views - views.mean(axis=0), n_sites, rng),
        calc_v4_drives(energies, n_sites, rng),
    ]
    shares = rng.dirichlet(SHARES, n_sites)
    return standardise(np.einsum("psj,jp->sj", np.stack(parts), np.sqrt(shares)))


def _draw_spaces(n_objects: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places (category, dimension) and (object, dimension); the first is natural or man-made."""
    categories = rng.normal(size=(len(CATEGORIES), CATEGORY_DIMENSIONS))
    categories[:, 0] = [1.0 if category in NATURAL else -1.0 for category in CATEGORIES]
    return categories, rng.normal(size=(n_objects, OBJECT_DIMENSIONS))


def _project(features: np.ndarray, n_sites: int, rng: np.random.Generator) -> np.ndarray:
    """What sites with random preferences make of features (stimulus, feature); standardised."""
    return standardise(features @ rng.normal(size=(features.shape[1], n_sites)))
