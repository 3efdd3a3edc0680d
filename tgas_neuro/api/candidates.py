"""Candidates of a search: what they are worth, or their training and score in this process."""

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tgas_neuro.architecture.network import GenotypeNetwork, build_network
from tgas_neuro.architecture.skeleton import Skeleton, build_skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import describe_genotype, read_genotype
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Search
from tgas_neuro.final.network.network import load_trained
from tgas_neuro.images.decoded import check_held_back, load_classes, load_decoded
from tgas_neuro.images.splits import decode_training_split, make_split
from tgas_neuro.plan.images import plan_images
from tgas_neuro.rdm.streaming.ranked import Sample
from tgas_neuro.runtime.devices import choose_device
from tgas_neuro.runtime.errors import MachineError, UserError, describe_error
from tgas_neuro.runtime.provenance import derive_seed
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.search.candidate import Inputs, make_record
from tgas_neuro.search.candidate.causes import is_machines, is_out_of_memory
from tgas_neuro.search.candidate.child import DivergedError, Outcome
from tgas_neuro.search.records import CandidateRecord, ProposedCandidate, Threshold
from tgas_neuro.teacher.sized import SizedTeacher
from tgas_neuro.teacher.teacher import write_teacher


@dataclass(frozen=True)
class Candidate:
    """A proposed network that has to be evaluated.

    Attributes
    ----------
    id
        ``g<generation>_c<candidate>``.
    genotype
        Its architecture: ``hash``, ``to_json()``, and the fields of its space.
    """

    id: str
    genotype: Genotype
    _rungs: Sequence[Threshold] = field(default=(), repr=False, compare=False)
    _search: str = field(default="", repr=False, compare=False)  # which asked for it

    def describe(self) -> str:
        """The architecture in words."""
        return "\n".join(describe_genotype(self.genotype))

    def build(
        self, n_classes: int, image_size: int, filters: int = 8, seed: int = 0, **size: Any
    ) -> GenotypeNetwork:
        """Build the network with fresh weights, as a search builds it.

        Parameters
        ----------
        n_classes
            Outputs.
        image_size
            Width and height of the images [px].
        filters
            Channels of the first stage; each later stage has twice as many.
        seed
            Of the weights, together with the hash of the genotype.
        **size
            ``cells_per_stage`` (1), ``stages`` (3), ``stem`` (``cifar``).
        """
        plain = {"cells_per_stage": 1, "stages": 3} | size
        skeleton = Skeleton(filters, **plain, n_classes=n_classes, image_size=image_size)
        weights = derive_seed(seed, "weights", self.genotype.hash)
        return build_network(self.genotype, skeleton, torch.Generator().manual_seed(weights))


class Trainer:
    """Trains candidates for a short while and scores them against a teacher.

    A record is that of the workflow, as the same functions make it. Only candidates are not
    protected from each other: each would have a process of its own there.

    Parameters
    ----------
    search, premature
        Those sections of a configuration.
    teacher
        What guides the search. Its stimuli are shown at ``premature.image_size``.
    report
        Receives notes, a line each.

    Raises
    ------
    UserError
        The images cannot be read, or a limit is given that needs a process of its own.
    """

    def __init__(
        self,
        search: Search,
        premature: Premature,
        teacher: SizedTeacher,
        report: Callable[[str], None],
    ):
        for key in ("memory_mb", "seconds"):
            if getattr(search.limits, key) is not None:
                raise UserError(
                    f"limits.{key}: {getattr(search.limits, key)}; a candidate that trains in "
                    "this process cannot be ended; leave it out, or run the workflow: tgas run"
                )
        device = choose_device(premature.device, "premature.device", claim=True)
        self.search = search
        self.premature = premature.model_copy(update={"device": str(device)})
        folder = Path(tempfile.mkdtemp(prefix="tgas-search-"))
        self._delete = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.inputs = Inputs(folder / "images", folder / "teacher.nc", folder / "ranks")
        self.weights = folder / "weights"
        self._decode(folder, report)
        with _keeping_torch():
            torch.set_num_threads(premature.threads)
            shown = teacher.at(premature.image_size)
            write_teacher(self.inputs.teacher, shown)
            sample = Sample.choose(search.scoring.pairs, search.seed)
            write_ranks(self.inputs.ranks, shown, sample)

    def _decode(self, folder: Path, report: Callable[[str], None]) -> None:
        images = plan_images(self.premature)
        made = folder / "split" if images.is_made else None
        if made is not None:
            make_split(images, "train", made)
        size = self.premature.image_size
        decode_training_split(images, size, self.inputs.images, made, folder / "checked", report)
        check_held_back(load_decoded(self.inputs.images)[1], self.premature.held_back, report)
        if made is not None:
            shutil.rmtree(made)

    def make_record(self, candidate: Candidate) -> CandidateRecord:
        """Train and score one candidate."""
        proposal: ProposedCandidate = {
            "id": candidate.id,
            "genotype": candidate.genotype.to_json(),
            "hash": candidate.genotype.hash,
            "original": None,
            "redraws": 0,
        }
        rungs = candidate._rungs
        weights = self.weights / f"{candidate.id}.pt" if self.search.keep_weights else None
        if weights is not None:
            weights.parent.mkdir(exist_ok=True)
        with _keeping_torch():
            return make_record(
                proposal, rungs, self.search, self.premature, self.inputs, weights, {}, call=_run
            )

    def load_network(self, record: CandidateRecord) -> GenotypeNetwork:
        """The network of a candidate as its training left it; `UserError` if it was not kept."""
        weights = self.weights / f"{record['id']}.pt"
        if not weights.is_file():
            raise UserError(
                f"candidate {record['id']!r}: its weights were not kept; search with "
                "keep_weights=True"
            )
        skeleton = build_skeleton(self.premature, len(load_classes(self.inputs.images)))
        return load_trained(read_genotype(record["genotype"]), skeleton, weights, record["id"])


def _run(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    memory_mb: float | None,
    seconds: float | None,
) -> Outcome:
    """Run an evaluation here; a failure of the network is its outcome, as in a child."""
    started = time.monotonic()

    def end(state: Any, value: Any, message: str = "") -> Outcome:
        return Outcome(state, value, message, 1, time.monotonic() - started, 0.0)

    try:
        return end("ok", function(lambda threads: None, **arguments))
    except UserError:
        raise
    except DivergedError as error:
        return end("diverged", None, str(error))
    except Exception as error:
        if is_machines(error):
            raise MachineError(describe_error(error)) from error
        state = "out_of_memory" if is_out_of_memory(error) else "crashed"
        return end(state, None, describe_error(error))


@contextmanager
def _keeping_torch() -> Iterator[None]:
    """Leave torch's settings as they were."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(mode)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
