"""Damaged bytes of every kind of file that is read: one line for the user, no traceback.

``TGAS_FUZZ=2000`` in the environment damages each kind of file so many times.
"""

import hashlib
import io
import multiprocessing
import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from support.recordings import cut_or_replace

from tgas_neuro.plan.plan import build_plan
from tgas_neuro.recordings.assembly import (
    REQUIRED_ATTRS,
    build_assembly,
    load_assembly,
    write_assembly,
)
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.formats.archives import read_members, unpack_archive
from tgas_neuro.recordings.published_rdms import build_rdm_dataset, load_rdms, write_rdms
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.yaml_files import load_yaml
from tgas_neuro.teacher.teacher import Teacher, load_teacher, write_teacher

PROJECT = Path(__file__).parents[2]
MORE = int(os.environ.get("TGAS_FUZZ", "0"))
ATTRS = dict.fromkeys(REQUIRED_ATTRS, "unknown")
# what a text file may be hit by beside bytes: signs that mean something in YAML or CSV
TOKENS = [
    *(b"&a ", b"*a", b"<<: *a", b"!!python/object:os.system ", b"!!timestamp ", b"!!binary "),
    *(b"!!set ", b"!!omap ", b"!!int ", b"? ", b": ", b"- ", b"{", b"}", b"[", b"]", b'"', b"'"),
    *(b"|", b">", b"%YAML 1.9\n", b"---\n", b"...\n", b"#", b"~", b"=", b",", b"\n", b"\r", b"\t"),
    *(b"2020-13-45", b"0x", b"0o9", b"1_", b"1:99:99", b"1e999", b".nan", b"-1", b"null", b"NaN"),
    *(b"\0", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"9" * 5000, b"[&a [*a]]", b"[" * 2000),
]


def damage_bytes(content: bytes, generator: np.random.Generator) -> bytes:
    """Change, flip, cut off, blank, overwrite or fill some bytes of a binary file."""
    damaged, n = bytearray(content), len(content)
    kind, place, other = generator.integers(6), *map(int, generator.integers(0, n, 2))
    length = int(generator.integers(1, 65))
    if kind == 0:
        for position in generator.integers(0, n, generator.integers(1, 9)):
            damaged[position] = generator.integers(256)
    elif kind == 1:
        damaged[place] ^= 1 << int(generator.integers(8))
    elif kind == 2:
        del damaged[place:]
    elif kind == 3:
        damaged[place : place + length] = bytes(length)
    elif kind == 4:
        damaged[place : place + length] = content[other : other + length]
    else:
        damaged[place : place + length // 8] = b"\xff" * (length // 8)
    return bytes(damaged)


def damage_text(content: bytes, generator: np.random.Generator) -> bytes:
    """Put in a token, change a byte, cut off, leave out or exchange lines, up to three times."""
    for _ in range(generator.integers(1, 4)):
        kind, place = generator.integers(6), int(generator.integers(0, len(content) + 1))
        if kind <= 1:
            token = TOKENS[generator.integers(len(TOKENS))]
            content = content[:place] + token + content[place:]
        elif kind == 2:
            content = content[:place] + generator.bytes(1) + content[place + 1 :]
        elif kind == 3:
            content = content[:place]
        elif kind == 4:
            content = content[:place] + content[place + int(generator.integers(1, 40)) :]
        else:
            lines = content.split(b"\n")
            first, second = generator.integers(0, len(lines), 2)
            lines[first], lines[second] = lines[second], lines[first]
            content = b"\n".join(lines)
    return content


def read_damaged(load: Callable[[Path], object], path: Path) -> str:
    """How reading ends: "read", "told" (one line), or what should not happen."""
    try:
        load(path)
    except UserError as error:
        return "told" if "\n" not in str(error) else f"two lines: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "read"


def check_text(load: Callable[[Path], object], path: Path, contents: list[bytes], n: int) -> None:
    ends = Counter()
    for seed in range(max(n, MORE)):
        generator = np.random.default_rng(seed)
        path.write_bytes(damage_text(contents[seed % len(contents)], generator))
        end = read_damaged(load, path)
        assert end in ("read", "told"), f"seed {seed}: {end}"
        ends[end] += 1
    assert ends["told"] > n // 4


def test_damaged_descriptions(tmp_path):
    shipped = sorted((PROJECT / "neural_data").glob("*.yaml"))
    contents = [path.read_bytes().replace(path.stem.encode(), b"mine", 1) for path in shipped]
    check_text(
        lambda path: load_description("mine", [tmp_path]), tmp_path / "mine.yaml", contents, 300
    )


def test_damaged_configurations(tmp_path):
    paths = [PROJECT / "config.yaml", *sorted((PROJECT / "workflow" / "presets").glob("*.yaml"))]
    check_text(
        lambda path: build_plan(load_yaml(path), [PROJECT / "neural_data"], str(path)),
        tmp_path / "config.yaml",
        [path.read_bytes() for path in paths],
        300,
    )


def test_damaged_stimulus_tables(tmp_path):
    lines = [
        f's{k},s{k}.png,{hashlib.sha256(bytes([k])).hexdigest()},8.0,"héron, grey"\n'
        for k in range(12)
    ]
    content = "".join(["stimulus_id,filename,sha256,degrees,object_name\n", *lines]).encode()
    check_text(load_stimuli, tmp_path / "stimuli.csv", [content], 300)


def make_zip(method: int, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def make_tar(packing: str, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{packing}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


ARCHIVES = {
    "zip": (make_zip, zipfile.ZIP_STORED),
    "zip deflated": (make_zip, zipfile.ZIP_DEFLATED),
    "zip bzip2": (make_zip, zipfile.ZIP_BZIP2),
    "zip lzma": (make_zip, zipfile.ZIP_LZMA),
    "tar": (make_tar, ""),
    "tar gzip": (make_tar, "gz"),
    "tar bzip2": (make_tar, "bz2"),
    "tar xz": (make_tar, "xz"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ARCHIVES)
def test_damaged_archives_give_what_was_packed_or_are_told(tmp_path, kind):
    files = {f"set/ä{k}.png": np.random.default_rng(k).bytes(300) for k in range(4)}
    make, packing = ARCHIVES[kind]
    content = make(packing, files)
    path, ends = tmp_path / "archive", Counter()
    for seed in range(max(60, MORE)):
        path.write_bytes(damage_bytes(content, np.random.default_rng(seed)))
        members = {}
        end = read_damaged(lambda path, found=members: found.update(read_members(path)), path)
        assert end in ("read", "told"), f"seed {seed}: {end}"
        if end == "read" and kind != "tar":  # which alone has no checksum over its content
            # a damaged table of contents may leave members out or rename them, not change them
            assert set(members.values()) <= set(files.values()), f"seed {seed}"
        end = read_damaged(lambda path: unpack_archive(path, path.with_name("out") / "in"), path)
        assert end in ("read", "told"), f"seed {seed}: {end}"
        beside = {found.name for found in (tmp_path / "out").iterdir()}
        assert beside == ({"in"} if end == "read" else set()), f"seed {seed}"
        if beside:
            (tmp_path / "out" / "in").rename(tmp_path / f"out{seed}")
        ends[end] += 1
    assert ends["told"] >= 10


def write_made_assembly(path: Path) -> None:
    presentation = {
        "stimulus_id": [f"s{k // 3}" for k in range(24)],
        "repetition": [k % 3 for k in range(24)],
        "object_name": ["héron"] * 24,
    }
    neuroid = {"neuroid_id": list("abcdef"), "region": ["IT"] * 6, "animal": ["A"] * 6}
    counts = np.random.default_rng(0).poisson(5, (24, 6))
    write_assembly(path, build_assembly(counts, presentation, neuroid, ATTRS))


def write_made_rdms(path: Path) -> None:
    values = np.random.default_rng(0).random((1, 28))
    rdms = xr.DataArray(values, dims=("region", "pair"), coords={"region": ["IT"]})
    write_rdms(path, build_rdm_dataset(rdms, [f"s{k}" for k in range(8)], ATTRS))


def write_made_teacher(path: Path) -> None:
    generator = np.random.default_rng(0)
    region = xr.Dataset(
        {
            "images": (
                ("stimulus", "y", "x", "rgb"),
                generator.integers(0, 255, (8, 6, 6, 3)).astype(np.uint8),
            ),
            "row": ("stimulus", np.arange(8)),
            "half": ("row_name", np.arange(8) % 2),
            "rdm": ("pair", generator.random(28).astype(np.float32)),
        },
        coords={"row_name": [f"s{k}" for k in range(8)], "category_name": ("row_name", ["x"] * 8)},
        attrs={"ceiling": 0.9, "comparison": "spearman", "title": ""},
    )
    write_teacher(path, Teacher({"V4": region, "IT": region}, {"version": "0"}))


NETCDF = {
    "assembly": (write_made_assembly, load_assembly),
    "rdm": (write_made_rdms, load_rdms),
    "teacher": (write_made_teacher, load_teacher),
}


def read_in_child(kind: str, folder: Path, seeds: list[int], sender) -> None:
    """Read damaged files one after the other, and say before each which it is and then its end."""
    content = (folder / kind).read_bytes()

    for seed in seeds:
        # a name of its own: HDF5 takes an old file of the same name for the same
        path = folder / f"{kind}{seed}.nc"
        path.write_bytes(cut_or_replace(content, np.random.default_rng(seed)))
        sender.send([seed, None])
        sender.send([seed, read_damaged(NETCDF[kind][1], path)])
        path.unlink()
    sender.close()


@pytest.mark.parametrize("kind", NETCDF)
def test_damaged_netcdf_files(tmp_path, kind):
    """In a child process, which must end by itself."""
    NETCDF[kind][0](tmp_path / kind)
    seeds = list(range(max(100, MORE)))
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=read_in_child, args=(kind, tmp_path, seeds, sender))
    child.start()
    sender.close()
    ends, seed = {}, None
    try:
        while receiver.poll(60):
            seed, end = receiver.recv()
            if end is not None:
                ends[seed] = end
    except EOFError:
        child.join(20)
    finally:
        child.kill()
        child.join()
    assert child.exitcode == 0, f"seed {seed}: exit code {child.exitcode}"
    assert sorted(ends) == seeds
    wrong = {seed: end for seed, end in ends.items() if end not in ("read", "told")}
    assert wrong == {}
    assert Counter(ends.values())["told"] >= 30


def test_a_whole_file_of_each_kind_is_read(tmp_path):
    """So that the files above are refused for their damage."""
    for kind, (write, load) in NETCDF.items():
        write(tmp_path / kind)
        assert read_damaged(load, tmp_path / kind) == "read", kind
