"""The learning rate over the steps of a training: a short rise, then a fall."""

import math

from tgas_neuro.runtime.errors import check_choice


def calc_learning_rate(step: int, n_steps: int, per_epoch: int, config: dict) -> float:
    """Learning rate of one step.

    Rises linearly over the first ``warmup * n_steps`` steps to ``learning_rate``, then falls as
    ``schedule`` says.

    Parameters
    ----------
    step
        In [0, n_steps).
    n_steps
        Steps of the whole training.
    per_epoch
        Steps of one epoch.
    config
        The section ``final``: ``schedule``, a key of `SCHEDULES`; ``learning_rate``, the highest;
        ``warmup``, the share of steps that rise, in [0, 1); of the exponential schedule
        ``decay`` and ``decay_epochs``.
    """
    check_choice("final.schedule", config["schedule"], SCHEDULES)
    rising = round(config["warmup"] * n_steps)
    if step < rising:
        return config["learning_rate"] * (step + 1) / (rising + 1)
    fall = SCHEDULES[config["schedule"]]
    return config["learning_rate"] * fall(step, rising, n_steps, per_epoch, config)


def calc_cosine(step: int, rising: int, n_steps: int, per_epoch: int, config: dict) -> float:
    """Half a cosine (Loshchilov & Hutter 2017): from 1 to nearly 0 at the last step."""
    passed = (step - rising) / max(1, n_steps - rising)
    return 0.5 * (1 + math.cos(math.pi * passed))


def calc_exponential(step: int, rising: int, n_steps: int, per_epoch: int, config: dict) -> float:
    """Times ``decay`` after every ``decay_epochs`` epochs, counted from the very first step.

    With 0.97 and 2.4 that of NASNet and PNASNet-5 on ImageNet (Zoph et al. 2018, Liu et al. 2018):
    in stairs, as in the code they were trained with (TensorFlow's slim).
    """
    stair = max(1, round(config["decay_epochs"] * per_epoch))
    return config["decay"] ** (step // stair)


# How the learning rate falls.
SCHEDULES = {"cosine": calc_cosine, "exponential": calc_exponential}
