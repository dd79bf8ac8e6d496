"""Row preparation for entity recognition: one text per row (in CoNLL files, one sentence) with its entities.

Rows with unreadable entities are quarantined.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glassbox.data.raw_table import text_column
from glassbox.data.sources import RawData
from glassbox.data.target_checks import absent_column, is_missing
from glassbox.errors import DataError
from glassbox.families.entities.spans import Span, read_spans, shift_spans, types_of, write_spans
from glassbox.families.text.near_duplicates import group_near_duplicates
from glassbox.findings.model import Cell, Facts, Finding, Note
from glassbox.findings.wording import counted

if TYPE_CHECKING:
    from glassbox.request.model import Request

TEXT = "text"
QUALITY = "Label quality"


def text_of(columns: Sequence[str], request: "Request") -> str:
    """Return the text column: the one that `data.features` names, else `text`.

    Raises
    ------
    DataError
        When the data has no such column.
    """
    name = request.data.features[0] if request.data.features else TEXT
    if name not in columns:
        raise DataError(absent_column("data.features", name, columns))
    return name


def prepare_rows(raw: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """Normalise the entities to ``[[start, end, type], ...]`` in characters of the stripped text, and quarantine unreadable rows."""
    target = request.data.target
    columns = [str(name) for name in raw.cells.columns]
    if target is None or target not in columns:
        return raw, {}
    text = text_of(columns, request)
    raw = raw.exclude(is_missing(raw.cells[text]), "there is no text")
    raw = raw.exclude(is_missing(raw.cells[target]), "the target is missing")
    texts, cells = [str(value) for value in raw.cells[text].tolist()], raw.cells[target].tolist()
    parsed = [read_spans(str(cell), value) for cell, value in zip(cells, texts, strict=True)]
    reasons = [result if isinstance(result, str) else "" for result in parsed]
    stripped = [value.strip() for value in texts]
    spans = [
        [] if isinstance(result, str) else _within(shift_spans(result, len(value.lstrip()) - len(value)), bare)
        for result, value, bare in zip(parsed, texts, stripped, strict=True)
    ]
    normalised = {text: text_column(stripped), target: text_column([write_spans(row) for row in spans])}
    prepared = replace(raw, cells=raw.cells.assign(**normalised))
    remaining = reasons
    for reason in sorted({reason for reason in reasons if reason}):
        unreadable = np.array([other == reason for other in remaining], dtype=bool)
        prepared = prepared.exclude(unreadable, reason)
        remaining = [other for other in remaining if other != reason]
    types = types_of(spans)
    if len(cells) and not len(prepared.cells):
        first = next(reason for reason in reasons if reason)
        raise DataError(
            f'data.target: {target!r} cannot be read in any of {len(cells):,} texts: {first}. Expected [[0, 5, "PER"], ...].'
        )
    if len(prepared.cells) and not types:
        raise DataError(
            f"data.target: {target!r} holds no entity in any of {len(prepared.cells):,} texts; a recogniser needs labelled entities."
        )
    return prepared, {"unit": _facts(stripped, spans, types), "unit_rules": _quality_note(spans, texts, stripped)}


def _within(spans: Sequence[Span], text: str) -> list[Span]:
    return [span for span in spans if 0 <= span.start < span.end <= len(text)]


def _facts(texts: Sequence[str], spans: Sequence[Sequence[Span]], types: Sequence[str]) -> Facts:
    counts = Counter(span.type for row in spans for span in row)
    total, with_any = sum(counts.values()), sum(bool(row) for row in spans)
    facts: dict[str, Cell] = {
        "texts": len(texts),
        "texts with an entity": with_any,
        "entities": total,
        **{f"entities of type {name}": counts[name] for name in types},
    }
    say = f"Each row is one text. {with_any:,} of {len(texts):,} texts have entities: {total:,} entities of {len(types)} types."
    return Facts(title="Unit of analysis", say=say, facts=facts)


def _quality_note(spans: Sequence[Sequence[Span]], before: Sequence[str], after: Sequence[str]) -> Note:
    stripped = sum(text != bare for text, bare in zip(before, after, strict=True))
    at_space = sum(
        text[span.start].isspace() or text[span.end - 1].isspace() for text, row in zip(after, spans, strict=True) for span in row
    )
    lines = []
    if stripped:
        lines.append(
            f"{counted(stripped, 'text')} with leading or trailing white space, which is removed; entity offsets are adjusted."
        )
    if at_space:
        lines.append(
            f"{counted(at_space, 'labelled span')} with white space at a boundary, which no recogniser will match exactly."
        )
    if not lines:
        return Note(
            title=QUALITY,
            say="All entities lie within their texts, none overlap, and no offset was adjusted.",
            tone="good",
        )
    return Note(title=QUALITY, say="Some texts or labels have irregular white space.", lines=lines, tone="look")


def near_duplicate_groups(cells: Any, request: "Request") -> Any:
    """Return the near-duplicate group of each row."""
    name = text_of([str(column) for column in cells.columns], request)
    return group_near_duplicates([str(text or "") for text in cells[name].tolist()])
