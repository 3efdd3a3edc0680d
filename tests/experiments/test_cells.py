"""Which cells are drawn, and what a table says that they reach."""

import csv

import pytest

from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.config.experiments import MatureTable
from tgas_neuro.experiments.cells import draw_cells, read_table
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


def test_a_table_is_read_as_shares(tmp_path):
    found = read_table(write(tmp_path / "t.csv"))
    assert {genotype.to_string(): value for genotype, value in found.items()} == {
        text: pytest.approx(float(percent) / 100) for text, percent in ROWS
    }


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (ROWS, ("architecture", "cifar"), "mature.column: .* has no column 'cifar10'.*there are"),
        (ROWS, ("cell", "cifar10"), "mature.cells: .* has no column 'architecture'"),
        ([*ROWS, ROWS[0]], None, "line 6: .* is there twice"),
        ([("|nor|", "90")], None, "line 2: '|nor|' is not a NAS-Bench-201 cell"),
        ([(ROWS[0][0], "high")], None, "line 2: column cifar10: 'high'; expected an accuracy"),
        ([(ROWS[0][0], "nan")], None, "column cifar10: 'nan'"),
        ([(ROWS[0][0], "101")], None, "column cifar10: '101'; expected an accuracy of 0 to 100"),
    ],
)
def test_mistakes_of_a_table_name_the_line(tmp_path, rows, header, message):
    table = write(tmp_path / "t.csv", rows, header or ("architecture", "cifar10"))
    with pytest.raises(UserError, match=message.replace("|", r"\|")):
        read_table(table)


def test_percents_are_not_shares(tmp_path):
    table = write(tmp_path / "t.csv").model_copy(update={"unit": "share"})
    with pytest.raises(UserError, match=r"'90.5'; expected an accuracy of 0 to 1 \(mature.unit is"):
        read_table(table)


def test_a_missing_table(tmp_path):
    with pytest.raises(UserError, match=r"mature.path: .*: no such file"):
        read_table(MatureTable(kind="table", path=str(tmp_path / "x.csv"), column="a"))


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
    table = read_table(MatureTable(kind="table", path=str(path), column="cifar10"))
    assert len(table) == 7960
    assert len({genotype.equivalence for genotype in table}) == 3222
