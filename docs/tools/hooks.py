"""The site is made from the same pages that a forge shows (mkdocs.yml names this file).

mkdocs takes pages from docs/ alone. Files elsewhere in the repository that a page links to, such as
benchmarks/README.md and its pictures, are added to the site under their own path, and links to them
are rewritten. A notebook becomes a page; the file itself lies beside it.
"""

import json
import logging
import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from mkdocs.structure.files import File, Files, InclusionLevel

PROJECT = Path(__file__).resolve().parents[2]
DOCS = "docs/"
log = logging.getLogger("mkdocs.hooks.tgas")

# a link or picture, and what must not be read as one: fenced blocks and code
LINK = re.compile(r"(?ms)^(?P<fence>```+).*?^(?P=fence)$|`[^`\n]+`|\]\((?P<target>[^)\s]+)\)")


def on_files(files, config):
    """Add what pages link to outside of docs/, and a page for each notebook."""
    for notebook in sorted((PROJECT / DOCS / "notebooks").glob("*.ipynb")):
        page = f"notebooks/{notebook.stem}.md"
        files.append(File.generated(config, page, content=_read_notebook(notebook)))
    pages = [file for file in files if file.is_documentation_page()]
    while pages:
        page = pages.pop()
        for target, _ in _list_links(page.content_string, page.src_uri):
            place = _to_site(target)
            path = PROJECT / target
            if target.startswith(DOCS) or files.get_file_from_path(place) or not path.is_file():
                continue
            files.append(_add(config, place, path))
            if path.suffix == ".md":
                pages.append(files.get_file_from_path(place))
    return Files(files)


def on_page_markdown(markdown, page, config, files):
    """Let links lead to the places that files have on the site."""
    here = page.file.src_uri

    def rewrite(match):
        if match["target"] is None:
            return match[0]
        found = _resolve(match["target"], here)
        if found is None:
            return match[0]
        target, anchor = found
        if not (PROJECT / target).exists():
            log.warning("%s: there is no %s, to which %s leads", here, target, match["target"])
            return match[0]
        place = _to_site(target).replace(".ipynb", ".md")
        relative = os.path.relpath(place, PurePosixPath(here).parent)
        return f"]({relative}{anchor})"

    return LINK.sub(rewrite, markdown)


def _list_links(markdown, here):
    found = (_resolve(match["target"], here) for match in LINK.finditer(markdown))
    return [one for one in found if one]


def _resolve(target, here):
    """File in the repository that a link of a page leads to, and the anchor; None for others."""
    parts = urlsplit(target) if target else None
    if parts is None or parts.scheme or parts.netloc or not parts.path:
        return None
    folder = PurePosixPath(_to_repository(here)).parent
    path = os.path.normpath(folder / parts.path)
    return path, f"#{parts.fragment}" if parts.fragment else ""


def _to_repository(place):
    """Path in the repository of a file of the site."""
    return f"{DOCS}{place}" if (PROJECT / DOCS / place).exists() or "notebooks/" in place else place


def _to_site(path):
    return path.removeprefix(DOCS)


def _add(config, place, path):
    return File.generated(
        config, place, abs_src_path=str(path), inclusion=InclusionLevel.NOT_IN_NAV
    )


def _read_notebook(path):
    """The cells of a notebook, which is stored without outputs, as Markdown."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = []
    for cell in cells:
        text = "".join(cell["source"])
        texts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    texts.insert(1, f"This page is the notebook <a href='{path.name}' download>{path.name}</a>.")
    return "\n\n".join(texts) + "\n"
