#!/usr/bin/env bash
# torch 2.14.1, CPU, channels last: the gradient of a wide depthwise kernel costs several times the
# convolution, and as much as if the channels were not separate.
#
# Expected: the gradients of a depthwise convolution cost about as much as the convolution, for its
# images and for its weights: the same products, summed over other axes. Sixteen channels cost more
# than eight.
# What happens: oneDNN has a depthwise kernel for the gradient of weights up to 3 columns wide. A
# wider one is computed as a dense convolution of groups of 16 channels, of which all but the
# diagonal is thrown away. Channels come in groups of 16 in all three, so that 8 take as long as 16.
# Way out: put the gradient together from strips of 3 columns, each a call of its own with shifted
# images.
# Why it matters: in networks of NASNet's and PNASNet's kind, half of a training step goes there.
#
# Output seen (times of one thread, in units of the forward pass of 3x3 and 8 channels, which differ
# from machine to machine; what is checked is only what is said below):
#   3x3,  8 channels: forward 1.0, gradient of images 1.7, of weights 1.2
#   7x7,  8 channels: forward 2.6, gradient of images 5.2, of weights 20.4
#   7x7, 16 channels: forward 2.6, gradient of images 5.3, of weights 39.9
#   gradient of weights 7x7, 16 channels: more than 4 times the forward pass: True
#   the same of 3x3: False
#   forward pass of 16 channels takes less than 1.5 times that of 8: True
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.14.1 numpy==1.26.4 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
"$folder/venv/bin/python" - <<'P'
import sys
import time
from statistics import median

import torch

torch.set_num_threads(1)


def clock(call):
    taken = []
    for _ in range(40):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return median(taken[5:])


def measure(kernel, channels):
    size = (32, channels, 24, 24)
    x, g = (torch.randn(size).contiguous(memory_format=torch.channels_last) for _ in range(2))
    w, pad = torch.randn(channels, 1, kernel, kernel), kernel // 2

    def differentiate(*wanted):
        torch.ops.aten.convolution_backward(
            g, x, w, None, (1, 1), (pad, pad), (1, 1), False, (0, 0), channels, (*wanted, False)
        )

    return (
        clock(lambda: torch.nn.functional.conv2d(x, w, padding=pad, groups=channels)),
        clock(lambda: differentiate(True, False)),
        clock(lambda: differentiate(False, True)),
    )


found = {key: measure(*key) for key in ((3, 8), (7, 8), (7, 16), (3, 16))}
unit = found[3, 8][0]
for kernel, channels in ((3, 8), (7, 8), (7, 16)):
    forward, images, weights = (one / unit for one in found[kernel, channels])
    print(
        f"{kernel}x{kernel}, {channels:2d} channels: forward {forward:.1f}, gradient of images "
        f"{images:.1f}, of weights {weights:.1f}"
    )
seen = [
    found[7, 16][2] > 4 * found[7, 16][0],
    found[3, 16][2] > 4 * found[3, 16][0],
    found[7, 16][0] < 1.5 * found[7, 8][0],
]
print("gradient of weights 7x7, 16 channels: more than 4 times the forward pass:", seen[0])
print("the same of 3x3:", seen[1])
print("forward pass of 16 channels takes less than 1.5 times that of 8:", seen[2])
right = seen == [True, False, True]
print("as recorded" if right else "the behaviour has changed")
sys.exit(not right)
P
