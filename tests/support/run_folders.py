"""Candidate records and whole folders of runs, made by hand for tests that read them."""

import numpy as np

from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.search.generation import make_history, make_proposals


def build_search(**changes):
    """The section search: random cells of five blocks, three a generation, alpha 2."""
    values = {"space": "cell", "strategy": "random", "alpha": 2.0, "candidates": 3}
    return read_search(values | changes)


SEARCH = build_search()
DIGESTS = {
    name: f"{name}-digest" for name in ("teacher", "premature", "scoring", "images", "search")
}


def draw(n, seed=0):
    """Genotypes of the space of `SEARCH`."""
    rng = np.random.default_rng(seed)
    return [build_space(SEARCH).sample(rng) for _ in range(n)]


def build_score(crossed, paper, ceiling=0.5):
    """A score against one region, in which cell_1 is the best layer and cell_0 of one half."""
    region = {
        "ceiling": ceiling,
        "corrected_for_noise": True,
        "crossed": {"raw": crossed * ceiling, "corrected": crossed, "layers": ["cell_0", "cell_1"]},
        "paper": {"raw": paper * ceiling, "corrected": paper, "layer": "cell_1"},
        "layers": {
            "stem": None,
            "cell_0": {"all": 0.1, "half_0": 0.1, "half_1": 0.1},
            "cell_1": {"all": paper * ceiling, "half_0": 0.2, "half_1": 0.2},
        },
    }
    return {"TG": {"crossed": crossed, "paper": paper}, "regions": {"IT": region}}


def build_record(
    identifier,
    genotype,
    state="ok",
    P=0.5,
    crossed=0.2,
    paper=0.3,
    original=None,
    untrained=(0.05, 0.06),
    params=10,
    macs=100,
    complete=True,
    rungs=(),
    digests=DIGESTS,
):
    """A candidate record; a failed one has neither P nor TG, a stopped one has P."""
    trained = state == "ok"
    premature = {"accuracy": P, "loss": 2.0, "n_train": 90, "n_held_back": 10, "epochs": 4}
    return {
        "id": identifier,
        "genotype": genotype.to_json(),
        "hash": genotype.hash,
        "complete": complete,
        "state": state,
        "message": "" if trained else f"{state} because",
        "original": original,
        "premature": premature if state in ("ok", "stopped") else None,
        "teacher": build_score(crossed, paper) if trained else None,
        "teacher_untrained": build_score(*untrained) if trained and untrained else None,
        "rungs": list(rungs),
        "complexity": {"params": params, "macs": macs},
        "provenance": build_provenance(0, **digests),
        "cost": {"images_seen": 7, "seconds": 1.5, "peak_memory_mb": 100.0, "attempts": 1},
    }


def write_run(folder, generations, search=SEARCH, digests=DIGESTS, finished=True):
    """Write the files of a run from its records, a list for each generation.

    The last generation has no history unless the run is `finished`; a record of None is a
    candidate that has been proposed and not finished.
    """
    previous = None
    for number, records in enumerate(generations):
        place = folder / f"generation_{number:03d}"
        proposals = make_proposals(number, previous, [], search, digests)
        for proposal, record in zip(proposals["proposals"], records, strict=False):
            if record is not None:
                proposal.update({key: record[key] for key in ("genotype", "hash", "original")})
        write_json(place / "proposals.json", proposals)
        paths = []
        for record in filter(None, records):
            paths.append(place / f"candidate_{record['id'][-2:]}.json")
            write_json(paths[-1], record)
        if finished or number < len(generations) - 1:
            previous_content = make_history(number, previous, paths, search, digests)
            previous = place / "history.json"
            write_json(previous, previous_content)
    return folder
