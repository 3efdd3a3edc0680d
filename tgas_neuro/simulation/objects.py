"""Simulated objects: which there are, how they are composed and how they are posed."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from tgas_neuro.runtime.errors import check_choice
from tgas_neuro.runtime.provenance import derive_generator

DEGREES = 8.0  # width of every image [deg], as HvM was shown
OBJECT_RADIUS = 3.2  # radius of the sphere around an object of size 1 [deg]

# Largest shift along either axis [deg], largest factor of size (up or down), largest turn
# about each axis [deg]. The factors and turns are HvM's; its objects also move further and
# turn further at level 6 than at level 3, and not at all at level 0.
VARIATIONS = {
    "V0": (0.0, 1.0, 0.0),
    "V3": (0.8, 1.3, 45.0),
    "V6": (1.6, 1.6, 90.0),
}

# Seen from the front an aeroplane or a table is a line: everybody looks from above, at an angle.
CANONICAL_VIEW = Rotation.from_euler("yx", [-32.0, 22.0], degrees=True).as_matrix()


@dataclass(frozen=True)
class Pose:
    """Position of the centre (x to the right, y up) [deg], size (1 is normal), turns [deg]."""

    position_x: float = 0.0
    position_y: float = 0.0
    size: float = 1.0
    rotation_x: float = 0.0
    rotation_y: float = 0.0
    rotation_z: float = 0.0


def draw_pose(variation: str, rng: np.random.Generator) -> Pose:
    """Draw a pose, uniform within the range of a variation level (size: log-uniform)."""
    check_choice("variation", variation, VARIATIONS)
    shift, factor, turn = VARIATIONS[variation]
    position = rng.uniform(-shift, shift, 2)
    size = np.exp(rng.uniform(-np.log(factor), np.log(factor)))
    rotation = rng.uniform(-turn, turn, 3)
    # Adding zero turns -0.0 of the level without variation into 0.0.
    return Pose(*(float(value) + 0.0 for value in (*position, size, *rotation)))


def build_rotation(pose: Pose) -> np.ndarray:
    """Rotation matrix (3, 3) from the object's axes to the viewer's (x right, y up, z near)."""
    turns = [pose.rotation_z, pose.rotation_y, pose.rotation_x]
    # Turned in the viewer's frame, after the canonical view.
    return Rotation.from_euler("zyx", turns, degrees=True).as_matrix() @ CANONICAL_VIEW


OBJECTS_PER_CATEGORY = 8

# A category is a list of parts: centre (x, y, z), semi-axes, reflectance, and the axes along
# which the part is repeated as in a mirror (a table's leg at "xz" makes four). x is the length
# of the thing, y points up, z is its width. The categories are those of HvM (Majaj, Hong et al.
# 2015), so that a simulated search and a real one read alike.
PROTOTYPES = {
    "Animals": [
        ((0.0, 0.05, 0.0), (0.62, 0.30, 0.28), 0.70, ""),
        ((0.70, 0.42, 0.0), (0.26, 0.23, 0.20), 0.70, ""),
        ((0.92, 0.34, 0.0), (0.18, 0.11, 0.11), 0.55, ""),
        ((0.68, 0.66, 0.13), (0.06, 0.15, 0.06), 0.40, "z"),
        ((0.38, -0.48, 0.17), (0.10, 0.38, 0.10), 0.60, "xz"),
        ((-0.76, 0.20, 0.0), (0.26, 0.06, 0.06), 0.45, ""),
    ],
    "Boats": [
        ((0.0, -0.50, 0.0), (0.95, 0.22, 0.30), 0.35, ""),
        ((0.0, -0.36, 0.0), (0.80, 0.12, 0.26), 0.85, ""),
        ((0.0, 0.30, 0.0), (0.035, 0.80, 0.035), 0.25, ""),
        ((0.28, 0.30, 0.0), (0.26, 0.56, 0.04), 0.98, ""),
        ((-0.28, 0.16, 0.0), (0.22, 0.40, 0.04), 0.90, ""),
    ],
    "Cars": [
        ((0.0, -0.08, 0.0), (0.92, 0.22, 0.42), 0.75, ""),
        ((-0.05, 0.16, 0.0), (0.48, 0.26, 0.35), 0.35, ""),
        ((0.0, 0.30, 0.0), (0.34, 0.13, 0.30), 0.85, ""),
        ((0.54, -0.26, 0.34), (0.22, 0.22, 0.11), 0.08, "xz"),
        ((0.54, -0.26, 0.42), (0.10, 0.10, 0.06), 0.90, "xz"),
    ],
    "Chairs": [
        ((0.0, -0.05, 0.0), (0.46, 0.10, 0.46), 0.80, ""),
        ((-0.36, 0.48, 0.0), (0.09, 0.50, 0.42), 0.65, ""),
        ((0.31, -0.50, 0.31), (0.08, 0.46, 0.08), 0.30, "xz"),
    ],
    "Faces": [
        ((0.0, -0.04, 0.0), (0.56, 0.76, 0.60), 0.85, ""),
        ((0.0, 0.42, -0.14), (0.60, 0.46, 0.58), 0.12, ""),
        ((0.22, 0.12, 0.50), (0.13, 0.08, 0.10), 0.05, "x"),
        ((0.0, -0.10, 0.60), (0.09, 0.20, 0.14), 0.90, ""),
        ((0.0, -0.40, 0.46), (0.22, 0.06, 0.10), 0.10, ""),
        ((0.56, 0.0, 0.0), (0.08, 0.18, 0.12), 0.80, "x"),
    ],
    "Fruits": [
        ((0.22, -0.06, 0.0), (0.50, 0.58, 0.56), 0.70, "x"),
        ((0.0, 0.62, 0.0), (0.05, 0.26, 0.05), 0.15, ""),
        ((0.26, 0.74, 0.0), (0.30, 0.07, 0.15), 0.35, ""),
    ],
    "Planes": [
        ((0.0, 0.0, 0.0), (1.0, 0.19, 0.19), 0.90, ""),
        ((0.06, -0.02, 0.48), (0.26, 0.06, 0.54), 0.75, "z"),
        ((0.16, -0.10, 0.40), (0.20, 0.08, 0.08), 0.30, "z"),
        ((-0.80, 0.05, 0.20), (0.16, 0.05, 0.26), 0.75, "z"),
        ((-0.80, 0.28, 0.0), (0.17, 0.30, 0.05), 0.45, ""),
        ((0.80, 0.08, 0.0), (0.12, 0.08, 0.09), 0.10, ""),
    ],
    "Tables": [
        ((0.0, 0.25, 0.0), (0.92, 0.10, 0.62), 0.85, ""),
        ((0.62, -0.28, 0.38), (0.10, 0.56, 0.10), 0.25, "xz"),
    ],
}
CATEGORIES = tuple(PROTOTYPES)


@dataclass(frozen=True)
class SimulatedObject:
    """One object: ellipsoids that are parallel to its own axes, inside the unit sphere.

    Attributes
    ----------
    name, category
        For example ``simulated_cars_1`` and ``Cars``.
    centres, axes
        Centres and semi-axes of the ellipsoids, (part, 3), in object units.
    reflectance
        (part,), 0 (black) to 1 (white).
    wave, wave_depth
        Wave vector (3,) [rad per object unit] and depth, 0 to 1, of the surface texture, a
        grating fixed to the object.
    """

    name: str
    category: str
    centres: np.ndarray
    axes: np.ndarray
    reflectance: np.ndarray
    wave: np.ndarray
    wave_depth: float


def build_objects(seed: int) -> dict[str, SimulatedObject]:
    """Build the 64 objects that belong to a seed, by name, sorted by category.

    An object is its category's prototype with every part stretched and moved a little; parts
    that mirror each other change together.
    """
    objects = {}
    for category in CATEGORIES:
        for number in range(1, OBJECTS_PER_CATEGORY + 1):
            name = f"simulated_{category.lower()}_{number}"
            rng = derive_generator(seed, "simulated object", category, number)
            objects[name] = _build_object(name, category, rng)
    return objects


def _build_object(name: str, category: str, rng: np.random.Generator) -> SimulatedObject:
    copies: list[tuple[np.ndarray, np.ndarray, float]] = []
    stretch = np.exp(rng.normal(0.0, 0.16, 3))
    for centre, semi_axes, grey, mirror in PROTOTYPES[category]:
        centre = np.asarray(centre) * stretch * np.exp(rng.normal(0.0, 0.07, 3))
        semi_axes = np.asarray(semi_axes) * stretch * np.exp(rng.normal(0.0, 0.12, 3))
        grey = float(np.clip(grey + rng.normal(0.0, 0.08), 0.03, 1.0))
        for signs in _list_mirror_signs(mirror):
            copies.append((centre * signs, semi_axes, grey))
    centres = np.array([centre for centre, _, _ in copies])
    axes = np.array([semi_axes for _, semi_axes, _ in copies])
    reach = np.max(np.linalg.norm(centres, axis=1) + axes.max(axis=1))
    direction = rng.normal(size=3)
    wave = direction / np.linalg.norm(direction) * rng.uniform(8.0, 20.0)
    return SimulatedObject(
        name=name,
        category=category,
        centres=centres / reach,
        axes=axes / reach,
        reflectance=np.array([grey for _, _, grey in copies]),
        wave=wave,
        wave_depth=float(rng.uniform(0.0, 0.25)),
    )


def _list_mirror_signs(mirror: str) -> list[np.ndarray]:
    """Signs (3,) of every copy of a part that is mirrored along the axes named."""
    signs = [np.ones(3)]
    for axis in mirror:
        flip = np.ones(3)
        flip["xyz".index(axis)] = -1.0
        signs += [sign * flip for sign in signs]
    return signs
