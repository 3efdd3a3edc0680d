"""Which cells are drawn, and what a table says that they reach."""

import csv

import pytest

from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.config.experiments import MatureTable
from tgas_neuro.experiments.cells import draw_cells
from tgas_neuro.experiments.mature import load_mature
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.runtime.errors import UserError

# The first two compute the same function: what passes node 1 or 2 is zero in either.
ROWS = [
    ("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", "90.5"),
    ("|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", "91.5"),
    ("|avg_pool_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|", "80"),
    ("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|", "93"),
]


def write(path, rows=ROWS, header=("architecture", "cifar10")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return MatureTable(kind="table", path=str(path), column="cifar10")


def take(content, table, number=10, space="nasbench201", **options):
    content |= {"mature": table.model_dump(), "space": space, **options}
    content["cells"] = {"number": number}
    return draw_cells(check_experiment(content, "x"))


def test_percents_are_not_shares(tmp_path, content):
    table = write(tmp_path / "t.csv").model_copy(update={"unit": "share"})
    with pytest.raises(UserError, match=r"90.5; mature.unit is 'share', which goes to 1"):
        take(content, table)


def test_strings_are_of_their_space(tmp_path, content):
    with pytest.raises(UserError, match="names cells of nasbench201; space is 'chain'"):
        take(content, write(tmp_path / "t.csv"), space="chain")


def test_hashes_are_joined_with_cells_of_a_space(tmp_path, content):
    """Trainings of one's own: the cells are drawn as without a table, and each has its accuracy."""
    content |= {"space": "cell", "options": {"blocks": 2}, "cells": {"number": 12}}
    drawn = draw_cells(check_experiment(content, "x"))
    rows = [(cell["hash"], str(number / 100)) for number, cell in enumerate(drawn)]
    table = write(tmp_path / "t.csv", rows[::-1], ("hash", "cifar10"))
    table = table.model_copy(update={"unit": "share"})
    found = take(content, table, 12, "cell")
    assert [cell["hash"] for cell in found] == [cell["hash"] for cell in drawn]
    assert [cell["mature"] for cell in found] == [number / 100 for number in range(12)]
    with pytest.raises(UserError, match="1 of 13 cells are not in the table"):
        take(content, table, 13, "cell")


def test_cells_of_a_table_compute_different_functions(tmp_path, content, monkeypatch):
    strings = [
        f"|{one}~0|+|none~0|{two}~1|+|{three}~0|none~1|nor_conv_3x3~2|"
        for one in ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
        for two in ("none", "skip_connect", "nor_conv_1x1")
        for three in ("none", "skip_connect")
    ]
    table = write(tmp_path / "t.csv", [(text, str(number)) for number, text in enumerate(strings)])
    content["mature"] = table.model_dump()
    functions = {NASBench201Genotype.from_string(text).equivalence for text in strings}
    assert 10 <= len(functions) < len(strings)
    content["cells"] = {"number": len(functions), "repeated": 10}
    cells = draw_cells(check_experiment(content, "x"))
    assert {read_genotype(cell["genotype"]).equivalence for cell in cells} == functions
    assert [cell["repetitions"] for cell in cells] == [2] * 10 + [1] * (len(cells) - 10)
    for cell in cells:
        assert cell["mature"] == strings.index(cell["genotype"]["architecture"]) / 100
    content["cells"] = {"number": 10}
    fewer = draw_cells(check_experiment(content, "x"))
    assert [cell["hash"] for cell in fewer] == [cell["hash"] for cell in cells[:10]]
    content["cells"] = {"number": len(functions) + 1}
    with pytest.raises(UserError, match=f"has {len(functions)} different functions; lower it"):
        draw_cells(check_experiment(content, "x"))


def test_cells_of_a_space_are_different_and_begin_with_the_same(content):
    content |= {"space": "cell", "options": {"blocks": 2}}
    content["cells"] = {"number": 30, "seed": 4}
    cells = draw_cells(check_experiment(content, "x"))
    assert len({cell["hash"] for cell in cells}) == 30
    assert all(cell["mature"] is None for cell in cells)
    content["cells"] = {"number": 12, "seed": 4}
    assert draw_cells(check_experiment(content, "x")) == cells[:12]


def test_the_real_table_has_the_functions_that_its_readme_says(real_data):
    path = real_data / "nats_bench_half.csv"
    table = load_mature(MatureTable(kind="table", path=str(path), column="cifar10"))
    assert len(table.genotypes) == 7960
    assert len({genotype.equivalence for genotype in table.genotypes.values()}) == 3222
