"""What networks scored: as rows, as a frame, as an array and as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tgas_neuro.api.options import InferenceOptions, check_options
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.layers import LayerSimilarity, correct_similarity

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

    from tgas_neuro.scoring.inference import Inference, Over
    from tgas_neuro.scoring.layers import Score
    from tgas_neuro.teacher.identity import Identity
    from tgas_neuro.teacher.sized import SizedTeacher

MOST_ROWS = 6000  # of an RDM; of more, so many are resampled
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
    inferences
        Region to the intervals of its similarities and their differences; empty before `infer`.
    teacher
        What the networks were compared with; None where there are no networks.
    """

    models: "Mapping[str, Score]"
    best_rdms: "Mapping[str, Mapping[str, np.ndarray]]" = field(default_factory=dict)
    inferences: "Mapping[str, Inference]" = field(default_factory=dict)
    teacher: "Identity | None" = None

    @classmethod
    def concat(cls, scores: "Iterable[Scores]") -> "Scores":
        """Join the networks of several, without intervals; equal names are numbered.

        Raises
        ------
        UserError
            They were compared with different teachers.
        """
        models: dict[str, Score] = {}
        best_rdms = {}
        teacher = None
        for one in scores:
            if not isinstance(one, Scores):
                raise UserError(f"concat: a {type(one).__name__}; expected Scores")
            if not one.models:
                continue
            if models and one.teacher != teacher:
                raise UserError(
                    f"concat: {next(iter(one.models))} was compared with {one.teacher}, the others "
                    f"with {teacher}; score all networks with one teacher"
                )
            teacher = one.teacher
            for name, score in one.models.items():
                called = name_apart(name, models)
                models[called] = score
                if name in one.best_rdms:
                    best_rdms[called] = one.best_rdms[name]
        return cls(models, best_rdms, teacher=teacher)

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
                interval = {}
                if self.inferences:
                    found = self.inferences.get(name, {"models": {}})["models"].get(model)
                    interval = {key: found and found[key] for key in ("low", "high")}
                rows.append(
                    {
                        "model": model,
                        "region": name,
                        "best layer": paper and paper["layer"],
                        "similarity": paper and paper["raw"],
                        **interval,
                        "ceiling": region["ceiling"],
                        "corrected": corrected and paper and paper["corrected"],
                        "crossed": crossed and crossed["corrected" if corrected else "raw"],
                    }
                )
        return rows

    def infer(
        self, teacher: "SizedTeacher", n_resamples: int = 1000, seed: int = 0, over: "Over" = "auto"
    ) -> "Scores":
        """Add 95 % intervals of the best layers, and which networks differ.

        Parameters
        ----------
        teacher
            With whose regions the networks were compared; the RDMs of their best layers were kept.
        n_resamples, seed, over
            See `tgas_neuro.scoring.inference.infer_similarities`; at most 100,000 resamples.

        Raises
        ------
        UserError
            The networks were compared with another teacher, the comparison has no intervals, sites
            cannot be resampled, no RDMs were kept, or an option is not within its range.

        Examples
        --------
        >>> scores = score(network, teacher, keep_rdms=True)  # doctest: +SKIP
        >>> scores.infer(teacher).best[["low", "high"]]  # doctest: +SKIP
        """
        options = check_options(InferenceOptions, n_resamples=n_resamples, seed=seed, over=over)
        identity = getattr(teacher, "identity", type(teacher).__name__)
        if self.teacher != identity:
            raise UserError(
                f"infer: the networks were compared with {self.teacher}, not with {identity}; give "
                "the teacher that they were scored with"
            )
        for model in self.models:
            if model not in self.best_rdms:
                raise UserError(
                    f"infer: the RDMs of {model} were not kept; score it with keep_rdms=True"
                )
        inferences = {}
        for name, region in teacher.built.regions.items():
            rdms = {one: kept[name] for one, kept in self.best_rdms.items() if name in kept}
            choices = {one: self.models[one]["regions"][name]["paper"] for one in rdms}
            found = {one: choice["raw"] for one, choice in choices.items() if choice}
            if found:
                inferences[name] = _infer_region(rdms, region, found, options)
        return replace(self, inferences=inferences)

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

    def to_dict(self) -> "dict[str, Any]":
        """All results as JSON has them: network to region to layers, ceiling and choices.

        After `infer`, ``bootstrap`` of a region has the interval of the network and its
        ``differences`` from each other one.
        """
        if not self.inferences:
            return dict(self.models)
        return {
            model: {
                **score,
                "regions": {
                    name: {**region, "bootstrap": self._describe(model, name)}
                    for name, region in score["regions"].items()
                },
            }
            for model, score in self.models.items()
        }

    def _describe(self, model: str, region: str) -> dict[str, Any] | None:
        found = self.inferences.get(region)
        if found is None or model not in found["models"]:
            return None
        keys = ("over", "resamples", "site_resamples", "rows", "sites", "ceiling", "notes")
        differences = {}
        for one in found["differences"]:
            p = {"p": one["p"], "p_adjusted": one["p_adjusted"]}
            if one["first"] == model:
                moved = {key: one[key] for key in ("difference", "low", "high")}
                differences[one["second"]] = moved | p
            elif one["second"] == model:
                values = (-one["difference"], -one["high"], -one["low"])
                moved = dict(zip(("difference", "low", "high"), values, strict=True))
                differences[one["first"]] = moved | p
        general = {key: value for key, value in found.items() if key in keys}
        return {**general, **found["models"][model], "differences": differences}

    def __repr__(self) -> str:
        return f"<Scores>\n{self.best.to_string(index=False, float_format='%.3f')}"

    def _repr_html_(self) -> str:
        return str(self.best.to_html(index=False, float_format="%.3f"))


def _infer_region(
    rdms: "Mapping[str, np.ndarray]",
    region: "xr.Dataset",
    similarities: Mapping[str, float],
    options: InferenceOptions,
) -> "Inference":
    """Infer from RDMs of all rows of a teacher's region; of many rows, some are resampled."""
    import numpy as np
    import torch

    from tgas_neuro.rdm.distances import take_rows
    from tgas_neuro.runtime.devices import with_types_of_tensors
    from tgas_neuro.runtime.provenance import derive_generator
    from tgas_neuro.scoring.inference import check_comparison, infer_similarities
    from tgas_neuro.teacher.teacher import get_rdm

    attrs = region.attrs
    check_comparison(attrs["comparison"])
    low, high = float(attrs["ceiling_low"]), float(attrs["ceiling_high"])
    known = bool(attrs["corrected_for_noise"]) and low == low
    responses = region["responses"].values if "responses" in region else None
    n_rows = region.sizes["row_name"]
    with with_types_of_tensors():
        rows, target = np.arange(n_rows), get_rdm(region)
    if n_rows > MOST_ROWS:
        generator = derive_generator(options.seed, "bootstrap", "rows", n_rows)
        rows = np.sort(generator.choice(n_rows, MOST_ROWS, replace=False))
        keep = torch.zeros(n_rows, dtype=torch.bool)
        keep[torch.from_numpy(rows)] = True
        every = [torch.from_numpy(rdm) for rdm in (*rdms.values(), target)]
        *taken, target = (take_rows(rdm, keep).numpy() for rdm in every)
        rdms = dict(zip(rdms, taken, strict=True))
    with with_types_of_tensors():
        return infer_similarities(
            rdms,
            target,
            similarities,
            options.n_resamples,
            options.seed,
            n_rows=n_rows,
            comparison=attrs["comparison"],
            over=options.over,
            responses=None if responses is None else responses[rows],
            distance=attrs["distance"],
            ceiling=(low, high) if known else None,
        )


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
