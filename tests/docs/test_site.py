"""The site builds without a warning, and a browser needs no network to read it."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from soak.soak import PROJECT
from support.browser import open_browser
from support.pages import list_anchors

pytest.importorskip("mkdocs", reason="the extra docs is not installed")
pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}


class Loaded(HTMLParser):
    """Addresses that a browser asks for when it shows a page, and the anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if found.get("id"):
            self.anchors.add(found["id"])
        if found.get(LOADED.get(tag)) and found.get("rel") != "canonical":
            self.addresses.append(found[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site as `make docs` builds it, elsewhere."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    found = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert found.returncode == 0, found.stderr[-6000:]
    return folder


def test_nothing_is_loaded_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        addresses = Loaded(page.read_text(encoding="utf-8")).addresses
        assert addresses and not [one for one in addresses if re.match(r"(https?:)?//", one)]
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text(encoding="utf-8"))


def test_headings_have_the_anchors_of_a_forge(site):
    for page in ("search", "teachers", "configuration", "results"):
        anchors = Loaded((site / f"{page}.html").read_text(encoding="utf-8")).anchors
        assert list_anchors(PROJECT / f"docs/{page}.md") <= anchors


def test_benchmarks_and_their_pictures_are_on_it(site):
    text = (site / "results.html").read_text(encoding="utf-8")
    assert 'href="benchmarks/index.html"' in text
    assert 'src="benchmarks/results/guidance.png"' in text
    assert (site / "benchmarks/results/guidance.png").is_file()


def test_the_python_reference_has_the_calls_with_their_arguments(site):
    text = (site / "python.html").read_text(encoding="utf-8")
    anchors = Loaded(text).anchors
    for name in ("recordings.load_recordings", "scores.score", "recorded.Recordings.rdm"):
        assert f"tgas_neuro.api.{name}" in anchors
    assert "min_site_reliability" in text


def test_what_the_search_needs_without_a_server_is_there(site):
    text = (site / "notebooks/recordings.html").read_text(encoding="utf-8")
    assert "../assets/iframe-worker.js" in Loaded(text).addresses
    index = (site / "search/search_index.js").read_text(encoding="utf-8")
    assert "noise ceiling" in index


def test_it_is_searched_without_a_server(site):
    with open_browser() as browser:
        page, complaints, asked = browser.new_page(), [], []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "notebooks/recordings.html").as_uri())
        page.wait_for_function("window.__search && document.querySelector('iframe')")
        page.click("input.md-search__input")
        page.keyboard.type("noise ceiling", delay=50)
        page.wait_for_selector(".md-search-result__item a", timeout=120_000)
        assert complaints == []
        assert [url for url in asked if not url.startswith("file:")] == []
