import numpy as np
import pytest
from PIL import Image

from tgas_neuro.figures.pictures import save_figure


def test_same_figure_same_bytes(ax, tmp_path):
    ax.plot([0, 1], [1, 0])
    save_figure(ax.figure, tmp_path / "new" / "a.png")
    save_figure(ax.figure, tmp_path / "new" / "b.png")
    assert (tmp_path / "new/a.png").read_bytes() == (tmp_path / "new/b.png").read_bytes()
    with Image.open(tmp_path / "new/a.png") as image:
        assert "Software" not in image.info
        assert np.asarray(image.convert("RGB"))[0, 0].tolist() == [255, 255, 255]
        assert image.width > 500


def test_nothing_is_left_after_an_error(ax, tmp_path):
    ax.set_title("$\\unknown$")
    with pytest.raises(ValueError, match="unknown"):
        save_figure(ax.figure, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
