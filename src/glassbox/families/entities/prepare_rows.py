"""The unit of spans: a text (in CoNLL's files, a sentence) with the entities in it. Rows whose entities cannot be read are set aside."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glassbox.data.raw_table import text_column
from glassbox.data.sources import RawData
from glassbox.data.target_checks import absent, is_missing
from glassbox.errors import DataError
from glassbox.families.entities.spans import Span, moved, read_spans, types_of, written
from glassbox.families.text.near_duplicates import near_duplicate_groups
from glassbox.findings.model import Cell, Facts, Finding, Note
from glassbox.findings.wording import counted

if TYPE_CHECKING:
    from glassbox.request.model import Request

TEXT = "text"


def text_of(columns: Sequence[str], request: "Request") -> str:
    """The column of texts: as named in `data.features`, else `text`.

    Raises
    ------
    DataError
        When it is not there.
    """
    name = request.data.features[0] if request.data.features else TEXT
    if name not in columns:
        raise DataError(absent("data.features", name, columns))
    return name


def arrange(arrival: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """One row a text, its entities written in one way: ``[[start, end, type], ...]`` in characters of the text."""
    target = request.data.target
    columns = [str(name) for name in arrival.cells.columns]
    if target is None or target not in columns:
        return arrival, {}
    text = text_of(columns, request)
    arrival = arrival.set_aside(is_missing(arrival.cells[text]), "there is no text")
    arrival = arrival.set_aside(is_missing(arrival.cells[target]), "the target is missing")
    texts, cells = arrival.cells[text].tolist(), arrival.cells[target].tolist()
    read = [read_spans(str(cell), str(one)) for cell, one in zip(cells, texts, strict=True)]
    wrong = found_wrong = [found if isinstance(found, str) else "" for found in read]
    spans = [[] if isinstance(found, str) else found for found in read]
    bare = [str(one).strip() for one in texts]
    shifted = [moved(found, -(len(str(one)) - len(str(one).lstrip()))) for found, one in zip(spans, texts, strict=True)]
    kept = [_within(found, one) for found, one in zip(shifted, bare, strict=True)]
    arranged = replace(
        arrival, cells=arrival.cells.assign(**{text: text_column(bare), target: text_column([written(found) for found in kept])})
    )
    for reason in sorted({reason for reason in wrong if reason}):
        away = np.array([one == reason for one in wrong], dtype=bool)
        arranged = arranged.set_aside(away, reason)
        wrong = [one for one, out in zip(wrong, away, strict=True) if not out]
    types = types_of(kept)
    if len(cells) and not len(arranged.cells):
        first = next(reason for reason in found_wrong if reason)
        raise DataError(
            f'data.target: {target!r} cannot be read in any of {len(cells):,} texts: {first}. Expected [[0, 5, "PER"], ...].'
        )
    if len(arranged.cells) and not types:
        raise DataError(
            f"data.target: {target!r} holds no entity in any of {len(arranged.cells):,} texts; there is nothing to learn."
        )
    return arranged, {"unit": _facts(bare, kept, types), "unit_rules": _rules(kept, texts, bare)}


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
    say = f"Each text is a case: {len(texts):,} of them, with {total:,} entities of {len(types)} types in {with_any:,}."
    return Facts(title="A text with its entities is a case", say=say, facts=facts)


def _rules(spans: Sequence[Sequence[Span]], before: Sequence[Any], after: Sequence[str]) -> Note:
    moved_texts = sum(str(one) != other for one, other in zip(before, after, strict=True))
    edges = sum(
        text[span.start].isspace() or text[span.end - 1].isspace() for text, row in zip(after, spans, strict=True) for span in row
    )
    lines = []
    if moved_texts:
        lines.append(
            f"{counted(moved_texts, 'text')} with white space at an end: it is taken off, and entities are moved with their text."
        )
    if edges:
        lines.append(f"{edges:,} of the entities begin or end with white space: no recogniser will find these exactly.")
    if not lines:
        return Note(
            title="Entities are where they say.",
            say="All lie within their texts, none overlap, and nothing had to be moved.",
            tone="good",
        )
    return Note(title="What was found in the entities", say="", lines=lines, tone="look")


def looks(cells: Any, request: "Request") -> Any:
    """A name for each row, the same for texts that are alike in nearly all their words."""
    name = text_of([str(column) for column in cells.columns], request)
    return near_duplicate_groups([str(text or "") for text in cells[name].tolist()])
