"""Published RDMs as arrays: condensed or square, of one region or several."""

import numpy as np
import xarray as xr
from scipy.spatial.distance import squareform

from tgas_neuro.recordings.datasets.listed_files import ListedFiles
from tgas_neuro.recordings.readers.arrays.array_files import ENDINGS, load_variable
from tgas_neuro.runtime.errors import UserError

FORMS = (("pair",), ("row", "column"), ("region", "pair"), ("region", "row", "column"))


def read_rdms(listed: ListedFiles, options: dict, n_stimuli: int) -> xr.DataArray:
    """RDMs of a data set.

    Parameters
    ----------
    listed
        The description's files.
    options
        ``rdm`` (file, variable, axes), ``regions``, ``unit`` and ``time_window_ms``. The axes
        are one of `FORMS` in any order; pairs are in the order of scipy's `pdist`, which MATLAB's
        `pdist` shares. A square RDM must be symmetric with zeros on its diagonal.
    n_stimuli
        Stimuli that there are images of, in the order of the rows.

    Returns
    -------
    xarray.DataArray
        Dims ``("region", "pair")``, float32.

    Raises
    ------
    UserError
        The array has another form, or belongs to another number of stimuli or regions.
    """
    source, regions = options["rdm"], options.get("regions")
    path = listed.find(source.get("file"), ENDINGS, "options.rdm")
    where = ": ".join([str(path), *filter(None, [source.get("variable")])])
    values, axes = load_variable(path, source.get("variable")), source["axes"]
    form = next((form for form in FORMS if set(form) == set(axes)), None)
    if form is None:
        raise UserError(
            f"{where}: options.rdm.axes: {axes} is not one of: "
            f"{'; '.join(' x '.join(form) for form in FORMS)}"
        )
    if form == ("pair",):
        values = np.squeeze(values)  # MATLAB has no vectors, only rows and columns
    if values.ndim != len(axes) or values.dtype.kind not in "fiu":
        raise UserError(
            f"{where}: expected numbers of shape ({', '.join(axes)}), found {values.shape} of "
            f"{values.dtype}; correct options.rdm.axes or the array"
        )
    values = values.transpose([axes.index(axis) for axis in form])
    rdms = values if form[0] == "region" else values[np.newaxis]
    if not regions or len(regions) != len(rdms):
        raise UserError(
            f"{listed.dataset}.yaml: options.regions: {regions or 'missing'}, the file has "
            f"{len(rdms)} RDMs; name the region of each"
        )
    if form[-1] == "column":
        rdms = np.stack([_condense(rdm, where) for rdm in rdms])
    expected = n_stimuli * (n_stimuli - 1) // 2
    if rdms.shape[1] != expected:
        raise UserError(
            f"{where}: the RDM has {rdms.shape[1]} pairs, the {n_stimuli} images make {expected}; "
            "both must be of the same stimuli"
        )
    return xr.DataArray(
        rdms.astype(np.float32),
        dims=("region", "pair"),
        coords={"region": regions},
        attrs={"unit": options["unit"], "time_window_ms": options["time_window_ms"]},
        name="rdm",
    )


def _condense(rdm: np.ndarray, where: str) -> np.ndarray:
    if rdm.shape[0] != rdm.shape[1]:
        raise UserError(f"{where}: an RDM is square, this one is {rdm.shape}; correct the axes")
    largest = np.nanmax(np.abs(rdm), initial=0)
    if not np.allclose(rdm, rdm.T, atol=1e-6 * largest, equal_nan=True):
        raise UserError(
            f"{where}: the RDM is not symmetric; a published RDM is: give the other variable, or "
            "average it with its transpose"
        )
    if not np.allclose(np.diag(rdm), 0, atol=1e-6 * largest):
        raise UserError(
            f"{where}: the RDM's diagonal is not zero ({np.diag(rdm)[0]:.4g}); give "
            "dissimilarities, not similarities"
        )
    return squareform(rdm, checks=False)
