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
        Where its first line is.
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
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def list_blocks(path: Path) -> list[Block]:
    """The blocks of a page, fenced and indented, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    name, found, number = name_page(path), [], 0
    while number < len(lines):
        begin = number + 1
        if fence := re.fullmatch(r"```(\w*)", lines[number]):
            number = lines.index("```", begin)
            mark = re.fullmatch(r"<!-- (.*) -->", lines[begin - 2]) if begin > 1 else None
            text = lines[begin:number]
            found.append(Block(name, begin + 1, fence[1], _join(text), mark[1] if mark else ""))
        elif lines[number].startswith("    ") and not lines[number - 1].strip():
            while number + 1 < len(lines) and re.match(r"    |\s*$", lines[number + 1]):
                number += 1
            text = [line[4:] for line in lines[begin - 1 : number + 1]]
            found.append(Block(name, begin, "", _join(text)))
        number += 1
    return found


def _join(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
