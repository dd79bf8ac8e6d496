"""Plain text files as tables: one row per file, with its text, folder and file name."""

from pathlib import PurePosixPath

import numpy as np

from glassbox.data.formats.delimited import to_utf8
from glassbox.data.raw_table import FileTable, text_frame


def read_text_file(content: bytes, name: str) -> FileTable:
    """Read a text file as a table of one row.

    >>> read_text_file(b"Good.", "mails/spam/1.txt").cells.iloc[0].tolist()
    ['Good.', 'spam', '1.txt']
    """
    path = PurePosixPath(name)
    utf8, encoding, notes = to_utf8(content)
    text = utf8.decode("utf-8", "replace")
    cells = text_frame(["text", "folder", "file"], [[text], [path.parent.name], [path.name]])
    return FileTable(cells, np.array([1], dtype="int64"), [], notes, f"one text per file, {encoding}")
