"""Trial noise of the simulated sites: Poisson counts under a gain that all sites share."""

import numpy as np


def calc_attainable_reliability(
    modulation: np.ndarray, repetitions: np.ndarray, gain_variance: float
) -> np.ndarray:
    """Reliability (site,) that no rate can exceed, because the shared gain does not average out.

    It is the limit of `calc_reliabilities` as the rates grow: V / (V + v B).
    """
    signal, _, gain_noise = _calc_variances(modulation, repetitions, gain_variance)
    return signal / (signal + gain_noise)


def calc_rate_scales(
    modulation: np.ndarray, repetitions: np.ndarray, target: np.ndarray, gain_variance: float
) -> np.ndarray:
    """Mean rates that give each site the reliability it is meant to have.

    Parameters
    ----------
    modulation
        m, (stimulus, site): noise-free response divided by its mean over stimuli; positive.
    repetitions
        n, (stimulus,): how often each stimulus is shown.
    target
        (site,), above 0 and below `calc_attainable_reliability`.
    gain_variance
        v: variance of the gain g, whose mean is 1.

    Returns
    -------
    numpy.ndarray
        a, (site,): mean count over stimuli.

    Notes
    -----
    The count in one presentation of stimulus s is Poisson with mean a m_s g, so that its
    variance is a m_s + v a**2 m_s**2 (that of the Poisson, and that of its mean). With n_s
    presentations, averaged:

        signal   a**2 V,                  V = variance of m_s over stimuli
        noise    a A + v a**2 B,          A = mean of m_s / n_s,  B = mean of m_s**2 / n_s

    The correlation over stimuli between the averages of two halves of the presentations is
    r = S / (S + 2 N), where S and N are the variances of signal and noise of the whole;
    Spearman-Brown makes of it 2 r / (1 + r) = S / (S + N), the reliability rho of the average of
    all of them. Solving rho = a**2 V / (a**2 V + a A + v a**2 B) for a:

        a = rho A / (V (1 - rho) - rho v B)
    """
    signal, poisson_noise, gain_noise = _calc_variances(modulation, repetitions, gain_variance)
    return target * poisson_noise / (signal * (1 - target) - target * gain_noise)


def calc_reliabilities(
    rates: np.ndarray, repetitions: np.ndarray, gain_variance: float
) -> np.ndarray:
    """Reliability (site,) of the average over all repetitions: S / (S + N), see above."""
    signal, poisson_noise, gain_noise = _calc_variances(rates, repetitions, gain_variance)
    return signal / (signal + poisson_noise + gain_noise)


def _calc_variances(
    rates: np.ndarray, repetitions: np.ndarray, gain_variance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variances of signal, Poisson noise and gain noise of averages, (site,) each."""
    per_stimulus = rates / repetitions[:, None]
    gain_noise = gain_variance * (rates * per_stimulus).mean(axis=0)
    return rates.var(axis=0), per_stimulus.mean(axis=0), gain_noise


def draw_counts(rates: np.ndarray, gain_variance: float, rng: np.random.Generator) -> np.ndarray:
    """Draw spike counts, one row per presentation.

    Parameters
    ----------
    rates
        (presentation, site): mean counts.
    gain_variance
        Variance of the gain of a presentation, shared by all sites; gamma distributed with mean
        1 (Goris, Movshon and Simoncelli 2014). At 0 the counts are Poisson.
    rng
        Draws gains and counts.

    Returns
    -------
    numpy.ndarray
        int64 (presentation, site).
    """
    gains = np.ones((len(rates), 1))
    if gain_variance > 0:
        gains = rng.gamma(1 / gain_variance, gain_variance, (len(rates), 1))
    return rng.poisson(rates * gains)
