"""A region without noise: of a network's features or of pixels, whose ceiling is 1."""

from typing import Any

import numpy as np
import torch
import xarray as xr

from tgas_neuro.config.teacher import OF_RESPONSES, PREDICTIVITIES
from tgas_neuro.rdm import calc_rdm
from tgas_neuro.rdm.streaming.ranked import SUBSETS
from tgas_neuro.recordings.stimuli import calc_stimuli_digest
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.held_out import choose_predicted
from tgas_neuro.teacher.options import Source, TeacherOptions
from tgas_neuro.teacher.recorded.joining import (
    join_tables,
    load_tables,
    split_purposes,
    stack_tables,
)
from tgas_neuro.teacher.recorded.selection import (
    SITE_LABELS,
    join_digests,
    select_stimuli,
    share_stimuli,
)
from tgas_neuro.teacher.region import (
    Shown,
    build_region,
    check_rdm,
    prepare_stimuli,
)

UNITS_AT_ONCE = 4096  # of a wide layer, whose inner products are summed in float64


def load_shown(name: str, source: Source, options: TeacherOptions) -> tuple[Shown, str]:
    """Load the stimuli of a region's data sets, whether responses or only an RDM were published.

    Returns
    -------
    shown, digest
        The selected stimuli that all data sets share, and the digest of all their stimuli.
    """
    for label in SITE_LABELS:
        if label in source.select:
            raise UserError(
                f"recordings.regions.{name}.select.{label}: this teacher uses only the stimuli of "
                f"{source.dataset}, which have no {label!r}; remove the key"
            )
    tables, _ = load_tables(name, source)
    digest = join_digests([calc_stimuli_digest(table) for table in tables.values()])
    tables, _ = split_purposes(select_stimuli(tables, name, source.select))
    if source.join == "stimuli":
        stimuli = stack_tables(join_tables(tables, source, name))
    else:
        stimuli = next(iter(share_stimuli(tables, name).values()))
    return prepare_stimuli(stimuli, source.first, options, source.dataset), digest


def build_noise_free_region(
    name: str,
    source: Source,
    shown: Shown,
    features: torch.Tensor,
    options: TeacherOptions,
    **attrs: Any,
) -> xr.Dataset:
    """Build a region from features that come without noise.

    They are compared as they are, without a z-score over stimuli, as a candidate's are. The
    ceiling is 1: there is no noise that would keep a candidate from it.

    Parameters
    ----------
    name, source, shown, options
        The region and its stimuli.
    features
        (stimulus, unit), float32.
    attrs
        What else the region's attributes say; ``stimuli_digest``, ``description``.
    """
    if not torch.isfinite(features).all():
        raise UserError(
            f"region {name}: {attrs['description']} gives values that are not finite; look at "
            "its weights, and at mean and deviation"
        )
    rows = average_rows(features, shown)
    rdm = calc_rdm(rows, options.distance).cpu().numpy()
    reason = "a stimulus is the same in all units; leave it out or take another layer"
    check_rdm(rdm, name, reason, options.comparison)
    region = build_region(
        shown,
        rdm,
        options,
        dataset=source.dataset,
        simulated=0,
        n_sites=features.shape[1],
        n_sites_measured=features.shape[1],
        **attrs,
    )
    nothing = np.full((len(SUBSETS), options.splits), np.nan)
    region["split_correlations"] = (("subset", "split"), nothing)
    region["subset"] = list(SUBSETS)
    region.attrs |= {
        **dict.fromkeys(("ceiling", "ceiling_low", "ceiling_high"), 1.0),
        **dict.fromkeys(("ceiling_half_0", "ceiling_half_1", "reliability"), 1.0),
        "split_half": np.nan,
        "n_splits": 0,
        "noise_free": 1,
        "normalise": "none",
    }
    if options.comparison in PREDICTIVITIES:
        chosen, described = choose_predicted(name, rows, options)
        region["responses"] = (("row_name", "neuroid"), chosen.cpu().numpy())
        region.attrs["description"] += described
    elif options.comparison in OF_RESPONSES:
        region["responses"] = (("row_name", "neuroid"), narrow_features(rows).cpu().numpy())
    return region


def average_rows(features: torch.Tensor, shown: Shown) -> torch.Tensor:
    """Mean over the stimuli of each RDM row, (row, unit), float32."""
    row = torch.from_numpy(np.asarray(shown.rows.of_stimulus, dtype=np.int64))
    n_rows = len(shown.rows.names)
    if len(row) == n_rows and bool((row == torch.arange(n_rows)).all()):
        return features
    total = torch.zeros((n_rows, features.shape[1]), device=features.device)
    total.index_add_(0, row.to(features.device), features)
    return total / torch.bincount(row, minlength=n_rows).to(total)[:, None]


def narrow_features(features: torch.Tensor) -> torch.Tensor:
    """Features with the same inner products in no more units than rows, (row, unit), float32.

    Linear CKA sees nothing but the inner products K = X X^T of the rows. A layer with more units
    than rows is turned onto the axes of its variance: with K = U L U^T, U sqrt(L) has the same K.
    """
    n_rows, n_units = features.shape
    if n_units <= n_rows:
        return features
    products = torch.zeros((n_rows, n_rows), dtype=torch.float64, device=features.device)
    for start in range(0, n_units, UNITS_AT_ONCE):
        block = features[:, start : start + UNITS_AT_ONCE].to(torch.float64)
        products.addmm_(block, block.T)
    values, vectors = torch.linalg.eigh(products)
    return (vectors * values.clamp(min=0).sqrt()).to(torch.float32)
