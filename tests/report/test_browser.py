"""The page as its reader sees it: hover, sort, RDMs, several runs, many candidates."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from support.browser import OpenPage, open_browser
from support.run_folders import draw
from support.shown_runs import TEACHER, build_generations, build_shown_region, write_shown_run

from tgas_neuro.__main__ import main
from tgas_neuro.report import shown
from tgas_neuro.report.drawings import draw_candidates
from tgas_neuro.report.explorer import build_explorer
from tgas_neuro.report.gather import gather_facts
from tgas_neuro.report.page import build_page


@pytest.fixture(scope="module")
def browser():
    with open_browser() as found:
        yield found


@pytest.fixture
def opened(root, browser):
    """The page of a search that has ended: three good candidates, P falls from each to the next."""
    write_shown_run(root, build_generations(("ok", "ok", "ok", "diverged")))
    assert main(["report"]) == 0
    return OpenPage(browser, root / "results/report.html")


def test_no_complaint_and_no_request(opened):
    assert opened.complaints == []
    assert opened.requests == []
    assert opened.page.title() == "run-1"


def test_the_questions_are_above_the_fold(opened):
    """All ten at the size of a small laptop."""
    places = opened.page.eval_on_selector_all(
        ".answers dt", "all => all.map(one => one.getBoundingClientRect().bottom)"
    )
    assert len(places) == 10
    assert max(places) < 800
    links = opened.page.eval_on_selector_all(
        ".answers a", "all => all.map(one => document.querySelector(one.hash) !== null)"
    )
    assert links == [True] * 10


def test_pointing_at_a_candidate_shows_its_cell(opened):
    """A point of the curve, then a name in the table; the drawing is that of its genotype."""
    points = opened.page.query_selector_all("#chart-curve-1 .mark-symbol path")
    assert len(points) == 4
    points[0].scroll_into_view_if_needed()
    points[0].hover()
    text = opened.read_card()
    assert "g000_c00 ok, reward 1.100" in text
    assert "P 0.500, TG 0.300, 1,000 parameters, 20,000 multiply-adds" in text
    image = opened.page.wait_for_selector("#card img")
    assert "separable" in image.get_attribute("src") or "pool" in image.get_attribute("src")
    assert image.get_attribute("alt").startswith("normal cell: block 0 = ")
    assert opened.page.evaluate("document.querySelector('#card img').naturalWidth") > 100
    button = opened.page.query_selector("button.cell[data-id=g000_c02]")
    button.focus()
    opened.page.wait_for_function("document.querySelector('#card').innerText.includes('g000_c02')")
    opened.page.keyboard.press("Escape")
    assert opened.page.query_selector("#card").is_hidden()


def test_the_table_sorts_by_pointer_and_by_keyboard(opened):
    assert opened.read_column(1) == ["g000_c00", "g000_c01", "g000_c02"]
    heads = opened.page.query_selector_all("table.sortable thead button")
    names = [head.inner_text().strip() for head in heads]
    assert names[:5] == ["rank", "candidate", "reward", "P", "TG"]
    heads[3].click()
    assert opened.read_column(3) == ["0.300", "0.400", "0.500"]
    assert heads[3].evaluate("one => one.parentElement.ariaSort") == "ascending"
    heads[3].focus()
    opened.page.keyboard.press("Enter")
    assert opened.read_column(3) == ["0.500", "0.400", "0.300"]
    assert heads[0].evaluate("one => one.parentElement.ariaSort") is None


def test_the_explorer_names_stimuli_and_dissimilarities(opened):
    """Rows are sorted by category: animals s001, s004, s007, s010; boats; cats."""
    canvas = opened.page.query_selector(".explorer canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    opened.page.mouse.move(box["x"] + 5.5 / 12 * box["width"], box["y"] + 0.5 / 12 * box["height"])
    text = opened.page.inner_text(".readout")
    assert "s001, animals" in text and "s005, boats" in text
    region = build_shown_region()
    rdm = region["rdm"].values
    n, row, column = 12, 1, 5
    value = rdm[n * row - row * (row + 1) // 2 + column - row - 1]
    found = float(text.split("teacher about ")[1].split(" ")[0])
    assert found == pytest.approx(value, abs=(rdm.max() - rdm.min()) / 254 + 0.005)
    canvas.focus()
    opened.page.keyboard.press("ArrowDown")
    assert "s004, animals" in opened.page.inner_text(".readout")
    assert "s005, boats" in opened.page.inner_text(".readout")


def test_the_pixels_of_the_rdm_are_ranks(opened):
    """The darkest pixel is that of the smallest dissimilarity, the brightest of the largest."""
    region = build_shown_region()
    order = np.argsort(region["category_name"].values, kind="stable")
    square = squareform(region["rdm"].values)[np.ix_(order, order)]
    pixels = opened.page.evaluate(
        """() => { const canvas = document.querySelector(".explorer canvas");
        return [...canvas.getContext("2d").getImageData(0, 0, 12, 12).data]; }"""
    )
    red_green = np.array(pixels).reshape(12, 12, 4)[:, :, 1]  # viridis gets greener all the way
    inside = [(i, j) for i in range(12) for j in range(12) if i % 4 and j % 4 and i != j]
    inside = [(i, j) for i, j in inside if (i + 1) % 4 and (j + 1) % 4]  # away from borders
    values = [square[i, j] for i, j in inside]
    greens = [red_green[i, j] for i, j in inside]
    assert greens[int(np.argmax(values))] == max(greens)
    assert greens[int(np.argmin(values))] == min(greens)


def test_a_run_that_goes_on(root, browser):
    records = build_generations()[0]
    write_shown_run(root, [[records[0], None, None]], finished=False)
    assert main(["report"]) == 0
    opened = OpenPage(browser, root / "results/report.html")
    assert (opened.complaints, opened.requests) == ([], [])
    assert "searching: 1 of 3 candidates have finished" in opened.page.inner_text("header")
    assert "the best so far" in opened.page.inner_text("#candidates-1")


def test_a_run_without_any_candidate(root, browser):
    write_shown_run(root, [[None, None, None]], finished=False)
    assert main(["report"]) == 0
    opened = OpenPage(browser, root / "results/report.html")
    assert (opened.complaints, opened.requests) == ([], [])
    assert "No candidate has finished yet." in opened.page.inner_text("#search-1")


def test_several_runs(root, browser, capsys):
    write_shown_run(root, build_generations(), name="with_tg")
    write_shown_run(root, build_generations(("ok", "ok"), seed=1), name="by_p")
    assert main(["report", "with_tg", "by_p"]) == 0
    path = root / "results/reports/with_tg+by_p.html"
    assert capsys.readouterr().out.strip() == "results/reports/with_tg+by_p.html"
    opened = OpenPage(browser, path)
    assert (opened.complaints, opened.requests) == ([], [])
    assert opened.page.title() == "2 runs side by side"
    cells = opened.page.inner_text("#compare table")
    assert "with_tg" in cells and "by_p" in cells
    points = opened.page.query_selector_all("#chart-curve-all .mark-symbol path")
    shown = [one for one in points if one.get_attribute("aria-roledescription") == "point"]
    assert len(shown) == 5  # three and two
    shown[3].scroll_into_view_if_needed()
    shown[3].hover()
    assert "g000_c0" in opened.read_card()


def test_a_thousand_candidates(facts, browser, root, monkeypatch):
    """All are points and rows; of those whose cell is not drawn the words are shown."""
    genotypes = draw(1000, seed=2)
    many = tuple(
        replace(facts.candidates[0], number=k + 1, id=f"g{k // 100:03d}_c{k % 100:02d}",
                genotype=genotype, hash=genotype.hash, images_so_far=7 * (k + 1), reward=k / 1000)
        for k, genotype in enumerate(genotypes)
    )  # fmt: skip
    monkeypatch.setattr(shown, "draw_candidates", lambda all_: draw_candidates(all_, 3))
    large = replace(facts, candidates=many, best=many[-1], best_alone=many[-1])
    page = build_page([large], [build_explorer(root / TEACHER, None)])
    (root / "many.html").write_text(page, encoding="utf-8")
    opened = OpenPage(browser, root / "many.html")
    assert (opened.complaints, opened.requests) == ([], [])
    assert len(opened.read_column(1)) == 1000
    assert opened.read_column(1)[0] == "g009_c99"
    points = opened.page.query_selector_all("#chart-curve-1 .mark-symbol path")
    assert len(points) == 1000
    assert "Drawings of 997 networks are left out" in opened.page.inner_text("#candidates-1")
    opened.page.query_selector("button.cell[data-id=g000_c00]").focus()
    text = opened.read_card()
    assert "g000_c00" in text and "block 0 = " in text
    assert opened.page.query_selector("#card img") is None


def test_a_phone_scrolls_in_one_direction(root, browser):
    """Wide tables scroll by themselves; the page is as wide as the screen."""
    write_shown_run(root, build_generations())
    assert main(["report"]) == 0
    opened = OpenPage(browser, root / "results/report.html", width=390)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert opened.complaints == []


def test_names_are_text(root, browser):
    """A stimulus whose name is markup stays a name."""
    bad = "</script><img src=x onerror=alert(1)>"
    region = build_shown_region()
    names = region["row_name"].values.astype(object)
    names[1] = bad
    region = region.assign_coords(row_name=names.astype(str))
    folder = write_shown_run(root, build_generations(), region=region)
    page = build_page([gather_facts(folder)], [build_explorer(root / TEACHER, None)])
    (root / "page.html").write_text(page, encoding="utf-8")
    opened = OpenPage(browser, root / "page.html")
    assert (opened.complaints, opened.requests) == ([], [])
    opened.page.query_selector(".explorer canvas").focus()
    opened.page.keyboard.press("ArrowLeft")
    assert bad in opened.page.inner_text(".readout")
