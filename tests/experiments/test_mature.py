"""Tables of mature accuracies: by hand, and the half of NATS-Bench."""

import csv

import pytest
from support.run_folders import draw

from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.experiments import MatureTable
from tgas_neuro.experiments.mature import load_mature
from tgas_neuro.runtime.errors import UserError

ONE = "|none~0|+|none~0|none~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
SAME = "|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
OTHER = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|avg_pool_3x3~2|"


def load(path, text, column="cifar10"):
    path.write_text(text)
    return load_mature(MatureTable(kind="table", path=str(path), column=column))


def read(*strings):
    return [NASBench201Genotype.from_string(text) for text in strings]


def test_strings_are_joined_and_functions_counted(tmp_path):
    """Two strings of one function were trained separately; each has its own accuracy."""
    one, same, other = read(ONE, SAME, OTHER)
    assert one.equivalence == same.equivalence
    text = f"architecture,cifar10,cifar100\n{ONE},86.8,58.8\n{OTHER},91.0,66.0\n{SAME},86.7,58.7\n"
    table = load(tmp_path / "cells.csv", text)
    assert table.join([same, other, one]) == [86.7, 91.0, 86.8]
    assert list(table.genotypes.values()) == [one, other, same]
    assert load(tmp_path / "cells.csv", text, "cifar100").join([one]) == [58.8]


def test_trainings_of_other_spaces_are_joined_by_their_hash(tmp_path):
    cells = draw(3)
    text = "".join(f"{cell.hash},0.{k}5\n" for k, cell in enumerate(cells))
    table = load(tmp_path / "own.csv", f"hash,accuracy\n{text}", "accuracy")
    assert table.join(cells[::-1]) == [0.25, 0.15, 0.05]
    with pytest.raises(UserError, match=f"1 of 2 cells .*that with hash {read(ONE)[0].hash};"):
        table.join([cells[0], *read(ONE)])


def test_a_cell_that_is_missing_is_not_replaced_by_one_of_the_same_function(tmp_path):
    table = load(tmp_path / "cells.csv", f"architecture,cifar10\n{SAME},86.7\n")
    with pytest.raises(UserError) as caught:
        table.join(read(OTHER, SAME, ONE))
    assert "2 of 3 cells are not in the table; the first is |nor_conv_3x3~0|" in str(caught.value)
    with pytest.raises(UserError) as caught:
        table.join(read(ONE))
    message = f"the first is {ONE} (the table has {SAME}, which computes the same function); leave"
    assert message in str(caught.value)
    with pytest.raises(UserError, match="of space cell, and the table names cells of nasbench201"):
        table.join(draw(1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"architecture,cifar\n{ONE},86\n", "mature.column: 'cifar10' is not one of: cifar"),
        ("name,cifar10\nx,86\n", "expected a column architecture or hash, .*there are: name, cif"),
        (f"architecture,hash,cifar10\n{ONE},a,86\n", "expected a column architecture or hash, one"),
        (f"architecture,cifar10,cifar10\n{ONE},86,87\n", "column 'cifar10' is there twice"),
        (f"architecture,cifar10\n{ONE},86\n{OTHER},87\n{ONE},86\n", "line 4: .* on line 2, too"),
        (f"architecture,cifar10\n{ONE}x,86\n", "line 2: .*is not a NAS-Bench-201 cell such as"),
        (f"architecture,cifar10\n{ONE},\n", "line 2: column cifar10: ''; expected an accuracy"),
        (f"architecture,cifar10\n{ONE},nan\n", "line 2: column cifar10: 'nan'; expected"),
        (f"architecture,cifar10\n{ONE},101\n", r"'101'; expected an accuracy in \[0, 100\]"),
        (f"architecture,cifar10\n{ONE}\n", "line 2 has 1 values, the header 2"),
        ("hash,cifar10\n,5\n", "line 2: the hash is empty"),
        ("architecture,cifar10\n", "has no row of a cell"),
        ("", "expected a column architecture or hash"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        load(tmp_path / "cells.csv", text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_and_a_wrong_section(tmp_path):
    path = str(tmp_path / "none.csv")
    with pytest.raises(UserError, match=r"mature.path: .*none.csv: cannot be read as text"):
        load_mature(MatureTable(kind="table", path=path, column="a"))
    values = {"kind": "table", "path": path, "colum": "a"}
    with pytest.raises(UserError, match=r"mature: unknown key 'colum', did you mean 'column'"):
        check_section(MatureTable, values, "surrogates.yaml", ["mature"])


@pytest.mark.real_data
def test_the_half_of_nats_bench(real_data):
    """Its own column of unique strings is the oracle for the functions."""
    path = real_data / "nats_bench_half.csv"
    table = load_mature(MatureTable(kind="table", path=str(path), column="imagenet16_120"))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells = read(*(row["architecture"] for row in rows))
    assert table.join(cells) == [float(row["imagenet16_120"]) for row in rows]
    assert [cell.equivalence for cell in cells] == [row["unique"] for row in rows]
