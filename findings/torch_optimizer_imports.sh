#!/usr/bin/env bash
# torch 2.14.1: making the first optimizer of a process loads the compiler, though nothing is compiled.
#
# Expected: `import torch` leaves torch._dynamo, sympy and triton alone until torch.compile is called,
# and an optimizer is made in microseconds.
# What happens: `import torch` does leave them alone. The first optimizer loads them: its methods are
# kept from being compiled, and what keeps them from it is a part of the compiler that is loaded with
# the first call. The second optimizer takes no time. A network is trained without one by hand, or
# only applied, without any of these modules.
# Way out: in programs that start a process for each of many short trainings, make an optimizer of one
# parameter before the processes fork.
# Why it matters: a second of processor time in each process, about as much as `import torch` itself.
#
# Output seen (numbers of modules; what is checked is only what is said below):
#   after import torch: compiler False, sympy False, triton False
#   after a training step without an optimizer: compiler False, sympy False, triton False
#   after torch.optim.SGD: compiler True, sympy True, triton True
#   modules loaded by the first optimizer: more than 500
#   modules loaded by the second: 0
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.14.1 numpy==1.26.4 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
"$folder/venv/bin/python" - <<'P'
import sys

import torch


def look(when):
    loaded = [name in sys.modules for name in ("torch._dynamo", "sympy", "triton")]
    print(f"{when}: compiler {loaded[0]}, sympy {loaded[1]}, triton {loaded[2]}")
    return loaded


def count_loaded():
    before = len(sys.modules)
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.1)
    return len(sys.modules) - before


seen = [look("after import torch")]
layer = torch.nn.Linear(4, 2)
layer(torch.randn(8, 4)).square().mean().backward()
with torch.no_grad():
    for weights in layer.parameters():
        weights -= 0.1 * weights.grad
seen.append(look("after a training step without an optimizer"))
first = count_loaded()
seen.append(look("after torch.optim.SGD"))
second = count_loaded()
print("modules loaded by the first optimizer:", "more than 500" if first > 500 else first)
print("modules loaded by the second:", second)
right = seen == [[False] * 3, [False] * 3, [True] * 3] and first > 500 and second == 0
print("as recorded" if right else "the behaviour has changed")
sys.exit(not right)
P
