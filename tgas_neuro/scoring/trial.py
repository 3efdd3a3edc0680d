"""Which layers of a network can be compared: tried with a few images before the stimuli pass."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from tgas_neuro.architecture.network import calling_with_outputs
from tgas_neuro.runtime.errors import UserError, describe_error

ROUNDING = 1e-2  # of a layer's largest value: what other kernels may change, and chance does not
PASSES = 20  # in which a path that is dropped for one image in five stays the same with p < 1e-5


def try_layers(
    network: nn.Module,
    layers: dict[str, nn.Module],
    size: int,
    name: str,
    report: Callable[[str], None],
) -> dict[str, nn.Module]:
    """Those of the layers that give a tensor with a row for each image; others are noted.

    Raises
    ------
    UserError
        The network refuses images of this size [px], no layer is left, or the output of a layer
        depends on chance or on the other images of its batch.
    """
    device = next((one.device for one in network.buffers()), None)
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    before = _get_random_states(images.device)
    try:
        outputs, calls = _record(network, layers, images)
    except Exception as error:  # whatever the network raises
        raise UserError(
            f"{name}: refuses images of {size} x {size} px ({describe_error(error)}); give another "
            "size"
        ) from None
    after = _get_random_states(images.device)
    drawn = any(not torch.equal(*states) for states in zip(before, after, strict=True))
    idle = [layer for layer in layers if layer not in outputs]
    other = [layer for layer, output in outputs.items() if not _has_rows(output, len(images))]
    repeated = [f"{layer} ({calls[layer]})" for layer in layers if calls[layer] > 1]
    for found, what in (
        (idle, "are not called in evaluation"),
        (other, "give no tensor with a row for each image"),
        (repeated, "are called more than once for an image, and the last output is compared"),
    ):
        if found:
            names = ", ".join(found)
            report(f"Note: {name}: {len(found)} of {len(layers)} layers {what}: {names}")
    kept = {layer: layers[layer] for layer in layers if layer not in {*idle, *other}}
    if not kept:
        raise UserError(f"layers: none of {name}'s {len(layers)} can be compared; name others")
    _refuse_others(network, kept, images, outputs, name, PASSES if drawn else 1)
    return kept


def _record(
    network: nn.Module, layers: dict[str, nn.Module], images: torch.Tensor
) -> tuple[dict[str, Any], Counter[str]]:
    """Outputs of the layers, by their names, and how often each was called."""
    outputs: dict[str, Any] = {}
    calls: Counter[str] = Counter()

    def keep(name: str, output: Any) -> None:
        outputs[name] = output
        calls[name] += 1

    with torch.inference_mode(), calling_with_outputs(layers, keep):
        network(images.clone())
    return outputs, calls


def _has_rows(output: Any, number: int) -> bool:
    return isinstance(output, torch.Tensor) and output.ndim > 1 and len(output) == number


def _refuse_others(
    network: nn.Module,
    layers: dict[str, nn.Module],
    images: torch.Tensor,
    outputs: Mapping[str, Any],
    name: str,
    passes: int,
) -> None:
    """Refuse layers whose output for an image is another in a later pass or in another batch."""

    def refuse_changed(rows: int, what: str, remedy: str) -> None:
        found, _ = _record(network, layers, images[:rows])
        changed = [one for one in layers if _differ(outputs[one][:rows], found[one][:rows])]
        if changed:
            raise UserError(
                f"layers: outputs of {len(changed)} of {name}'s {len(layers)} layers {what}, the "
                f"first is {changed[0]!r}; {remedy} in evaluation, or name layers before it"
            )

    for _ in range(passes):  # several if the network draws numbers: chance may change nothing
        refuse_changed(
            3, "are another when the same images pass again", "switch off what is random"
        )
    refuse_changed(2, "depend on the other images of the batch", "use the statistics of training")


def _get_random_states(device: torch.device) -> list[torch.Tensor]:
    on_gpu = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *on_gpu]


def _differ(first: torch.Tensor, second: torch.Tensor) -> bool:
    if first.shape != second.shape:
        return True
    if first.is_complex():
        first, second = torch.view_as_real(first), torch.view_as_real(second)
    first, second = first.double(), second.double()
    bound = ROUNDING * first.abs().nan_to_num(posinf=0.0).amax().item()
    return not torch.allclose(first, second, rtol=0.0, atol=bound, equal_nan=True)
