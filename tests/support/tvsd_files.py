"""Files as the THINGS ventral stream spiking dataset has them, of made responses and pictures."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

CHANNELS = 1024


@dataclass(frozen=True)
class MadeTvsd:
    """What made the files: responses (channel, stimulus) and (channel, stimulus, repetition)."""

    train: np.ndarray
    test: np.ndarray
    signal: np.ndarray  # (channel, stimulus) of the train images, without noise
    train_names: list[str]
    test_names: list[str]


def write_tvsd(folder: Path, images: Path, n_train=24, n_test=8, n_further=3, n_reps=4, seed=0):
    """Write ``THINGS_normMUA.mat`` and ``things_imgs.mat`` to `folder`, pictures to `images`."""
    shared, own = np.random.default_rng(100), np.random.default_rng(seed)
    names = {
        "train_imgs": [
            f"thing{k // 4:03d}\\thing{k // 4:03d}_{k % 4 + 1:02d}b.jpg" for k in range(n_train)
        ],
        "test_imgs": [_name(f"test{k:03d}", 1) for k in range(n_test)],
        "further": [_name(f"other{k:03d}", 1) for k in range(n_further)],
    }
    # as in the source, an order that is not alphabetical
    names["train_imgs"][3], names["train_imgs"][9] = names["train_imgs"][9], names["train_imgs"][3]
    features = {split: shared.normal(size=(len(found), 6)) for split, found in names.items()}
    for split, found in names.items():
        for name, values in zip(found, features[split], strict=True):
            path = images / name.replace("\\", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(128 + 50 * np.resize(values, (8, 8, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(path)
    weights, gain = own.normal(size=(6, CHANNELS)) / 6**0.5, own.uniform(0, 1.5, (CHANNELS, 1))

    def respond(split):
        return np.tanh(features[split] @ weights).T * gain

    signal = respond("train_imgs")
    train = signal + own.normal(size=signal.shape)
    clean = respond("test_imgs")[:, :, None]
    test = clean + own.normal(size=(*clean.shape[:2], n_reps))
    folder.mkdir(parents=True, exist_ok=True)
    with _create(folder / "THINGS_normMUA.mat") as file:
        for name, values in (("train_MUA", train), ("test_MUA_reps", test)):
            data = file.create_dataset(name, data=np.ascontiguousarray(values.T))
            data.attrs["MATLAB_class"] = np.bytes_("double")
    with _create(folder / "things_imgs.mat") as file:
        _write_structs(file, names)
    return MadeTvsd(train, test, signal, names["train_imgs"], names["test_imgs"])


def _name(concept, number):
    return f"{concept}\\{concept}_{number:02d}b.jpg"


def _create(path):
    """MATLAB 7.3 is HDF5 behind 512 bytes of its own."""
    return h5py.File(path, "w", userblock_size=512)


def _write_structs(file, names):
    """Struct arrays: each field holds references to the values of its elements."""
    references = file.create_group("#refs#")
    for split in ("train_imgs", "test_imgs"):
        group = file.create_group(split)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        fields = {
            "class": [name.split("\\")[0] for name in names[split]],
            "things_path": names[split],
        }
        for field, values in fields.items():
            data = group.create_dataset(field, (len(values), 1), dtype=h5py.ref_dtype)
            for number, value in enumerate(values):
                text = np.frombuffer(value.encode("utf-16-le"), "uint16")[:, None]
                place = references.create_dataset(f"{split}{field}{number}", data=text)
                place.attrs["MATLAB_class"] = np.bytes_("char")
                data[number, 0] = place.ref
