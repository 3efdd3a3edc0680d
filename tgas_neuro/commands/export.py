"""`export`: write the winner of a run as a model for other software.

The formats, several at once:
  pt2          a program of torch.export, for batches of any size
  onnx         one ONNX file, for batches of any size
  safetensors  a folder with weights, model card, configuration and the network's source
  timm         the same folder; after `import tgas_neuro.timm` timm creates the model from it
  brainscore   a model plugin of Brain-Score that needs no tgas-neuro

Each holds how images are preprocessed, and the names of classes and layers. Each is read back and
compared with the network before it gets its name. docs/export.md shows how to use them.
"""

import argparse
from pathlib import Path

FORMATS = ("pt2", "onnx", "safetensors", "timm", "brainscore")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, help="folder of the final training, results/final/<run>")
    parser.add_argument(
        "--format",
        nargs="+",
        choices=FORMATS,
        default=list(FORMATS),
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)} (default: all)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("exports"),
        metavar="FOLDER",
        help="where the files go (default: exports)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the formats and print each file with the difference of its logits."""
    from tgas_neuro.final.result.export import export_winner  # slow: torch
    from tgas_neuro.final.result.winner import load_winner

    winner = load_winner(arguments.run)
    for warning in winner.result.simulated_or_toy:
        print(f"Note: {warning}")
    export_winner(winner, arguments.format, arguments.output, print)
