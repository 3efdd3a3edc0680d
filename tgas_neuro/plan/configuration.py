"""The whole configuration: the model with the options of every space, and how it is checked."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import create_model

from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.spaces import (
    SPACES,
    calc_complexity,
    check_regularisation,
    read_genotype,
)
from tgas_neuro.config.configuration import Configuration, check_section
from tgas_neuro.config.final import Final, check_batches
from tgas_neuro.config.search import Search
from tgas_neuro.config.section import key
from tgas_neuro.config.teacher import TeacherOptions
from tgas_neuro.final.network.scaling import SMALLEST, parse_macs
from tgas_neuro.recordings.datasets.description import Description
from tgas_neuro.runtime.errors import UserError


def build_search_model() -> type[Search]:
    """The model of the section ``search``: the fixed keys, and options for each space."""
    options: dict[str, Any] = {
        name: (space.options, key(space.options, f"{space.options.__doc__}", decides=True))
        for name, space in SPACES.items()
        if space.options is not None
    }
    about = "; ".join(f"{name}: {space.about}" for name, space in SPACES.items())
    names: Any = (Literal[tuple(SPACES)], key("cell", f"{about}.", decides=True))
    return create_model("Search", __base__=Search, __doc__=Search.__doc__, space=names, **options)


def build_model() -> type[Configuration]:
    """The model of config.yaml."""
    search = build_search_model()
    about = Configuration.model_fields["search"].description or ""
    return create_model(
        "Configuration",
        __base__=Configuration,
        __doc__=Configuration.__doc__,
        search=(search, key(search, about, decides=True)),
    )


def check_configuration(config: Any, name: str = "config.yaml") -> Configuration:
    """Check a configuration, key by key and across keys.

    Parameters
    ----------
    config
        As parsed from YAML; not changed.
    name
        The file, for messages.

    Returns
    -------
    Configuration
        With all defaults filled in.

    Raises
    ------
    UserError
        One line that names the key, the value received, what is allowed and what to do.
    """
    checked = check_section(build_model(), config, name)
    check_scaling(checked.final, checked.search.space, name)
    try:
        _check_teacher(checked.teacher)
        _check_samples(checked)
        check_batches(checked.final)
        _check_network(checked)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    return checked


def read_search(values: Any) -> Search:
    """The section ``search`` from the params of a rule, which are checked values of it."""
    return check_section(build_search_model(), values, "params", ["search"])


def _check_teacher(teacher: TeacherOptions) -> None:
    """Sections belong to the kind; the distance needs repetitions only if there are any."""
    kind, network, control = teacher.kind, teacher.network, teacher.control
    if kind == "control" and control is None:
        raise UserError(
            "teacher.control: is missing; kind 'control' needs it, for example {type: shuffled}"
        )
    if kind != "control" and control is not None:
        raise UserError(
            f"teacher.control: belongs to kind 'control', teacher.kind is {kind!r}; remove the "
            "section or change the kind"
        )
    random = control is not None and control.type == "random_network"
    what = f"teacher.control.type {control.type!r}" if control else f"teacher.kind {kind!r}"
    with_network = kind == "network" or random
    if with_network and network is None:
        raise UserError(f"teacher.network: is missing; {what} needs its model and layers")
    if not with_network and network is not None:
        raise UserError(
            "teacher.network: belongs to kind 'network' and the control 'random_network', not to "
            f"{what}; remove the section"
        )
    if random and network is not None and network.weights is not None:
        raise UserError(
            f"teacher.network.weights: {network.weights!r}, but the control 'random_network' has "
            "learned nothing; remove the key or take kind network"
        )
    noise_free = network is not None and network.electrodes is None
    of_pixels = control is not None and control.type == "pixels"
    if (noise_free or of_pixels) and teacher.distance == "crossnobis":
        raise UserError(
            f"teacher.distance: 'crossnobis' needs repetitions, of which {what} has none"
            f"{'; set teacher.network.electrodes or' if noise_free else ';'} take "
            "correlation, cosine or euclidean"
        )


def _check_samples(config: Configuration) -> None:
    """A sample is one of recordings that are used; of single presentations there is no ceiling."""
    for region, source in config.recordings.regions.items():
        key = f"recordings.regions.{region}.sample"
        if source.sample is None:
            continue
        if config.teacher.shows_stimuli_only:
            raise UserError(
                f"{key}: the teacher uses only the stimuli of {', '.join(source.datasets)}, not "
                "what was recorded; remove the section"
            )
        if source.sample.repetitions == 1 and region not in config.teacher.uncorrected:
            raise UserError(
                f"{key}.repetitions: 1 presentation cannot be split, so that {region} has no noise "
                f"ceiling; add {region} to teacher.uncorrected to use its similarity as measured, "
                "or take more"
            )


def check_sources(
    regions: Mapping[str, Sequence[str]], descriptions: Mapping[str, Description], name: str
) -> None:
    """Refuse a teacher that mixes simulated and recorded regions.

    This happens when a configuration file that names one region overlays another file: Snakemake
    merges files key by key, and the other region stays.
    """
    simulated = {
        region: all(descriptions[dataset].reader == "simulated" for dataset in datasets)
        for region, datasets in regions.items()
    }
    if len(set(simulated.values())) < 2:
        return
    made = next(region for region, is_simulated in simulated.items() if is_simulated)
    real = next(region for region, is_simulated in simulated.items() if not is_simulated)
    raise UserError(
        f"{name}: recordings.regions: {made} is simulated ({', '.join(regions[made])}) and {real} "
        f"recorded ({', '.join(regions[real])}), and a teacher must not mix them; name recorded "
        f"data sets for {made}, or drop it with {made}: null"
    )


def _check_network(config: Configuration) -> None:
    """The candidates' network can be built; the final one is checked where its width is found."""
    try:
        build_skeleton(config.premature, n_classes=1)
    except UserError as error:
        raise UserError(f"premature.network.{error}") from None


def check_scaling(settings: Final, space: str, name: str) -> None:
    """Check the final network as far as possible before a search, without its genotype.

    Parameters
    ----------
    settings
        The section ``final``.
    space
        The space of the search.
    name
        The configuration's file, for messages.

    Raises
    ------
    UserError
        The target is no number, a stem cannot be made, or drop path or the auxiliary head has no
        place in networks of this space.
    """
    network, target = settings.network, settings.target
    try:
        check_regularisation(settings, space, network.stages)
        most = None if target is None else parse_macs(target.macs)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    filters = network.filters if target is None else SMALLEST[network.stem]
    try:
        skeleton = build_skeleton(settings, n_classes=1, filters=filters)
    except UserError as error:
        raise UserError(f"{name}: final.network.{error}") from None
    if target is not None and most is not None:
        macs = calc_complexity(read_genotype(SPACES[space].cheapest), skeleton).macs
        if macs > most:
            raise UserError(
                f"{name}: final.target.macs: {target.macs}; no network of space {space} with this "
                f"final.network and final.image_size has fewer than {macs:,} multiply-adds; raise "
                "it"
            )
    given = network.stem_filters
    if not SPACES[space].free_stem and network.stem == "cifar" and given not in (None, filters):
        raise UserError(
            f"{name}: final.network.stem_filters: {given}; the cifar stem of space {space} has as "
            "many channels as final.network.filters; remove the key"
        )
