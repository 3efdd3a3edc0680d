"""What the JSON files of a search hold, one type for each file and part."""

from typing import Any, Literal, NotRequired, TypedDict

from tgas_neuro.runtime.provenance import Provenance
from tgas_neuro.scoring.layers import Guidance, Score
from tgas_neuro.search.reward_records import RatingContent, RewardBasis, Standardisation

State = Literal[
    "ok",
    "diverged",
    "oversized",
    "out_of_memory",
    "timeout",
    "stopped",  # at a rung
    "duplicate",
    "crashed",
]


class Size(TypedDict):
    """Parameters, and multiply-adds for one image."""

    params: int
    macs: int


class Threshold(TypedDict):
    """What a candidate has to reach at a rung, and of how many candidates that was made.

    A threshold of None stops nobody. `standardisation` is that of the measures at this rung, where
    rewards are standardised.
    """

    epoch: float
    threshold: float | None
    of: int
    standardisation: NotRequired[Standardisation | None]


class RungMeasures(TypedDict):
    """What a candidate had at a rung; TG is None where it was not measured."""

    P: float
    TG: float | None


class ReachedRung(Threshold):
    """What a candidate had at a rung; TG is None where the guidance needs none."""

    P: float
    TG: Guidance | None
    value: float | None


class ProposedCandidate(TypedDict):
    """A proposal; `original` is the id of the finished candidate that it equals, if any."""

    id: str
    genotype: dict[str, Any]
    hash: str
    original: str | None
    redraws: int


class BestSoFar(TypedDict):
    """The best candidate that was known when the file was written."""

    id: str
    reward: float


class Proposals(RatingContent, RewardBasis):
    """``proposals.json`` of a generation."""

    generation: int
    strategy: str
    history_seen: int
    best: BestSoFar | None
    rungs: list[Threshold]
    proposals: list[ProposedCandidate]
    provenance: Provenance


class PrematureResult(TypedDict):
    """The short training; see `tgas_neuro.search.candidate.training.TrainingResult`."""

    accuracy: float
    loss: float
    n_train: int
    n_held_back: int
    stopped_at: float | None
    epochs: float


class ProbeResult(TypedDict):
    """What a candidate reached that was trained on; accuracy and loss are None if it diverged.

    `epochs` are counted from the beginning of its training.
    """

    accuracy: float | None
    loss: float | None
    epochs: float


class EvaluationCost(TypedDict):
    """Cost of a training; a candidate that was not trained has no device and no peak."""

    images_seen: int
    device: NotRequired[str]
    peak_memory_mb: NotRequired[float]


class Probed(TypedDict, total=False):
    """`probe` is there where candidates are probed, and None of one that was not drawn."""

    probe: ProbeResult | None


class Evaluation(Probed):
    """What was measured of a candidate; None is not measured."""

    premature: PrematureResult | None
    teacher: Score | None
    teacher_untrained: Score | None
    rungs: list[ReachedRung]
    cost: EvaluationCost


class CandidateCost(TypedDict):
    """Cost of a candidate: training images, time [s], resident memory [MB], attempts."""

    images_seen: int
    seconds: float
    peak_memory_mb: float
    attempts: int
    device: NotRequired[str]


class Dates(TypedDict):
    """UTC, ISO 8601."""

    started: str
    finished: str


class CandidateRecord(Probed):
    """``candidate_<k>.json``: how a candidate ended. It holds P and TG, never the reward.

    `complete` is whether the genotype is a member of the space. Only `cost` and `dates` may differ
    between two runs.
    """

    id: str
    genotype: dict[str, Any]
    hash: str
    complete: bool
    state: State
    message: str
    original: str | None
    guidance: str
    premature: PrematureResult | None
    teacher: Score | None
    teacher_untrained: Score | None
    rungs: list[ReachedRung]
    complexity: Size
    provenance: Provenance
    cost: CandidateCost
    dates: Dates


class SearchCost(TypedDict):
    """Training images and time [s] of all candidates."""

    images_seen: int
    seconds: float


class History(RatingContent, RewardBasis):
    """``history.json``; its entries are those of `tgas_neuro.search.history.Entry.to_json`."""

    generation: int
    reused: int
    entries: list[dict[str, Any]]
    best: BestSoFar | None
    states: dict[str, int]
    provenance: Provenance
    cost: SearchCost


class LeaderboardRow(TypedDict):
    """A candidate of the leaderboard; see `tgas_neuro.search.history.Entry`."""

    id: str
    hash: str
    state: State
    P: float | None
    TG: float | None
    TG_untrained: float | None
    regions: dict[str, float] | None
    reward: float | None
    params: int
    macs: int


class Best(RatingContent, RewardBasis):
    """``best.json``: the best candidate of a search with its record, and the leaderboard."""

    run: str
    id: str
    hash: str
    genotype: dict[str, Any]
    reward: float
    record: CandidateRecord
    leaderboard: list[LeaderboardRow]
    states: dict[str, int]
    provenance: Provenance
    cost: SearchCost


class ReusedRun(TypedDict):
    """An older run: its records, how many were taken, and why how many were left out."""

    name: str
    files: list[str]
    taken: int
    left_out: dict[str, int]


class Reused(TypedDict):
    """``reused.json``: records of older runs; the name of the run comes before their ids."""

    runs: list[ReusedRun]
    records: list[CandidateRecord]
    provenance: Provenance


class RunNote(TypedDict):
    """``run.json``: the length of the search, and when its workflow last began.

    `final` is the name of the final training; `finals` has the whole configuration of each final
    training of this search by its name. Runs of earlier versions have neither.
    """

    generations: int
    candidates: int
    started: str
    final: NotRequired[str]
    finals: NotRequired[dict[str, dict[str, Any]]]
