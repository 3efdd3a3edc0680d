"""Rescored runs: candidates whose weights were kept, scored against another teacher.

Nothing is trained. This file imports torch.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import torch

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.architecture.network import GenotypeNetwork, build_network
from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Scoring
from tgas_neuro.runtime.changes import refuse_changed
from tgas_neuro.runtime.devices import choose_device
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256, read_json, write_json
from tgas_neuro.scoring.layers import Guidance, RegionScore, Score
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.search.candidate.evaluation import move_to, set_up_torch
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, build_entry
from tgas_neuro.search.records import CandidateRecord
from tgas_neuro.search.runs import Run
from tgas_neuro.teacher.teacher import Teacher, load_teacher

CHANNELS = 3  # of the images that candidates are trained on


class Rescored(TypedDict):
    """A candidate's score against the other teacher, and the weights that it is of."""

    hash: str
    weights_sha256: str
    TG: Guidance
    regions: dict[str, RegionScore]


def list_rescorable(found: Run) -> list[CandidateRecord]:
    """Records of the run's own candidates with state ``ok`` and weights; duplicates have none.

    Raises
    ------
    UserError
        There is none yet, or the weights of some were not kept.
    """
    records = [found.read_record(name) for name in found.records]
    records = [record for record in records if record["state"] == "ok"]
    if not records:
        raise UserError(f"run {found.name}: no candidate has a TG yet; let the search continue")
    lost = [record["id"] for record in records if not get_weights(found, record).is_file()]
    if lost:
        raise UserError(
            f"run {found.name}: the weights of {len(lost)} of {len(records)} candidates were not "
            f"kept ({lost[0]} is the first); search with search.keep_weights: true, which is "
            "a run of its own"
        )
    return records


def get_weights(found: Run, record: CandidateRecord) -> Path:
    """Where the search keeps the trained weights of a candidate."""
    return found.folder / "weights" / f"{record['id']}.pt"


def check_same_measures(
    found: Run, records: Sequence[CandidateRecord], digests: Mapping[str, str], name: str
) -> None:
    """Check that the configuration builds and scores networks as the run did.

    Parameters
    ----------
    found, records
        The run and its records that are rescored.
    digests
        Of the configuration: ``premature`` and ``scoring``.
    name
        The configuration's files, for messages.

    Raises
    ------
    UserError
        It differs from the run's in ``premature`` or ``search.scoring``, or the version of the
        results does.
    """
    for provenance in (record["provenance"] for record in records):
        for digest, key in (("premature", "premature"), ("scoring", "search.scoring")):
            if provenance["digests"][digest] != digests[digest]:
                raise UserError(
                    f"{name}: {key} is not that of run {found.name}, so its networks would be "
                    "built or scored otherwise; set it as it was, or overlay a file with "
                    "--configfile"
                )
        if provenance["results_version"] != RESULTS_VERSION:
            raise UserError(
                f"run {found.name}: its candidates have results version "
                f"{provenance['results_version']}, this is {RESULTS_VERSION}; search again, or "
                "rescore with the version that made them"
            )


def rescore(
    found: Run,
    records: Sequence[CandidateRecord],
    teacher: Path,
    premature: Premature,
    scoring: Scoring,
    path: Path,
    report: Callable[[str], None],
) -> dict[str, Rescored]:
    """Score candidates against another teacher, and write `path` after each.

    Parameters
    ----------
    found, records
        The run and its records that have weights (see `list_rescorable`).
    teacher
        Folder with ``teacher.nc`` and the ranks that `scoring` needs.
    premature, scoring
        Those sections of a configuration that `check_same_measures` accepts (``premature``,
        ``search.scoring``).
    path
        JSON: ``run``, ``teacher`` (name, SHA-256), ``results_version``, ``scores``. If it exists,
        scores against this very teacher and of the same weights are kept.
    report
        Called with a line for each candidate that is scored.

    Returns
    -------
    scores
        By id of the candidate. A TG is None where no layer tells the stimuli of some region apart.
    """
    origin = {
        "run": found.name,
        "teacher": {"name": teacher.name, "sha256": calc_sha256(teacher / "teacher.nc")},
        "results_version": RESULTS_VERSION,
    }
    content = read_json(path) if path.is_file() else {}
    known: dict[str, Rescored] = content["scores"] if origin.items() <= content.items() else {}
    rescorer = Rescorer(teacher / "teacher.nc", teacher / scoring.name_ranks(), premature, scoring)
    scores: dict[str, Rescored] = {}
    for record in records:
        name, weights = record["id"], get_weights(found, record)
        refuse_changed(weights, found.records[name])
        digest = calc_sha256(weights)
        old = known.get(name)
        if old and (old["hash"], old["weights_sha256"]) == (record["hash"], digest):
            scores[name] = old
            continue
        scores[name] = {
            "hash": record["hash"],
            "weights_sha256": digest,
            **rescorer.score(record, weights),
        }
        write_json(path, origin | {"scores": {**known, **scores}})
        TG = scores[name]["TG"]["crossed"]
        report(f"{name}: TG {'none' if TG is None else f'{TG:.3f}'}")
    return scores


def rate(record: CandidateRecord, score: Rescored, rating: Rating) -> Entry:
    """The entry of a candidate under the other teacher; without a TG it has no reward."""
    dead = None in score["TG"].values()
    changed: CandidateRecord = {
        **record,
        "teacher": {"TG": score["TG"], "regions": score["regions"]},
        "state": "diverged" if dead else "ok",
    }
    return build_entry(changed, rating, {})


class Rescorer:
    """Scores finished candidates of a run against a teacher, as `evaluate_candidate` does.

    Against the run's own teacher it gives exactly the TG of the records, on the same kind of
    processor and with the same versions.

    Parameters
    ----------
    teacher
        The teacher file.
    ranks
        Folder of the ranks of its RDMs.
    premature, scoring
        The sections with which the candidates were trained and scored.

    Raises
    ------
    UserError
        The teacher or its ranks are missing, or its images have other channels than the
        candidates' networks.
    """

    def __init__(self, teacher: Path, ranks: Path, premature: Premature, scoring: Scoring):
        set_up_torch(premature.threads)
        self.premature, self.scoring, self.ranks = premature, scoring, ranks
        self.device = choose_device(premature.device, "premature.device", claim=True)
        self.teacher = load_teacher(teacher, for_scoring=True)
        _check_channels(teacher, self.teacher)
        if not ranks.is_dir():
            raise UserError(
                f"{ranks}: the teacher's ranks are missing; make them with this teacher's "
                "configuration: snakemake --cores 2 teacher_ranks"
            )

    def score(self, record: CandidateRecord, weights: Path) -> Score:
        """Score one candidate.

        Parameters
        ----------
        record
            Of a candidate whose state is ``ok``.
        weights
            The state dict that its training kept.
        """
        network = self._build(record, load_weights(weights), weights)
        return score_network(
            network,
            network.layers(),
            self.teacher,
            self.ranks,
            self.device,
            record["provenance"]["seed"],
            **self.scoring.model_dump(),
        )

    def _build(
        self, record: CandidateRecord, state: Mapping[str, torch.Tensor], path: Path
    ) -> GenotypeNetwork:
        """The candidate's network as its training left it."""
        try:
            skeleton = build_skeleton(self.premature, len(state["linear.bias"]))
            network = build_network(read_genotype(record["genotype"]), skeleton, torch.Generator())
            network.load_state_dict(state)
        except (KeyError, RuntimeError):
            raise UserError(
                f"{path}: not the weights of candidate {record['id']}; delete the candidate's "
                "record and let the search train it again"
            ) from None
        move_to(network, self.device)
        return network.eval()


def load_weights(path: Path) -> dict[str, torch.Tensor]:
    """The state dict that the search kept of a candidate; `UserError` if it cannot be read."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what zipfile, pickle and its own reader raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{path}: not readable as weights ({reason}); delete the candidate's record and let "
            "the search train it again"
        ) from None


def _check_channels(path: Path, teacher: Teacher) -> None:
    for name, region in teacher.regions.items():
        channels = region.sizes["rgb"]
        if channels != CHANNELS:
            raise UserError(
                f"{path}: images of region {name} have {channels} channels, the candidates' "
                f"networks take {CHANNELS}; make a teacher of colour images"
            )
