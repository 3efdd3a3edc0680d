"""CIFAR-10 in its binary form, which holds no pickles."""

import hashlib
from pathlib import Path

import numpy as np

from tgas_neuro.runtime.errors import UserError

FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
RECORD_BYTES = 1 + 3 * 32 * 32  # a label, then red, green and blue planes, row by row


def read_cifar10(root: str | Path) -> tuple[np.ndarray, np.ndarray, list[str], str]:
    """Read the training split.

    Parameters
    ----------
    root
        Folder that holds ``cifar-10-batches-bin`` of the "binary version" of the data set; the
        "python version" consists of pickles, which are never loaded.

    Returns
    -------
    images, labels, classes, digest
        (image, y, x, rgb) uint8; (image,); names in the order of the labels; SHA-256 of the files.

    Raises
    ------
    UserError
        A file is missing or has another size.
    """
    folder = Path(root) / FOLDER
    digest, images, labels = hashlib.sha256(), [], []
    for name in TRAIN_FILES:
        content = _read(folder / name)
        if len(content) == 0 or len(content) % RECORD_BYTES:
            raise UserError(
                f"{folder / name}: {len(content)} bytes is not a multiple of {RECORD_BYTES}; "
                "it is truncated or not CIFAR-10's binary version"
            )
        digest.update(content)
        records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD_BYTES)
        labels.append(records[:, 0].astype(np.int64))
        images.append(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    classes = _read(folder / "batches.meta.txt").decode().split()
    return np.concatenate(images), np.concatenate(labels), classes, digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: not readable ({error.strerror}); premature.data.root must hold {FOLDER}, "
            "CIFAR-10's binary version"
        ) from None
