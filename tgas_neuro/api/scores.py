"""Score networks against a teacher, and results as tables, arrays and JSON."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgas_neuro.api.teachers import SizedTeacher
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.layers import LayerSimilarity, correct_similarity

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from torch import nn

    from tgas_neuro.final.evaluation.named import NamedNetwork
    from tgas_neuro.scoring.layers import Score

COLUMNS = ("model", "region", "layer", "similarity", "ceiling", "corrected", "half_0", "half_1")
Colours = Sequence[float]


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


def score(
    model: "nn.Module | str | Path",
    teacher: SizedTeacher,
    layers: str | Sequence[str] = "auto",
    *,
    name: str | None = None,
    weights: str | Path | None = None,
    size: int | None = None,
    mean: Colours | None = None,
    deviation: Colours | None = None,
    device: str = "auto",
    threads: int = 1,
    seed: int = 0,
    exact: bool = False,
    batch_size: int = 32,
    keep_rdms: bool = False,
    report: Callable[[str], None] = print,
) -> Scores:
    """Compare the layers of a network with the regions of a teacher.

    Parameters
    ----------
    model
        A network, or its name: ``torchvision:<name>``, ``timm:<name>``,
        ``package.module:function``, or the folder of a final training.
    teacher
        See `load_teacher`.
    layers
        Names of modules, in which ``*`` stands for any text; ``all``; or ``auto``, the ends of
        blocks.
    name
        What the network is called in the results; None takes its own name.
    weights
        A file with a state dict, for networks that come without weights.
    size
        Width and height of the input [px]; None is the network's own, 224 where nothing is known.
    mean, deviation
        Of red, green and blue in [0, 1], which the network's inputs are normalised with; None are
        the network's own, those of ImageNet where nothing is known.
    device
        ``auto``, ``cpu``, ``cuda`` or ``cuda:<n>``.
    threads
        Of torch.
    seed
        Of projections.
    exact
        Whether nothing is projected or binned, which is slower.
    batch_size
        Stimuli that pass through the network at once.
    keep_rdms
        Whether the RDM of each region's best layer is kept, for bootstraps and pictures.
    report
        Receives notes, a line each.

    Returns
    -------
    Scores
        Of this network.

    Raises
    ------
    UserError
        The network is unknown, has no such layers, or refuses images of this size.

    Examples
    --------
    >>> scores = score(network, load_teacher(data={"IT": "simulated"}))  # doctest: +SKIP
    >>> scores.to_frame()  # doctest: +SKIP
    """
    from tgas_neuro.final.evaluation.named import choose_settings
    from tgas_neuro.runtime.devices import choose_device, computing_with, keep_freed_memory
    from tgas_neuro.scoring.networks import OwnColours, find_layers, try_layers
    from tgas_neuro.scoring.scores import score_network

    named, called = _load(model, None if weights is None else Path(weights))
    place = choose_device(device, "--device")
    keep_freed_memory()
    given = Namespace(size=size, resize=None, interpolation=None, mean=mean, deviation=deviation)
    used = choose_settings(given, named.settings)
    network = named.network.to(place)
    own = OwnColours(network, used.mean, used.deviation).to(place).eval()
    patterns = [layers] if isinstance(layers, str) else list(layers)
    best_rdms: dict[str, np.ndarray] = {}
    with computing_with(threads):
        found = try_layers(own, find_layers(network, patterns), used.size, called, report)
        shown = teacher.at(used.size)
        report(
            f"{called}: input {used.size} px, mean {_list(used.mean)}, deviation "
            f"{_list(used.deviation)} ({used.source})"
        )
        for note in used.notes:
            report(f"Note: {note}")
        scored = score_network(
            own,
            found,
            shown,
            None,
            place,
            seed,
            max_units=None if exact else "auto",
            exact=exact,
            batch_size=batch_size,
            best_rdms=best_rdms if keep_rdms else None,
        )
    called = name or called
    return Scores({called: scored}, {called: best_rdms} if keep_rdms else {})


def name_apart(name: str, names: Iterable[str]) -> str:
    """A name that is not among `names`: a number follows one that is."""
    taken, number = set(names), 2
    found = name
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found


def _load(model: "nn.Module | str | Path", weights: Path | None) -> "tuple[NamedNetwork, str]":
    """The network in evaluation mode with its settings, and what it is called."""
    from torch import nn

    from tgas_neuro.final.evaluation.named import NamedNetwork, load_named_network

    if isinstance(model, nn.Module):
        if weights is not None:
            raise UserError(f"--weights: {weights}: is given for a network that has its weights")
        return NamedNetwork(model.eval()), type(model).__name__
    return load_named_network(str(model), weights), str(model)


def _correct(values: LayerSimilarity, ceiling: float | None) -> float | None:
    """A similarity corrected for noise; None where there is no ceiling."""
    return None if ceiling is None else correct_similarity(values, ceiling)


def _list(values: Iterable[float]) -> str:
    return " ".join(f"{value:g}" for value in values)
