"""The rules of the workflow, as the console, the status and the remaining time know them."""

import re

from soak.soak import PROJECT

from tgas_neuro.overview.jobs import EXPERIMENTS, OUTPUTS, PHASES, TARGETS, get_phase, name_rule


def list_rules():
    """Names of all rules of the workflow; those of candidates are made in a loop."""
    files = [PROJECT / "Snakefile", *(PROJECT / "workflow/rules").glob("*.smk")]
    text = "\n".join(path.read_text() for path in files)
    named = re.findall(r"^ *(?:rule|use rule \w+ as) (\w+)(?: with)?:", text, re.MULTILINE)
    return [*named, "candidates_00"]


def test_every_rule_of_a_run_is_in_a_phase():
    rules = {name_rule(rule) for rule in list_rules()} - set(TARGETS)
    experiments = {rule for rule in rules if rule.startswith("experiment_")}
    assert {get_phase(rule) for rule in experiments} == {EXPERIMENTS}
    known = [rule for found in PHASES.values() for rule in found]
    assert len(known) == len(set(known))
    assert set(known) == rules - experiments == set(OUTPUTS)
