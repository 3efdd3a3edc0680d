"""What run_all.py runs: each benchmark's form, budget, targets, and why it may be left out."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Benchmark:
    """A script and how it is called.

    Attributes
    ----------
    script
        Name of the file, without its ending.
    budget
        Time that it may take on two quiet cores [min].
    arguments
        Of the command line.
    form
        What is measured, in words; empty for the whole.
    targets
        Pattern of what is measured, as the tables say it, to the ratio that is aimed at.
    absent
        Why it is left out; empty for one that runs.
    """

    script: str
    budget: float
    arguments: tuple[str, ...] = ()
    form: str = ""
    targets: dict[str, str] = field(default_factory=dict)
    absent: str = ""


def list_benchmarks(old: Path | None = None) -> list[Benchmark]:
    """All benchmarks, those that cannot run here with the reason."""
    older = () if old is None else ("--old", str(old.resolve()))
    no_old = "" if old else "needs an older checkout: --old FOLDER"
    large, growth = "22,248 stimuli", "growth in stimuli, all pairs"
    parts = (large, growth, *(("one layer",) if old else ()))
    found = [
        Benchmark(
            "rdm",
            4.5,
            ("--sizes", "3200x1024", "5760x4096", "--repeats", "2"),
            "two of four sizes, two repeats",
        ),
        Benchmark(
            "streaming",
            2.5,
            ("--repeats", "3", "--only", *parts, *older),
            "22,248 stimuli and growth in stimuli, three repeats",
            {"*one layer*": "at least 1.3", "*22,248 stimuli, 4,000,000 pairs*": "at least 15"},
        ),
        Benchmark(
            "score",
            1.5,
            ("--quick", "--metrics", "ridge", "spearman", "cka"),
            "640 stimuli, without pls",
        ),
        Benchmark("noise_ceiling", 3.5, ("--skip", "truth", "--repeats", "3"), "speed alone"),
        Benchmark("recordings", 2),
        Benchmark(
            "candidate",
            3,
            ("--rounds", "1"),
            "one round of three",
            {"*24 px, 8 filters*": "at least 2.5", "*32 px, 16 filters*": "at least 3"},
        ),
        Benchmark("warm_worker", 1.5, ("--rounds", "1"), "one round of five"),
        Benchmark("image_loading", 1.5, ("--rounds", "2"), "two rounds of five"),
        Benchmark(
            "default_run",
            7.5,
            (*older, "--repeats", "1"),
            "one repeat",
            {"*seconds*": "at most 0.5", "*job_memory_mb*": "at most 0.7"},
            no_old,
        ),
        Benchmark(
            "final_speed",
            1.5,
            ("--rounds", "1"),
            "one round of five",
            {"*, tgas-neuro, timm": "at least 1.3"},
        ),
        _describe_gpu_check(),
        Benchmark("streaming_errors", 0, absent="needs 12 GB of memory; run it by itself"),
        Benchmark("final_training", 0, absent="needs tiny_imagenet_100 and two hours"),
        Benchmark("cluster_overhead", 0, absent="starts a SLURM as root, and takes 18 minutes"),
        Benchmark("eta", 0, absent="watches a run that you start beside it"),
        Benchmark("guidance", 0, absent="needs cifar10_subset and recordings, and takes hours"),
    ]
    return [one for one in found if (HERE / f"{one.script}.py").is_file()]


def _describe_gpu_check() -> Benchmark:
    """On a GPU where there is one; else its short form, which compares the CPU with itself."""
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return Benchmark("gpu_check", 5)
    arguments = ("--device", "cpu", "--quick", "--threads", "1")
    return Benchmark("gpu_check", 0.5, arguments, "the CPU with itself: there is no GPU")
