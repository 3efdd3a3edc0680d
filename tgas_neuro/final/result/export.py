"""The winner as a model for other software: torch.export, ONNX, safetensors, timm, Brain-Score.

Every file is written beside its place, read back by the software that it is for, and compared with
the network; it appears when both give the same logits.
"""

import importlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tgas_neuro.final.result.hub import build_hub_config, write_card
from tgas_neuro.final.result.plugin import write_plugin
from tgas_neuro.final.result.source import compare_logits, run_source, write_source
from tgas_neuro.final.result.winner import Winner
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json, written_whole

DESCRIPTION = "tgas.json"  # name of the description inside a .pt2 file


def export_winner(
    winner: Winner, formats: list[str], output: Path, report: Callable[[str], None]
) -> list[Path]:
    """Write the winner in some formats; each is compared with the network first.

    Parameters
    ----------
    winner
        See `load_winner`.
    formats
        Keys of `FORMATS`.
    output
        Folder that receives the files.
    report
        Called with a line for each file.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    UserError
        Something of that name is there, a package is missing, or the written model gives other
        logits.
    """
    places: dict[Path, Format] = {}
    for key in formats:
        form = FORMATS[key]
        place = output / form.name(winner)
        if place.exists():
            raise UserError(
                f"--output: {place}: is there already; delete it, or name another folder"
            )
        for package in form.packages:
            import_package(package, key)
        places[place] = form
    if winner.classes is None:
        report("Note: the training images are not there, so the classes have no names")
    for place, form in places.items():
        difference = form.write(winner, place)
        report(f"{place}  {form.what}; logits differ by at most {difference:.1e}")
    return list(places)


def import_package(name: str, key: str) -> Any:
    """Import an optional package; without it a `UserError` says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(
            f"--format {key}: needs the package {error.name}, which is not installed; "
            "pip install 'tgas-neuro[export]'"
        ) from None


def trace(winner: Winner) -> Any:
    """The network as `torch.export.ExportedProgram`, for batches of any size."""
    images = torch.zeros(2, *winner.shape)
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    with torch.no_grad():
        return torch.export.export(winner.network, (images,), dynamic_shapes=shapes)


def write_pt2(winner: Winner, place: Path) -> float:
    """Write a program of `torch.export`, the description inside as ``tgas.json``."""
    with written_whole(place) as beside, beside.open("w+b") as file:
        torch.export.save(
            trace(winner), file, extra_files={DESCRIPTION: json.dumps(winner.describe())}
        )
        file.seek(0)
        return compare_logits(winner.network, winner.shape, torch.export.load(file).module(), place)


def write_onnx(winner: Winner, place: Path) -> float:
    """Write one ONNX file: ``images`` to ``logits``, the description in its metadata."""
    program = torch.onnx.export(
        trace(winner),
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: "batch"},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props["tgas"] = json.dumps(winner.describe())
    runtime = import_package("onnxruntime", "onnx")
    with written_whole(place) as beside:
        program.save(beside, external_data=False)
        session = runtime.InferenceSession(beside.read_bytes(), providers=["CPUExecutionProvider"])
        return compare_logits(
            winner.network,
            winner.shape,
            lambda images: session.run(None, {"images": images.numpy()})[0],
            place,
        )


def write_hub(winner: Winner, place: Path) -> float:
    """Write a folder as the Hugging Face hub and timm have it, with a model card."""
    safetensors = import_package("safetensors.torch", "safetensors")
    with folder_whole(place) as beside:
        weights = {name: value.contiguous() for name, value in winner.network.state_dict().items()}
        file = beside / "model.safetensors"
        safetensors.save_file(weights, file, metadata={"format": "pt"})
        file.chmod(0o644)  # it is written for its owner alone
        write_json(beside / "config.json", build_hub_config(winner))
        source = write_source(winner.network, winner.layers, winner.shape, winner.name)
        (beside / "network.py").write_text(source, encoding="utf-8")
        (beside / "README.md").write_text(write_card(winner), encoding="utf-8")
        read = safetensors.load_file(file)
        return compare_logits(winner.network, winner.shape, run_source(source, read), place)


def write_brainscore(winner: Winner, place: Path) -> float:
    """Write a model plugin of Brain-Score that needs no tgas-neuro."""
    with folder_whole(place) as beside:
        return write_plugin(beside, place.name, winner.result, winner.weights)


@contextmanager
def folder_whole(place: Path) -> Iterator[Path]:
    """Yield a folder that becomes `place` at the end; after an error nothing is left."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        beside.chmod(0o755)
        yield beside
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@dataclass(frozen=True)
class Format:
    """A form that the winner can be written in.

    Attributes
    ----------
    name
        From the winner to the name of the file or folder.
    write
        Writes it at a path and gives the largest difference of its logits.
    packages
        What it needs beside the package's own requirements.
    what
        What it is, for the user.
    """

    name: Callable[[Winner], str]
    write: Callable[[Winner, Path], float]
    packages: tuple[str, ...]
    what: str


HUB = Format(
    lambda winner: winner.name,
    write_hub,
    ("safetensors",),
    "safetensors, model card and source, for timm and the Hugging Face hub",
)
FORMATS = {
    "pt2": Format(
        lambda winner: f"{winner.name}.pt2", write_pt2, (), "program of torch.export, any batch"
    ),
    "onnx": Format(
        lambda winner: f"{winner.name}.onnx",
        write_onnx,
        ("onnx", "onnxscript", "onnxruntime"),
        "ONNX, any batch",
    ),
    "safetensors": HUB,
    "timm": HUB,  # the same folder: it holds what timm reads
    "brainscore": Format(
        lambda winner: f"tgas_neuro_{winner.name.removeprefix('tgas_')}",
        write_brainscore,
        (),
        "model plugin of Brain-Score, needs no tgas-neuro",
    ),
}
