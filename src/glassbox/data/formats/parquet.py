"""Parquet files as tables of text cells."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from glassbox.data.raw_table import FileTable, no_lines, repair_names, text_frame
from glassbox.data.value_parsing import to_text
from glassbox.errors import DataError


def read_parquet_table(content: bytes, name: str) -> FileTable:
    """Read a Parquet file as text cells. The text is exact, so the same rules infer types for every source.

    Raises
    ------
    DataError
        When the file is damaged.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: this Parquet file is damaged: {str(error).splitlines()[0]}") from error
    names, notes = repair_names(table.column_names)
    frame = text_frame(names, [_as_text(table.column(i)) for i in range(table.num_columns)])
    lines = np.arange(1, table.num_rows + 1, dtype="int64") if table.num_columns else no_lines()
    return FileTable(frame, lines, notes=notes, written="Parquet")


def _as_text(column: Any) -> Any:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_integer(kind):
        return column.cast(pa.large_string())
    if pa.types.is_dictionary(kind):
        return _as_text(column.cast(kind.value_type))
    if pa.types.is_nested(kind) or pa.types.is_null(kind):
        return pa.chunked_array([pa.array([to_text(value) for value in column.to_pylist()], type=pa.large_string())])
    encoded = column.dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # no rows
        return pa.chunked_array([], type=pa.large_string())
    texts = pa.array([to_text(_exact(value)) for value in encoded.dictionary], type=pa.large_string())
    return pa.chunked_array([texts.take(encoded.indices)])


def _exact(scalar: Any) -> Any:
    """Convert a scalar to a Python value: 32-bit floats by their shortest decimal form, timestamps to the microsecond."""
    if pa.types.is_float32(scalar.type) or pa.types.is_float16(scalar.type):
        return float(str(np.float32(scalar.as_py()))) if scalar.as_py() is not None else None
    if pa.types.is_timestamp(scalar.type):
        return scalar.cast(pa.timestamp("us", scalar.type.tz), safe=False).as_py()
    return scalar.as_py()
