"""NumPy arrays on disk, without pickle."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.files import write_bytes


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array in NumPy's ``.npy`` format."""
    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(array), allow_pickle=False)
    write_bytes(path, sink.getvalue())


def read_array(path: Path) -> Any:
    """Read an array written by `write_array`."""
    return np.load(path, allow_pickle=False)
