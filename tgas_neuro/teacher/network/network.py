"""A network as the teacher: named layers are regions, whole or through electrodes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from tgas_neuro.config.teacher import Electrodes
from tgas_neuro.recordings.assembly import build_assembly
from tgas_neuro.runtime.devices import choose_device
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator, derive_seed
from tgas_neuro.teacher.network.model import (
    build_model,
    describe_weights,
    find_layers,
    record_layers,
)
from tgas_neuro.teacher.noise_free import build_noise_free_region, load_shown
from tgas_neuro.teacher.options import Source, TeacherOptions
from tgas_neuro.teacher.recorded.recorded_region import build_measured_region, filter_sites
from tgas_neuro.teacher.region import Shown


def choose_units(
    region: str, n_units: int, electrodes: Electrodes, generator: np.random.Generator
) -> np.ndarray:
    """Draw which units of a layer are recorded, (unit,), in ascending order.

    Raises
    ------
    UserError
        The layer has fewer.
    """
    if electrodes.units > n_units:
        raise UserError(
            f"teacher.network.electrodes.units: {electrodes.units}, but the layer of region "
            f"{region} has {n_units} units; take fewer"
        )
    return np.sort(generator.choice(n_units, electrodes.units, replace=False))


def record_electrodes(
    features: torch.Tensor,
    units: np.ndarray,
    stimulus_ids: np.ndarray,
    region: str,
    electrodes: Electrodes,
    generator: np.random.Generator,
) -> xr.DataArray:
    """Draw spike counts of units.

    A unit's mean count is its output, rectified, in one scale for all units: the mean over units
    and stimuli is ``electrodes.mean_count``, and units differ in rate as neurons do. The counts
    are Poisson, independent between units and presentations. A unit that never fires is left for
    the reliability filter to find.

    Parameters
    ----------
    features
        (stimulus, unit), outputs of the chosen units.
    units
        (unit,), their numbers within the layer.
    stimulus_ids
        (stimulus,).
    region
        Name of the region.
    electrodes
        Repetitions and mean count.
    generator
        Draws the counts.

    Returns
    -------
    assembly
        Dims ("presentation", "neuroid"), spikes in one presentation.
    """
    rates = features.clamp(min=0).to(torch.float64).numpy()
    mean = rates.mean()
    if not mean > 0:
        raise UserError(
            f"teacher.network.electrodes: none of the {len(units)} units of region {region} is "
            "above 0 for any stimulus, and a rate cannot be negative; take another layer"
        )
    stimulus = np.repeat(np.arange(len(rates)), electrodes.repetitions)
    counts = generator.poisson(rates[stimulus] * (electrodes.mean_count / mean))
    return build_assembly(
        counts,
        {
            "stimulus_id": np.asarray(stimulus_ids, dtype=str)[stimulus],
            "repetition": np.tile(np.arange(electrodes.repetitions), len(rates)),
        },
        {
            "neuroid_id": np.array([f"{region}_{unit}" for unit in units]),
            "region": np.full(len(units), region),
            "animal": np.full(len(units), "network"),
        },
        {"unit": "spikes in a presentation", "simulated": 0},
    )


def build_network_regions(
    sources: dict[str, Source], options: TeacherOptions
) -> dict[str, xr.Dataset]:
    """Show the stimuli of the data sets to a network and make its layers the regions.

    Parameters
    ----------
    sources
        Region to the data set whose stimuli are shown; its responses are not used.
    options
        See `TeacherOptions`; ``options.network`` is given.

    Raises
    ------
    UserError
        The network, its weights or a layer are not there or do not fit.
    """
    return build_network_variants(sources, [options])[0]


def build_network_variants(
    sources: dict[str, Source], variants: Sequence[TeacherOptions]
) -> list[dict[str, xr.Dataset]]:
    """The same for several choices of electrodes: stimuli go through the network once.

    Parameters
    ----------
    sources
        As in `build_network_regions`.
    variants
        Options that differ in ``network.electrodes`` alone.

    Returns
    -------
    regions
        Of each of the variants.
    """
    options = variants[0]
    settings = options.get_network()
    control = options.control.seed if options.control else 0
    device = choose_device(settings.device, "teacher.network.device", claim=True)
    seed = derive_seed(options.seed, "teacher", "weights", control)
    network = build_model(settings.model, settings.weights, seed).to(device)
    layers = find_layers(network, settings.layers)
    regions: list[dict[str, xr.Dataset]] = [{} for _ in variants]
    for names in _group_regions(sources):
        shown, digest = load_shown(names[0], sources[names[0]], options)
        recorder = _Recorder(variants, shown)
        features = record_layers(
            network,
            {name: layers[name] for name in names},
            shown,
            options.visual_degrees,
            settings,
            device,
            recorder.choose,
        )
        for name in names:
            found = recorder.build(name, sources[name], features.pop(name), digest)
            for region, of_variant in zip(found, regions, strict=True):
                of_variant[name] = region
    return [{name: of_variant[name] for name in sources} for of_variant in regions]


def _group_regions(sources: dict[str, Source]) -> list[list[str]]:
    """Regions that share their stimuli, which go through the network once for all of them."""
    groups: dict[str, list[str]] = {}
    for name, source in sources.items():
        groups.setdefault(f"{source.folders} {source.select}", []).append(name)
    return list(groups.values())


class _Recorder:
    """Chooses the units of each region's layer and makes the regions from what they give.

    Attributes
    ----------
    chosen
        Region to the units of each variant, in ascending order; None: all.
    kept
        Region to all units that some variant needs; None: all.
    """

    def __init__(self, variants: Sequence[TeacherOptions], shown: Shown):
        self.variants, self.shown = variants, shown
        self.chosen: dict[str, list[np.ndarray | None]] = {}
        self.kept: dict[str, np.ndarray | None] = {}

    def choose(self, region: str, n_units: int) -> torch.Tensor | None:
        """The units of a region's layer that are to be recorded; None: all."""
        found: list[np.ndarray | None] = []
        for options in self.variants:
            electrodes = options.get_network().electrodes
            if electrodes is None:
                found.append(None)
                continue
            generator = derive_generator(
                options.seed, "teacher", region, "units", *_name_draw(electrodes)
            )
            found.append(choose_units(region, n_units, electrodes, generator))
        self.chosen[region] = found
        some = [units for units in found if units is not None]
        if len(some) < len(found):
            self.kept[region] = None
            return None
        kept = self.kept[region] = np.unique(np.concatenate(some))
        return torch.from_numpy(kept)

    def build(
        self, name: str, source: Source, features: torch.Tensor, digest: str
    ) -> list[xr.Dataset]:
        """The region of each variant, from features (stimulus, unit) of the kept units."""
        return [
            self._build_one(name, source, features, units, options, digest)
            for units, options in zip(self.chosen[name], self.variants, strict=True)
        ]

    def _build_one(
        self,
        name: str,
        source: Source,
        features: torch.Tensor,
        units: np.ndarray | None,
        options: TeacherOptions,
        digest: str,
    ) -> xr.Dataset:
        settings = options.get_network()
        attrs: dict[str, Any] = {
            "model": settings.model,
            "layer": settings.layers[name],
            "weights": settings.weights or describe_weights(settings),
            "description": f"network {settings.model}, {describe_weights(settings)}, "
            f"layer {settings.layers[name]}",
        }
        if settings.electrodes is None or units is None:
            return build_noise_free_region(
                name, source, self.shown, features, options, stimuli_digest=digest, **attrs
            )
        kept = self.kept[name]
        place = units if kept is None else np.searchsorted(kept, units)
        assembly = record_electrodes(
            features[:, torch.from_numpy(place)],
            units,
            self.shown.stimuli["stimulus_id"].to_numpy(),
            name,
            settings.electrodes,
            derive_generator(
                options.seed, "teacher", name, "counts", *_name_draw(settings.electrodes)
            ),
        )
        assembly.attrs["stimuli_digest"] = digest
        measured = filter_sites((assembly,), self.shown, name, options)
        attrs["description"] += ", seen through electrodes"
        return build_measured_region(name, measured, options, dataset=source.dataset, **attrs)


def _name_draw(electrodes: Electrodes) -> list[int]:
    """What a draw adds to the names of generators; the first one has none."""
    return [electrodes.draw] if electrodes.draw else []
