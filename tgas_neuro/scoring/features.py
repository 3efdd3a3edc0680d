"""Features from elsewhere: layers with real, finite numbers, and which row is which stimulus."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from tgas_neuro.runtime.errors import UserError, describe_error
from tgas_neuro.scoring.patterns import choose_names

NAMES_FILE = "file_names.txt"  # of thingsvision, a line for each row
ROUNDING = 1e-5  # relative, by which a symmetric matrix may differ from its transpose


@dataclass(frozen=True)
class Features:
    """The layers of a file.

    Attributes
    ----------
    source
        The file, for messages.
    layers
        Layer to a function that loads it, (stimulus, ...).
    names
        Of the rows: identifiers or file names of stimuli; None where none are given.
    names_from
        Where the names were found, for messages.
    """

    source: str
    layers: Mapping[str, Callable[[], Any]]
    names: tuple[str, ...] | None = None
    names_from: str = ""

    def choose(self, patterns: Sequence[str]) -> "Features":
        """The layers of these names, in which ``*`` stands for any text, in the file's order.

        ``all`` and ``auto`` stand for every layer.

        Raises
        ------
        UserError
            No layer has such a name.
        """
        words = dict.fromkeys(("auto", "all"), lambda: list(self.layers))
        chosen = choose_names(
            self.layers,
            patterns,
            words,
            lambda pattern: (
                f"{pattern!r}: no layer of {self.source} is called so; there are: "
                f"{', '.join(self.layers)}"
            ),
        )
        kept = {name: self.layers[name] for name in chosen}
        return replace(self, layers=kept)

    def load(self, name: str) -> np.ndarray:
        """A layer, (stimulus, unit), float32 or float64.

        Raises
        ------
        UserError
            It cannot be read, does not hold real numbers for stimuli and units, holds one that is
            not finite, or is a matrix of pairs of stimuli.
        """
        where = f"{self.source}: layer {name!r}"
        try:
            values = read_array(self.layers[name]())
        except UserError:
            raise
        except Exception as error:  # whatever a library raises of what it cannot hold
            raise UserError(
                f"{where}: cannot be read as an array ({describe_error(error)}); give real "
                "numbers, (stimulus, unit), or leave it out with layers"
            ) from None
        if values.ndim < 2 or values.size == 0 or values.dtype.kind not in "fiub":
            raise UserError(
                f"{where} has shape {values.shape} and type {values.dtype}; expected real numbers, "
                "(stimulus, unit); leave it out with layers"
            )
        narrow = values.dtype.itemsize < 4 or values.dtype == np.float32
        values = values.reshape(len(values), -1).astype(np.float32 if narrow else np.float64)
        wrong = ~np.isfinite(values)
        if wrong.any():
            row = int(wrong.any(axis=1).argmax())
            raise UserError(
                f"{where}: {int(wrong.sum()):,} of {values.size:,} values are not finite, the "
                f"first in row {row}; leave out the units or record them again"
            )
        if _is_of_pairs(values):
            raise UserError(
                f"{where} is a symmetric matrix of {len(values):,} x {len(values):,}, as RDMs and "
                "similarities are; give the features that it was made of, (stimulus, unit)"
            )
        if self.names is not None and len(self.names) != len(values):
            place = f" in {self.names_from}" if self.names_from else ""
            raise UserError(
                f"{where} has {len(values):,} rows, but there are {len(self.names):,} names of "
                f"rows{place}; give a name for each row"
            )
        return values


def _is_of_pairs(values: np.ndarray) -> bool:
    if values.shape[0] != values.shape[1] or values.min() == values.max():
        return False
    return bool(np.abs(values - values.T).max() <= ROUNDING * np.abs(values).max())


def read_array(value: Any) -> np.ndarray:
    """An array of anything that holds numbers; masked ones are NaN.

    Parameters
    ----------
    value
        An array of numpy, torch (also sparse, quantised, on another device or with a gradient) or
        of another library, or nested lists.
    """
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.dequantize() if value.is_quantized else value
        value = value if value.layout == torch.strided else value.to_dense()
        value = value.resolve_conj().resolve_neg()
        if value.is_floating_point() and value.element_size() < 4:  # also those numpy lacks
            value = value.float()
        return np.asarray(value.numpy())
    if isinstance(value, np.ma.MaskedArray) and value.mask.any():
        return np.where(np.ma.getmaskarray(value), np.nan, value.data)
    return np.asarray(value)


def decode(value: Any) -> str:
    """A name of a row as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def match_rows(features: Features, n_rows: int, stimuli: pd.DataFrame, region: str) -> np.ndarray:
    """The row of each stimulus of a region, (stimulus,).

    Parameters
    ----------
    features
        With names, rows are matched by these: with the identifiers of the stimuli, or with the
        names of their files, with or without folder and ending. Without names, rows are the
        stimuli in their order.
    n_rows
        Rows of the layers.
    stimuli
        With ``stimulus_id``, perhaps ``filename``.
    region
        For messages.

    Raises
    ------
    UserError
        Rows and stimuli do not fit, or in more than one way.
    """
    here = f"{features.source}: {n_rows:,} rows, but region {region} has {len(stimuli):,} stimuli"
    if features.names is None:
        if n_rows == len(stimuli):
            return np.arange(n_rows)
        raise UserError(
            f"{here}; give a row for each, in the order of stimuli.csv, or name the rows in "
            f"{NAMES_FILE} beside the file"
        )
    found: list[np.ndarray] = []
    as_files = False  # with their endings they can mean nothing else
    most, missing = -1, ""
    for names, wanted, whole in _list_forms(features.names, stimuli):
        if as_files:
            break
        numbers = {name: number for number, name in enumerate(names)}
        absent = [name for name in wanted if name not in numbers]
        if len(wanted) - len(absent) > most:
            most, missing = len(wanted) - len(absent), absent[0] if absent else ""
        if absent or len(set(wanted)) < len(wanted):
            continue
        needed = set(wanted)
        if sum(name in needed for name in names) > len(wanted):
            continue  # several rows of one name
        rows = np.array([numbers[name] for name in wanted])
        as_files = whole
        found = [rows] if whole else [*found, rows]
    if not found:
        what = f"{most:,} of them are among its names, not {missing!r}"
        if not missing:
            what = "several rows have the name of one stimulus"
        raise UserError(f"{here}, and {what}; name each row as the stimulus or its file")
    if not as_files and any((rows != found[0]).any() for rows in found):
        raise UserError(
            f"{here}, and the names of the rows fit them in more than one way, as identifiers and "
            "as files; name each row as the stimulus's file, with its ending"
        )
    return found[0]


def _list_forms(
    names: Sequence[str], stimuli: pd.DataFrame
) -> list[tuple[Sequence[str], Sequence[str], bool]]:
    """Names of rows, what they may be of the stimuli, and whether that is files with endings."""
    ids = [str(one) for one in stimuli["stimulus_id"]]
    bases = [PurePosixPath(name).name for name in names]
    stems = [PurePosixPath(name).stem for name in names]
    forms: list[tuple[Sequence[str], Sequence[str], bool]]
    forms = [(names, ids, False), (bases, ids, False), (stems, ids, False)]
    if "filename" in stimuli:
        files = [PurePosixPath(str(file)) for file in stimuli["filename"]]
        endings = all(file.suffix for file in files)
        forms.append((names, [str(file) for file in files], endings))
        forms.append((bases, [file.name for file in files], endings))
        forms.append((stems, [file.stem for file in files], False))
    return forms
