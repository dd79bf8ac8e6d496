"""Pictures and labels as MNIST has them: an idx file of bytes for each, the two beside each other.

An idx file begins with two zero bytes, one for the kind of its numbers (8: a byte each) and one for how many sizes follow, in four
bytes each (LeCun, Cortes and Burges: the MNIST database of handwritten digits).
"""

import gzip
import math
import re
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from glassbox.data.formats.json_and_parquet import GZIP
from glassbox.data.images.cells import cell_of, png_of
from glassbox.data.images.rows import LABEL, PART, PICTURE, NamedTable
from glassbox.data.raw_table import FileTable, text_frame
from glassbox.data.split import HOLDOUT_WORDS, TRAIN_WORDS
from glassbox.errors import DataError

_BYTES = 8
_PICTURES, _LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
_NAME = re.compile(r"idx[0-9]?[-_.]?u?byte")
_PARTS = {**dict.fromkeys(TRAIN_WORDS | HOLDOUT_WORDS), "t10k": "test"}


def looks_like_idx(content: bytes, name: str) -> bool:
    """Whether a file holds pictures or labels in idx, by its first bytes or by its name.

    >>> looks_like_idx(b"\\0\\0\\x08\\x01\\0\\0\\0\\0", "a"), looks_like_idx(b"a,b", "t10k-labels-idx1-ubyte"), looks_like_idx(b"a,b", "a")
    (True, True, False)
    """
    head = _unzipped_head(content) if content.startswith(GZIP) else content[:4]
    return head in (_PICTURES, _LABELS) or _NAME.search(name.rpartition("/")[2].lower()) is not None


def _unzipped_head(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(content[:4096], 4)
    except zlib.error:
        return b""


def read_idx(files: Mapping[str, bytes]) -> list[NamedTable]:
    """A table for each pair of files: ``picture`` (as PNG), ``label`` (the number) and, where names tell, ``part``.

    Raises
    ------
    DataError
        When a file is none, is cut off, lacks its other half, or when the two hold different numbers of things.
    """
    arrays = {name: _array(content, name) for name, content in files.items()}
    pictures = {_key(name): name for name, array in arrays.items() if array.ndim == 3}
    labels = {_key(name): name for name, array in arrays.items() if array.ndim == 1}
    problems = [
        f"{pictures[key]}: there are pictures and no file of labels beside them." for key in pictures if key not in labels
    ]
    problems += [f"{labels[key]}: there are labels and no file of pictures beside them." for key in labels if key not in pictures]
    both = [key for key in pictures if key in labels]
    for key in both:
        seen, said = len(arrays[pictures[key]]), len(arrays[labels[key]])
        if seen != said:
            problems.append(
                f"{pictures[key]} holds {seen:,} pictures, and {labels[key]} {said:,} labels; they have to be as many."
            )
    if problems:
        raise DataError(problems)
    parted = any(_part(name) for name in pictures.values())
    return [
        NamedTable(
            pictures[key],
            len(files[pictures[key]]) + len(files[labels[key]]),
            2,
            _table(arrays[pictures[key]], arrays[labels[key]], _part(pictures[key]), parted),
        )
        for key in both
    ]


def _array(content: bytes, name: str) -> npt.NDArray[np.uint8]:
    """The numbers in an idx file: (n, h, w) pixels or (n,) labels."""
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}: this gzip file is damaged or cut off: {error}") from error
    if content[:4] not in (_PICTURES, _LABELS):
        raise DataError(
            f"{name}: an idx file of pictures begins with {_shown(_PICTURES)} and one of labels with {_shown(_LABELS)}, bytes both; "
            f"this begins with {_shown(content[:4]) or 'nothing'}."
        )
    begins = 4 + 4 * content[3]
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, begins, 4)]
    follow, said = max(0, len(content) - begins), math.prod(sizes)
    if len(content) < begins or follow != said or 0 in sizes:
        shape = " × ".join(f"{size:,}" for size in sizes)
        raise DataError(
            f"{name}: its head says {shape} bytes, {said:,} together, and {follow:,} follow; it is cut off or no idx file."
        )
    return np.frombuffer(content, dtype="uint8", offset=begins).reshape(sizes)


def _shown(mark: bytes) -> str:
    return mark.hex(" ")


def _key(name: str) -> str:
    """What the two files of a pair have in common."""
    return re.sub(r"images?|labels?|idx[0-9]|\.gz$", "", name.lower())


def _part(name: str) -> str | None:
    words = [word for word in re.split(r"[^a-z0-9]+", name.rpartition("/")[2].lower()) if word in _PARTS]
    return _PARTS[words[-1]] or words[-1] if words else None


def _table(pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], part: str | None, parted: bool) -> FileTable:
    rows, height, width = pixels.shape
    columns: dict[str, list[str | None]] = {
        PICTURE: [cell_of(png_of(one)) for one in pixels],
        LABEL: [str(label) for label in labels.tolist()],
        **({PART: [part] * rows} if parted else {}),
    }
    frame = text_frame(list(columns), list(columns.values()))
    written = f"greys of {width} × {height} pixels with a number each (idx)"
    return FileTable(frame, np.arange(1, rows + 1, dtype="int64"), written=written)
