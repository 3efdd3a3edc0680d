"""The covariance of trial noise between sites, shrunk so that it can be inverted."""

import torch


def shrink_covariance(residuals: torch.Tensor, degrees_of_freedom: int) -> torch.Tensor:
    """Estimate the covariance of zero-mean noise by the method of Ledoit and Wolf.

    The sample covariance S is drawn towards m I, with m its mean variance, by the share that
    minimises the expected squared error (Ledoit & Wolf 2004, J Multivariate Anal 88: 365-411):
    min(b^2 / d^2, 1) with d^2 = |S - m I|^2 and b^2 the estimated error of S,
    (mean |x|^4 - |S|^2) / n. It is the estimator of scikit-learn's ``LedoitWolf`` and of
    rsatoolbox's ``shrinkage_eye``, written here because it is ten lines and neither is needed
    otherwise. Both take n as the number of residuals; residuals around the means of few
    repetitions depend on each other (two are the same up to sign), so that n is the number of
    degrees of freedom here. With two repetitions of 100 stimuli and 100 sites the squared error
    of the estimate was a third (14 against 46); with ten repetitions the two agree.

    Parameters
    ----------
    residuals
        (presentation, neuroid), float64, noise around the mean of each stimulus.
    degrees_of_freedom
        Number of presentations minus the number of means that were taken away; with the number
        of presentations it is the estimator of scikit-learn for centred data.

    Returns
    -------
    covariance
        (neuroid, neuroid), float64.
    """
    n, size = degrees_of_freedom, residuals.shape[1]
    sample = residuals.T @ residuals / n
    eye = torch.eye(size, dtype=sample.dtype, device=sample.device)
    target = sample.trace() / size * eye
    distance = (sample - target).square().sum()
    # residuals are smaller than the noise itself, by n / presentations in the square
    lengths = residuals.square().sum(dim=1) * len(residuals) / n
    error = (lengths.square().mean() - sample.square().sum()) / n
    share = (error / distance).clamp(0, 1) if distance > 0 else 1.0
    return share * target + (1 - share) * sample
