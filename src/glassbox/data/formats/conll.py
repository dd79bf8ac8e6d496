"""Tagged words in columns, as CoNLL has them: one word a line, a blank line after each sentence, the tag in the last column.

Tags are IOB1, IOB2 or BILOU: what begins an entity is found by the rule that all of them keep to (Tjong Kim Sang and De Meulder
2003, section 2).
"""

import json
import re
from collections.abc import Iterator, Sequence

import numpy as np

from glassbox.data.raw_table import BadRow, FileTable, bad_row, text_frame

TAG = re.compile(r"O|[BIELSU]-\S+")
DOCUMENT = "document"  # the column that says which document a sentence is of
BEGINS_DOCUMENT = "-DOCSTART-"
_LOOKED_AT = 400  # lines


def looks_like_conll(content: bytes) -> bool:
    """Whether a file holds tagged words.

    >>> looks_like_conll(b"EU NNP B-ORG\\nrejects VBZ O\\n\\n"), looks_like_conll(b"a,b\\n1,2\\n")
    (True, False)
    """
    head = content[:100_000].decode("utf-8", "replace").splitlines()[:_LOOKED_AT]
    rows = [line.split() for line in head if line.strip()]
    words = [row for row in rows if row[0] != BEGINS_DOCUMENT]
    if len(words) < 2 or len({len(row) for row in words}) != 1 or len(words[0]) < 2:
        return False
    tags = [row[-1] for row in words]
    return all(TAG.fullmatch(tag) for tag in tags) and any(tag != "O" for tag in tags)


def read_conll(content: bytes, name: str) -> FileTable:
    """One row a sentence: ``text`` (its words with a space between them), ``entities`` and ``document``.

    ``entities`` is JSON, ``[[start, end, type], ...]`` in characters of the text; ``document`` is the file and the number of the
    document in it, by which sentences can be kept together.
    """
    texts: list[str] = []
    entities: list[str] = []
    documents: list[str] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    for line, document, words, problem in _sentences(content):
        if problem:
            bad.append(bad_row(line, problem, " ".join(word for word, _ in words)))
            continue
        text, found = joined([word for word, _ in words], [tag for _, tag in words])
        texts.append(text)
        entities.append(json.dumps(found, ensure_ascii=False))
        documents.append(f"{name.rpartition('/')[2]}:{document}")
        lines.append(line)
    frame = text_frame(["text", "entities", DOCUMENT], [texts, entities, documents], len(texts))
    return FileTable(frame, np.array(lines, dtype="int64"), bad, [], "words in columns, tags in the last (CoNLL)")


def _sentences(content: bytes) -> Iterator[tuple[int, int, list[tuple[str, str]], str]]:
    """Line of the first word, number of the document, words with tags, and what is wrong with them."""
    document, first, words, problem = 0, 0, list[tuple[str, str]](), ""
    for number, raw in enumerate([*content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), b""], start=1):
        try:
            cells = raw.decode("utf-8").split()
        except UnicodeDecodeError:
            cells, problem = raw.decode("utf-8", "replace").split(), "bytes that are not UTF-8"
        if not cells or cells[0] == BEGINS_DOCUMENT:
            if words:
                yield first, document, words, problem
            words, problem = [], ""
            document += bool(cells)
            continue
        first = first if words else number
        if len(cells) < 2 or not TAG.fullmatch(cells[-1]):
            problem = problem or "a line whose last column is no tag"
        words.append((cells[0], cells[-1]))


def joined(words: Sequence[str], tags: Sequence[str]) -> tuple[str, list[list[int | str]]]:
    """The words with a space between them, and where the entities are: start, end and type, in characters.

    >>> joined(["EU", "rejects", "German", "call"], ["B-ORG", "O", "I-MISC", "O"])
    ('EU rejects German call', [[0, 2, 'ORG'], [11, 17, 'MISC']])
    """
    found: list[list[int | str]] = []
    at, inside = 0, ""
    for word, tag in zip(words, tags, strict=True):
        kind = tag[2:]
        if kind and (kind != inside or tag[0] in "BSU"):
            found.append([at, at + len(word), kind])
        elif kind:
            found[-1][1] = at + len(word)
        inside = "" if tag[0] in "ELS" else kind
        at += len(word) + 1
    return " ".join(words), found
