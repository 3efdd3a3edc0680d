"""From configurations that differ in their teachers to what these are made from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.api.teachers import gather_recordings
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.plan import build_plan
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.teacher.options import read_options, read_sources
from tgas_neuro.teacher.variants import Variant


def plan_variants(
    configs: Mapping[str, Any], descriptions: Sequence[Path], name: str, folder: Path
) -> dict[str, Variant]:
    """What teachers of the same recordings are made from.

    Parameters
    ----------
    configs
        Key to a configuration, as of config.yaml.
    descriptions
        Folders with descriptions of data sets.
    name
        Of the configurations, for messages.
    folder
        Empty; receives the recordings, which must stay until the teachers are built.
    """
    variants: dict[str, Variant] = {}
    for key, config in configs.items():
        plan = build_plan(config, descriptions, name)
        recordings, seed = plan.config.recordings, plan.config.search.seed
        if not variants:  # all are of the same recordings
            mirror = Path(recordings.mirror) if recordings.mirror else None
            gather_recordings(plan.descriptions, folder, mirror)
        sections = {
            "recordings": dump_section(recordings),
            "teacher": dump_section(plan.config.teacher),
        }
        variants[key] = Variant(
            read_sources(sections["recordings"], plan.regions, folder),
            read_options(sections, seed),
            dict(build_provenance(seed, teacher=plan.digests["teacher"])),
        )
    return variants
