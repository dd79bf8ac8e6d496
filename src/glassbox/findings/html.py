"""Findings as HTML fragments, the same in notebooks and reports. The templates escape every text from data."""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from glassbox.findings.model import Cell, Estimates, Facts, Figure, Finding, Mark, Passages, Table, Verdicts
from glassbox.findings.svg import page_svg
from glassbox.findings.wording import interval, metric_label, number
from glassbox.metrics import METRICS

# Verdict -> CSS class, sign and label: a verdict is never shown by colour alone.
VERDICT_MARKS = {
    "met": ("met", "✓", "met"),
    "not met": ("unmet", "✗", "not met"),
    "not proven": ("open", "?", "not proven"),
    "avoided": ("met", "✓", "avoided"),
    "look": ("open", "?", "to review"),
    "found": ("unmet", "✗", "found"),
}
JINJA_OPTIONS: dict[str, Any] = {
    "autoescape": True,
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
}
TEMPLATE_GLOBALS: dict[str, Any] = {"verdict_marks": VERDICT_MARKS, "metric_label": metric_label}
LONG_WORD, LONG_TEXT = 24, 32  # characters

_HASH = re.compile(r"[0-9a-f]{32,64}")
_UNKNOWN_TAG = re.compile(r"<(?!/?(?:b|i|br|em|sub|sup|extra)\s*/?>)")


@cache
def _environment() -> Environment:
    environment = Environment(loader=PackageLoader("glassbox.findings"), **JINJA_OPTIONS)  # noqa: S701 - autoescape is among the options
    environment.globals.update(TEMPLATE_GLOBALS)
    return environment


def finding_html(finding: Finding, *, cell: str = "", hover: bool = False, id_scope: str = "") -> Markup:
    """Render a finding as an HTML fragment with its title as caption, safe to place in any page.

    Parameters
    ----------
    cell
        `stage#finding`: adds a link to the cell that computed the finding to the caption.
    hover
        Add the data of a Plotly figure to its drawing, for the script of the page to draw.
    id_scope
        Part of the hash that prefixes the ids of a drawing, so that two equal drawings on one page have different ids.
        Defaults to `cell`.
    """
    if isinstance(finding, Figure):
        view = _figure(finding, hover, id_scope or cell)
    elif finding.kind in _VIEWS:
        view = _VIEWS[finding.kind](finding)
    else:
        view = {}
    return _render(f"{finding.kind}.html", finding=finding, cell=cell, **view)


def plotly_html(figure: Any, alt: str) -> Markup:
    """Render the JSON of a Plotly figure, for the script of the page to draw; without a script, `alt` is shown."""
    return _render("plotly.html", data=_inert_json(figure), alt=alt, drawing="")


def _render(template: str, **view: Any) -> Markup:
    return trusted(_environment().get_template(template).render(view))


def trusted(html: str) -> Markup:
    """Mark HTML as safe that a renderer has escaped, a sanitiser has cleaned, or an allow-list has filtered."""
    return Markup(html)  # noqa: S704 - callers pass escaped or sanitised HTML only


def plotly_data(figure: Any) -> Any:
    """Return the JSON of a Plotly figure with its text escaped.

    Plotly interprets some HTML tags in every string; all other tags are escaped.

    >>> plotly_data({"x": ["<img src=x>", "a<br>b"]})
    {'x': ['&lt;img src=x>', 'a<br>b']}
    """
    if isinstance(figure, str):
        return _UNKNOWN_TAG.sub("&lt;", figure)
    if isinstance(figure, dict):
        return {str(key): plotly_data(value) for key, value in figure.items()}
    if isinstance(figure, (list, tuple)):
        return [plotly_data(value) for value in figure]
    return figure


def _inert_json(figure: Any) -> Markup:
    """Return JSON that is safe in a script element of type `application/json`: no character can end the element."""
    data = json.dumps(plotly_data(figure), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return trusted(data.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def is_numeric(values: list[Cell]) -> bool:
    """Return whether a column of a table holds numbers, so that it is right-aligned."""
    return any(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _table(table: Table) -> dict[str, Any]:
    columns = [[row[i] for row in table.rows] for i in range(len(table.columns))]
    names = [METRICS[column.name].label if column.name in METRICS else column.name for column in table.columns]
    heads = [
        (f"{name}, {column.unit}" if column.unit else name, is_numeric(values))
        for name, column, values in zip(names, table.columns, columns, strict=True)
    ]
    cells = [
        [(number(value, column.format), "n" if value is None or is_numeric([value]) else css) for value in values]
        for column, values, css in zip(table.columns, columns, map(_column_css, columns), strict=True)
    ]
    return {"heads": heads, "rows": list(zip(*cells, strict=True)), "best": table.best, "note": table.note}


def _column_css(values: list[Cell]) -> str:
    """Return the CSS classes of a text column: `wide` for sentences, `long` for words that must break."""
    texts = [value for value in values if isinstance(value, str)]
    long = any(len(word) > LONG_WORD for text in texts for word in text.split())
    wide = any(len(text) > LONG_TEXT for text in texts)
    return " ".join(name for name, applies in (("wide", wide), ("long", long)) if applies)


def _estimates(finding: Estimates) -> dict[str, Any]:
    heads = [("metric", False), ("value", True), ("95 % interval", True), ("n", True)]
    rows = []
    for name, estimate in finding.values.items():
        spec = _spec(estimate.value, estimate.low, estimate.high)
        value = number(estimate.value, spec, estimate.unit)
        texts = (value, interval(estimate.low, estimate.high, spec), number(estimate.n))
        rows.append([(metric_label(name), ""), *((text, "n") for text in texts)])
    return {"heads": heads, "rows": rows, "best": None, "note": ""}


def _spec(*values: float | None) -> str:
    """Return the number format of a value and its interval: three decimals for proportions, so that they align."""
    sizes = [abs(value) for value in values if value is not None]
    proportions = all(size <= 1 for size in sizes) and any(size >= 0.001 and not float(size).is_integer() for size in sizes)
    return ".3f" if proportions else ""


def _facts(finding: Facts) -> dict[str, Any]:
    """Shorten the hashes in facts; the template shows the full hash as a tooltip."""
    return {
        "facts": [
            (name, f"{value[:12]}…", value) if isinstance(value, str) and _HASH.fullmatch(value) else (name, number(value), "")
            for name, value in finding.facts.items()
        ]
    }


def _figure(figure: Figure, hover: bool, id_scope: str) -> dict[str, Any]:
    return {
        "alt": figure.alt,
        "text": " ".join(text for text in (figure.say, figure.caption) if text),
        "drawing": page_svg(figure.svg, id_scope) if figure.svg else "",
        "data": _inert_json(figure.plotly) if hover and figure.plotly is not None else "",
    }


def _passages(finding: Passages) -> dict[str, Any]:
    return {"passages": [(passage.head, list(_marked_parts(passage.text, passage.marks))) for passage in finding.passages]}


def _marked_parts(text: str, marks: list[Mark]) -> Iterator[tuple[str, str, str]]:
    """Return the parts of a text with the CSS class and label of their mark; both are empty between marks."""
    end = 0
    for mark in marks:
        yield text[end : mark.start], "", ""
        yield text[mark.start : mark.end], "named" if mark.weight is None else _strength(mark.weight), mark.label
        end = mark.end
    yield text[end:], "", ""


def _strength(weight: float) -> str:
    """Return the CSS class of a weight: `for1` to `for3` for positive, `against1` to `against3` for negative weights.

    >>> _strength(0.9), _strength(-0.2)
    ('for3', 'against1')
    """
    return f"{'for' if weight >= 0 else 'against'}{1 + (abs(weight) > 1 / 3) + (abs(weight) > 2 / 3)}"


def _verdicts(finding: Verdicts) -> dict[str, Any]:
    heads = [("requirement", False), ("required", False), ("verdict", False), ("result", True), ("95 % interval", True)]
    rows = []
    for row in finding.rows:
        value, low, high = (_in_unit_of(row.bound, end) for end in (row.value, row.low, row.high))
        rows.append((row, value, "–" if row.low is None or row.high is None else f"{low} – {high}"))
    return {"heads": heads, "rows": rows}


def _in_unit_of(bound: str, value: float | None) -> str:
    """Format a value in the unit of a bound as written in the request: percent, milliseconds, or none."""
    if value is None:
        return "–"
    if "%" in bound:
        return f"{100 * value:.1f} %"
    return number(value, unit="ms") if bound.rstrip().endswith("s") else number(value, _spec(value))


# Kind of finding -> values that its template needs besides the finding.
_VIEWS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "table": _table,
    "estimates": _estimates,
    "facts": _facts,
    "passages": _passages,
    "verdicts": _verdicts,
}
