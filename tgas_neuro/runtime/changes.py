"""Refuse files of a run that are not what it has written, where no rule reads them."""

from pathlib import Path

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.ledger import calc_content_digest, load_entry

RESULTS = "results"


def find_root(path: str | Path) -> Path:
    """The folder of the run that a result lies in, above ``results``; else the folder around it."""
    parts = Path(path).absolute().parts
    if RESULTS not in parts:
        return Path(path).absolute().parent
    return Path(*parts[: len(parts) - 1 - parts[::-1].index(RESULTS)])


def refuse_changed(path: str | Path, made_with: str | Path | None = None) -> None:
    """Refuse a file that holds something else than the ledger of its run says.

    A file without an entry passes: no run has written it, or an earlier version did.

    Parameters
    ----------
    path
        The file, in whatever folder its run lies; it may be reached by a link.
    made_with
        The output of a rule with which it is made again; None is the file itself.

    Raises
    ------
    UserError
        It was changed, or its entry is damaged.
    """
    path = Path(path)
    if not path.exists():
        return
    for place in dict.fromkeys((path.absolute(), path.resolve())):
        root = find_root(place)
        entry = load_entry(place.relative_to(root), root)
        if entry is None:
            continue
        found = calc_content_digest(place)
        if found != entry.digest:
            target = Path(made_with or place).absolute()
            inside = target.relative_to(root) if target.is_relative_to(root) else target
            raise UserError(
                f"{path}: was changed after the rule {entry.rule} wrote it (sha256 {found}, "
                f"expected {entry.digest}); to have it made again, in {root}: rm -r '{inside}' && "
                f"tgas run '{inside}'"
            )
        return
