"""The page of a whole run: it answers ten questions with the values of the run's files."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr
from support.browser import OpenPage, open_browser
from support.page_text import read_answers

from tgas_neuro.__main__ import main
from tgas_neuro.report.answers import list_answers
from tgas_neuro.report.gather import gather_facts
from tgas_neuro.teacher.shown_rows import take_pairs

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def result(finished):
    return finished.read("results/best_cell.json")


@pytest.fixture(scope="module")
def answers(finished):
    return read_answers(finished.folder / "results/report.html")


def percent(value):
    return f"{100 * value:.1f} %"


def test_was_it_real_data(answers, result):
    text = answers["Was it real data?"]
    assert text.startswith("No: ")
    for line in result["simulated_or_toy"]:
        assert line in text
    for name, region in result["teacher"]["regions"].items():
        sites, stimuli = region["n_sites"], region["n_stimuli"]
        assert f"{name} from simulated (simulated, {sites} sites, {stimuli} stimuli)" in text


def test_what_was_asked(answers, finished):
    search = finished.config["search"]
    text = answers["What was asked?"]
    number = f"{search['generations']} generations of {search['candidates']} candidates"
    assert number in text
    assert "proposed by tpe" in text and "P + 1 x TG (crossed)" in text


def test_which_cell(answers, result):
    text = answers["Which cell won, and how large is it?"]
    final, leader = result["final"], result["leaderboard"][0]
    assert text.startswith(f"{result['id']}, reward {result['reward']:.3f}, of 6 candidates")
    assert f"{final['params']:,} parameters and {final['macs']:,} multiply-adds" in text
    assert f"{leader['params']:,} parameters, {leader['macs']:,} multiply-adds in the" in text


def test_how_accurate(answers, result):
    final = result["final"]
    low, high = final["top1_interval"]
    text = answers["How accurate is it, and how sure is that?"]
    assert f"Top-1 {percent(final['top1'])}," in text
    assert f"{percent(low)} to {percent(high)}, on {final['n_images']:,} validation" in text
    assert f"chance is {percent(1 / final['n_classes'])}" in text


def test_how_far_from_the_ceiling(answers, result):
    text = answers["How far from the ceiling?"]
    for name, region in result["final"]["teacher"]["regions"].items():
        ceiling = result["teacher"]["regions"][name]["ceiling"]
        crossed = region["crossed"]
        assert (
            f"{name} {crossed['corrected']:.3f} of 1 after correction for noise "
            f"({crossed['raw']:.3f} as measured, ceiling {ceiling:.3f})"
        ) in text


def test_did_guidance_help(answers, result, finished):
    records = [one for one in finished.read_records().values() if one["state"] == "ok"]
    highest = max(records, key=lambda one: one["premature"]["accuracy"])
    text = answers["Did TG help?"]
    assert text.startswith("One run cannot show it; ")
    assert f"P {highest['premature']['accuracy']:.3f}" in text
    before = finished.read_records()[result["id"]]["teacher_untrained"]["TG"]["crossed"]
    assert f"Its TG before the training was {before:.3f}." in text


def test_what_it_cost(answers, result):
    text = answers["What did it cost?"]
    search, final = result["cost"]["search"], result["cost"]["final"]
    assert f"Search: {search['images_seen']:,} training images in {search['seconds']:.1f} s" in text
    assert f"final training: {final['images_seen']:,} training images in" in text


def test_what_failed(answers, result):
    failed = {k: v for k, v in result["search"]["states"].items() if k not in ("ok", "duplicate")}
    text = answers["Did anything fail?"]
    assert text.startswith("No: ") if not failed else all(name in text for name in failed)
    counted = ", ".join(f"{v} {k}" for k, v in result["search"]["states"].items())
    assert failed or counted in text


def test_repeat_and_cite(answers, result):
    text = answers["Can I repeat it?"]
    assert f"Seed {result['search']['seed']}" in text
    assert result["digests"]["chain"][:16] in text
    assert answers["What should I cite?"] == "The method, the software and simulated."
    assert "Bashivan, Tensen, DiCarlo (2019)" in answers["the method"]
    assert "Majaj, Hong, Solomon, DiCarlo 2015" in answers["simulated"]


def test_the_rdm_beside_the_teacher_is_the_layer_that_was_scored(finished, result):
    """Its rank correlation with the teacher's RDM is the similarity in the records."""
    (path,) = finished.folder.glob("results/final/*/rdms.nc")
    for name, region in result["final"]["teacher"]["regions"].items():
        found = xr.load_dataset(path, group=name)
        teacher = xr.load_dataset(finished.folder / result["files"]["teacher"], group=name)
        pairs = take_pairs(teacher["rdm"].values, teacher.sizes["row_name"], found["row"].values)
        assert found.attrs["layer"] == region["layer"]
        measured = spearmanr(pairs, found["rdm"].values).statistic
        assert measured == pytest.approx(region["paper"]["raw"], abs=2e-5)
        assert found.attrs["similarity"] == region["paper"]["raw"]
        assert np.all(np.sort(found["row"].values) == np.arange(teacher.sizes["row_name"]))


def test_the_page_opens_without_a_network(finished, result):
    with open_browser() as browser:
        opened = OpenPage(browser, finished.folder / "results/report.html")
        assert (opened.complaints, opened.requests) == ([], [])
        page = opened.page
        assert "Simulated or toy" in page.inner_text(".banner")
        assert page.evaluate("[...document.querySelectorAll('.explorer canvas')].length") == 2
        page.query_selector_all(".explorer canvas")[1].focus()
        page.keyboard.press("ArrowRight")
        readout = page.inner_text(".readout")
        assert "teacher about" in readout and "model about" in readout
        assert f"{result['final']['n_images']:,} validation images" in page.inner_text("body")


def test_the_result_alone_needs_no_page(finished):
    """It is listed for the default target only."""
    alone = finished.run("--dry-run", "--forceall", "results/best_cell.json").stdout
    assert "run_report" not in alone and "layer_rdms" not in alone
    assert "run_report" in finished.run("--dry-run", "--forceall").stdout


def test_it_is_the_first_part_of_the_report_of_snakemake(finished, tmp_path):
    path = tmp_path / "report.html"
    done = finished.run("--report", str(path))
    assert path.is_file(), done.stdout
    text = path.read_text(encoding="utf-8")
    assert '"results/report.html"' in text
    assert "data:text/html" in text


def test_a_kill_and_a_later_run_leave_facts(finished, tmp_path, monkeypatch):
    """Without the result of this run, its note and its files say the same but for the chain."""
    folder = tmp_path / "later"
    shutil.copytree(finished.folder / "results", folder / "results", symlinks=True)
    shutil.copytree(finished.folder / "neural_data", folder / "neural_data")
    monkeypatch.chdir(folder)
    (search,) = folder.glob("results/search/*")
    whole = gather_facts(search)
    (folder / "results/best_cell.json").unlink()
    later = gather_facts(search)
    assert (later.simulated, later.note) == (whole.simulated, whole.note)
    assert later.finished
    assert later.configuration.model_dump() == whole.configuration.model_dump()
    texts, before = list_answers(later), list_answers(whole)
    assert [one.text for one in texts[:8]] == [one.text for one in before[:8]]
    shutil.rmtree(folder / "results/final")
    (search / "best.json").unlink()
    killed = gather_facts(search)
    assert not killed.finished and killed.phase.startswith("the search has ended")
    assert "Not known yet" in list_answers(killed)[3].text


def test_the_command_writes_the_same_answers(finished, tmp_path, monkeypatch, capsys, answers):
    monkeypatch.chdir(finished.folder)
    path = tmp_path / "page.html"
    assert main(["report", "--output", str(path)]) == 0
    assert read_answers(path) == answers
    assert capsys.readouterr().out.strip() == str(path)


def test_commands_start_without_the_libraries_of_the_page():
    code = (
        "import sys; from tgas_neuro.__main__ import build_parser; build_parser(); "
        "print([one for one in ('altair', 'matplotlib', 'vl_convert') if one in "
        "sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
