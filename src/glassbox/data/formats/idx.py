"""IDX files (the MNIST format): a file of pictures and a file of labels, one byte per number, read in pairs.

An IDX file begins with two zero bytes, the type of its numbers (8: unsigned byte) and the number of its dimensions; the
dimensions follow as four bytes each (LeCun, Cortes and Burges: the MNIST database of handwritten digits).
"""

import gzip
import math
import re
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from glassbox.data.formats.signatures import GZIP
from glassbox.data.images.cells import cell_of, png_of
from glassbox.data.images.rows import LABEL, PART, PICTURE, NamedTable
from glassbox.data.raw_table import FileTable, text_frame
from glassbox.data.split import HOLDOUT_WORDS, TRAIN_WORDS
from glassbox.errors import DataError

_PICTURES, _LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
_NAME = re.compile(r"idx[0-9]?[-_.]?u?byte")
_PARTS = {**dict.fromkeys(TRAIN_WORDS | HOLDOUT_WORDS), "t10k": "test"}


def looks_like_idx(content: bytes, name: str) -> bool:
    """Return whether a file is IDX, by its first bytes or by its name.

    >>> looks_like_idx(b"\\0\\0\\x08\\x01\\0\\0\\0\\0", "a"), looks_like_idx(b"a,b", "t10k-labels-idx1-ubyte"), looks_like_idx(b"a,b", "a")
    (True, True, False)
    """
    head = _decompressed_head(content) if content.startswith(GZIP) else content[:4]
    return head in (_PICTURES, _LABELS) or _NAME.search(name.rpartition("/")[2].lower()) is not None


def _decompressed_head(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(content[:4096], 4)
    except zlib.error:
        return b""


def read_idx(files: Mapping[str, bytes]) -> list[NamedTable]:
    """Read pairs of IDX files as tables: ``picture`` (as PNG), ``label`` (the number) and, where file names state it, ``part``.

    Raises
    ------
    DataError
        When a file is not IDX, is truncated or has no partner, or when a pair differs in length.
    """
    arrays = {name: _array(content, name) for name, content in files.items()}
    pictures = {_key(name): name for name, array in arrays.items() if array.ndim == 3}
    labels = {_key(name): name for name, array in arrays.items() if array.ndim == 1}
    problems = [
        f"{pictures[key]}: this file of pictures has no file of labels beside it." for key in pictures if key not in labels
    ]
    problems += [
        f"{labels[key]}: this file of labels has no file of pictures beside it." for key in labels if key not in pictures
    ]
    pairs = [(name, labels[key]) for key, name in pictures.items() if key in labels]
    for picture_file, label_file in pairs:
        n_pictures, n_labels = len(arrays[picture_file]), len(arrays[label_file])
        if n_pictures != n_labels:
            problems.append(
                f"{picture_file} holds {n_pictures:,} pictures, but {label_file} holds {n_labels:,} labels; expected equal numbers."
            )
    if problems:
        raise DataError(problems)
    with_parts = any(_part(name) for name in pictures.values())
    return [
        NamedTable(
            picture_file,
            len(files[picture_file]) + len(files[label_file]),
            2,
            _table(arrays[picture_file], arrays[label_file], _part(picture_file), with_parts),
        )
        for picture_file, label_file in pairs
    ]


def _array(content: bytes, name: str) -> npt.NDArray[np.uint8]:
    """Return the numbers in an IDX file: (n, h, w) pixels or (n,) labels."""
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}: this gzip file is damaged or truncated: {error}") from error
    if content[:4] not in (_PICTURES, _LABELS):
        raise DataError(
            f"{name}: this is not an IDX file of unsigned bytes. Pictures begin with {_hex(_PICTURES)} and labels with {_hex(_LABELS)}; "
            f"this file begins with {_hex(content[:4]) or 'nothing'}."
        )
    offset = 4 + 4 * content[3]
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, offset, 4)]
    actual, expected = max(0, len(content) - offset), math.prod(shape)
    if len(content) < offset or actual != expected or 0 in shape:
        dimensions = " × ".join(f"{size:,}" for size in shape)
        raise DataError(
            f"{name}: the header declares {dimensions} bytes ({expected:,} in total), but {actual:,} follow; "
            "the file is truncated or not IDX."
        )
    return np.frombuffer(content, dtype="uint8", offset=offset).reshape(shape)


def _hex(signature: bytes) -> str:
    return signature.hex(" ")


def _key(name: str) -> str:
    """Return the part of the name that the two files of a pair share."""
    return re.sub(r"images?|labels?|idx[0-9]|\.gz$", "", name.lower())


def _part(name: str) -> str | None:
    words = [word for word in re.split(r"[^a-z0-9]+", name.rpartition("/")[2].lower()) if word in _PARTS]
    return _PARTS[words[-1]] or words[-1] if words else None


def _table(pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], part: str | None, with_parts: bool) -> FileTable:
    rows, height, width = pixels.shape
    columns: dict[str, list[str | None]] = {
        PICTURE: [cell_of(png_of(picture)) for picture in pixels],
        LABEL: [str(label) for label in labels.tolist()],
        **({PART: [part] * rows} if with_parts else {}),
    }
    frame = text_frame(list(columns), list(columns.values()))
    written = f"greyscale pictures of {width} × {height} pixels with one label each (IDX)"
    return FileTable(frame, np.arange(1, rows + 1, dtype="int64"), written=written)
