"""Synthetic images for tests: two colours in any format, rotated by EXIF, or with a forged size."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

LEFT, RIGHT = (250, 0, 0), (0, 0, 250)


def two_halves(width: int = 40, height: int = 20) -> Image.Image:
    """Return a picture that is red on the left and blue on the right."""
    image = Image.new("RGB", (width, height), LEFT)
    image.paste(RIGHT, (width // 2, 0, width, height))
    return image


def written(image: Image.Image, form: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    image.save(sink, form, **options)
    return sink.getvalue()


def rotated(value: int, form: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return written(two_halves(), form, exif=exif)


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
