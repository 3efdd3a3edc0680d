"""Drop path: operations of a cell left out of the sum that they belong to, sample by sample."""

import torch


def drop_path(features: torch.Tensor, kept: torch.Tensor | None, path: int | None) -> torch.Tensor:
    """The output of an operation, zero for the samples that drop it.

    Parameters
    ----------
    features
        (n, channels, h, w).
    kept
        (n, path), 0 for a dropped path and else one over the share that is kept, so that its mean
        stays the same (Larsson et al. 2017, ICLR; Zoph et al. 2018, CVPR); None drops nothing.
    path
        The operation's number among all that may be dropped; None for one that never is.
    """
    if kept is None or path is None:
        return features
    return features * kept[:, path].to(features.dtype).view(-1, 1, 1, 1)
