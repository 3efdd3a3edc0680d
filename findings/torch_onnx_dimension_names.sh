#!/usr/bin/env bash
# torch 2.14.1 with onnx 1.23.2, onnxscript 0.7.2: exporting an exported program loses the names of its dimensions.
#
# Expected: `torch.export.export` with Dim("images") and then `torch.onnx.export` of the program give the
# same graph as `torch.onnx.export` of the module with the same Dim: an input of (images, 3, 8, 8).
# What happens: from the program, the dimension is called like a symbol of the compiler ("s" and a number).
# From the module, it is "images". Nothing is printed about it.
# Way out: give `dynamic_shapes` to `torch.onnx.export` once more, although the program has them.
# Why it matters: who addresses the dimension by its name addresses nothing. onnxruntime 1.32.0 takes
# `add_free_dimension_override_by_name("images", 4)` without an error and leaves the dimension free.
#
# Output seen (the number after "s" is not checked):
#   from the module: images, with the override 4
#   from the program: s34, with the override s34
#   from the program, dynamic_shapes given again: images, with the override 4
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.14.1 numpy==1.26.4 onnx==1.23.2 onnxscript==0.7.2 \
    onnxruntime==1.32.0 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
cd "$folder"
"$folder/venv/bin/python" - 2>"$folder/warnings" <<'P'
import re
import sys

import onnx
import onnxruntime
import torch
from torch.export import Dim, export


class Mean(torch.nn.Module):
    def forward(self, images):
        return images.mean((2, 3))


def look(source, program):
    program.save("graph.onnx")
    name = onnx.load("graph.onnx").graph.input[0].type.tensor_type.shape.dim[0].dim_param
    options = onnxruntime.SessionOptions()
    options.add_free_dimension_override_by_name("images", 4)
    session = onnxruntime.InferenceSession("graph.onnx", options)
    overridden = session.get_inputs()[0].shape[0]
    print(f"from the {source}: {name}, with the override {overridden}")
    return name, overridden


pixels, shapes = (torch.rand(2, 3, 8, 8),), {"images": {0: Dim("images")}}
settings = {"dynamo": True, "verbose": False}
program = export(Mean().eval(), pixels, dynamic_shapes=shapes)
module = look("module", torch.onnx.export(Mean().eval(), pixels, dynamic_shapes=shapes, **settings))
plain = look("program", torch.onnx.export(program, **settings))
again = look(
    "program, dynamic_shapes given again",
    torch.onnx.export(program, dynamic_shapes=shapes, **settings),
)
symbol = re.fullmatch(r"s\d+", plain[0]) is not None and plain[1] == plain[0]
right = module == again == ("images", 4) and symbol
print("as recorded" if right else "the behaviour has changed")
sys.exit(not right)
P
