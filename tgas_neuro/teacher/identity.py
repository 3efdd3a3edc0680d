"""Which teacher networks were compared with: one name for equal regions, RDMs and ceilings."""

import hashlib
from dataclasses import dataclass

import numpy as np

from tgas_neuro.teacher.teacher import Teacher

ATTRIBUTES = ("distance", "comparison", "corrected_for_noise")
CEILINGS = ("ceiling", "ceiling_half_0", "ceiling_half_1")
NUMBERS = ("row", "half", "rdm", "responses", "held_out")
TEXTS = ("stimulus", "row_name")


@dataclass(frozen=True)
class Identity:
    """What similarities are made of on the side of the teacher.

    Attributes
    ----------
    regions
        Their names.
    comparison
        How RDMs or responses are compared.
    digest
        SHA-256 of RDMs, responses, rows, halves and ceilings. How large stimuli are shown, and in
        which field of view, is no part of it.
    """

    regions: tuple[str, ...]
    comparison: str
    digest: str

    def __str__(self) -> str:
        return f"{self.comparison} of {', '.join(self.regions)} (teacher {self.digest[:8]})"


def identify_teacher(teacher: Teacher) -> Identity:
    """The identity of a teacher; that of its file is the same."""
    digest = hashlib.sha256()
    for name, region in teacher.regions.items():
        attrs = [str(region.attrs[key]) for key in ATTRIBUTES]
        ceilings = [repr(float(region.attrs[key])) for key in CEILINGS]
        texts = ["\n".join(region[key].values.astype(str)) for key in TEXTS]
        digest.update("\0".join([name, *attrs, *ceilings, *texts]).encode())
        for key in NUMBERS:
            if key in region:
                values = region[key].values
                kind = np.int64 if values.dtype.kind in "iub" else values.dtype
                digest.update(f"\0{key}{values.shape}".encode())
                digest.update(np.ascontiguousarray(values, kind).data)
    comparison = str(next(iter(teacher.regions.values())).attrs["comparison"])
    return Identity(tuple(teacher.regions), comparison, digest.hexdigest())
