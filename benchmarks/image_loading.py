"""Images per second of the final stage's loader, beside torchvision's plain one on the same files.

    python benchmarks/image_loading.py [--images 2000] [--rounds 5] [--output FOLDER]

Makes JPEGs of 500 x 375 once, in ``benchmarks/work/image_loading``. Prints tables in Markdown and
writes them, with the machine and every measurement, as JSON.
"""

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import Any

from harness import Measurement, describe_machine, measure
from image_loading_inputs import HEIGHT, QUALITY, WIDTH, write_images
from tables import describe_others, format_table

from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
SCRIPT = HERE / "image_loading_contestants.py"
OURS, PLAIN = "tgas-neuro", "torchvision ImageFolder"
WORK = {"training": True, "evaluation": False}
WHOLE = 2000  # images of the result that is kept
COLUMNS = ("work", "contestant", "images/s", "ratio", "lowest, highest", "CPU ms an image")


def main() -> None:
    """Parse the command line, make the images, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=WHOLE, help="200 for a quick run")
    parser.add_argument("--rounds", type=int, default=5, help="of both loaders in turn, timed")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder of the JSON")
    chosen = parser.parse_args()
    folder = write_images(HERE / "work" / "image_loading", chosen.images)
    rows = [
        row
        for work, training in WORK.items()
        for row in time_loaders(folder, work, training, chosen.rounds)
    ]
    print(build_table(rows), flush=True)
    arguments = {"folder": str(folder)}
    difference = measure(SCRIPT, "check", arguments, repeats=1, budget=0).values
    profile = measure(SCRIPT, "profile", arguments, repeats=1, budget=0).values
    print(
        f"Same images, labels and (in the evaluation) order. Of the evaluation's pixels "
        f"{difference['share']:.2%} differ from the plain loader's, by {difference['largest']} of "
        "255 at most.\n"
    )
    print(build_profile_table(profile))
    size = sum(path.stat().st_size for path in folder.glob("*/*.jpg")) / chosen.images
    result = {
        "machine": describe_machine(),
        "date": get_time(),
        "images": {
            "number": chosen.images,
            "width": WIDTH,
            "height": HEIGHT,
            "quality": QUALITY,
            "mean_bytes": round(size),
        },
        "loading": rows,
        "difference_of_evaluation": difference,
        "profile_ms": profile,
    }
    part = "" if chosen.images == WHOLE else "-part"
    write_json(chosen.output / f"image_loading{part}.json", result)


def time_loaders(folder: Path, work: str, training: bool, rounds: int) -> list[dict[str, Any]]:
    """Epochs of both loaders in turn, so that a busy moment meets them alike.

    Each epoch runs in a process of its own, its workers' start and end included. A round that is
    not counted comes first and brings the files into the page cache.
    """
    arguments = {"folder": str(folder), "training": training}
    found: dict[str, list[Measurement]] = {name: [] for name in (OURS, PLAIN)}
    for number in range(rounds + 1):
        for name, measured in found.items():
            one = measure(SCRIPT, name, arguments, repeats=1, budget=0)
            if number:
                measured.append(one)
    check_same(work, training, found[OURS][0].values, found[PLAIN][0].values)
    speeds = {
        name: [one.values["images"] / one.median for one in measured]
        for name, measured in found.items()
    }
    return [
        {
            "work": work,
            "contestant": name,
            "images_per_second": median(speeds[name]),
            "ratio": median(
                one / other for one, other in zip(speeds[name], speeds[PLAIN], strict=True)
            ),
            "speeds": speeds[name],
            "cpu_ms": median(
                1e3 * one.values["cpu_seconds"] / one.values["images"] for one in measured
            ),
            "others": max(one.values["others"] for one in measured),
            "measurements": [one.as_record() for one in measured],
        }
        for name, measured in found.items()
    ]


def check_same(work: str, training: bool, ours: dict[str, Any], plain: dict[str, Any]) -> None:
    """End with a message unless both read the same images with the same labels."""
    # Both are given the same order to train in, so that it must be the same there, too.
    for key in ("images", "set", "ordered"):
        if ours[key] != plain[key]:
            sys.exit(f"{work}: the loaders do not read the same: {key}: {ours[key]} {plain[key]}")


def build_table(rows: list[dict[str, Any]]) -> str:
    """Images a second, ratios round by round; CPU time of the main process and the workers."""
    lines = [
        f"{row['work']} | {row['contestant']} | {row['images_per_second']:,.0f} | "
        f"{row['ratio']:.2f} | {min(row['speeds']):,.0f}, {max(row['speeds']):,.0f} | "
        f"{row['cpu_ms']:.2f}"
        for row in rows
    ]
    return format_table(COLUMNS, lines) + describe_others(rows)


def build_profile_table(profile: dict[str, float]) -> str:
    """Milliseconds of the steps, alone."""
    lines = [f"{step} | {taken:.3f}" for step, taken in profile.items()]
    return format_table(["step", "ms an image"], lines)


if __name__ == "__main__":
    main()
