"""Saved graphs that were exported in training mode: their layers are not those of the network."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from tgas_neuro.runtime.errors import UserError


def list_training_operations(program: nn.Module) -> Iterator[str]:
    """Operations of a program that do in training what they do not in evaluation."""
    for module in program.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            schema = getattr(node.target, "_schema", None)
            if schema is None or "no_stats" in str(node.target):  # without statistics of training
                continue
            given = dict(zip((one.name for one in schema.arguments), node.args, strict=False))
            given |= node.kwargs
            trains = any(given.get(key) is True for key in ("train", "training"))
            if (trains and given.get("p") != 0) or given.get("dropout_p"):
                yield schema.name.rpartition("::")[2]


def list_training_nodes(graph: Any, onnx: ModuleType) -> Iterator[str]:
    """The same of an ONNX graph: normalisation by the batch, and dropout that is switched on."""
    read = onnx.numpy_helper.to_array
    constants = {one.name: read(one) for one in graph.initializer}
    for node in graph.node:
        attributes = {one.name: one for one in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            constants[node.output[0]] = read(attributes["value"].t)
        of_batch = node.op_type == "BatchNormalization" and "training_mode" in attributes
        if of_batch and attributes["training_mode"].i:
            yield node.op_type
        if node.op_type == "Dropout" and bool(constants.get("".join(node.input[2:]), False)):
            yield node.op_type


def refuse_training(path: Path, operations: Iterable[str]) -> None:
    """Raise `UserError` if there are such operations."""
    names = list(dict.fromkeys(operations))
    if names:
        raise UserError(
            f"{path}: was exported in training mode ({', '.join(names)}), so that its layers "
            "depend on chance or on the other images; call eval() and export it again"
        )
