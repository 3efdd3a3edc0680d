"""Activations: what each layer of a candidate does with each stimulus."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from tgas_neuro.candidate.training import load_batch


@torch.inference_mode()
def record_activations(
    network: nn.Module,
    layers: dict[str, nn.Module],
    images: np.ndarray,
    row: np.ndarray,
    device: torch.device,
    batch_size: int = 64,
) -> dict[str, torch.Tensor]:
    """Record the outputs of layers, averaged over the stimuli of each RDM row.

    Parameters
    ----------
    network
        In evaluation mode, so that no stimulus depends on the others of its batch.
    layers
        Name to module of the network.
    images
        (stimulus, y, x, rgb), uint8.
    row
        (stimulus,), RDM row of each stimulus.
    device
        Where the network is.
    batch_size
        Stimuli that go through at once.

    Returns
    -------
    activations
        Name to (row, unit), float32, on `device`.
    """
    n_rows = int(row.max()) + 1
    rows = torch.from_numpy(np.asarray(row, dtype=np.int64)).to(device)
    totals: dict[str, torch.Tensor] = {}
    with _catching_outputs(layers) as outputs:
        for start in range(0, len(images), batch_size):
            chosen = np.arange(start, min(start + batch_size, len(images)))
            network(load_batch(images, chosen, device))
            for name, output in outputs.items():
                flat = output.flatten(1).float()
                if name not in totals:
                    totals[name] = torch.zeros((n_rows, flat.shape[1]), device=device)
                totals[name].index_add_(0, rows[start : start + batch_size], flat)
    counts = torch.bincount(rows, minlength=n_rows)[:, None]
    return {name: total.div_(counts) for name, total in totals.items()}


@contextmanager
def _catching_outputs(layers: dict[str, nn.Module]) -> Iterator[dict[str, torch.Tensor]]:
    """Yield a dict that holds each layer's output after every pass."""
    outputs: dict[str, torch.Tensor] = {}

    def catch(name: str):
        def hook(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            outputs[name] = output

        return hook

    handles = [module.register_forward_hook(catch(name)) for name, module in layers.items()]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
