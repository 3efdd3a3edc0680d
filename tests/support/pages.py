"""The pages of the project, README.md, docs/ and others: their links and blocks of code."""

import re
from dataclasses import dataclass
from pathlib import Path

from soak.soak import PROJECT

FENCED = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")
FOLDERS = ("", "docs", "benchmarks", "findings", "config", ".github")


def list_pages() -> list[Path]:
    """All pages of the repository, those of a run's results and of environments aside."""
    return [path for folder in FOLDERS for path in sorted((PROJECT / folder).glob("*.md"))]


def name_page(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def read_prose(path: Path) -> str:
    """A page without its blocks of code and what is in backticks."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^(?: {4,}|>>> ).*$", "", text)
    return re.sub(r"`[^`\n]+`(?!\])", "", text)


def list_links(path: Path) -> list[str]:
    """Targets of links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", read_prose(path))


def list_anchors(path: Path) -> set[str]:
    """Anchors of the headings of a page, as forges and the site make them."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    anchors: set[str] = set()
    for heading in re.findall(r"(?m)^#{1,6} (.*)$", text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", plain.replace("`", "")).replace(" ", "-")
        number = 0
        while (found := anchor if not number else f"{anchor}-{number}") in anchors:
            number += 1
        anchors.add(found)
    return anchors


@dataclass(frozen=True)
class Block:
    """A block of code of a page.

    Attributes
    ----------
    page, line
        Where it is.
    language
        Behind the fence; empty for an indented block.
    text
        Its lines.
    mark
        The comment in the line before it, which says how it is tried.
    """

    page: str
    line: int
    language: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def list_blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page, and the indented ones, in order."""
    text = path.read_text(encoding="utf-8")
    fenced = re.compile(r"(?ms)^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$")
    found = []
    rest = text
    for match in fenced.finditer(text):
        line = text[: match.start(3)].count("\n")
        found.append(Block(name_page(path), line, match[2], match[3], match[1] or ""))
        blank = re.sub(r"[^\n]", " ", match[0])
        rest = rest[: match.start()] + blank + rest[match.end() :]
    indented = re.compile(r"(?m)(?:^<!-- ([^\n]*) -->\n+)?(?<=\n\n)((?:^ {4}.*\n?|^\n(?= {4}\S))+)")
    for match in indented.finditer(rest):
        if not re.search(r"(?m)^(?:[-*]|\d+\.) [^\n]*\n(?:[^\n]+\n)*\n?\Z", rest[: match.start(2)]):
            lines = "".join(line[4:] or "\n" for line in match[2].splitlines(keepends=True))
            line = rest[: match.start(2)].count("\n") + 1
            found.append(Block(name_page(path), line, "", lines, match[1] or ""))
    return sorted(found, key=lambda block: block.line)
