"""Teachers that differ in little, built together: what they share is done once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tgas_neuro.runtime.devices import computing_with
from tgas_neuro.teacher.build import build_teacher, finish_teacher
from tgas_neuro.teacher.options import Source, TeacherOptions
from tgas_neuro.teacher.teacher import Teacher


@dataclass(frozen=True)
class Variant:
    """What one of the teachers is made from; see `tgas_neuro.teacher.build.build_teacher`."""

    sources: dict[str, Source]
    options: TeacherOptions
    provenance: dict[str, Any]


def build_variants(
    variants: Mapping[str, Variant], report: Callable[[str], None] = print
) -> dict[str, Teacher]:
    """Build teachers of one kind, each as `build_teacher` builds it alone.

    Parameters
    ----------
    variants
        Key to variant, at least one. Those of kind ``network`` differ in their electrodes alone,
        so that the stimuli go through the network once for all.
    report
        Receives a line for each region of each teacher, after its key.

    Raises
    ------
    UserError
        As of `build_teacher`.
    """

    def begin(key: str) -> Callable[[str], None]:
        return lambda line: report(f"{key}: {line}")

    first = next(iter(variants.values()))
    if first.options.kind != "network":
        return {
            key: build_teacher(one.sources, one.options, one.provenance, begin(key))
            for key, one in variants.items()
        }
    # torchvision, which recordings do without
    from tgas_neuro.teacher.network.network import build_network_variants

    options = [one.options for one in variants.values()]
    with computing_with(first.options.threads):
        regions = build_network_variants(first.sources, options)
    return {
        key: finish_teacher(found, one.options, one.provenance, begin(key))
        for (key, one), found in zip(variants.items(), regions, strict=True)
    }
