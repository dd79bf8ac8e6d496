"""Findings as HTML fragments: one look in notebooks and reports. Everything that comes from data is escaped here."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from glassbox.findings.svg import page_svg
from glassbox.findings.wording import interval, metric_label, number
from glassbox.metrics import METRICS

if TYPE_CHECKING:
    from glassbox.findings.model import Audit, Estimate, Estimates, Facts, Figure, Mark, Note, Passages, Pictures, Table, Verdicts

MARKS = {
    "met": ("met", "✓"),
    "not met": ("unmet", "✗"),
    "not proven": ("open", "?"),
    "avoided": ("met", "✓"),
    "look": ("open", "?"),
    "found": ("unmet", "✗"),
}
LONG_WORD, LONG_TEXT = 24, 32  # letters


def finding_html(finding: Any, *, cell: str = "", hover: bool = False, place: str = "") -> str:
    """The HTML fragment of a finding, its title as caption; safe to place in any page.

    Parameters
    ----------
    cell
        `stage#finding`: a link to the cell that computed it stands in the caption.
    hover
        Put a Plotly figure's data beside its drawing, for the page's script to draw.
    place
        Where on the page it stands, when that is not the cell: keeps equal drawings apart.
    """
    if finding.kind == "figure":
        return str(_figure(finding, cell, hover, place or cell))
    return str(_BODY[finding.kind](finding, cell))


def mark(verdict: str) -> Markup:
    """A verdict as a word with its sign: never by colour alone."""
    css, sign = MARKS[verdict]
    return Markup('<span class="mark {}"><span aria-hidden="true">{}</span> {}</span>').format(css, sign, verdict)


def cell_link(cell: str, words: str = "cell") -> Markup:
    """A link to `stage#finding` on the stage's own page; nothing when there is none.

    >>> cell_link("evaluate#metrics")
    Markup(' <a class="cell" href="evaluate.html#metrics" title="evaluate: metrics">cell</a>')
    """
    if not cell:
        return Markup("")
    stage, _, anchor = cell.partition("#")
    return Markup(' <a class="cell" href="{s}.html#{a}" title="{s}: {a}">{w}</a>').format(s=stage, a=anchor, w=words)


def trusted(html: str) -> Markup:
    """What was made safe already: by a renderer that escapes, by a sanitiser, or by a list of what may be."""
    return Markup(html)  # noqa: S704 - the one place where a string is taken for markup


def themed_svg(svg: str) -> Markup:
    """A drawing in the page's own colours, safe to place within the page."""
    return page_svg(svg)


_TAG = re.compile(r"<(?!/?(?:b|i|br|em|sub|sup|extra)\s*/?>)")


def plotly_data(figure: Any) -> Any:
    """A Plotly figure's JSON in which text from data cannot become markup.

    Plotly reads a little HTML in every string; what is not one of its plain tags is shown as it stands.

    >>> plotly_data({"x": ["<img src=x>", "a<br>b"]})
    {'x': ['&lt;img src=x>', 'a<br>b']}
    """
    if isinstance(figure, str):
        return _TAG.sub("&lt;", figure)
    if isinstance(figure, dict):
        return {str(key): plotly_data(value) for key, value in figure.items()}
    if isinstance(figure, (list, tuple)):
        return [plotly_data(value) for value in figure]
    return figure


def plotly_html(figure: Any, alt: str, fallback: Markup | None = None) -> Markup:
    """A Plotly figure for the page's script to draw: its data, inert, and what stands there without a script."""
    data = json.dumps(plotly_data(figure), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    inert = data.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(
        '<div class="drawing hover" role="group" aria-label="{}"><script type="application/json">{}</script>{}</div>'
    ).format(alt, trusted(inert), fallback or Markup('<p class="soft">{}</p>').format(alt))


_HASH = re.compile(r"[0-9a-f]{32,64}")


def _caption(title: str, say: str, cell: str = "") -> Markup:
    words = Markup(" <span>{}</span>").format(say) if say else Markup("")
    return Markup("<figcaption><b>{}</b>{}{}</figcaption>").format(title, words, cell_link(cell))


def _cell(value: Any, spec: str, css: str = "") -> Markup:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    css = "n" if numeric or value is None else css
    return (
        Markup('<td class="{}">{}</td>').format(css, number(value, spec))
        if css
        else Markup("<td>{}</td>").format(number(value, spec))
    )


def _column_css(values: list[Any]) -> str:
    """How a column of words is laid out: `wide` for sentences, `long` for words so long that they must break."""
    texts = [value for value in values if isinstance(value, str)]
    long = any(len(word) > LONG_WORD for text in texts for word in text.split())
    wide = any(len(text) > LONG_TEXT for text in texts)
    return " ".join(name for name, there in (("wide", wide), ("long", long)) if there)


def _grid(heads: list[tuple[str, bool]], rows: list[list[Markup]], title: str, best: int | None = None) -> Markup:
    head = Markup("").join(Markup('<th scope="col"{}>{}</th>').format(Markup(' class="n"') if n else "", h) for h, n in heads)
    body = Markup("").join(
        Markup("<tr{}>{}</tr>").format(Markup(' class="best"') if i == best else "", Markup("").join(cells))
        for i, cells in enumerate(rows)
    )
    return Markup(
        '<div class="scroll" role="region" aria-label="{}" tabindex="0">'
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(title, head, body)


def _finding(body: Markup, css: str = "") -> Markup:
    return Markup('<figure class="finding{}">{}</figure>').format(f" {css}" if css else "", body)


def _table(table: "Table", cell: str) -> Markup:
    numeric = [
        any(isinstance(row[i], (int, float)) and not isinstance(row[i], bool) for row in table.rows)
        for i in range(len(table.columns))
    ]
    names = [METRICS[c.name].label if c.name in METRICS else c.name for c in table.columns]
    heads = [(f"{name}, {c.unit}" if c.unit else name, n) for name, c, n in zip(names, table.columns, numeric, strict=True)]
    css = [_column_css([row[i] for row in table.rows]) for i in range(len(table.columns))]
    rows = [[_cell(v, c.format, k) for v, c, k in zip(row, table.columns, css, strict=True)] for row in table.rows]
    body = _grid(heads, rows, table.title, table.best) if rows else Markup('<p class="soft">Nothing to list.</p>')
    note = Markup('<p class="soft">{}</p>').format(table.note) if table.note else ""
    return _finding(_caption(table.title, table.say, cell) + body + note)


def _spec(*values: float | None) -> str:
    """Shares are all written to three places, so that an interval lines up with its value."""
    there = [abs(v) for v in values if v is not None]
    return ".3f" if there and all(v <= 1 for v in there) and any(v >= 0.001 and not float(v).is_integer() for v in there) else ""


def _estimate_row(name: str, e: "Estimate") -> list[Markup]:
    spec = _spec(e.value, e.low, e.high)
    return [
        Markup("<td>{}</td>").format(metric_label(name)),
        Markup('<td class="n">{}</td>').format(number(e.value, spec, e.unit)),
        Markup('<td class="n">{}</td>').format(interval(e.low, e.high, spec)),
        _cell(e.n, ""),
    ]


def _estimates(finding: "Estimates", cell: str) -> Markup:
    heads = [("metric", False), ("value", True), ("95 % interval", True), ("n", True)]
    rows = [_estimate_row(name, e) for name, e in finding.values.items()]
    return _finding(_caption(finding.title, finding.say, cell) + _grid(heads, rows, finding.title))


def _facts(finding: "Facts", cell: str) -> Markup:
    items = Markup("").join(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, _fact(value)) for name, value in finding.facts.items()
    )
    return _finding(_caption(finding.title, finding.say, cell) + Markup('<dl class="facts">{}</dl>').format(items))


def _fact(value: Any) -> str | Markup:
    """A fact's value; a hash is cut short, and whole where the pointer rests."""
    if isinstance(value, str) and _HASH.fullmatch(value):
        return Markup('<code title="{}">{}…</code>').format(value, value[:12])
    return number(value)


def _note(note: "Note", cell: str) -> Markup:
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in note.lines)
    return Markup('<aside class="note {}" aria-label="{t}"><p><b>{t}</b> {}{}</p>{}</aside>').format(
        note.tone, note.say, cell_link(cell), Markup("<ul>{}</ul>").format(items) if note.lines else "", t=note.title
    )


def _figure(figure: "Figure", cell: str, hover: bool, place: str) -> Markup:
    words = " ".join(text for text in (figure.say, figure.caption) if text)
    drawn = page_svg(figure.svg, place) if figure.svg else Markup("")
    if figure.plotly is not None and hover:
        body = plotly_html(figure.plotly, figure.alt, drawn)
    elif drawn:
        body = Markup('<div class="drawing" role="img" aria-label="{}">{}</div>').format(figure.alt, drawn)
    else:
        body = Markup('<div class="drawing"><p class="soft">{}</p></div>').format(figure.alt)
    return _finding(body + _caption(figure.title, words, cell), "drawn")


def _passages(found: "Passages", cell: str) -> Markup:
    shown = Markup("").join(
        Markup('<blockquote class="passage"><p class="soft">{}</p><p>{}</p></blockquote>').format(
            p.head, _marked(p.text, p.marks)
        )
        for p in found.passages
    )
    note = Markup('<p class="soft">{}</p>').format(found.note) if found.note else Markup("")
    return _finding(_caption(found.title, found.say, cell) + (shown or Markup('<p class="soft">Nothing to show.</p>')) + note)


def _pictures(found: "Pictures", cell: str) -> Markup:
    shown = Markup("").join(
        Markup('<li><img src="{}" alt="{}"><span>{}</span></li>').format(p.uri, p.alt, p.head) for p in found.pictures
    )
    note = Markup('<p class="soft">{}</p>').format(found.note) if found.note else Markup("")
    body = Markup('<ul class="pictures">{}</ul>').format(shown) if shown else Markup('<p class="soft">Nothing to show.</p>')
    return _finding(_caption(found.title, found.say, cell) + body + note)


def _marked(text: str, marks: "list[Mark]") -> Markup:
    parts, at = [], 0
    for mark in marks:
        parts.append(Markup("{}").format(text[at : mark.start]))
        css = "named" if mark.weight is None else _strength(mark.weight)
        label = Markup(" <small>{}</small>").format(mark.label) if mark.label else Markup("")
        parts.append(Markup('<mark class="{}">{}{}</mark>').format(css, text[mark.start : mark.end], label))
        at = mark.end
    return Markup("").join([*parts, Markup("{}").format(text[at:])])


def _strength(weight: float) -> str:
    """How strongly a part speaks for (`for1` to `for3`) or against (`against1` to `against3`).

    >>> _strength(0.9), _strength(-0.2)
    ('for3', 'against1')
    """
    return f"{'for' if weight >= 0 else 'against'}{1 + (abs(weight) > 1 / 3) + (abs(weight) > 2 / 3)}"


def _audit(audit: "Audit", cell: str) -> Markup:
    heads = [("pattern", False), ("verdict", False), ("evidence", False)]
    rows = [
        [
            Markup("<td>{}</td>").format(row.pattern),
            Markup("<td>{}</td>").format(mark(row.verdict)),
            Markup('<td class="wide">{}{}</td>').format(row.evidence, cell_link(row.cell)),
        ]
        for row in audit.rows
    ]
    return _finding(_caption(audit.title, audit.say, cell) + _grid(heads, rows, audit.title), "audit")


def _asked_in(bound: str, value: float | None) -> str:
    """A value in the unit of the bound as it was written: percent, milliseconds, or none."""
    if value is None:
        return "–"
    if "%" in bound:
        return f"{100 * value:.1f} %"
    return number(value, unit="ms") if bound.rstrip().endswith("s") else number(value, _spec(value))


def _verdicts(finding: "Verdicts", cell: str) -> Markup:
    heads = [("requirement", False), ("asked", False), ("verdict", False), ("found", True), ("95 % interval", True)]
    rows = [
        [
            Markup("<td>{}</td>").format(metric_label(row.name)),
            Markup("<td>{}</td>").format(row.bound),
            Markup("<td>{}{}</td>").format(mark(row.verdict), cell_link(row.cell)),
            Markup('<td class="n">{}</td>').format(_asked_in(row.bound, row.value)),
            Markup('<td class="n">{}</td>').format(
                "–"
                if row.low is None or row.high is None
                else f"{_asked_in(row.bound, row.low)} – {_asked_in(row.bound, row.high)}"
            ),
        ]
        for row in finding.rows
    ]
    return _finding(_caption(finding.title, finding.say, cell) + _grid(heads, rows, finding.title))


_BODY: dict[str, Callable[[Any, str], Markup]] = {
    "table": _table,
    "estimates": _estimates,
    "facts": _facts,
    "note": _note,
    "passages": _passages,
    "pictures": _pictures,
    "audit": _audit,
    "verdicts": _verdicts,
}
