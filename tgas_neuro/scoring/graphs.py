"""Networks that were saved as graphs: programs of torch.export (.pt2) and ONNX files."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export.passes import move_to_device_pass

from tgas_neuro.architecture.network import catching_outputs
from tgas_neuro.runtime.errors import UserError, describe_error
from tgas_neuro.scoring.networks import find_layers
from tgas_neuro.scoring.patterns import choose_names
from tgas_neuro.scoring.training_mode import (
    list_training_nodes,
    list_training_operations,
    refuse_training,
)

BRANCHES_JOIN = ("Add", "Sum", "Concat")
ACTIVATIONS = ("Relu", "LeakyRelu", "PRelu", "Clip", "Elu", "Gelu", "HardSwish", "Sigmoid", "Tanh")
POOLINGS = ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
OF_SHAPES = ("Shape", "Size", "Constant")  # what they give does not depend on the image


class GraphNetwork(nn.Module):
    """A network whose layers are outputs of a graph, whatever number of images the graph takes.

    Attributes
    ----------
    size
        Width and height of the images that it takes [px]; None for any.
    batch
        Images that it takes at once; None for any number.
    notes
        What a user should know of it, a line each.
    """

    size: int | None = None
    batch: int | None = None
    notes: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self._layers: dict[str, nn.Module] = {}

    def find_layers(self, patterns: Sequence[str]) -> dict[str, nn.Module]:
        """Modules that pass on the outputs of layers; patterns as in `networks.find_layers`."""
        self._layers = {name: nn.Identity() for name in self._choose(patterns)}
        return dict(self._layers)

    def forward(self, x: torch.Tensor) -> Any:
        """Pass images through the graph, and what its layers give through their modules."""
        at_once = self.batch or max(len(x), 2)  # a batch of one may be a graph of its own
        found: dict[str, list[Any]] = {}
        for part in x.split(at_once):
            filled = torch.cat([part, part[:1].expand(at_once - len(part), *part.shape[1:])])
            for name, output in self._run(filled).items():
                rows = isinstance(output, torch.Tensor) and output.ndim > 0
                if rows and len(output) == at_once:
                    output = output[: len(part)]
                found.setdefault(name, []).append(output)
        for name, parts in found.items():
            rows = all(isinstance(part, torch.Tensor) and part.ndim > 0 for part in parts)
            self._layers[name](torch.cat(parts) if rows else parts[0])

    def _choose(self, patterns: Sequence[str]) -> list[str]:
        raise NotImplementedError

    def _run(self, x: torch.Tensor) -> Mapping[str, Any]:
        raise NotImplementedError


class ProgramNetwork(GraphNetwork):
    """A program of ``torch.export.save``; its layers are the modules that it was exported from."""

    def __init__(self, path: Path):
        super().__init__()
        program = _load(path, torch.export.load)
        inputs = [one for one in program.graph_signature.user_inputs if one is not None]
        shape: Sequence[Any] = next(
            (node.meta["val"].shape for node in program.graph.nodes if node.name == inputs[0]), ()
        )
        self.batch, self.size = _check_images(path, len(inputs), shape)
        refuse_training(path, list_training_operations(program.graph_module))
        self._path = path
        self._restore(program)

    def _restore(self, program: torch.export.ExportedProgram) -> None:
        """Make modules of the program; only the output is known until layers are chosen."""
        self._exported = program
        self._found: dict[str, nn.Module] | None = None
        try:
            self.program: nn.Module = torch.export.unflatten(program)
            self._is_restored = True
        except Exception as error:  # whatever the exporter of another version left
            self.program, self._is_restored = program.module(), False
            self.notes = (
                f"{self._path}: the modules of the program cannot be restored "
                f"({describe_error(error)}); only its output is scored",
            )

    def to(self, device: torch.device) -> "ProgramNetwork":  # type: ignore[override]
        """Move to a device, with the tensors that the program makes on the way, as positions.

        `torch.nn.Module.to` moves weights alone. Call it before layers are chosen.
        """
        if device.type != "cpu":
            self._restore(move_to_device_pass(self._exported, str(device)))
        return self

    def _choose(self, patterns: Sequence[str]) -> list[str]:
        if not self._is_restored:
            return ["output"]
        self._found = find_layers(self.program, patterns)
        return list(self._found)

    def _run(self, x: torch.Tensor) -> Mapping[str, Any]:
        if self._found is None:
            return {"output": self.program(x)}
        with catching_outputs(self._found, copied=self._found) as outputs:
            self.program(x)
        return outputs


class OnnxNetwork(GraphNetwork):
    """A network in an ONNX file; its layers are the outputs of its nodes, by their names."""

    def __init__(self, path: Path):
        super().__init__()
        self._onnx, self._runtime = (_import(name) for name in ("onnx", "onnxruntime"))
        self._path, self._model = path, _load(path, self._onnx.load)
        graph = self._model.graph
        weights = {one.name for one in graph.initializer}
        inputs = [one for one in graph.input if one.name not in weights]
        shape = [
            one.dim_value if one.HasField("dim_value") else None
            for one in (inputs[0].type.tensor_type.shape.dim if inputs else ())
        ]
        self.batch, self.size = _check_images(path, len(inputs), shape)
        refuse_training(path, list_training_nodes(self._model.graph, self._onnx))
        self._input = inputs[0].name
        self._session: Any = None

    def _choose(self, patterns: Sequence[str]) -> list[str]:
        graph = self._model.graph
        names = [
            name
            for node in graph.node
            if node.op_type not in OF_SHAPES
            for name in node.output
            if name
        ]

        def explain(pattern: str) -> str:
            what = "finds no end of a block" if pattern == "auto" else f"{pattern!r}: unknown"
            return f"{what}; the last outputs of {self._path} are: {', '.join(names[-8:])}"

        words = {"auto": lambda: find_ends(graph, self._input), "all": lambda: names}
        kept = choose_names(names, patterns, words, explain)
        there = {one.name for one in graph.output}
        model = self._onnx.ModelProto()
        model.CopyFrom(self._model)
        model.graph.output.extend(
            self._onnx.ValueInfoProto(name=name) for name in kept if name not in there
        )
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # of warnings nothing depends
        try:
            content = model.SerializeToString()
            self._session = self._runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # whatever the runtime raises
            raise UserError(
                f"{self._path}: onnxruntime cannot run it ({describe_error(error)}); export it "
                "again"
            ) from None
        return kept

    def _run(self, x: torch.Tensor) -> Mapping[str, Any]:
        names = list(self._layers)
        outputs = self._session.run(names, {self._input: x.cpu().numpy()})
        return {
            name: torch.as_tensor(output).to(x.device)
            for name, output in zip(names, outputs, strict=True)
        }


def find_ends(graph: Any, entry: str) -> list[str]:
    """Ends of the blocks of an ONNX graph: where all that is known of an image is in one tensor.

    Of these tensors, in the order of the graph, those in which branches join (a residual
    connection, a concatenation), after the activation that follows; or, where fewer than two are,
    those that an activation or a pooling gives.

    Parameters
    ----------
    graph
        Of ``onnx.ModelProto``, its nodes in topological order.
    entry
        Name of its input.
    """
    flowing = {entry}
    nodes = []
    for node in graph.node:
        inputs = list(dict.fromkeys(name for name in _list_inputs(node) if name in flowing))
        if inputs and node.op_type not in OF_SHAPES:
            nodes.append((node, inputs))
            flowing.update(name for name in node.output if name)
    uses: dict[str, int] = {}
    for _, inputs in nodes:
        for name in inputs:
            uses[name] = uses.get(name, 0) + 1
    for one in graph.output:
        uses[one.name] = uses.get(one.name, 0) + 1
    alive = {entry}
    alone: list[tuple[str, str, bool]] = []  # tensor, operation, whether branches join in it
    for node, inputs in nodes:
        for name in inputs:
            uses[name] -= 1
        alive |= {name for name in node.output if name}
        alive = {name for name in alive if uses.get(name, 0) > 0}
        if len(alive) == 1 and node.output[0] in alive:
            join = node.op_type in BRANCHES_JOIN and len(inputs) > 1
            alone.append((node.output[0], node.op_type, join))
        else:
            alone.append(("", node.op_type, False))
    joined = [
        after[0] if after[0] and after[1] in ACTIVATIONS else here[0]
        for here, after in zip(alone, [*alone[1:], ("", "", False)], strict=True)
        if here[2]
    ]
    plain = [name for name, kind, _ in alone if name and kind in (*ACTIVATIONS, *POOLINGS)]
    return joined if len(joined) > 1 else plain


def _list_inputs(node: Any) -> Iterator[str]:
    """Names that a node reads, with those that its inner graphs read."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _list_inputs(inner)


def _load(path: Path, load: Callable[[str], Any]) -> Any:
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct its path")
    try:
        return load(str(path))
    except Exception as error:  # of a broken file a library raises anything
        raise UserError(
            f"{path}: not a readable {path.suffix} file ({describe_error(error)}); export it again"
        ) from None


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(
            f"model: an ONNX file needs the package {name}, which is not installed: pip install "
            f"{name}"
        ) from None


def _check_images(path: Path, n_inputs: int, shape: Sequence[Any]) -> tuple[int | None, int | None]:
    """Fixed number of images and fixed size [px] of a graph's input; None for any."""
    if n_inputs != 1 or len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
        shown = ", ".join("any" if one is None else str(one) for one in shape)
        raise UserError(
            f"{path}: has {n_inputs} inputs, the first of shape ({shown}); expected one, (image, "
            "3, y, x)"
        )
    batch, _, height, width = (one if isinstance(one, int) and one > 0 else None for one in shape)
    if height != width:
        raise UserError(f"{path}: takes images of {width} x {height} px; stimuli are squares")
    return batch, height


GRAPHS: dict[str, Callable[[Path], GraphNetwork]] = {".pt2": ProgramNetwork, ".onnx": OnnxNetwork}
