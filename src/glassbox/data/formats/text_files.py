"""Files of plain text, each of them one row: its text, and the folder and file that it lies in."""

from pathlib import PurePosixPath

import numpy as np

from glassbox.data.formats.delimited import to_utf8
from glassbox.data.raw_table import FileTable, text_frame


def read_document(content: bytes, name: str) -> FileTable:
    """The row of one document.

    >>> read_document(b"Good.", "mails/spam/1.txt").cells.iloc[0].tolist()
    ['Good.', 'spam', '1.txt']
    """
    path = PurePosixPath(name)
    found, encoding, notes = to_utf8(content)
    text = found.decode("utf-8", "replace")
    cells = text_frame(["text", "folder", "file"], [[text], [path.parent.name], [path.name]])
    return FileTable(cells, np.array([1], dtype="int64"), [], notes, f"a text in each file, {encoding}")
