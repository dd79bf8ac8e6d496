"""Entity spans, and their conversion from and to JSON cells and BIO tags."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple


class Span(NamedTuple):
    """The characters from `start` up to, but not including, `end` of a text, and their entity type."""

    start: int
    end: int
    type: str


def read_spans(cell: str, text: str | None = None) -> list[Span] | str:
    """Return the spans of a cell in order, or a description of the first error.

    A cell is JSON: a list of ``[start, end, type]``, or of objects with ``start``, ``end`` and ``type`` or ``label``. Without `text`,
    the end of a span is not checked against the length of the text.

    >>> read_spans('[[0, 2, "ORG"]]', "EU rejects"), read_spans('[[0, 99, "ORG"]]', "EU")
    ([Span(start=0, end=2, type='ORG')], 'a span from 0 to 99 in a text of 2 characters')
    """
    try:
        value = json.loads(cell)
    except ValueError:
        return "entities that are not JSON"
    if not isinstance(value, list):
        return "entities that are not a list"
    spans = []
    for item in value:
        span = _span(item)
        if span is None:
            return "an entity that is not [start, end, type]"
        if not 0 <= span.start < span.end or (text is not None and span.end > len(text)):
            within = "" if text is None else f" in a text of {len(text)} characters"
            return f"a span from {span.start} to {span.end}{within}"
        spans.append(span)
    spans.sort()
    if any(a.end > b.start for a, b in pairwise(spans)):
        return "entities that overlap"
    return spans


def _span(item: Any) -> Span | None:
    if isinstance(item, Mapping):
        item = [item.get("start"), item.get("end"), item.get("type", item.get("label"))]
    if not isinstance(item, list) or len(item) != 3:
        return None
    start, end, kind = item
    integers = all(isinstance(offset, int) and not isinstance(offset, bool) for offset in (start, end))
    return Span(start, end, kind) if integers and isinstance(kind, str) and kind.strip() else None


def write_spans(spans: Iterable[Span]) -> str:
    """Write spans as a cell.

    >>> write_spans([Span(0, 2, "ORG")])
    '[[0, 2, "ORG"]]'
    """
    return json.dumps([list(span) for span in spans], ensure_ascii=False)


def shift_spans(spans: Iterable[Span], by: int) -> list[Span]:
    """Add `by` to the offsets of all spans."""
    return [Span(span.start + by, span.end + by, span.type) for span in spans]


def types_of(rows: Iterable[Sequence[Span]]) -> list[str]:
    """Return all entity types, sorted."""
    return sorted({span.type for spans in rows for span in spans})


def tags_of(tokens: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[str]:
    """Return the BIO tag of each token: ``B-`` for the first token of a span, ``I-`` for the others, else ``O``.

    A token belongs to the span in which it begins.

    >>> tags_of([(0, 2), (3, 10)], [Span(0, 2, "ORG")])
    ['B-ORG', 'O']
    """
    tags, at = [], 0
    previous: Span | None = None
    for start, _ in tokens:
        while at < len(spans) and spans[at].end <= start:
            at += 1
        inside = at < len(spans) and spans[at].start <= start
        tags.append("O" if not inside else f"{'I' if spans[at] is previous else 'B'}-{spans[at].type}")
        previous = spans[at] if inside else None
    return tags


def spans_of(tokens: Sequence[tuple[int, int]], tags: Sequence[str]) -> list[Span]:
    """Return the spans of BIO tags; an ``I-`` tag that continues no span begins one.

    >>> spans_of([(0, 2), (3, 10)], ["I-ORG", "O"])
    [Span(start=0, end=2, type='ORG')]
    """
    spans: list[Span] = []
    previous = ""
    for (start, end), tag in zip(tokens, tags, strict=True):
        kind = tag[2:]
        if kind and tag[0] == "I" and kind == previous:
            spans[-1] = spans[-1]._replace(end=end)
        elif kind:
            spans.append(Span(start, end, kind))
        previous = kind
    return spans
