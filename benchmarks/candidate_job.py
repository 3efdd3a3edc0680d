"""A job of one or several candidates as the rule runs it, with a watch in it; for candidate.py.

    python candidate_job.py FOLDER CANDIDATES START

FOLDER is what `candidate_inputs.write_inputs` made, START the time at which the process was called
[s since the epoch]. The last line of the output is JSON: seconds by what they were spent on.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.premature import Premature
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search import candidate as records
from tgas_neuro.search.candidate import Inputs, import_once

TIMED = ("train_candidate", "measure_accuracy", "score_network")


def main() -> None:
    """Evaluate the candidates one after the other."""
    folder, number, start = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    inputs = read_json(folder / "inputs.json")
    files = Inputs(folder, folder / "teacher.nc", folder / "ranks")
    search = read_search(inputs["config"]["search"])
    premature = check_section(Premature, inputs["config"]["premature"], "inputs.json")
    records._evaluate = evaluate_watched
    if number > 1:
        import_once()
    imported = time.time()
    parts: dict[str, float] = {}
    for proposal in inputs["proposals"][:number]:
        called = time.time()
        made = records.make_record(proposal, [], search, premature, files, None, {})
        if made["state"] != "ok":
            sys.exit(f"candidate ended as {made['state']}: {made['message']}")
        found = made["cost"]["watched"] | {"all": time.time() - called}
        parts = {key: parts.get(key, 0.0) + value for key, value in found.items()}
    print(json.dumps({"start": imported - start, **parts}))


def evaluate_watched(begin: Any, **arguments: Any) -> dict[str, Any]:
    """In the child: `evaluate_candidate`, with the time that its parts take."""
    called = time.time()
    from tgas_neuro.search.candidate import evaluation, training

    watched = {"import": time.time() - called} | dict.fromkeys(TIMED, 0.0)

    def watch(name: str, function: Any) -> Any:
        def run(*positional: Any, **named: Any) -> Any:
            start = time.time()
            try:
                return function(*positional, **named)
            finally:
                watched[name] += time.time() - start

        return run

    for name in TIMED:
        setattr(evaluation, name, watch(name, getattr(evaluation, name)))
    # training ends with a validation, which is counted as such
    training.measure_accuracy = watch("measure_accuracy", training.measure_accuracy)
    found = evaluation.evaluate_candidate(**arguments, begin=begin)
    watched["train_candidate"] -= watched["measure_accuracy"]
    found["cost"]["watched"] = watched
    return found


if __name__ == "__main__":
    main()
