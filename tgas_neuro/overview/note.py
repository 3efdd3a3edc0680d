"""The note that a workflow writes into the folder of its run when it begins."""

from collections.abc import Mapping

from tgas_neuro.config.section import dump_section
from tgas_neuro.overview.jobs import TARGETS
from tgas_neuro.plan.plan import Plan
from tgas_neuro.runtime.provenance import get_time
from tgas_neuro.search.records import RunNote


def build_note(
    plan: Plan, rules: Mapping[str, int], slots: int | None, before: RunNote | None
) -> RunNote:
    """Build the content of ``run.json``.

    Parameters
    ----------
    plan
        Of the run.
    rules
        Jobs that this start of the workflow has to do, by rule.
    slots
        Candidates that can be trained at once; None where that is not known.
    before
        The note of an earlier start, whose final trainings are kept.
    """
    finals = before.get("finals", {}) if before else {}
    return {
        "generations": plan.config.search.generations,
        "candidates": plan.config.search.candidates,
        "started": get_time(),
        "name": plan.config.search.name,
        "slots": slots,
        "rules": {rule: number for rule, number in rules.items() if rule not in TARGETS},
        "teacher": plan.teacher,
        "final": plan.final,
        "regions": list(plan.regions),
        "epochs": plan.config.final.epochs,
        "finals": finals | {plan.final: dump_section(plan.config)},
    }
