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
        When the file is damaged, or a column has a type or values that cannot be read.
    """
    try:
        # Not `read_table`, which refuses two columns of one name.
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: this Parquet file is damaged: {str(error).splitlines()[0]}") from error
    names, notes = repair_names(table.column_names)
    frame = text_frame(names, [_text_of(table, i, name) for i in range(table.num_columns)])
    lines = np.arange(1, table.num_rows + 1, dtype="int64") if table.num_columns else no_lines()
    return FileTable(frame, lines, notes=notes, written="Parquet")


def _text_of(table: Any, index: int, name: str) -> Any:
    column = table.column(index)
    try:
        return _as_text(column)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise DataError(
            f"{name}: the column {table.column_names[index]!r}, of type {column.type}, cannot be read: "
            f"{str(error).splitlines()[0]}. Save it as another type, such as text."
        ) from error


def _as_text(column: Any) -> Any:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _as_text(pa.chunked_array([chunk.storage for chunk in column.chunks], type=kind.storage_type))
    if pa.types.is_float16(kind):  # Arrow cannot encode it as a dictionary
        return pa.chunked_array([pa.array([to_text(_exact(scalar)) for scalar in column], type=pa.large_string())])
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
    """Convert a scalar to a Python value: 16- and 32-bit floats by their shortest decimal form, timestamps to the microsecond."""
    if pa.types.is_float32(scalar.type) or pa.types.is_float16(scalar.type):
        kind = np.float32 if pa.types.is_float32(scalar.type) else np.float16
        return float(str(kind(scalar.as_py()))) if scalar.as_py() is not None else None
    if pa.types.is_timestamp(scalar.type):
        return scalar.cast(pa.timestamp("us", scalar.type.tz), safe=False).as_py()
    return scalar.as_py()
