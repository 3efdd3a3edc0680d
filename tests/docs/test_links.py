"""Links between pages lead somewhere, on a forge as on the site."""

import re

import pytest
from soak.soak import PROJECT
from support.pages import list_anchors, list_links, list_pages, name_page

PAGES = list_pages()


@pytest.mark.parametrize("path", PAGES, ids=name_page)
def test_links_lead_to_files_and_headings(path):
    wrong = []
    for link in list_links(path):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        found = target.exists() and target.is_relative_to(PROJECT)
        if not found or (anchor and anchor not in list_anchors(target)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("path", PAGES, ids=name_page)
def test_rows_of_tables_have_as_many_cells_as_their_heads(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    cells, wrong = None, []
    for line in text.splitlines():
        if not line.startswith("|"):
            cells = None
            continue
        # a bar in code or behind a backslash belongs to a cell
        found = re.sub(r"`[^`]*`|\\\|", "", line).count("|")
        cells = cells or found
        if found != cells:
            wrong.append(line)
    assert wrong == []


def test_every_page_of_the_documentation_is_in_its_list():
    links = set(list_links(PROJECT / "docs/README.md"))
    pages = {path.name for path in (PROJECT / "docs").glob("*.md")} - {"README.md"}
    assert pages - links == set()
    notebooks = {f"notebooks/{path.name}" for path in (PROJECT / "docs/notebooks").glob("*.ipynb")}
    assert notebooks - links == set()


def test_pages_that_the_code_names_are_there():
    """Messages and docstrings send users to docs/<page>.md."""
    named = set()
    for folder, ending in (("tgas_neuro", "py"), ("workflow", "*"), ("neural_data", "yaml")):
        for path in (PROJECT / folder).rglob(f"*.{ending}"):
            if path.is_file() and "raw" not in path.parts and path.suffix != ".pyc":
                named |= set(re.findall(r"docs/\w+\.md", path.read_text(encoding="utf-8")))
    named |= set(re.findall(r"docs/\w+\.md", (PROJECT / "config.yaml").read_text()))
    assert len(named) > 8
    assert {name for name in named if not (PROJECT / name).is_file()} == set()


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("## `rdm.py`: one layer, and more", "rdmpy-one-layer-and-more"),
        ("## Sessions of the same sites, and ceilings", "sessions-of-the-same-sites-and-ceilings"),
        ("## P + TG", "p--tg"),
    ],
)
def test_anchors_are_those_of_forges(tmp_path, heading, anchor):
    path = tmp_path / "page.md"
    path.write_text(f"# Title\n\n{heading}\n\n{heading}\n")
    assert list_anchors(path) == {"title", anchor, f"{anchor}-1"}
