import numpy as np
import pytest

from tgas_neuro.simulation.rendering import (
    draw_background,
    draw_pink_noise,
    draw_shapes,
)


def test_amplitude_of_noise_falls_as_one_over_frequency():
    size, rng = 128, np.random.default_rng(0)
    spectra = [np.abs(np.fft.fft2(draw_pink_noise(rng, size))) ** 2 for _ in range(20)]
    amplitude = np.sqrt(np.mean(spectra, axis=0))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :])
    inside = (frequency > 0.03) & (frequency < 0.4)
    slope, _ = np.polyfit(np.log(frequency[inside]), np.log(amplitude[inside]), 1)
    assert slope == pytest.approx(-1.0, abs=0.05)


@pytest.mark.parametrize("draw", [draw_pink_noise, draw_shapes])
def test_parts_are_standardised(draw):
    image = draw(np.random.default_rng(3), 50)
    assert image.shape == (50, 50)
    assert image.mean() == pytest.approx(0.0, abs=1e-5)
    assert image.std() == pytest.approx(1.0, abs=1e-4)


def test_backgrounds_stay_between_black_and_white_and_differ():
    rng = np.random.default_rng(0)
    backgrounds = np.array([draw_background(rng, 32) for _ in range(50)])
    assert backgrounds.min() >= 0.0 and backgrounds.max() <= 1.0
    brightness = backgrounds.mean(axis=(1, 2))
    assert brightness.min() < 0.35 < 0.45 < brightness.max()
    correlations = np.corrcoef(backgrounds.reshape(50, -1))[np.triu_indices(50, 1)]
    assert abs(correlations.mean()) < 0.05
