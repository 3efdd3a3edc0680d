import numpy as np
import pytest

from tgas_neuro.simulation.sites import (
    GRID,
    calc_gabor_energies,
    list_channels,
)

SIZE = 64


def draw_grating(wavelength: float, angle: float, phase: float = 0.0) -> np.ndarray:
    at = (np.arange(SIZE) + 0.5) / SIZE * 8.0
    x, y = np.meshgrid(at, at)
    wave = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wavelength + phase
    return np.rint(127.5 + 100 * np.sin(wave)).astype(np.uint8)


@pytest.mark.parametrize("channel", range(len(list_channels())))
def test_a_grating_drives_its_own_channel_most(channel):
    energies = calc_gabor_energies(draw_grating(*list_channels()[channel])[None])[0]
    inner = energies[:, 4:-4, 4:-4].mean(axis=(1, 2))
    assert inner.argmax() == channel


def test_energy_does_not_depend_on_phase_but_amplitude_of_one_filter_would():
    wavelength, angle = list_channels()[8]
    gratings = np.stack([draw_grating(wavelength, angle, p) for p in (0.0, 1.0, 2.5)])
    energies = calc_gabor_energies(gratings)[:, 8, 4:-4, 4:-4]
    np.testing.assert_allclose(energies[1:], energies[:1].repeat(2, axis=0), rtol=0.03)


def test_energies_are_normalised_and_grey_has_none():
    noise = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE)).astype(np.uint8)
    grey = np.full((1, SIZE, SIZE), 100, dtype=np.uint8)
    energies = calc_gabor_energies(np.concatenate([noise, grey]))
    assert energies.shape == (4, len(list_channels()), GRID, GRID)
    assert energies.dtype == np.float32
    assert energies.min() >= 0.0 and energies.sum(axis=1).max() < 1.0
    assert energies[:3].sum(axis=1).min() > 0.5
    np.testing.assert_allclose(energies[3], 0.0, atol=1e-3)


def test_energy_is_where_the_texture_is():
    picture = np.full((SIZE, SIZE), 127, dtype=np.uint8)
    picture[:, SIZE // 2 :] = draw_grating(1.1, 0.0)[:, SIZE // 2 :]
    channel = list_channels().index((1.1, 0.0))
    energies = calc_gabor_energies(picture[None])[0, channel]
    assert energies[:, 11:].min() > 3 * energies[:, :4].max()


def test_the_size_in_pixels_matters_little():
    at = np.linspace(0, 1, 128, endpoint=False)
    large = np.rint(127 + 60 * np.sin(40 * at[:, None] * at) + 40 * np.cos(25 * at)).astype(
        np.uint8
    )
    small = large.reshape(64, 2, 64, 2).mean(axis=(1, 3)).round().astype(np.uint8)
    one, other = calc_gabor_energies(large[None]), calc_gabor_energies(small[None])
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.98
