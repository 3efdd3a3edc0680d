"""One RDM with the stimuli that it is of, as pandas, xarray or rsatoolbox."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tgas_neuro.recordings.stimuli import refuse_other_images
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

ROW = "row_name"  # column of the stimuli: the row of the RDM that each belongs to


@dataclass(frozen=True, eq=False)
class RDM:
    """A representational dissimilarity matrix, and the stimuli that its rows are of.

    Attributes
    ----------
    values
        (pair,), float32: the upper triangle, row by row, as in scipy's `pdist`.
    names
        (row,): the stimulus of each row, or its object. Each occurs once.
    stimuli
        A row for each stimulus. Column ``row_name`` says which row of the RDM it belongs to,
        ``path`` where its image is.
    region
        What the RDM is of, for example ``"IT"``.
    distance
        How response patterns were compared: ``correlation`` (one minus Pearson's r), ``cosine``,
        ``euclidean``, ``crossnobis``.
    simulated
        Whether the recordings are simulated.

    Raises
    ------
    UserError
        The number of values and of names differ, a name occurs twice, or a value is not finite.
    """

    values: np.ndarray
    names: np.ndarray
    stimuli: pd.DataFrame
    region: str
    distance: str
    simulated: bool = False
    _keep: Any = field(default=None, repr=False)  # holds the folder of the images

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.asarray(self.values, dtype=np.float32))
        object.__setattr__(self, "names", np.asarray(self.names).astype(str))
        n, what = len(self.names), f"RDM of {self.region}"
        if self.values.shape != (n * (n - 1) // 2,):
            raise UserError(
                f"{what}: {self.values.shape} values for {n} rows; expected the "
                f"{n * (n - 1) // 2} of the upper triangle"
            )
        twice = pd.Series(self.names).duplicated().to_numpy()
        if twice.any():
            raise UserError(
                f"{what}: row {str(self.names[twice][0])!r} occurs twice; name each once"
            )
        if not np.isfinite(self.values).all():
            number = int((~np.isfinite(self.values)).sum())
            raise UserError(
                f"{what}: {number} of {len(self.values)} dissimilarities are not finite; leave "
                "out the stimuli that have none"
            )

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.names)

    def __repr__(self) -> str:
        what = f"simulated {self.region}" if self.simulated else self.region
        return f"<RDM of {what}: {len(self)} rows, {self.distance}>"

    @property
    def categories(self) -> np.ndarray | None:
        """Category of each row, (row,); None where none is known."""
        if "category_name" not in self.stimuli or self.stimuli["category_name"].isna().all():
            return None
        of_row = self.stimuli.drop_duplicates(ROW).set_index(ROW)["category_name"]
        return of_row.reindex(self.names).fillna("").to_numpy(dtype=str)

    def to_square(self) -> np.ndarray:
        """All dissimilarities, (row, row), float32, symmetric; the diagonal is 0."""
        from scipy.spatial.distance import squareform

        return squareform(self.values, checks=False)

    def to_frame(self) -> pd.DataFrame:
        """The square matrix with the names of rows and columns."""
        return pd.DataFrame(self.to_square(), index=self.names, columns=self.names)

    def to_xarray(self) -> "xr.DataArray":
        """The square matrix, dims ``("row", "column")``, with their names as coordinates."""
        import xarray as xr

        coords: dict[Hashable, Any] = {"row": self.names, "column": self.names}
        if self.categories is not None:
            coords["category_name"] = ("row", self.categories)
        attrs = {
            "region": self.region,
            "distance": self.distance,
            "simulated": int(self.simulated),
        }
        return xr.DataArray(self.to_square(), coords, ("row", "column"), "rdm", attrs)

    def compare(self, other: "RDM", method: str = "spearman") -> float:
        """Compare with another RDM of the same rows; they are matched by name.

        Where both know their images, and a row has one, images of the same name have to be the
        same: in bytes, or in what they show.

        Parameters
        ----------
        other
            The other one.
        method
            ``spearman``, ``pearson`` or ``kendall`` (tau-a); see `tgas_neuro.rdm.compare_rdms`.

        Returns
        -------
        similarity
            In [-1, 1].

        Raises
        ------
        UserError
            The RDMs have other rows or images, one of them is constant, or the method does not
            exist.

        Examples
        --------
        >>> import tgas_neuro as tgas
        >>> recordings = tgas.load_recordings("simulated", report=lambda line: None)
        >>> V4, IT = recordings.rdm("V4"), recordings.rdm("IT")
        >>> round(V4.compare(V4), 3), 0 < V4.compare(IT) < 1
        (1.0, True)
        """
        from tgas_neuro.rdm import compare_rdms

        if not isinstance(other, RDM):
            raise UserError(
                f"other: a {type(other).__name__}; expected an RDM, as of Recordings.rdm() or "
                "RDM.from_rsatoolbox()"
            )
        moved = other.reorder(self.names)
        refuse_other_images(_list_images(self), _list_images(other), f"RDM of {self.region}")
        found = compare_rdms(self.values, moved.values, method)
        if np.isnan(found):
            raise UserError(
                f"RDM of {self.region}: it or the other one is constant, which has no correlation"
            )
        return found

    def reorder(self, names: Any) -> "RDM":
        """The same RDM with its rows in another order.

        Raises
        ------
        UserError
            The names are not those of the rows, each once.
        """
        from scipy.spatial.distance import squareform

        names = np.asarray(names).astype(str)
        if np.array_equal(names, self.names):
            return self
        index = pd.Index(self.names)
        missing, other = index.difference(names), pd.Index(names).difference(index)
        if len(missing) or len(other) or len(names) != len(self):
            example = (
                f", for example {[*other, *missing][0]!r}" if len(other) + len(missing) else ""
            )
            raise UserError(
                f"RDM of {self.region}: has {len(self)} rows, the other one {len(names)}; "
                f"{len(other) + len(missing)} are in one of them alone{example}; RDMs are compared "
                "on the same stimuli"
            )
        place = index.get_indexer(names)
        values = squareform(self.to_square()[np.ix_(place, place)], checks=False)
        return RDM(
            values, names, self.stimuli, self.region, self.distance, self.simulated, self._keep
        )

    def plot(self, ax: "Axes | None" = None, title: str | None = None) -> "Axes":
        """Draw the RDM, sorted by category and coloured by rank; returns the axes.

        Parameters
        ----------
        ax
            Where to draw; None makes a figure.
        title
            None names the region, and says whether it is simulated.
        """
        from tgas_neuro.figures.rdm import plot_rdm

        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.subplots(figsize=(6, 5), layout="constrained")[1]
        title = title or (f"simulated {self.region}" if self.simulated else self.region)
        categories = None if self.categories is None else list(self.categories)
        return plot_rdm(self.values, categories, ax, title, distance=self.distance)

    def to_rsatoolbox(self) -> Any:
        """The RDM as `rsatoolbox.rdm.RDMs` with one RDM.

        Pattern descriptors are the names of the rows, ``stimulus_id``, and their categories.

        Raises
        ------
        UserError
            rsatoolbox is not installed.
        """
        rdms = _import_rsatoolbox()
        patterns = {"stimulus_id": self.names.tolist()}
        if self.categories is not None:
            patterns["category_name"] = self.categories.tolist()
        return rdms.RDMs(
            self.values[None].astype(float),
            dissimilarity_measure=self.distance,
            descriptors={"simulated": self.simulated},
            rdm_descriptors={"region": [self.region]},
            pattern_descriptors=patterns,
        )

    @classmethod
    def from_rsatoolbox(cls, rdms: Any, names: str = "stimulus_id", region: str = "") -> "RDM":
        """Make an RDM from `rsatoolbox.rdm.RDMs` that hold one RDM.

        Parameters
        ----------
        rdms
            For example ``all_rdms[0]``.
        names
            The pattern descriptor that names the rows.
        region
            What it is of; the RDM descriptor ``region`` by default.

        Raises
        ------
        UserError
            It holds several RDMs, there is no such descriptor, it only numbers the rows, a name
            occurs twice, or a value is not finite.
        """
        if not hasattr(rdms, "pattern_descriptors"):
            raise UserError(f"rdms: a {type(rdms).__name__}; expected rsatoolbox.rdm.RDMs")
        if rdms.n_rdm != 1:
            raise UserError(f"rdms: holds {rdms.n_rdm} RDMs; take one of them: rdms[0]")
        patterns = rdms.pattern_descriptors
        if names not in patterns:
            there = ", ".join(map(str, patterns))
            raise UserError(f"names: no pattern descriptor is called {names!r}; there are: {there}")
        if names == "index" and list(patterns[names]) == list(range(rdms.n_cond)):
            raise UserError(
                "names: 'index' only numbers the rows and does not say which stimuli they are; "
                "give the RDMs a pattern descriptor, as stimulus_id, with their identifiers"
            )
        stimuli = pd.DataFrame({name: list(values) for name, values in patterns.items()})
        stimuli = stimuli.drop(columns="index", errors="ignore")  # a number that it adds
        stimuli[ROW] = [str(name) for name in patterns[names]]
        given = rdms.rdm_descriptors.get("region", [""])[0]
        return cls(
            np.asarray(rdms.dissimilarities)[0],
            stimuli[ROW].to_numpy(),
            stimuli,
            region or str(given) or "unnamed",
            str(rdms.dissimilarity_measure),
            bool(rdms.descriptors.get("simulated", False)),
        )


def _list_images(rdm: RDM) -> pd.DataFrame:
    """The stimuli of an RDM that are rows themselves; none where rows are objects."""
    return rdm.stimuli[rdm.stimuli.get("stimulus_id") == rdm.stimuli[ROW]]


def _import_rsatoolbox() -> Any:
    try:
        from rsatoolbox import rdm
    except ImportError as error:
        raise UserError(
            f"rsatoolbox cannot be imported ({str(error).splitlines()[0]}); install it: pip "
            "install rsatoolbox"
        ) from None
    return rdm
