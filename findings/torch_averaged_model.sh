#!/usr/bin/env bash
# torch 2.13.0: AveragedModel's multi_avg_fn is not called by the first update, and with buffers
# it is called once for each dtype.
#
# Expected: update_parameters() hands all tensors to multi_avg_fn(averaged, current, number), once
# for each update, and these are floats.
# What happens: the first update copies the weights and calls nothing, so the first call has
# number 1. With use_buffers=True each later update makes one call for each dtype: the integer
# counters of batch normalization (num_batches_tracked) come in a call of their own, as int64.
# Why it matters: networks compared with brains are often moving averages of the trained weights.
# A function that counts its calls, to warm up its decay, counts twice as fast with buffers as
# without. One that multiplies in place by a fraction fails on the integers. The weights that the
# average was made with are not in it unless they are the first update's.
#
# Output seen:
#   torch 2.13.0+cpu
#   use_buffers=False
#     update 1, calls (dtype, tensors, number): []
#     after update 1 the average equals the model's weights: True
#     update 2, calls (dtype, tensors, number): [('torch.float32', 4, 1)]
#     update 3, calls (dtype, tensors, number): [('torch.float32', 4, 2)]
#   use_buffers=True
#     update 1, calls (dtype, tensors, number): []
#     after update 1 the average equals the model's weights: True
#     update 2, calls (dtype, tensors, number): [('torch.float32', 6, 1), ('torch.int64', 1, 1)]
#     update 3, calls (dtype, tensors, number): [('torch.float32', 6, 2), ('torch.int64', 1, 2)]
#   an int64 tensor times 0.5 in place: result type Float can't be cast to the desired output type Long
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from torch.optim.swa_utils import AveragedModel

print("torch", torch.__version__)
torch.manual_seed(0)
calls = []


def average(averaged, current, number):
    calls.append((str(averaged[0].dtype), len(averaged), int(number)))


seen = {}
for buffers in (False, True):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    mean = AveragedModel(model, multi_avg_fn=average, use_buffers=buffers)
    with torch.no_grad():
        model[0].weight.fill_(7.0)
    print(f"use_buffers={buffers}")
    for update in (1, 2, 3):
        calls.clear()
        mean.update_parameters(model)
        seen[buffers, update] = sorted(calls)
        print(f"  update {update}, calls (dtype, tensors, number): {sorted(calls)}")
        if update == 1:
            copied = torch.equal(mean.module[0].weight, model[0].weight)
            print("  after update 1 the average equals the model's weights:", copied)
            seen[buffers, "copied"] = copied
try:
    torch.tensor(1).mul_(0.5)
    fails = False
except RuntimeError as error:
    print("an int64 tensor times 0.5 in place:", error)
    fails = True
same = fails and all(
    seen[b, "copied"] and seen[b, 1] == [] for b in (False, True)
) and all(
    seen[False, u] == [("torch.float32", 4, u - 1)]
    and seen[True, u] == [("torch.float32", 6, u - 1), ("torch.int64", 1, u - 1)]
    for u in (2, 3)
)
print("as recorded" if same else "the behaviour has changed")
sys.exit(not same)
PY
