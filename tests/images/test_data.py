import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.images import data
from tgas_neuro.images.augmentation import AUGMENTATIONS
from tgas_neuro.images.data import AHEAD, FolderImages, _Batches, iterate_batches, normalise
from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.images.pixels import DEVIATION, MEAN, Reading
from tgas_neuro.runtime.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture
def listing(tmp_path, write_images):
    return load_image_folder(write_images(tmp_path, {"a": 4, "b": 3}), "training", "final.data")


def collect(*arguments):
    inputs, labels = zip(*iterate_batches(*arguments), strict=True)
    return torch.cat(inputs), torch.cat(labels)


@pytest.mark.parametrize("augmentation", ["pad_crop", "none"])
def test_kept_images_equal_those_decoded_each_time(listing, augmentation):
    kept = FolderImages(listing, 8, augmentation, 5)
    read = FolderImages(listing, 8, augmentation, 5, memory_mb=0)
    assert kept.kept is not None
    assert read.kept is None
    for epoch in (None, 2):
        assert torch.equal(kept.load(range(7), epoch), read.load(range(7), epoch))


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that this process has decoded, in their order."""
    names, decode = [], data.decode_square

    def note(path, *arguments, **options):
        names.append(path.name)
        return decode(path, *arguments, **options)

    monkeypatch.setattr(data, "decode_square", note)
    return names


@pytest.mark.parametrize("augmentation", ["pad_crop", "none"])
def test_images_are_decoded_when_they_are_first_wanted_and_then_kept(
    listing, decoded, augmentation
):
    images = FolderImages(listing, 8, augmentation, 5)
    names = [Path(path).name for path in listing.paths]
    assert decoded == []
    images.load([4, 1], 0)
    images.load([1, 5, 4], 1)
    assert decoded == [names[4], names[1], names[5]]
    images.load(range(7))
    assert sorted(decoded) == sorted(names)


def test_what_workers_decode_is_kept_for_all_processes(listing, decoded):
    images = FolderImages(listing, 8, "none", 5)
    first = torch.cat([inputs for inputs, _ in iterate_batches(images, [[6, 2], [0]], CPU, 2, 0)])
    assert decoded == []
    again = normalise(images.load([6, 2, 0]))
    assert decoded == []  # none of them in this process
    assert torch.equal(first, again)
    images.load([1])
    assert decoded == [Path(listing.paths[1]).name]


def test_an_image_that_failed_is_not_kept(listing):
    path = listing.folder / listing.paths[2]
    whole = path.read_bytes()
    path.write_bytes(whole[:60])
    images, other = (FolderImages(listing, 8, "none", memory_mb=size) for size in (100, 0))
    with pytest.raises(UserError, match="not a readable image"):
        images.load([2])
    path.write_bytes(whole)
    assert torch.equal(images.load([2]), other.load([2]))


def test_unaugmented_pixels_are_those_of_the_file(listing):
    images = FolderImages(listing, 12, "pad_crop")
    pixels = images.load([5])[0]
    expected = np.asarray(Image.open(listing.folder / listing.paths[5]))
    np.testing.assert_array_equal(pixels, expected)
    assert images.labels.tolist() == list(listing.labels)


def test_random_resized_crops_are_never_kept(listing):
    assert FolderImages(listing, 8, "resized_crop", 1).kept is None
    assert FolderImages(listing, 8, "resized_crop").kept is not None


@pytest.mark.parametrize("augmentation", sorted(AUGMENTATIONS))
@pytest.mark.parametrize("memory_mb", [0, 100])
def test_a_sample_depends_on_seed_epoch_and_its_number_alone(listing, augmentation, memory_mb):
    images = FolderImages(listing, 8, augmentation, 7, memory_mb)
    inputs, labels = collect(images, [[3, 0, 6], [1, 4]], CPU, 0, 3)
    assert labels.tolist() == [0, 0, 1, 0, 1]
    other, _ = collect(images, [[1], [6], [4, 3], [0]], CPU, 2, 3)
    assert torch.equal(inputs[[3, 2, 4, 0, 1]], other)
    changed = [
        collect(images, [[3, 0, 6], [1, 4]], CPU, 0, 4)[0],
        collect(FolderImages(listing, 8, augmentation, 8), [[3, 0, 6], [1, 4]], CPU, 0, 3)[0],
    ]
    for found in changed:
        assert torch.equal(inputs, found) is (augmentation == "none")


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_their_order_whatever_the_workers(listing, workers):
    images = FolderImages(listing, 8, "resized_crop", 7)
    order = np.random.default_rng(0).permutation(28) % 7
    batches = [order[start : start + 4] for start in range(0, 28, 4)]
    inputs, labels = collect(images, batches, CPU, workers, 1)
    assert labels.tolist() == [listing.labels[number] for number in order]
    assert torch.equal(inputs, normalise(images.load(order, 1)))


def test_normalisation_by_hand(listing):
    images = FolderImages(listing, 12, "pad_crop")
    inputs, _ = next(iterate_batches(images, [range(3)], CPU))
    pixels = np.asarray(Image.open(listing.folder / listing.paths[0])) / 255
    expected = (pixels - np.array(MEAN)) / np.array(DEVIATION)
    np.testing.assert_allclose(inputs[0].permute(1, 2, 0), expected, atol=1e-6)
    assert inputs.dtype == torch.float32
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    own = Reading(mean=(0.1, 0.2, 0.3), deviation=(2.0, 1.0, 0.5))
    inputs, _ = next(iterate_batches(FolderImages(listing, 12, "none", reading=own), [[0]], CPU))
    expected = (pixels - np.array(own.mean)) / np.array(own.deviation)
    np.testing.assert_allclose(inputs[0].permute(1, 2, 0), expected, atol=1e-6)


def test_the_global_generator_is_left_alone(listing):
    before = torch.get_rng_state()
    collect(FolderImages(listing, 8, "resized_crop", 7), [range(7)], CPU, 1, 0)
    assert torch.equal(before, torch.get_rng_state())


def list_children():
    """The resource tracker aside, which Python starts once and keeps."""
    children = psutil.Process().children()
    return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


def test_workers_end_with_the_iterator(listing):
    images = FolderImages(listing, 8, "none", 7)
    before = len(list_children())
    loaded = iterate_batches(images, [[0]] * 50, CPU, 2, 0)
    next(loaded)
    assert len(list_children()) == before + 2
    loaded.close()
    assert len(list_children()) == before


def test_workers_outlive_a_signal_that_the_main_process_handles(listing):
    """A cluster signals all processes of a job; batches until the checkpoint still come."""
    images = FolderImages(listing, 8, "none", 7)
    loaded = iterate_batches(images, [[0, 1]] * 40, CPU, 1, 0)
    next(loaded)
    numbers = [str(child.pid) for child in list_children()]
    for name in ("TERM", "INT"):
        subprocess.run(["kill", f"-{name}", *numbers], check=True)
    time.sleep(0.05)
    assert len(list(loaded)) == 39


def test_workers_obey_the_main_process(listing):
    loaded = iterate_batches(FolderImages(listing, 8, "none", 7), [[0, 1]] * 40, CPU, 1, 0)
    next(loaded)
    for child in multiprocessing.active_children():  # psutil's wait would hide the end from torch
        child.terminate()
        child.join(60)
        assert child.exitcode == 0
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(loaded)


ABANDONED = """
import sys, torch
from pathlib import Path
from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.images.data import FolderImages, iterate_batches
images = FolderImages(load_image_folder(sys.argv[1], "training", "x"), 8, "none", 7)
loaded = iterate_batches(images, [[0, 1]] * 40, torch.device("cpu"), 2, 0)
next(loaded)
sys.kept = loaded
raise SystemExit(3)
"""


def test_a_process_that_leaves_its_batches_ends(listing):
    command = [sys.executable, "-c", ABANDONED, str(listing.folder)]
    assert subprocess.run(command, timeout=300, check=False).returncode == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_places_of_batches_are_used_again_only_when_they_are_read(listing, workers):
    """Workers write where this process reads; given time to, they do not write over its batch."""
    images = FolderImages(listing, 8, "resized_crop", 7)
    batches = [[number % 7, (number + 2) % 7] for number in range(12)]
    source = _Batches(images, batches, 1, workers)
    loader = DataLoader(source, batch_size=None, num_workers=workers, prefetch_factor=AHEAD)
    assert len(source.places) == AHEAD * workers + 1 < len(batches)
    for expected, number in enumerate(loader):
        time.sleep(0.05)
        assert number == expected
        assert torch.equal(source.get_pixels(number), images.load(batches[number], 1))
        assert torch.equal(source.get_labels(number), images.labels[batches[number]])


def test_inputs_of_a_batch_stay(listing):
    """What was given out is not written over by later batches."""
    images = FolderImages(listing, 8, "resized_crop", 7)
    batches = [[number % 7] for number in range(12)]
    found = [inputs for inputs, _ in iterate_batches(images, batches, CPU, 1, 1)]
    for inputs, samples in zip(found, batches, strict=True):
        assert torch.equal(inputs, normalise(images.load(samples, 1)))


@pytest.mark.parametrize("workers", [0, 1])
def test_corrupt_image_is_named_in_one_line(listing, workers):
    path = listing.folder / listing.paths[2]
    path.write_bytes(path.read_bytes()[:60])
    images = FolderImages(listing, 8, "pad_crop", memory_mb=0)
    with pytest.raises(UserError) as caught:
        list(iterate_batches(images, [range(7)], CPU, workers))
    message = str(caught.value)
    assert message.startswith(f"{path}: not a readable image")
    assert "Traceback" not in message
    assert "\n" not in message


def test_grey_and_transparent_images_become_rgb(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("L", (8, 8), 77).save(tmp_path / "a" / "1.png")
    Image.new("RGBA", (8, 8), (1, 2, 3, 255)).save(tmp_path / "a" / "2.png")
    listing = load_image_folder(tmp_path, "training", "final.data")
    images = FolderImages(listing, 8, "none")
    assert images.load([0]).unique().tolist() == [77]
    assert images.load([1])[0, 0, 0].tolist() == [1, 2, 3]
    Image.new("RGBA", (8, 8), (1, 2, 3, 0)).save(tmp_path / "a" / "2.png")
    reading = Reading(pictures=Pictures(alpha="#070809"), key="final.data.images")
    assert FolderImages(listing, 8, "none", reading=reading).load([1])[0, 0, 0].tolist() == [
        7,
        8,
        9,
    ]
    with pytest.raises(UserError, match=r"2.png: 100% .*; set final.data.images.alpha: "):
        FolderImages(listing, 8, "none", reading=Reading(key="final.data.images")).load([1])


def test_names_of_files_may_hold_any_letters(tmp_path):
    for name in ("ä b", "日本"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), len(name)).save(tmp_path / name / f"{name}.png")
    images = FolderImages(load_image_folder(tmp_path, "training", "x"), 8, "none", memory_mb=0)
    assert images.load([0, 1])[:, 0, 0, 0].tolist() == [3, 2]


def test_an_unknown_augmentation_is_named(listing):
    with pytest.raises(UserError, match="'crop' is not one of: pad_crop, resized_crop, none"):
        FolderImages(listing, 8, "crop")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="/proc of Linux is needed")
def test_places_of_batches_do_not_lie_in_the_small_shared_memory_of_containers(listing):
    """Not in /dev/shm, which has 64 MB there, and yet what a forked process writes is seen."""
    images = FolderImages(listing, 64, "resized_crop", 7)
    source = _Batches(images, [[0, 1, 2]] * 300, 1, 60)
    assert source.places.nbytes == 121 * 3 * 64 * 64 * 3
    address = source.places.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        ends = [int(part, 16) for part in line.split()[0].split("-")]
        if ends[0] <= address < ends[1]:
            assert "/dev/shm" not in line
            assert line.split()[1] == "rw-s"
            break
    else:
        raise AssertionError("not mapped")
    child = os.fork()
    if not child:
        source[1]
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert torch.equal(source.get_pixels(1), images.load([0, 1, 2], 1))
