"""A search with its history: ask for candidates, tell what they are worth."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from tgas_neuro.api.candidates import Candidate, Trainer
from tgas_neuro.api.values import FAILURES, Value, rate_value
from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Search
from tgas_neuro.plan.configuration import build_search_model
from tgas_neuro.runtime.errors import UserError, check_choice, check_whole_number, describe_error
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.search.generation import name_candidate, propose_generation
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import (
    Entry,
    build_entry,
    count_states,
    describe_states,
    find_best,
    is_member,
)
from tgas_neuro.search.records import CandidateRecord, State
from tgas_neuro.search.rewards import rate_together
from tgas_neuro.search.rungs import list_thresholds
from tgas_neuro.search.runs import list_rows
from tgas_neuro.search.strategies import build_strategy

if TYPE_CHECKING:
    from tgas_neuro.architecture.network import GenotypeNetwork


class Study:
    """A search: its history, and the strategy that proposes from it; `search` makes it.

    A generation is proposed from the history alone. With the same space, strategy, seed and values
    the proposals are those of the workflow, in whatever order candidates are told.

    Attributes
    ----------
    space
        What is searched.
    """

    def __init__(
        self,
        space: Space[Any],
        options: Search,
        guidance: str | None,
        premature: Premature | None = None,
        trainer: Trainer | None = None,
        report: Callable[[str], None] = print,
    ):
        self.space, self._options, self._report = space, options, report
        self._rating = Rating.from_search(options) if guidance else None
        self._guessed = guidance is None
        self._premature, self._trainer = premature, trainer
        self._strategy = build_strategy(options, space)
        self._identity = secrets.token_hex(8)
        self._generation, self._generations = 0, options.generations
        self._pending: dict[str, Candidate] = {}
        self._repeated: dict[str, tuple[Genotype, str]] = {}  # equal to a finished candidate
        self._entries: dict[str, Entry] = {}
        self._records: dict[str, CandidateRecord] = {}

    def __repr__(self) -> str:
        best = find_best(self.entries)
        found = f"; best {best.id}, reward {best.reward:.3f}" if best else ""
        waiting = f"; {len(self._pending)} to be told" if self._pending else ""
        states = describe_states(count_states(self.entries)) or "nothing yet"
        return f"<Study of {self.space!r}, {self._options.strategy}: {states}{found}{waiting}>"

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: the options as plain values, and no strategy."""
        if self._trainer is not None:
            raise UserError(
                "search: trains in a temporary folder of this process, and cannot be pickled or "
                "copied; run the workflow, which survives interruptions: tgas run"
            )
        return vars(self) | {"_options": self._options.model_dump(), "_strategy": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._options = build_search_model().model_validate(state["_options"])
        self._strategy = build_strategy(self._options, self.space)

    @property
    def entries(self) -> list[Entry]:
        """All finished candidates, generation by generation, rated by what is known now."""
        order = sorted(self._entries, key=lambda name: (len(name), name))  # g999 before g1000
        entries = [self._entries[name] for name in order]
        return rate_together(entries, self._rating)[0] if self._rating else entries

    def ask(self, n: int | None = None) -> list[Candidate]:
        """Propose the next generation.

        Parameters
        ----------
        n
            Candidates of the generation, 1 to 100; by default `candidates` of the search.

        Returns
        -------
        candidates
            Those that have to be evaluated. A proposal that equals a finished candidate has its
            values and is left out, which is reported: there may be fewer than `n`, or none.

        Raises
        ------
        UserError
            All generations were asked for.
        """
        n = self._options.candidates if n is None else n
        check_whole_number("n", n, 1, 100)
        if self._generation >= self._generations:
            raise UserError(
                f"generations: all {self._generations} have been asked for; search with more"
            )
        entries, rungs = self.entries, []
        if self._premature is not None and self._rating is not None:
            rungs = list_thresholds(entries, self._premature, self._rating)
        generation, self._generation = self._generation, self._generation + 1
        proposals = propose_generation(
            self._strategy,
            entries,
            [candidate.genotype for candidate in self._pending.values()],
            n,
            derive_generator(self._options.seed, "propose", generation),
        )
        asked = []
        for number, proposal in enumerate(proposals):
            name = name_candidate(generation, number)
            if proposal.original is not None:
                self._repeated[name] = proposal.genotype, proposal.original
                continue
            asked.append(Candidate(name, proposal.genotype, rungs, self._identity))
        if len(asked) < n:
            self._report(
                f"generation {generation}: {n - len(asked)} of {n} proposals equal finished "
                "candidates and have their values"
            )
        self._pending |= {candidate.id: candidate for candidate in asked}
        self._add_repeated()
        return asked

    def tell(
        self, candidate: Candidate, value: Value | None = None, state: str | None = None
    ) -> Entry:
        """Say what a candidate is worth.

        Parameters
        ----------
        candidate
            From `ask`.
        value
            P, a finite number, the more the better; or a mapping with ``P``, and perhaps ``TG``,
            ``TG_untrained``, ``regions`` (region to similarity), ``params`` and ``macs``. P is in
            [0, 1] where TG is added to it.
        state
            In place of a value, why there is none: ``crashed``, ``diverged``, ``out_of_memory``,
            ``oversized``, ``stopped`` or ``timeout``. Strategies learn from no failure.

        Returns
        -------
        Entry
            With its ``reward``.

        Raises
        ------
        UserError
            The candidate was not asked for in this search or was told before, or a number is
            missing, not finite or out of its range.
        """
        if not isinstance(candidate, Candidate):
            raise UserError(f"candidate: {candidate!r}; expected one of the candidates of ask()")
        name = candidate.id
        if candidate._search != self._identity:
            raise UserError(
                f"candidate {name!r}: was not asked for in this search; tell the one that did"
            )
        if name not in self._pending:
            raise UserError(f"candidate {name!r}: was told before; tell each candidate once")
        if (value is None) == (state is None):
            raise UserError(f"candidate {name!r}: expected a value or a state, one of them")
        genotype = self._pending[name].genotype
        if state is not None:
            check_choice("state", state, FAILURES)
        entry = Entry(
            name, genotype, genotype.hash, cast(State, state or "ok"), None, None, None, None, None,
            0, 0, complete=is_member(self.space, genotype),
        )  # fmt: skip
        if value is not None:
            default = Rating.from_search(self._options)
            entry, self._rating = rate_value(entry, value, self._rating, default, self._guessed)
        return self._add(entry)

    def run(
        self,
        evaluate: Callable[[Genotype], Value] | None = None,
        generations: int | None = None,
        catch: tuple[type[Exception], ...] = (),
    ) -> "Study":
        """Ask for generations and evaluate all their candidates.

        Parameters
        ----------
        evaluate
            Genotype to its value (see `tell`); None where the search has images and a teacher.
        generations
            How many; by default those of the search that are left. More than these prolong it.
        catch
            Exceptions of `evaluate` that are a result: the candidate has crashed. Others end the
            search.
        """
        if callable(evaluate) == (self._trainer is not None):
            raise UserError("evaluate: expected a function, or a search with images and a teacher")
        if generations is None:
            generations = max(self._generations - self._generation, 1)  # ask() refuses beyond
        else:
            check_whole_number("generations", generations, 1)
            self._generations = max(self._generations, self._generation + generations)
        for _ in range(generations):
            for candidate in self.ask():
                if self._trainer is not None:
                    entry = self._train(candidate, self._trainer)
                else:
                    assert evaluate is not None
                    try:
                        entry = self.tell(candidate, evaluate(candidate.genotype))
                    except catch as error:
                        self._report(f"candidate {candidate.id}: {describe_error(error)}")
                        entry = self.tell(candidate, state="crashed")
                reward = "none" if entry.reward is None else f"{entry.reward:.3f}"
                self._report(f"candidate {entry.id}: {entry.state}, reward {reward}")
        return self

    def to_frame(self) -> pd.DataFrame:
        """A row for each finished candidate; see `tgas_neuro.search.runs.list_rows`."""
        frame = list_rows(self.entries, self._records if self._trainer is not None else None)
        if self._trainer is None:  # sizes are known only if they were told
            frame = frame.replace({"params": {0: None}, "macs": {0: None}})
        return frame

    @property
    def best(self) -> Entry:
        """The best candidate: ``id``, ``genotype``, ``reward``, ``P``, ``TG``, ...

        Raises
        ------
        UserError
            None has a reward.
        """
        best = find_best(self.entries)
        if best is not None:
            return best
        states = describe_states(count_states(self.entries)) or "none was told"
        raise UserError(f"search: no candidate has a reward ({states})")

    def record(self, identifier: str) -> CandidateRecord:
        """What was measured of a candidate that was trained here, as the workflow records it."""
        if not self._records:
            raise UserError(f"candidate: {identifier!r}: none was trained here")
        check_choice("candidate", identifier, self._records)
        return self._records[identifier]

    def network(self, identifier: str) -> "GenotypeNetwork":
        """The trained network of a candidate, if the search has ``keep_weights=True``."""
        record = self.record(identifier)
        assert self._trainer is not None
        return self._trainer.load_network(record)

    def _train(self, candidate: Candidate, trainer: Trainer) -> Entry:
        record = self._records[candidate.id] = trainer.make_record(candidate)
        assert self._rating is not None
        return self._add(build_entry(record, self._rating, {}))

    def _add(self, entry: Entry) -> Entry:
        self._entries[entry.id] = entry
        del self._pending[entry.id]
        self._add_repeated()
        return next(one for one in self.entries if one.id == entry.id)

    def _add_repeated(self) -> None:
        """Add repeated proposals of generations whose other candidates have all been told."""
        waiting = {name.partition("_")[0] for name in self._pending}
        for name, (genotype, original) in list(self._repeated.items()):
            if name.partition("_")[0] not in waiting:
                self._entries[name] = replace(
                    self._entries[original],
                    id=name,
                    genotype=genotype,
                    state="duplicate",
                    original=original,
                )
                del self._repeated[name]
