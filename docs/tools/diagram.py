"""Draw docs/pictures/pipeline.svg: what each stage does, reads and writes.

`python docs/tools/diagram.py` writes it; a test fails if it is older than this file.
"""

from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "pictures" / "pipeline.svg"
WIDTH, HEIGHT, GAP, TOP = 196, 150, 26, 62
STAGES = [
    ("recordings", "V4, IT, ... and their", "stimuli, as one form", "assembly.nc", "#0072b2"),
    ("teacher", "RDM and noise ceiling", "of each region", "teacher.nc", "#0072b2"),
    ("search", "propose, train a little,", "rank by P + alpha x TG", "best.json", "#d55e00"),
    ("final", "train the winner at full", "size, evaluate it", "best_cell.json", "#d55e00"),
]
INPUTS = {
    0: "your files, or a public data set",
    2: "training images",
    3: "training and validation images",
}
STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;font-size:15px;fill:#222;text-anchor:middle}"
    ".name{font-size:19px;font-weight:bold;fill:#fff}.file{font-family:monospace;font-size:14px}"
    ".input{font-size:13px;fill:#555}"
)


def draw() -> str:
    """The picture as SVG."""
    total = len(STAGES) * WIDTH + (len(STAGES) - 1) * GAP + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {TOP + HEIGHT + 16}" '
        'role="img" aria-label="recordings, teacher, search, final">',
        f"<style>{STYLE}</style>",
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker>',
        '<rect width="100%" height="100%" rx="6" fill="#fff"/>',
    ]
    for number, (name, first, second, file, colour) in enumerate(STAGES):
        left = 10 + number * (WIDTH + GAP)
        middle = left + WIDTH // 2
        parts += [
            f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#f6f6f6" '
            f'stroke="{colour}" stroke-width="2"/>',
            f'<path d="M{left} {TOP + 38}v-30a8 8 0 0 1 8-8h{WIDTH - 16}a8 8 0 0 1 8 8v30z" '
            f'fill="{colour}"/>',
            _write(middle, TOP + 26, name, "name"),
            _write(middle, TOP + 66, first),
            _write(middle, TOP + 87, second),
            _write(middle, TOP + 127, file, "file"),
        ]
        if number:
            y = TOP + HEIGHT // 2
            parts.append(_arrow(left - GAP + 2, y, left - 3, y))
        if number in INPUTS:
            parts += [
                _write(middle, 24, INPUTS[number], "input"),
                _arrow(middle, 34, middle, TOP - 3),
            ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _write(x: int, y: int, text: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x}" y="{y}"{kind}>{escape(text)}</text>'


def _arrow(x1: int, y1: int, x2: int, y2: int) -> str:
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="#555" stroke-width="2" marker-end="url(#tip)"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(PICTURE)
