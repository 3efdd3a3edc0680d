"""What networks scored: as rows, as a frame, as an array and as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tgas_neuro.scoring.layers import LayerSimilarity, correct_similarity

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

    from tgas_neuro.scoring.layers import Score

COLUMNS = ("model", "region", "layer", "similarity", "ceiling", "corrected", "half_0", "half_1")


@dataclass(frozen=True)
class Scores:
    """One or more networks against the regions of a teacher.

    Attributes
    ----------
    models
        Name of a network to its `tgas_neuro.scoring.layers.Score`.
    best_rdms
        Name of a network to region to the RDM of the region's best layer, (pair,), float32, in
        the order of the region's rows; empty unless `score` is asked to keep them.
    """

    models: "Mapping[str, Score]"
    best_rdms: "Mapping[str, Mapping[str, np.ndarray]]" = field(default_factory=dict)

    @classmethod
    def concat(cls, scores: "Iterable[Scores]") -> "Scores":
        """Join the networks of several; of equal names the later ones are numbered."""
        models: dict[str, Score] = {}
        best_rdms = {}
        for one in scores:
            for name, score in one.models.items():
                called = name_apart(name, models)
                models[called] = score
                if name in one.best_rdms:
                    best_rdms[called] = one.best_rdms[name]
        return cls(models, best_rdms)

    def list_rows(self) -> list[dict[str, Any]]:
        """A row for each network, region and layer; a layer that is not defined has no numbers."""
        return [
            {
                "model": model,
                "region": name,
                "layer": layer,
                "similarity": values and values["all"],
                "ceiling": region["ceiling"],
                "corrected": values and _correct(values, region["ceiling"]),
                "half_0": values and values["half_0"],
                "half_1": values and values["half_1"],
            }
            for model, score in self.models.items()
            for name, region in score["regions"].items()
            for layer, values in region["layers"].items()
        ]

    def list_best(self) -> list[dict[str, Any]]:
        """A row for each network and region: the best layer, and what crossed halves say of it."""
        rows = []
        for model, score in self.models.items():
            for name, region in score["regions"].items():
                paper, crossed = region["paper"], region["crossed"]
                corrected = region["corrected_for_noise"] or None
                rows.append(
                    {
                        "model": model,
                        "region": name,
                        "best layer": paper and paper["layer"],
                        "similarity": paper and paper["raw"],
                        "ceiling": region["ceiling"],
                        "corrected": corrected and paper and paper["corrected"],
                        "crossed": crossed and crossed["corrected" if corrected else "raw"],
                    }
                )
        return rows

    @property
    def best(self) -> "pd.DataFrame":
        """The best layer of each network and region, with the columns of `list_best`."""
        import pandas as pd

        return pd.DataFrame(self.list_best())

    def to_frame(self) -> "pd.DataFrame":
        """A row for each network, region and layer, with the columns of `COLUMNS`."""
        import pandas as pd

        frame = pd.DataFrame(self.list_rows(), columns=list(COLUMNS))
        numbers = {name: float for name in COLUMNS[3:]}
        return frame.astype(numbers)

    def to_xarray(self) -> "xr.DataArray":
        """Similarities, ("model", "region", "layer"); NaN where a network has no such layer."""
        import numpy as np
        import xarray as xr

        rows = self.list_rows()
        names = {
            dim: list(dict.fromkeys(row[dim] for row in rows))
            for dim in ("model", "region", "layer")
        }
        array = xr.DataArray(
            np.full([len(one) for one in names.values()], np.nan), names, list(names), "similarity"
        )
        for row in rows:
            if row["similarity"] is not None:
                array.loc[{dim: row[dim] for dim in names}] = row["similarity"]
        return array

    def to_dict(self) -> "dict[str, Score]":
        """All results as JSON has them: network to region to layers, ceiling and choices."""
        return dict(self.models)

    def __repr__(self) -> str:
        return f"<Scores>\n{self.best.to_string(index=False, float_format='%.3f')}"

    def _repr_html_(self) -> str:
        return str(self.best.to_html(index=False, float_format="%.3f"))


def name_apart(name: str, names: Iterable[str]) -> str:
    """A name that is not among `names`: a number follows one that is."""
    taken, number = set(names), 2
    found = name
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found


def _correct(values: LayerSimilarity, ceiling: float | None) -> float | None:
    """A similarity corrected for noise; None where there is no ceiling."""
    return None if ceiling is None else correct_similarity(values, ceiling)
