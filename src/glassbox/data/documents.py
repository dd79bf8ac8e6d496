"""Files of plain text, each of them one row: its text, and the folder and file that it lies in."""

from pathlib import PurePosixPath

import numpy as np
from charset_normalizer import from_bytes

from glassbox.data.tables import FileTable, text_frame


def read_document(content: bytes, name: str) -> FileTable:
    """The row of one document.

    >>> read_document(b"Good.", "mails/spam/1.txt").cells.iloc[0].tolist()
    ['Good.', 'spam', '1.txt']
    """
    path = PurePosixPath(name)
    try:
        text, notes = content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        guess = from_bytes(content).best()
        text = str(guess) if guess is not None else content.decode("cp1252", "replace")
        notes = [f"It is not UTF-8; read as {guess.encoding if guess is not None else 'cp1252'}."]
    cells = text_frame(["text", "folder", "file"], [[text], [path.parent.name], [path.name]])
    return FileTable(cells, np.array([1], dtype="int64"), [], notes, "a text in each file")
