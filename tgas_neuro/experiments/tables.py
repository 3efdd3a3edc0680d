"""Numbers and tables of the page of an experiment."""

from collections.abc import Sequence
from html import escape

from tgas_neuro.experiments.statistics import Estimate

SUMS = {"raw": "P + TG", "standardised": "z(P) + z(TG)"}


def format_estimate(one: Estimate, signed: bool = False) -> str:
    """A number with its interval."""
    form = "+.2f" if signed else ".2f"
    low, high = one["interval"]
    return f"{one['value']:{form}} ({low:{form}} to {high:{form}})"


def build_html_table(
    head: Sequence[str], lines: Sequence[Sequence[str]], controls: Sequence[bool] = ()
) -> str:
    """A table; rows of controls have the class ``control``."""
    rows = ["<tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>"]
    for number, line in enumerate(lines):
        of_control = number < len(controls) and controls[number]
        opened = '<tr class="control">' if of_control else "<tr>"
        rows.append(opened + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>")
    return f'<div class="wide"><table>{"".join(rows)}</table></div>'


def in_percent(one: Estimate) -> Estimate:
    """A share, and its interval, in percent."""
    return {"value": 100 * one["value"], "interval": [100 * bound for bound in one["interval"]]}
