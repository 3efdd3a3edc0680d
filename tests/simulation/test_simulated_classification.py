import numpy as np
import pytest
from PIL import Image

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation import stimuli
from tgas_neuro.simulation.objects import CATEGORIES
from tgas_neuro.simulation.stimuli import simulate_classification_split, simulate_stimuli


def load_folder(folder):
    return {
        path.relative_to(folder).as_posix(): np.asarray(Image.open(path))
        for path in sorted(folder.rglob("*.png"))
    }


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    for split in ("train", "val"):
        simulate_classification_split(folder / split, 0, split, 9, 24)
    return {split: load_folder(folder / split) for split in ("train", "val")}


def test_one_folder_a_category_with_so_many_images(splits):
    for split, images in splits.items():
        assert len(images) == 9 * 8
        assert sorted({name.split("/")[0] for name in images}) == sorted(CATEGORIES)
        for name, image in images.items():
            assert name.split("/")[1].startswith(f"simulated_{split}_")
            assert image.shape == (24, 24) and image.dtype == np.uint8


def test_train_val_and_stimuli_share_no_image(splits):
    stimuli, _ = simulate_stimuli(0, {"V0": 2, "V3": 2, "V6": 2}, 24)
    everything = [image.tobytes() for images in splits.values() for image in images.values()]
    everything += [image.tobytes() for image in stimuli]
    assert len(set(everything)) == len(everything) == 2 * 72 + 384


def test_same_seed_same_images_and_fewer_are_the_first_of_more(splits, tmp_path):
    fewer = load_folder(simulate_classification_split(tmp_path / "few", 0, "train", 2, 24))
    for name, image in fewer.items():
        np.testing.assert_array_equal(image, splits["train"][name])
    other = load_folder(simulate_classification_split(tmp_path / "other", 1, "train", 2, 24))
    assert all((other[name] != fewer[name]).any() for name in fewer)


def test_a_broken_rendering_leaves_nothing(tmp_path, monkeypatch):
    draw, drawn = stimuli.draw_stimulus, []

    def draw_a_few(*args):
        if len(drawn) == 5:
            raise KeyboardInterrupt
        drawn.append(args)
        return draw(*args)

    monkeypatch.setattr(stimuli, "draw_stimulus", draw_a_few)
    with pytest.raises(KeyboardInterrupt):
        simulate_classification_split(tmp_path / "train", 0, "train", 9, 16)
    assert len(drawn) == 5
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_named(tmp_path):
    for split, count, size, message in (
        ("test", 1, 16, "split: 'test' is not one of: train, val"),
        ("val", 0, 16, "images_per_class: 0"),
        ("val", 1, 4, "size of simulated images: 4"),
    ):
        with pytest.raises(UserError, match=message):
            simulate_classification_split(tmp_path / "new", 0, split, count, size)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="already exists; delete it"):
        simulate_classification_split(tmp_path / "full", 0, "val", 1, 16)
    assert (tmp_path / "full" / "mine.txt").read_text() == "keep"
