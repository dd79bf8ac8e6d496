"""Findings as HTML fragments: one look in notebooks and reports. Everything that comes from data is escaped here."""

from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from glassbox.findings import Audit, Estimate, Estimates, Facts, Figure, Note, Table, Verdicts

# The drawing's own colours, written so by `glassbox.theme`, become the page's: light, dark and print follow.
INK, SOFT, LINE, ACCENT, PAPER = "#16202a", "#5b6873", "#dfe4e8", "#0b6e6e", "#ffffff"
MARKS = {
    "met": ("met", "✓"),
    "not met": ("unmet", "✗"),
    "not proven": ("open", "?"),
    "avoided": ("met", "✓"),
    "look": ("open", "?"),
    "found": ("unmet", "✗"),
}


def number(value: Any, spec: str = "", unit: str = "") -> str:
    """A value as people read it: grouped thousands, three significant digits unless `spec` says otherwise.

    >>> number(1234), number(0.84512), number(None), number(0.25, ".0%"), number(12.0, unit="ms")
    ('1,234', '0.845', '–', '25%', '12 ms')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, str):
        text = value
    elif spec:
        text = format(value, spec)
    elif isinstance(value, int) or float(value).is_integer() and abs(value) < 1e15:
        text = f"{int(value):,d}"
    else:
        size = abs(value)
        text = f"{value:,.0f}" if size >= 1000 else f"{value:.3g}" if size >= 1e-4 else f"{value:.1e}"
        text = f"{value:.3f}" if 0.1 <= size < 1 else text
    return f"{text} {unit}" if unit and unit != "%" else f"{text}{unit}"


def finding_html(finding: Any) -> str:
    """The HTML fragment of a finding, its title as caption; safe to place in any page."""
    return str(_BODY[finding.kind](finding))


def _caption(title: str, say: str) -> Markup:
    return Markup("<figcaption><b>{}</b>{}</figcaption>").format(title, f" {say}" if say else "")


def _cell(value: Any, spec: str, unit: str, tag: str = "td") -> Markup:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Markup('<{t}{c}>{v}</{t}>').format(
        t=Markup(tag), c=Markup(' class="n"') if numeric or value is None else "", v=number(value, spec, unit)
    )


def _grid(heads: list[tuple[str, bool]], rows: list[list[Markup]], best: int | None = None) -> Markup:
    head = Markup("").join(Markup('<th scope="col"{}>{}</th>').format(Markup(' class="n"') if n else "", h) for h, n in heads)
    body = Markup("").join(
        Markup("<tr{}>{}</tr>").format(Markup(' class="best"') if i == best else "", Markup("").join(cells))
        for i, cells in enumerate(rows)
    )
    return Markup(
        '<div class="scroll" tabindex="0"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, body)


def _table(table: "Table") -> Markup:
    numeric = [
        any(isinstance(row[i], (int, float)) and not isinstance(row[i], bool) for row in table.rows)
        for i in range(len(table.columns))
    ]
    heads = [(f"{c.name}, {c.unit}" if c.unit else c.name, n) for c, n in zip(table.columns, numeric, strict=True)]
    rows = [[_cell(v, c.format, "") for v, c in zip(row, table.columns, strict=True)] for row in table.rows]
    note = Markup('<p class="soft">{}</p>').format(table.note) if table.note else ""
    return Markup('<figure class="finding">{}{}{}</figure>').format(
        _caption(table.title, table.say), _grid(heads, rows, table.best), note
    )


def _interval(e: "Estimate") -> str:
    return "–" if e.low is None or e.high is None else f"{number(e.low)} – {number(e.high)}"


def _estimates(finding: "Estimates") -> Markup:
    heads = [("Metric", False), ("Value", True), ("95 % interval", True), ("n", True)]
    rows = [
        [
            Markup('<td>{}</td>').format(name.replace("_", " ")),
            Markup('<td class="n">{}</td>').format(number(e.value, unit=e.unit)),
            Markup('<td class="n">{}</td>').format(_interval(e)),
            _cell(e.n, "", ""),
        ]
        for name, e in finding.values.items()
    ]
    return Markup('<figure class="finding">{}{}</figure>').format(_caption(finding.title, finding.say), _grid(heads, rows))


def _facts(finding: "Facts") -> Markup:
    items = Markup("").join(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, number(value)) for name, value in finding.facts.items()
    )
    return Markup('<figure class="finding">{}<dl class="facts">{}</dl></figure>').format(
        _caption(finding.title, finding.say), items
    )


def _note(note: "Note") -> Markup:
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in note.lines)
    return Markup('<aside class="note {}"><p><b>{}</b> {}</p>{}</aside>').format(
        note.tone, note.title, note.say, Markup("<ul>{}</ul>").format(items) if note.lines else ""
    )


def themed_svg(svg: str) -> Markup:
    """A drawing in the page's own colours. Only for SVG that `glassbox.theme` wrote."""
    for colour, name in ((INK, "ink"), (SOFT, "soft"), (LINE, "line"), (ACCENT, "accent"), (PAPER, "paper")):
        svg = svg.replace(colour, f"var(--{name}, {colour})")
    return Markup(svg)


def _figure(figure: "Figure") -> Markup:
    caption = Markup("<figcaption><b>{}</b> {}{}</figcaption>").format(
        figure.title, figure.say, f" {figure.caption}" if figure.caption else ""
    )
    if figure.svg is not None:
        body = Markup('<div class="drawing" role="img" aria-label="{}">{}</div>').format(figure.alt, themed_svg(figure.svg))
    else:
        body = Markup('<div class="drawing hover" role="img" aria-label="{}"></div>').format(figure.alt)
    return Markup('<figure class="finding">{}{}</figure>').format(body, caption)


def mark(verdict: str) -> Markup:
    """A verdict as a word with its sign: never by colour alone."""
    css, sign = MARKS[verdict]
    return Markup('<span class="mark {}">{} {}</span>').format(css, sign, verdict)


def _audit(audit: "Audit") -> Markup:
    heads = [("Pattern", False), ("Verdict", False), ("Evidence", False)]
    rows = [
        [
            Markup("<td>{}</td>").format(row.pattern),
            Markup("<td>{}</td>").format(mark(row.verdict)),
            Markup("<td>{}{}</td>").format(row.evidence, cell_link(row.cell)),
        ]
        for row in audit.rows
    ]
    return Markup('<figure class="finding">{}{}</figure>').format(_caption(audit.title, audit.say), _grid(heads, rows))


def cell_link(cell: str) -> Markup:
    """A link to `stage#finding` on the stage's own page; nothing when there is none."""
    if not cell:
        return Markup("")
    stage, _, anchor = cell.partition("#")
    return Markup(' <a class="cell" href="{}.html#{}">cell</a>').format(stage, anchor)


def _verdicts(finding: "Verdicts") -> Markup:
    heads = [("Requirement", False), ("Asked", False), ("Found", True), ("95 % interval", True), ("Verdict", False)]
    rows = [
        [
            Markup("<td>{}</td>").format(row.name.replace("_", " ")),
            Markup("<td>{}</td>").format(row.bound),
            Markup('<td class="n">{}</td>').format(number(row.value)),
            Markup('<td class="n">{}</td>').format(
                "–" if row.low is None or row.high is None else f"{number(row.low)} – {number(row.high)}"
            ),
            Markup("<td>{}{}</td>").format(mark(row.verdict), cell_link(row.cell)),
        ]
        for row in finding.rows
    ]
    return Markup('<figure class="finding">{}{}</figure>').format(_caption(finding.title, finding.say), _grid(heads, rows))


_BODY = {
    "table": _table,
    "estimates": _estimates,
    "facts": _facts,
    "note": _note,
    "figure": _figure,
    "audit": _audit,
    "verdicts": _verdicts,
}
__all__ = ["cell_link", "escape", "finding_html", "mark", "number", "themed_svg"]
