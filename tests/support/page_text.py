"""The text of a page without a browser."""

from html.parser import HTMLParser
from pathlib import Path


class _Answers(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self._open = [], None

    def handle_starttag(self, tag, attrs):
        if tag in ("dt", "dd"):
            self._open = tag
            self.found.append([tag, ""])
        elif tag == "a":
            self._open = None

    def handle_endtag(self, tag):
        if tag in ("dt", "dd"):
            self._open = None

    def handle_data(self, data):
        if self._open:
            self.found[-1][1] += data


def read_answers(path):
    """Question to answer, of the first run on a page; the same of what is to be cited."""
    parser = _Answers()
    parser.feed(Path(path).read_text(encoding="utf-8").split("<script", 1)[0])
    texts = [text.strip() for _, text in parser.found]
    return dict(zip(texts[::2], texts[1::2], strict=True))
