"""Where an object stands, how large it is and how it is turned, at variation levels 0, 3 and 6."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from tgas_neuro.runtime.errors import check_choice

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
