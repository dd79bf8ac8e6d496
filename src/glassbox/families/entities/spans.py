"""Spans: where in a text something of a type stands. How they are written, read, and made from tags."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple


class Span(NamedTuple):
    """Characters `start` to `end` (without) of a text, and what stands there."""

    start: int
    end: int
    type: str


def read_spans(written: str, text: str | None = None) -> list[Span] | str:
    """The spans that a cell says, in order, or what is wrong with them.

    A cell is JSON: a list of ``[start, end, type]``, or of objects with ``start``, ``end`` and ``type`` or ``label``. Where the text
    is left out, nothing can be beyond its end.

    >>> read_spans('[[0, 2, "ORG"]]', "EU rejects"), read_spans('[[0, 99, "ORG"]]', "EU")
    ([Span(start=0, end=2, type='ORG')], 'a span from 0 to 99 in a text of 2 characters')
    """
    try:
        value = json.loads(written)
    except ValueError:
        return "entities that are no JSON"
    if not isinstance(value, list):
        return "entities that are no list"
    found = []
    for item in value:
        span = _span(item)
        if span is None:
            return "an entity that is no [start, end, type]"
        if not 0 <= span.start < span.end or (text is not None and span.end > len(text)):
            within = "" if text is None else f" in a text of {len(text)} characters"
            return f"a span from {span.start} to {span.end}{within}"
        found.append(span)
    found.sort()
    if any(a.end > b.start for a, b in pairwise(found)):
        return "entities that overlap"
    return found


def _span(item: Any) -> Span | None:
    if isinstance(item, Mapping):
        item = [item.get("start"), item.get("end"), item.get("type", item.get("label"))]
    if not isinstance(item, list) or len(item) != 3:
        return None
    start, end, kind = item
    whole = all(isinstance(place, int) and not isinstance(place, bool) for place in (start, end))
    return Span(start, end, kind) if whole and isinstance(kind, str) and kind.strip() else None


def written(spans: Iterable[Span]) -> str:
    """Spans as a cell.

    >>> written([Span(0, 2, "ORG")])
    '[[0, 2, "ORG"]]'
    """
    return json.dumps([list(span) for span in spans], ensure_ascii=False)


def moved(spans: Iterable[Span], by: int) -> list[Span]:
    """Spans of a text whose beginning was moved."""
    return [Span(span.start + by, span.end + by, span.type) for span in spans]


def types_of(rows: Iterable[Sequence[Span]]) -> list[str]:
    """All types, sorted."""
    return sorted({span.type for spans in rows for span in spans})


def tags_of(tokens: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[str]:
    """A tag for each token (``B-`` for the first of a span, ``I-`` for the others, else ``O``); a token is of the span that it begins in.

    >>> tags_of([(0, 2), (3, 10)], [Span(0, 2, "ORG")])
    ['B-ORG', 'O']
    """
    tags, at = [], 0
    last: Span | None = None
    for start, _ in tokens:
        while at < len(spans) and spans[at].end <= start:
            at += 1
        inside = at < len(spans) and spans[at].start <= start
        tags.append("O" if not inside else f"{'I' if spans[at] is last else 'B'}-{spans[at].type}")
        last = spans[at] if inside else None
    return tags


def spans_of(tokens: Sequence[tuple[int, int]], tags: Sequence[str]) -> list[Span]:
    """The spans that tags say; an ``I-`` that continues nothing begins a span.

    >>> spans_of([(0, 2), (3, 10)], ["I-ORG", "O"])
    [Span(start=0, end=2, type='ORG')]
    """
    found: list[Span] = []
    before = ""
    for (start, end), tag in zip(tokens, tags, strict=True):
        kind = tag[2:]
        if kind and tag[0] == "I" and kind == before:
            found[-1] = found[-1]._replace(end=end)
        elif kind:
            found.append(Span(start, end, kind))
        before = kind
    return found
