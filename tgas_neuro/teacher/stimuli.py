"""How a candidate sees a stimulus: an image of so many degrees in a field of view of so many."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from tgas_neuro.runtime.errors import UserError

GREY = (128, 128, 128)  # what surrounds an image smaller than the field of view


def show_image(image: Image.Image, degrees: float, size: int, visual_degrees: float) -> np.ndarray:
    """Place an image in the field of view.

    Parameters
    ----------
    image
        Any mode; its width spans `degrees`.
    degrees
        Width of the image [deg], above 0.
    size
        Width and height of the field of view [pixel].
    visual_degrees
        Width and height of the field of view [deg]. A smaller image is centred on grey, a
        larger one loses its border, as on Brain-Score's screen.

    Returns
    -------
    seen
        (y, x, rgb), uint8.
    """
    width = max(1, round(size * degrees / visual_degrees))
    height = max(1, round(width * image.height / image.width))
    resized = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    field = Image.new("RGB", (size, size), GREY)
    field.paste(resized, ((size - width) // 2, (size - height) // 2))
    return np.asarray(field, dtype=np.uint8)


def show_stimuli(
    stimuli: pd.DataFrame, folder: str | Path, size: int, visual_degrees: float
) -> np.ndarray:
    """Show all stimuli of a table in its order, (stimulus, y, x, rgb), uint8 (see `show_image`)."""
    seen = np.empty((len(stimuli), size, size, 3), dtype=np.uint8)
    for number, (filename, degrees) in enumerate(
        zip(stimuli["filename"], stimuli["degrees"], strict=True)
    ):
        path = Path(folder) / filename
        try:
            with Image.open(path) as image:
                seen[number] = show_image(image, float(degrees), size, visual_degrees)
        except FileNotFoundError:
            raise UserError(
                f"{path}: image is missing; restore it or run the recordings stage again"
            ) from None
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise UserError(f"{path}: not a readable image ({error}); replace it") from None
    return seen
