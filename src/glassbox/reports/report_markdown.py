"""The report as Markdown with the same texts, tables and links, for wikis, mails and diffs."""

from collections.abc import Callable
from typing import Any

from glassbox.findings.html import VERDICT_MARKS, is_numeric
from glassbox.findings.model import Audit, Estimates, Facts, Figure, Finding, Note, Passages, Pictures, Table, Verdicts
from glassbox.findings.wording import interval, metric_label, number
from glassbox.reports.markdown import markdown_text as text
from glassbox.reports.report import FilledSection, Part, Report
from glassbox.reports.verdicts import bound_words, interval_words, value_words


def report_markdown(report: Report) -> str:
    """Render the report of a run as `report.md`."""
    blocks = [f"# {text(report.question)}", _answer(report)]
    blocks += [_requirements(report)] if report.requirements else []
    blocks += [_part(report.lead_figure)] if report.lead_figure else []
    for filled in report.sections:
        blocks += _section(filled)
    blocks += [f"## {text(report.audit.finding.title)}", _body(report.audit.finding)]
    blocks.append(_foot(report))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _answer(report: Report) -> str:
    meaning = " ".join(words for words in (report.verdict_sentence, report.measured_answer) if words)
    lead = f"**{text(report.answer.finding.say)}**{_link(report.answer.cell)}"
    return f"{lead}\n\n{text(meaning)}" if meaning else lead


def _link(cell: str) -> str:
    stage, _, anchor = cell.partition("#")
    return f" ([cell]({stage}.html#{anchor}))" if cell else ""


def _mark(verdict: str) -> str:
    _, sign, label = VERDICT_MARKS[verdict]
    return f"{sign} {label}"


def _grid(heads: list[str], rows: list[list[str]], numeric: list[bool]) -> str:
    lines = [heads, ["---:" if right else "---" for right in numeric], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _requirements(report: Report) -> str:
    rows = [
        [
            text(metric_label(row.name)),
            text(bound_words(row.bound)),
            value_words(row, row.value),
            interval_words(row) or "–",
            _mark(row.verdict) + _link(row.cell),
        ]
        for row in report.requirements
    ]
    return _grid(["Requirement", "Required", "Result", "95 % interval", "Verdict"], rows, [False, False, True, True, False])


def _section(filled: FilledSection) -> list[str]:
    blocks = [f"## {filled.section.title}"]
    if filled.missing:
        blocks.append(f"Not run: {', '.join(filled.missing)}.")
    return [*blocks, *(_part(part) for part in filled.parts)]


def _part(part: Part) -> str:
    finding = part.finding
    head = f"**{text(finding.title)}**{f' {text(finding.say)}' if finding.say else ''}{_link(part.cell)}"
    body = _body(finding)
    return f"{head}\n\n{body}" if body else head


def _body(finding: Finding) -> str:
    return _BODIES[finding.kind](finding)


def _table(table: Table) -> str:
    numeric = [is_numeric([row[i] for row in table.rows]) for i in range(len(table.columns))]
    heads = [text(f"{c.name}, {c.unit}" if c.unit else c.name) for c in table.columns]
    rows = [[text(number(v, c.format)) for v, c in zip(row, table.columns, strict=True)] for row in table.rows]
    note = f"\n\n{text(table.note)}" if table.note else ""
    return (_grid(heads, rows, numeric) if rows else "Nothing to list.") + note


def _estimates(finding: Estimates) -> str:
    rows = [
        [text(metric_label(k)), number(e.value, unit=e.unit), interval(e.low, e.high), number(e.n)]
        for k, e in finding.values.items()
    ]
    return _grid(["Metric", "Value", "95 % interval", "n"], rows, [False, True, True, True])


def _facts(finding: Facts) -> str:
    return "\n".join(f"- {text(name)}: {text(number(value))}" for name, value in finding.facts.items())


def _note(note: Note) -> str:
    return "\n".join(f"{i}. {text(line)}" for i, line in enumerate(note.lines, 1))


def _figure(figure: Figure) -> str:
    return "  \n".join(text(words) for words in (figure.caption, f"Figure: {figure.alt}") if words)


def _passages(finding: Passages) -> str:
    blocks = []
    for passage in finding.passages:
        named = ", ".join(f"{passage.text[m.start : m.end]} ({m.label or f'{m.weight or 0:+.2f}'})" for m in passage.marks)
        blocks.append(f"> {text(passage.head)}  \n> {text(passage.text)}" + (f"  \n> {text(named)}" if named else ""))
    return "\n\n".join([*blocks, *([text(finding.note)] if finding.note else [])])


def _pictures(finding: Pictures) -> str:
    lines = [f"- {text(picture.head)}: {text(picture.alt)}" for picture in finding.pictures]
    return "\n\n".join(block for block in ("\n".join(lines), text(finding.note)) if block)


def _audit(audit: Audit) -> str:
    rows = [[text(r.pattern), _mark(r.verdict), f"{text(r.evidence)}{_link(r.cell)}"] for r in audit.rows]
    return _grid(["Pattern", "Verdict", "Evidence"], rows, [False, False, False])


def _verdicts(finding: Verdicts) -> str:
    rows = [
        [text(metric_label(r.name)), text(r.bound), number(r.value), interval(r.low, r.high), _mark(r.verdict)]
        for r in finding.rows
    ]
    return _grid(["Requirement", "Required", "Result", "95 % interval", "Verdict"], rows, [False, False, True, True, False])


_BODIES: dict[str, Callable[[Any], str]] = {
    "table": _table,
    "estimates": _estimates,
    "facts": _facts,
    "note": _note,
    "figure": _figure,
    "passages": _passages,
    "pictures": _pictures,
    "audit": _audit,
    "verdicts": _verdicts,
}


def _foot(report: Report) -> str:
    hashes = " · ".join(f"{name} `{value[:12]}`" for name, value in report.hashes.items() if value)
    when = f" Run of {report.run['started'][:10]}." if report.run.get("started") else ""
    return f"---\n\nHashes: {hashes or 'not recorded'}.{when} To reproduce: `glassbox verify {report.request.name}`"
