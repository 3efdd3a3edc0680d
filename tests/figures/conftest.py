"""Axes without a screen."""

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture
def ax():
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    yield axes
    pyplot.close(figure)
