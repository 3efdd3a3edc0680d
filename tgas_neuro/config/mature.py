"""Mature accuracies: what cells reach after a whole training, with which experiments compare."""

from typing import Literal

from tgas_neuro.config.section import Section, Text, UserPath, key


class MatureTable(Section):
    """A table of accuracies after a whole training, published or of trainings of your own."""

    kind: Literal["table"] = key(..., "A CSV file with one row for each cell.", decides=True)
    path: UserPath = key(
        ...,
        "The file. Its column architecture has strings of NAS-Bench-201, or its column hash has "
        "canonical hashes of genotypes of any space.",
        decides=True,
    )
    column: Text = key(..., "Column of the accuracies, for example cifar10.", decides=True)
