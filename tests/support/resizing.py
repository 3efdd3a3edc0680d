"""The reference for every resize: torchvision's, of tensors."""

import numpy as np
from PIL import Image
from torchvision.transforms.v2.functional import InterpolationMode, pil_to_tensor, resize


def resize_by_torchvision(image: Image.Image, height: int, width: int) -> np.ndarray:
    """An image of any mode after an antialiased bicubic resize, (y, x, rgb), uint8."""
    tensor = pil_to_tensor(image.convert("RGB"))
    resized = resize(tensor, [height, width], InterpolationMode.BICUBIC, antialias=True)
    return resized.permute(1, 2, 0).numpy()
