"""Picture cells: the original bytes of a picture as a data URI, with validation and decoding to upright RGB."""

import base64
import binascii
import io
import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from glassbox.data.value_parsing import PICTURE

MOST_PIXELS = 50_000_000
MOST_BYTES = 20 * 2**20
FORMATS = "JPEG, PNG, WebP, GIF, BMP or TIFF"
NOT_A_PICTURE = f"not a picture ({FORMATS})"
BROKEN = "cut off or broken"
TOO_DEEP = "signed or 32-bit pixels; only unsigned pixels of 8 and 16 bits are read"

_SIGNATURES = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    **dict.fromkeys((b"II\x2a\x00", b"MM\x00\x2a", b"II\x2b\x00", b"MM\x00\x2b"), "tiff"),
}
_PNG_END = b"IEND\xaeB`\x82"
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # their sizes, which follow the file header
# Each format is opened by its own class, so no other decoder can be reached. Unlike `Image.open`, the classes do not warn about
# a large size before it can be refused here.
_OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
}
_ORIENTATION = 0x0112
_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(ValueError):
    """Raised for bytes that are not a readable picture. The message is a noun phrase, to be inserted into a sentence."""


class DecodedPicture(NamedTuple):
    """A decoded picture with its file format, Pillow mode and EXIF orientation (see `orientation`)."""

    image: Image.Image
    format: str
    mode: str
    orientation: int


def _format(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[:2] == b"BM" and int.from_bytes(content[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    return next((kind for signature, kind in _SIGNATURES.items() if content.startswith(signature)), "")


def looks_like_picture(content: bytes) -> bool:
    """Return whether bytes begin with the signature of a supported format; the first 32 are enough.

    >>> looks_like_picture(b"GIF89a..."), looks_like_picture(b"name,price")
    (True, False)
    """
    return bool(_format(content))


def cell_of(content: bytes) -> str:
    """Encode the bytes of a picture as a cell, without validation.

    >>> cell_of(b"GIF89a")
    'data:image/gif;base64,R0lGODlh'
    """
    kind = _format(content)
    return f"data:{f'image/{kind}' if kind else 'application/octet-stream'};base64,{base64.b64encode(content).decode('ascii')}"


def content_of(cell: str) -> bytes:
    """Decode a data URI or bare base64, in which white space is allowed.

    Raises
    ------
    PictureError
        When the cell is neither of these, or holds more than `MOST_BYTES`.

    Examples
    --------
    >>> content_of("data:image/gif;base64,R0lGODlh") == content_of(" R0lG\\nODlh ") == b"GIF89a"
    True
    """
    text = cell.strip()
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.rstrip().lower().endswith(";base64"):
            raise PictureError("a data URI that is not in base64")
    if any(space in text for space in " \n\r\t"):
        text = "".join(text.split())
    _check_bytes(3 * len(text) // 4 - 2)
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError("invalid base64") from error
    if not content:
        raise PictureError("empty")
    _check_bytes(len(content))
    return content


def describe_cell(cell: str) -> str:
    """Shorten a cell for a message: a picture to its size, any other text unchanged.

    >>> describe_cell("data:image/gif;base64,R0lGODlh"), describe_cell("a cat")
    ('(a picture of 6 bytes)', 'a cat')
    """
    if not cell.startswith(PICTURE):
        return cell
    return f"(a picture of {3 * (len(cell) - cell.find(',') - 1) // 4 - cell[-2:].count('='):,} bytes)"


def decoded(content: bytes) -> Image.Image:
    """Decode a picture to RGB: rotated upright by its EXIF orientation, transparency on white, only the first frame.

    16-bit greyscale is scaled to 8 bits. Nothing is cropped and nothing else is scaled. Frames after the first may be truncated.

    Raises
    ------
    PictureError
        When the bytes are not a picture, are truncated or corrupt, or exceed the size limits. The size is checked before any
        pixel is decoded.
    """
    return decode_with_info(content).image


def decode_with_info(content: bytes) -> DecodedPicture:
    """Decode a picture as `decoded` does, and return its format, mode and orientation too.

    Raises
    ------
    PictureError
        As `decoded` does.
    """
    kind = _format(content)
    if not kind:
        raise PictureError(NOT_A_PICTURE if content else "empty")
    _check_bytes(len(content))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")  # about odd metadata; real problems raise errors
        try:
            return _decode(content, kind)
        except PictureError:
            raise
        except Exception as error:  # decoders raise any type of error on malicious bytes
            raise PictureError(BROKEN) from error


def _decode(content: bytes, kind: str) -> DecodedPicture:
    with _OPENERS[kind](io.BytesIO(content)) as picture:
        _check_size(*picture.size)
        if kind == "png" and _PNG_END not in content:  # Pillow does not check the end once it has all pixels
            raise PictureError(BROKEN)
        mode, orientation_in_file = picture.mode, _orientation_of(picture)
        picture.load()
        _check_size(*picture.size)
        remaining = _orientation_of(picture)  # loading a TIFF has rotated it already
        image = _in_rgb(picture)
    upright = image.transpose(_TRANSPOSES[remaining]) if remaining in _TRANSPOSES else image
    return DecodedPicture(upright, kind, mode, orientation_in_file)


def orientation(content: bytes) -> int:
    """Read the EXIF orientation of a picture, 1 to 8: 1 when there is none, 0 when the value is invalid.

    Raises
    ------
    PictureError
        When the header cannot be read.
    """
    kind = _format(content)
    if not kind:
        raise PictureError(NOT_A_PICTURE if content else "empty")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        try:
            with _OPENERS[kind](io.BytesIO(content)) as picture:
                _check_size(*picture.size)
                return _orientation_of(picture)
        except PictureError:
            raise
        except Exception as error:  # as in `decode_with_info`
            raise PictureError(BROKEN) from error


def _orientation_of(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # unreadable EXIF does not make the picture unreadable
        return 0
    return value if isinstance(value, int) and 1 <= value <= 8 else 0


def _check_bytes(size: int) -> None:
    if size > MOST_BYTES:
        raise PictureError(f"{math.ceil(size / 2**20):,} MB, more than the {MOST_BYTES // 2**20} MB that are read")


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        millions = math.ceil(width * height / 10**6)
        raise PictureError(f"{millions:,} million pixels, more than the {MOST_PIXELS // 10**6} million that are read")


def _in_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I", "F"):
        raise PictureError(TOO_DEEP)
    if picture.mode.startswith("I;16"):
        greys = np.asarray(picture).astype("int64")
        return Image.fromarray(((greys * 255 + 32_767) // 65_535).astype("uint8")).convert("RGB")
    if picture.has_transparency_data:
        foreground = picture.convert("RGBA")
        white = Image.new("RGBA", foreground.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, foreground).convert("RGB")
    return picture.convert("RGB")


def png_of(array: npt.NDArray[np.uint8]) -> bytes:
    """Encode uint8 pixels, (h, w) greyscale or (h, w, 3) RGB, as PNG: the same bytes for the same pixels.

    >>> looks_like_picture(png_of(np.zeros((2, 3), dtype="uint8")))
    True
    """
    sink = io.BytesIO()
    image: Any = Image.fromarray(np.ascontiguousarray(array, dtype="uint8"))
    image.save(sink, format="PNG", compress_level=6)
    return sink.getvalue()
