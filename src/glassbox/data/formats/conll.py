"""CoNLL files: one token per line, a blank line after each sentence, the IOB or BILOU tag in the last column.

The scheme may be IOB1, IOB2 or BILOU: one rule finds the first token of an entity in each of them (Tjong Kim Sang and
De Meulder 2003, section 2).
"""

import json
import re
from collections.abc import Iterator, Sequence

import numpy as np

from glassbox.data.raw_table import BadRow, FileTable, bad_row, text_frame

TAG = re.compile(r"O|[BIELSU]-\S+")
DOCUMENT = "document"  # the column that names the document of a sentence
DOCUMENT_START = "-DOCSTART-"
_SNIFFED_LINES = 400


def looks_like_conll(content: bytes) -> bool:
    """Return whether a file holds tagged tokens.

    >>> looks_like_conll(b"EU NNP B-ORG\\nrejects VBZ O\\n\\n"), looks_like_conll(b"a,b\\n1,2\\n")
    (True, False)
    """
    head = content[:100_000].decode("utf-8", "replace").splitlines()[:_SNIFFED_LINES]
    rows = [line.split() for line in head if line.strip()]
    tokens = [row for row in rows if row[0] != DOCUMENT_START]
    if len(tokens) < 2 or len({len(row) for row in tokens}) != 1 or len(tokens[0]) < 2:
        return False
    tags = [row[-1] for row in tokens]
    return all(TAG.fullmatch(tag) for tag in tags) and any(tag != "O" for tag in tags)


def read_conll(content: bytes, name: str) -> FileTable:
    """Read a CoNLL file as one row per sentence: ``text`` (its tokens, joined by spaces), ``entities`` and ``document``.

    ``entities`` is JSON, ``[[start, end, type], ...]`` in characters of the text. ``document`` is the file name and the number
    of the document in the file; a split by this column keeps the sentences of a document together.
    """
    texts: list[str] = []
    entities: list[str] = []
    documents: list[str] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    for line, document, tokens, problem in _sentences(content):
        if problem:
            bad.append(bad_row(line, problem, " ".join(token for token, _ in tokens)))
            continue
        text, spans = join_tokens([token for token, _ in tokens], [tag for _, tag in tokens])
        texts.append(text)
        entities.append(json.dumps(spans, ensure_ascii=False))
        documents.append(f"{name.rpartition('/')[2]}:{document}")
        lines.append(line)
    frame = text_frame(["text", "entities", DOCUMENT], [texts, entities, documents], len(texts))
    return FileTable(frame, np.array(lines, dtype="int64"), bad, [], "one token per line, tags in the last column (CoNLL)")


def _sentences(content: bytes) -> Iterator[tuple[int, int, list[tuple[str, str]], str]]:
    """Yield for each sentence the line of its first token, the document's number, (token, tag) pairs, and the problem or ""."""
    document, first, tokens, problem = 0, 0, list[tuple[str, str]](), ""
    for number, raw in enumerate([*content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), b""], start=1):
        try:
            cells = raw.decode("utf-8").split()
        except UnicodeDecodeError:
            cells, problem = raw.decode("utf-8", "replace").split(), "bytes that are not UTF-8"
        if not cells or cells[0] == DOCUMENT_START:
            if tokens:
                yield first, document, tokens, problem
            tokens, problem = [], ""
            document += bool(cells)
            continue
        first = first if tokens else number
        if len(cells) < 2 or not TAG.fullmatch(cells[-1]):
            problem = problem or "a line whose last column is not a tag"
        tokens.append((cells[0], cells[-1]))


def join_tokens(tokens: Sequence[str], tags: Sequence[str]) -> tuple[str, list[list[int | str]]]:
    """Join tokens by spaces; return the text and its entities as start, end and type, in characters.

    >>> join_tokens(["EU", "rejects", "German", "call"], ["B-ORG", "O", "I-MISC", "O"])
    ('EU rejects German call', [[0, 2, 'ORG'], [11, 17, 'MISC']])
    """
    spans: list[list[int | str]] = []
    start, open_type = 0, ""
    for token, tag in zip(tokens, tags, strict=True):
        entity_type = tag[2:]
        if entity_type and (entity_type != open_type or tag[0] in "BSU"):
            spans.append([start, start + len(token), entity_type])
        elif entity_type:
            spans[-1][1] = start + len(token)
        open_type = "" if tag[0] in "ELS" else entity_type
        start += len(token) + 1
    return " ".join(tokens), spans
