"""Networks saved as graphs give, layer by layer, what the network gives that they were made of."""

import sys

import numpy as np
import pytest
import torch
from support.scored import SIZE
from torch import nn

from tgas_neuro.architecture.network import catching_outputs
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.graphs import OnnxNetwork, ProgramNetwork, find_ends
from tgas_neuro.scoring.networks import find_layers


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.second(self.relu(self.first(x))))


class Residual(nn.Module):
    """A stem, three residual blocks in a row, and a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 5, 3), nn.ReLU())
        self.blocks = nn.Sequential(Block(), Block(), Block())
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Residual().eval()


def export(network, path, batch, dynamic):
    images = torch.zeros(batch, 3, SIZE, SIZE)
    shapes = {0: torch.export.Dim("image", min=2)} if dynamic else None
    program = torch.export.export(network, (images,), dynamic_shapes=(shapes,))
    torch.export.save(program, path)


def export_onnx(network, path, batch, dynamic):
    pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    images = torch.zeros(batch, 3, SIZE, SIZE)
    shapes = ({0: torch.export.Dim("image", min=2)},) if dynamic else None
    torch.onnx.export(network, (images,), path, dynamo=True, dynamic_shapes=shapes, verbose=False)


def run(network, layers, images):
    with torch.inference_mode(), catching_outputs(layers) as outputs:
        network(images)
    return outputs


@pytest.mark.parametrize("batch, dynamic", [(2, True), (3, False), (1, False)])
@pytest.mark.parametrize("number", [1, 7])
def test_modules_of_a_program_give_what_they_gave(network, tmp_path, batch, dynamic, number):
    export(network, tmp_path / "net.pt2", batch, dynamic)
    loaded = ProgramNetwork(tmp_path / "net.pt2")
    assert loaded.size == SIZE and loaded.batch == (None if dynamic else batch)
    layers = loaded.find_layers(["auto"])
    expected = find_layers(network, ["auto"])
    assert list(layers) == list(expected)
    assert {"blocks.0", "blocks.1", "blocks.2"} <= set(layers)
    images = torch.rand(number, 3, SIZE, SIZE)
    found, wanted = run(loaded, layers, images), run(network, expected, images)
    for name, output in wanted.items():
        torch.testing.assert_close(found[name], output, rtol=1e-5, atol=1e-5)
    chosen = list(loaded.find_layers(["head.*", "stem.0"]))
    assert chosen == ["stem.0", "head.0", "head.1", "head.2"]


def test_operations_in_place_change_no_layer_of_a_program(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)).eval()
    export(network, tmp_path / "net.pt2", 2, True)
    loaded = ProgramNetwork(tmp_path / "net.pt2")
    images = torch.rand(5, 3, SIZE, SIZE)
    found = run(loaded, loaded.find_layers(["*"]), images)
    with torch.no_grad():
        wanted = network[1](network[0](images))
    assert (wanted < 0).any()
    torch.testing.assert_close(found["1"], wanted)
    torch.testing.assert_close(found["2"], wanted.relu())


@pytest.mark.parametrize("batch, dynamic", [(2, True), (3, False)])
def test_nodes_of_an_onnx_file_give_what_the_blocks_gave(network, tmp_path, batch, dynamic):
    path = tmp_path / "net.onnx"
    export_onnx(network, path, batch, dynamic)
    loaded = OnnxNetwork(path)
    assert loaded.size == SIZE and loaded.batch == (None if dynamic else batch)
    layers = loaded.find_layers(["auto"])
    assert len(layers) == 3  # the blocks end where their branches join, after the activation
    blocks = {f"blocks.{number}": network.blocks[number] for number in range(3)}
    for number in (1, 7):
        images = torch.rand(number, 3, SIZE, SIZE)
        found, wanted = run(loaded, layers, images), run(network, blocks, images)
        for name, block in zip(found, wanted, strict=True):
            torch.testing.assert_close(found[name], wanted[block], rtol=1e-5, atol=1e-5)
    assert len(loaded.find_layers(["all"])) > 10
    with pytest.raises(UserError, match=r"^layers: 'nothing': unknown; the last outputs of "):
        loaded.find_layers(["nothing"])
    first = next(iter(layers))
    with pytest.raises(UserError, match=r"unknown; the last .*; only \* stands for other text$"):
        loaded.find_layers([f"{first[:-1]}?"])


def test_a_plain_graph_ends_its_blocks_with_activations(tmp_path):
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.Tanh()]
    plain = nn.Sequential(*layers)
    export_onnx(plain.eval(), tmp_path / "net.onnx", 2, True)
    import onnx

    graph = onnx.load(tmp_path / "net.onnx").graph
    ends = find_ends(graph, graph.input[0].name)
    kinds = {name: node.op_type for node in graph.node for name in node.output}
    assert [kinds[name] for name in ends] == ["Relu", "MaxPool", "Tanh"]


class Two(nn.Module):
    def forward(self, x, y):
        return x + y


@pytest.mark.parametrize("ending, load", [("pt2", ProgramNetwork), ("onnx", OnnxNetwork)])
def test_files_that_are_no_networks_of_images_are_one_line(tmp_path, ending, load):
    if ending == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = tmp_path / f"net.{ending}"
    with pytest.raises(UserError, match=f"net.{ending}: no such file; correct its path"):
        load(path)
    path.write_bytes(b"not a network")
    with pytest.raises(UserError, match=rf"net.{ending}: not a readable .{ending} file \("):
        load(path)
    if ending == "pt2":
        arguments = (torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8))
        torch.export.save(torch.export.export(Two(), arguments), path)
        with pytest.raises(UserError, match=r"has 2 inputs, the first of shape \(2, 3, 8, 8\);"):
            load(path)
        torch.export.save(torch.export.export(nn.ReLU(), (torch.zeros(2, 3, 8, 9),)), path)
        with pytest.raises(UserError, match="takes images of 9 x 8 px; stimuli are squares"):
            load(path)


def test_onnx_without_its_package_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match="model: an ONNX file needs the package onnx, which"):
        OnnxNetwork(tmp_path / "net.onnx")


def test_numbers_of_graphs_are_finite(network, tmp_path):
    """Padding of a last batch that is not full does not reach the rows of others."""
    export(network, tmp_path / "net.pt2", 4, False)
    loaded = ProgramNetwork(tmp_path / "net.pt2")
    layers = loaded.find_layers(["blocks.2"])
    images = torch.rand(6, 3, SIZE, SIZE)
    together = run(loaded, layers, images)["blocks.2"]
    alone = torch.cat([run(loaded, layers, one[None])["blocks.2"] for one in images])
    assert together.shape[0] == 6 and np.isfinite(together.numpy()).all()
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_a_program_without_its_modules_gives_its_output(network, tmp_path, monkeypatch):
    export(network, tmp_path / "net.pt2", 2, True)

    def refuse(program):
        raise RuntimeError("no modules")

    monkeypatch.setattr(torch.export, "unflatten", refuse)
    loaded = ProgramNetwork(tmp_path / "net.pt2")
    (note,) = loaded.notes
    assert "the modules of the program cannot be restored (RuntimeError: no modules); only" in note
    images = torch.rand(3, 3, SIZE, SIZE)
    found = run(loaded, loaded.find_layers(["auto"]), images)
    with torch.inference_mode():
        torch.testing.assert_close(found["output"], network(images))


class Attending(nn.Module):
    """Drops attention while it trains."""

    def forward(self, x):
        share = 0.1 if self.training else 0.0
        return nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=share)


@pytest.mark.parametrize(
    "layer, name",
    [
        (nn.BatchNorm2d(3), "batch_norm"),
        (nn.Dropout(0.5), "dropout"),
        (Attending(), "scaled_dot_product_attention"),
        (nn.InstanceNorm2d(3), None),
        (nn.Dropout(0.0), None),
    ],
)
def test_graphs_that_were_exported_in_training_mode_are_refused(tmp_path, layer, name):
    """Their dropout would draw, and their normalisation would depend on the batch."""
    network, images = nn.Sequential(layer, nn.ReLU()), torch.zeros(2, 3, SIZE, SIZE)
    for training in (False, True):
        program = torch.export.export(network.train(training), (images,))
        for number, one in enumerate((program, program.run_decompositions())):
            torch.export.save(one, tmp_path / f"{number}.pt2")
            if training and name is not None:
                with pytest.raises(
                    UserError, match=rf"\(.*{name if number == 0 else ''}.*\), so tha"
                ):
                    ProgramNetwork(tmp_path / f"{number}.pt2")
            else:
                ProgramNetwork(tmp_path / f"{number}.pt2")


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.Dropout(0.5)])
def test_an_onnx_file_of_training_mode_is_refused(tmp_path, layer):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    network, images = nn.Sequential(layer, nn.ReLU()), torch.zeros(2, 3, SIZE, SIZE)
    for training in (torch.onnx.TrainingMode.EVAL, torch.onnx.TrainingMode.TRAINING):
        path = tmp_path / f"{training.name}.onnx"
        options = {"dynamo": False, "do_constant_folding": False, "training": training}
        torch.onnx.export(network, (images,), path, **options)
    OnnxNetwork(tmp_path / "EVAL.onnx")
    with pytest.raises(
        UserError, match=r"was exported in training mode \((Batch|Drop).*; call eval"
    ):
        OnnxNetwork(tmp_path / "TRAINING.onnx")


class Positions(nn.Module):
    """Adds to each column its number, which the program makes where it was exported."""

    def forward(self, x):
        return (x + torch.arange(x.shape[3])).flatten(1)


def test_what_a_program_makes_on_the_way_is_made_on_its_device(tmp_path):
    """The device "meta" stands for a GPU: torch refuses to add what is on two devices."""
    export(Positions(), tmp_path / "positions.pt2", 2, dynamic=False)
    network = ProgramNetwork(tmp_path / "positions.pt2").to(torch.device("meta"))
    with catching_outputs({"network": network.program}) as outputs:
        network._run(torch.zeros(2, 3, SIZE, SIZE, device="meta"))
    seen = outputs["network"]
    assert (seen.device.type, tuple(seen.shape)) == ("meta", (2, 3 * SIZE * SIZE))
