"""File signatures (magic bytes): of gzip, of Parquet, and of formats that cannot be read as a table."""

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
_UNSUPPORTED = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"SQLite format 3": "an SQLite database; write the table to CSV",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"BZh": "compressed by bzip2; decompress it, or use gzip",
    b"\xfd7zXZ": "compressed by xz; decompress it, or use gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; decompress it, or use gzip",
    b"\x89HDF": "an HDF5 file; write the table to Parquet",
    b"ARROW1": "an Arrow file; write the table to Parquet",
}


def unsupported_format(content: bytes) -> str:
    """Name the format of a file that cannot be read as a table, with advice; empty when the file may be a table.

    >>> unsupported_format(b"a,b"), unsupported_format(b"%PDF-1.7")
    ('', 'a PDF')
    """
    for signature, description in _UNSUPPORTED.items():
        if content.startswith(signature):
            return description
    return "a pickle, which is never opened: it could run any code; write the table to Parquet" if _is_pickle(content) else ""


def _is_pickle(content: bytes) -> bool:
    # Protocols 2 to 5 begin with these two bytes, which are not text in any encoding that has letters.
    return len(content) > 2 and content[0] == 0x80 and 2 <= content[1] <= 5
