"""What a search and its final training have written: the call `load_run`."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.api.teachers import load_teacher
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.section import dump_decisive
from tgas_neuro.plan.plan import refuse_stale
from tgas_neuro.runtime.changes import find_root, refuse_changed
from tgas_neuro.runtime.errors import UserError, check_object, describe_error
from tgas_neuro.runtime.files import calc_digest, read_json
from tgas_neuro.runtime.ledger import load_entry
from tgas_neuro.runtime.yaml_files import load_configuration
from tgas_neuro.search import runs
from tgas_neuro.search.history import Entry, count_states, describe_states, find_best

if TYPE_CHECKING:
    import pandas as pd

    from tgas_neuro.architecture.network import GenotypeNetwork
    from tgas_neuro.teacher.sized import SizedTeacher

BEST_CELL = "best_cell.json"


class Run:
    """A run as its folders show it; `load_run` makes it.

    Attributes
    ----------
    name
        Name of the folder.
    best_cell
        Content of ``best_cell.json``; None where it was not loaded.
    """

    def __init__(
        self,
        root: Path,
        search: Path | None,
        final: Path | None,
        best_cell: dict[str, Any] | None,
        report: Callable[[str], None],
    ):
        self._root, self._search, self._final = root, search, final
        self._report, self.best_cell = report, best_cell
        self.name = (search or final or root).name
        if search is not None:
            for path in [*search.glob("generation_*/*.json"), search / "reused.json"]:
                check_whole(path, root)
            try:
                self._found = runs.load_run(search)
                self._entries = self._found.list_entries()
                names = self._found.records
                self._records = {name: self._found.read_record(name) for name in names}
                self._versions = {
                    name: record["provenance"]["results_version"]
                    for name, record in self._records.items()
                }
            except (LookupError, TypeError, AttributeError, ValueError) as error:
                why = f"not a search of this version ({describe_error(error)})"
                raise UserError(f"{search}: {why}; search again") from None
            for version in sorted({*self._versions.values()} - {RESULTS_VERSION}):
                what = f"has candidates of version {version} of the results, this is"
                report(f"Note: {search}: {what} {RESULTS_VERSION}; do not compare their numbers")

    def __repr__(self) -> str:
        lines = [f"<Run {self.name}>"]
        if self._search is not None:
            states = describe_states(count_states(self._entries)) or "none has finished"
            best = find_best(self._entries)
            reward = f"; best {best.id}, reward {best.reward:.3f}" if best else ""
            lines.append(f"search: {states}{reward}")
        if self._final is not None:
            top1, n_images = self.final["top1"], self.final["n_images"]
            lines.append(f"final: top-1 {top1:.3f} of {n_images} images")
        if self.best_cell is not None and self.best_cell["simulated_or_toy"]:
            lines.append(f"simulated or toy: {'; '.join(self.best_cell['simulated_or_toy'])}")
        return "\n    ".join(lines)

    def _need_search(self, what: str) -> None:
        if self._search is None:
            raise UserError(
                f"{self._final}: {what}: this is a final training, whose search is not known; "
                "load results/search/<run> or results/best_cell.json"
            )

    def to_frame(self) -> "pd.DataFrame":
        """A row for each finished candidate; see `tgas_neuro.search.runs.list_rows`."""
        self._need_search("candidates")
        return runs.list_rows(self._entries, self._records)

    @property
    def best(self) -> Entry:
        """The best candidate: ``id``, ``genotype``, ``reward``, ``P``, ``TG``, ``regions``, ...

        Raises
        ------
        UserError
            No candidate has a reward yet, or the search is not known.
        """
        self._need_search("candidates")
        best = find_best(self._entries)
        if best is None:
            raise UserError(
                f"{self._search}: no candidate has a reward yet "
                f"({describe_states(count_states(self._entries)) or 'none has finished'})"
            )
        return best

    @cached_property
    def final(self) -> dict[str, Any]:
        """Metrics of the final training: ``top1``, ``top5``, ``params``, ``macs``, ..."""
        if self._final is None:
            raise UserError(
                f"{self._search}: a search has no final training of its own; load "
                "results/final/<run> or results/best_cell.json"
            )
        check_whole(self._final / "metrics.json", self._root)
        metrics: dict[str, Any] = read_json(self._final / "metrics.json")
        check_object(metrics, f"{self._final}/metrics.json", ("top1", "n_images", "network"))
        return metrics

    @property
    def teacher(self) -> "SizedTeacher":
        """The teacher that guided the search.

        Raises
        ------
        UserError
            It is not known, or not there any more.
        """
        path = self._find_teacher()
        if path is None:
            raise UserError(
                f"{self.name}: its teacher is not known; name it: load_teacher("
                "'results/teacher/<teacher>/teacher.nc')"
            )
        check_whole(path, self._root)
        return load_teacher(path, report=self._report)

    def _find_teacher(self) -> Path | None:
        if self.best_cell is not None:
            return self._root / self.best_cell["files"]["teacher"]
        for record in self._found.records.values() if self._search is not None else ():
            entry = load_entry(record.relative_to(self._root), self._root)
            for source in entry.sources if entry else ():
                if Path(source).name == "teacher.nc":
                    return self._root / source
        return None

    def network(self, candidate: str | None = None) -> "GenotypeNetwork":
        """A trained network, in evaluation mode, on the CPU.

        Parameters
        ----------
        candidate
            Id of a candidate whose weights the search kept (``search.keep_weights``), as its short
            training left it. None is the network of the final training.

        Raises
        ------
        UserError
            There is no final training, the weights were not kept, or files have changed.
        """
        if candidate is not None:
            return self._build_candidate(candidate)
        from tgas_neuro.architecture.network import GenotypeNetwork
        from tgas_neuro.final.evaluation.named import load_named_network

        assert self.final and self._final is not None  # `final` says what is missing
        return cast(GenotypeNetwork, load_named_network(str(self._final), None).network)

    def _build_candidate(self, identifier: str) -> "GenotypeNetwork":
        from tgas_neuro.architecture.skeleton import build_skeleton
        from tgas_neuro.architecture.spaces import read_genotype
        from tgas_neuro.final.network.network import load_trained
        from tgas_neuro.search.runs.rescored import load_weights

        self._need_search("candidates")
        runs.find_candidate(self._found, str(identifier))  # names the nearest ids
        if identifier not in self._records:
            raise UserError(f"candidate {identifier!r}: has not finished in this run")
        record = self._records[identifier]
        if (version := self._versions[identifier]) != RESULTS_VERSION:
            raise UserError(
                f"candidate {identifier!r}: of version {version} of the results; this one, "
                f"{RESULTS_VERSION}, may build it otherwise; search again"
            )
        if record["state"] != "ok":
            raise UserError(f"candidate {identifier!r}: is {record['state']}, without weights")
        weights = self._found.folder / "weights" / f"{identifier}.pt"
        if not weights.is_file():
            raise UserError(
                f"candidate {identifier!r}: its weights were not kept; search with "
                "search.keep_weights: true"
            )
        refuse_changed(weights, self._found.records[identifier])
        premature = self._find_premature(record["provenance"]["digests"]["premature"])
        state = load_weights(weights)
        if "linear.bias" not in state:
            raise UserError(f"{weights}: not the weights of candidate {identifier}")
        skeleton = build_skeleton(premature, len(state["linear.bias"]))
        return load_trained(read_genotype(record["genotype"]), skeleton, weights, identifier)

    def _find_premature(self, digest: str) -> Premature:
        """The section ``premature`` with which the candidates were trained."""
        given = []
        if self.best_cell is not None:
            given.append(self.best_cell["configuration"])
        path = self._root / "config.yaml"
        if path.is_file():
            given.append(load_configuration(path))
        for content in given:
            premature = check_section(Premature, content["premature"], str(path), ["premature"])
            if calc_digest(dump_decisive(premature)) == digest:
                return premature
        raise UserError(
            f"{path}: is not there, or its section premature is not that of run {self.name}: "
            "networks would be built otherwise; set it as it was"
        )


def load_run(folder: str | Path, *, report: Callable[[str], None] = print) -> Run:
    """Load what a search or a final training has written.

    Files are compared with the ledger of their run: one that was changed afterwards is refused.

    Parameters
    ----------
    folder
        ``results/search/<run>``, finished or not; ``results/final/<run>``; or ``best_cell.json``
        or a folder that holds it, which stands for both.
    report
        Receives notes, a line each.

    Returns
    -------
    Run
        With `to_frame`, `best`, `network`, `final` and `teacher`.

    Raises
    ------
    UserError
        There is no run, or a file holds something else than was written.

    Examples
    --------
    >>> import tgas_neuro as tgas
    >>> run = tgas.load_run("results/best_cell.json")
    >>> run.best.id in set(run.to_frame()["id"])
    True
    >>> run.network().training
    False
    """
    if not isinstance(folder, str | Path):
        raise UserError(f"folder: {folder!r}; expected the path of a run")
    path = Path(folder).absolute()
    for file in (path, path / BEST_CELL, path / "results" / BEST_CELL):
        if file.name == BEST_CELL and file.is_file():
            return _load_result(file, report)
    if any(path.glob("generation_*/proposals.json")):
        return Run(find_root(path), path, None, None, report)
    if (path / "metrics.json").is_file():
        return Run(find_root(path), None, path, None, report)
    raise UserError(
        f"{path}: no run is there; expected results/search/<run>, results/final/<run>, or a folder "
        f"with {BEST_CELL}"
    )


def _load_result(path: Path, report: Callable[[str], None]) -> Run:
    root = find_root(path)
    check_whole(path, root)
    content = read_json(path)
    try:
        files, search = content["files"], content["search"]["name"]
        final = root / Path(files["metrics"]).parent
    except (LookupError, TypeError) as error:
        raise UserError(
            f"{path}: not a {BEST_CELL} of this version ({type(error).__name__}: {error}); make it "
            "again: snakemake --cores 2"
        ) from None
    folder = root / runs.SEARCHES / search
    if folder.is_dir():
        return Run(root, folder, final, content, report)
    report(f"Note: {folder}: is not there any more; only the final training is")
    return Run(root, None, final, content, report)


def check_whole(path: Path, root: Path) -> None:
    """Refuse a file that is not as the ledger of its run says; one that it does not know passes."""
    refuse_changed(path)
    if root == Path.cwd() and path.is_relative_to(root):
        refuse_stale(str(path.relative_to(root)))
