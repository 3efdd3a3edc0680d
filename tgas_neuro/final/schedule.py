"""The learning rate over the steps of a training: a short rise, then half a cosine."""

import math


def calc_learning_rate(step: int, n_steps: int, peak: float, warmup: float) -> float:
    """Learning rate of one step.

    Rises linearly over the first ``warmup * n_steps`` steps to `peak`, then falls as half a
    cosine (Loshchilov & Hutter 2017) to nearly 0 at the last step.

    Parameters
    ----------
    step
        In [0, n_steps).
    n_steps
        Steps of the whole training.
    peak
        The highest learning rate.
    warmup
        Share of the steps that rise, in [0, 1).
    """
    rising = round(warmup * n_steps)
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    passed = (step - rising) / max(1, n_steps - rising)
    return peak * 0.5 * (1 + math.cos(math.pi * passed))
