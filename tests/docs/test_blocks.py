"""Every block of commands and of Python in the pages is run, or says why it is not.

A comment in the line before a block says how it is tried:

- `run in a finished run`: in a copy of a finished toy run; `, in FOLDER` for a folder of it
- `run in an empty folder`
- `real data: NAME`: with the files of a data set, where they are; the next block is in its output
- `not run: REASON`

Pages with tests of their own are in `ELSEWHERE`. benchmarks/README.md is left out: a benchmark
takes minutes, and tests/benchmarks tries their parts.
"""

import os
import re
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from soak.soak import PROJECT
from support.commands import run_printed
from support.page_commands import write_shims
from support.pages import list_blocks, list_pages, name_page
from support.recordings import describe

from tgas_neuro.plan.configuration import check_configuration

LANGUAGES = ("sh", "bash", "python")
FINISHED, EMPTY = "run in a finished run", "run in an empty folder"
ELSEWHERE = {  # page: the test that runs its blocks
    "docs/api.md": "tests/api/test_public.py",
    "docs/developing.md": "tests/docs/test_developing.py",
    "docs/modules.md": "tests/workflow/test_module.py",
    "docs/single_stages.md": "tests/workflow/test_single_stages.py",
    "docs/your_own_recordings.md": "tests/workflow/test_own_recordings.py",
}
COMMANDS = r"(tgas|python|snakemake|pip|make|conda|docker|source|export|torchrun|eval|PATH=\S*) "
SHOWN = "docs/single_stages.md"  # whose first lines are shown, not run
# names that the Python blocks of a page use and a reader has
GIVEN = {
    "docs/export.md": """
        import torch, tgas_neuro
        result = tgas_neuro.load_run("results/best_cell.json")
        network = result.network().eval()
        size = result.final["network"]["image_size"]
        images = torch.rand(2, 3, size, size)
        """
}
PAGES = [page for page in list_pages() if page.parent in (PROJECT, PROJECT / "docs")]
BLOCKS = [block for page in PAGES for block in list_blocks(page)]
RUNNABLE = [block for block in BLOCKS if block.language in LANGUAGES]


def select(mark):
    """Page to its blocks with this mark."""
    chosen = [block for block in RUNNABLE if block.mark.startswith(mark)]
    return {page: [b for b in chosen if b.page == page] for page in {b.page: 0 for b in chosen}}


@pytest.mark.parametrize("block", RUNNABLE, ids=str)
def test_it_is_run_or_says_why_not(block):
    """The reasons: pytest -rs tests/docs/test_blocks.py."""
    if block.mark.startswith("not run: "):
        reason = block.mark.removeprefix("not run: ")
        assert len(reason.split()) > 1
        for path in re.findall(r"tests/[\w/.]+\w", reason):
            assert (PROJECT / path).exists()
        pytest.skip(reason)
    if not block.mark:
        test = PROJECT / ELSEWHERE[block.page]
        assert block.page.removeprefix("docs/") in test.read_text(encoding="utf-8")
    else:
        assert re.fullmatch(f"{FINISHED}(, in .+)?|{EMPTY}|real data: \\w+", block.mark)


def test_commands_are_in_blocks_that_are_run():
    """Indented blocks are output, files and formulas."""
    indented = [b for b in BLOCKS if not b.language and b.page not in ("docs/commands.md", SHOWN)]
    assert indented
    assert [str(block) for block in indented if re.match(COMMANDS + "|>>> ", block.text)] == []


@pytest.fixture(scope="module")
def shims(tmp_path_factory):
    return write_shims(tmp_path_factory.mktemp("shims"))


def call(command, folder, shims):
    """Run a command as a reader of the page does; what was printed."""
    path = f"{shims}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "HOME": str(folder), "CODE": str(PROJECT)}
    environment |= {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    return run_printed(command, folder, environment, seconds=900)


class FinishedRun:
    """A copy of a finished toy run, and the names that stand for its own in the pages."""

    def __init__(self, source, folder):
        self.folder = folder
        shutil.copytree(source, folder, symlinks=True)
        stages = ("search", "final", "teacher")
        names = {s: [p.name for p in (folder / "results" / s).iterdir()] for s in stages}
        self.search, self.final, self.teacher = (names[stage][0] for stage in stages)

    def fill_in(self, text):
        """The text of a page with the names of this run."""
        text = re.sub(
            r"results/final/(<run>|cell_tpe-0123abcd)", f"results/final/{self.final}", text
        )
        text = text.replace("tgas_<run>", f"tgas_{self.final.replace('-', '_')}")
        text = text.replace("tgas_cell_tpe_0123abcd", f"tgas_{self.final.replace('-', '_')}")
        text = text.replace("<teacher>", self.teacher)
        return re.sub(r"<run>|cell_tpe-0123abcd|\bRUN\b", self.search, text)


@pytest.mark.workflow
@pytest.mark.parametrize("page", select(FINISHED))
def test_blocks_run_in_a_finished_run(page, finished, tmp_path, shims):
    """Commands first, in the order of the page, then its Python in one process."""
    run = FinishedRun(finished.folder, tmp_path / "run")
    code = [re.sub(r"(?m)^ {8}", "", GIVEN.get(page, "")), "import os"]
    for block in select(FINISHED)[page]:
        text = run.fill_in(block.text)
        if block.language == "python":
            inside = run.fill_in(block.mark.partition(", in ")[2]) or "."
            code.append(f"os.chdir({str(run.folder / inside)!r})\nimport sys\nsys.path[:0] = ['.']")
            code.append(text)
        else:
            call(["bash", "-euc", text], run.folder, shims)
    if len(code) > 2:
        call([sys.executable, "-c", "\n".join(code)], run.folder, shims)


@pytest.mark.parametrize("page", select(EMPTY))
def test_blocks_run_in_an_empty_folder(page, tmp_path, shims):
    for block in select(EMPTY)[page]:
        call(["bash", "-euc", block.text], tmp_path, shims)


@pytest.mark.real_data
@pytest.mark.parametrize("page", select("real data"))
def test_real_recordings_give_what_the_page_shows(page, real_data, tmp_path, shims):
    blocks = [block for block in BLOCKS if block.page == page]
    for block, shown in pairwise(blocks):
        if block.mark.startswith("real data: "):
            name = block.mark.removeprefix("real data: ")
            raw = tmp_path / "neural_data/raw"
            raw.mkdir(parents=True)
            shutil.copytree(real_data / name, raw / name)
            printed = call(["bash", "-euc", block.text], tmp_path, shims).splitlines()
            assert shown.language == "text"
            assert [line for line in shown.text.splitlines() if line not in printed] == []


def read_configurations():
    """Blocks of YAML that are parts of config.yaml."""
    pages = ("data_sets", "final", "images", "integrations", "terminal")
    chosen = {f"docs/{page}.md" for page in pages}  # tests/plan has those of search and teachers
    return [block for block in BLOCKS if block.language == "yaml" and block.page in chosen]


@pytest.mark.parametrize("block", read_configurations(), ids=str)
def test_examples_of_the_configuration_are_allowed(block):
    config = yaml.safe_load((PROJECT / "config.yaml").read_text())
    for section, keys in yaml.safe_load(block.text).items():
        config[section] |= keys
    check_configuration(config, block.page)


def test_the_description_of_the_first_page_is_allowed():
    (block,) = [b for b in BLOCKS if b.page == "README.md" and b.language == "yaml"]
    given = yaml.safe_load(block.text)
    found = describe(given.pop("reader"), **given).read_options()
    assert found.time_window_ms == [70, 170]


def test_both_pages_show_the_same_default_run():
    shown = [b.text for b in BLOCKS if b.language == "text" and b.text.startswith("Best cell: ")]
    assert len(shown) == 2 and shown[0] == shown[1]


def test_every_page_with_blocks_is_one_of_these():
    assert {name_page(page) for page in PAGES} >= {block.page for block in RUNNABLE}
    assert {block.page for block in RUNNABLE if not block.mark} == set(ELSEWHERE)
