"""What a picture cell is: the original bytes of a picture as a data URI, checked before they are decoded, upright and in RGB after."""

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
KINDS = "JPEG, PNG, WebP, GIF, BMP or TIFF"
NO_PICTURE = f"no picture ({KINDS})"
BROKEN = "cut off or broken"
WIDE = "numbers with a sign or of 32 bits for each pixel; 8 and 16 bits without a sign are read"

_MARKS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    **dict.fromkeys((b"II\x2a\x00", b"MM\x00\x2a", b"II\x2b\x00", b"MM\x00\x2b"), "tiff"),
}
_PNG_END = b"IEND\xaeB`\x82"
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # their sizes, which stand after the file's own header
# Each format is opened by its own class: no other decoder can be reached, and none of them warns of a large size
# (`Image.open` does) before it can be refused here.
_OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
}
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(ValueError):
    """Why bytes are not taken as a picture, in a few words that fit into a sentence."""


class Seen(NamedTuple):
    """A picture that was decoded, and how it was written: its format, Pillow's mode, and the EXIF orientation (see `orientation`)."""

    image: Image.Image
    format: str
    mode: str
    orientation: int


def _format(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[:2] == b"BM" and int.from_bytes(content[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    return next((kind for mark, kind in _MARKS.items() if content.startswith(mark)), "")


def looks_like_picture(content: bytes) -> bool:
    """Whether bytes begin as one of the formats that are read; the first 32 are enough.

    >>> looks_like_picture(b"GIF89a..."), looks_like_picture(b"name,price")
    (True, False)
    """
    return bool(_format(content))


def cell_of(content: bytes) -> str:
    """The cell of a picture's bytes, as they are: nothing is checked.

    >>> cell_of(b"GIF89a")
    'data:image/gif;base64,R0lGODlh'
    """
    kind = _format(content)
    return f"data:{f'image/{kind}' if kind else 'application/octet-stream'};base64,{base64.b64encode(content).decode('ascii')}"


def content_of(cell: str) -> bytes:
    """The bytes in a data URI or in bare base64, in which white space may stand.

    Raises
    ------
    PictureError
        When it is neither, or holds more than `MOST_BYTES`.

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
        raise PictureError("no base64") from error
    if not content:
        raise PictureError("empty")
    _check_bytes(len(content))
    return content


def in_words(cell: str) -> str:
    """A cell as it may stand in a message: a picture by its size, any other text as it is.

    >>> in_words("data:image/gif;base64,R0lGODlh"), in_words("a cat")
    ('(a picture of 6 bytes)', 'a cat')
    """
    if not cell.startswith(PICTURE):
        return cell
    return f"(a picture of {3 * (len(cell) - cell.find(',') - 1) // 4 - cell[-2:].count('='):,} bytes)"


def decoded(content: bytes) -> Image.Image:
    """A picture in RGB: turned upright as its EXIF says, what is transparent on white, the first frame of several.

    Greys of 16 bits are scaled to 8. Nothing is cropped and nothing else is scaled. Of several frames, those after the first may
    be cut off.

    Raises
    ------
    PictureError
        When it is none, is cut off or broken, or is larger than is read; size is looked at before any pixel is decoded.
    """
    return see(content).image


def see(content: bytes) -> Seen:
    """What `decoded` gives, and how it was written. Raises as `decoded` does."""
    kind = _format(content)
    if not kind:
        raise PictureError(NO_PICTURE if content else "empty")
    _check_bytes(len(content))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")  # of odd metadata; what matters ends as an error
        try:
            return _seen(content, kind)
        except PictureError:
            raise
        except Exception as error:  # on bytes made to break it, a decoder raises errors of any kind
            raise PictureError(BROKEN) from error


def _seen(content: bytes, kind: str) -> Seen:
    with _OPENERS[kind](io.BytesIO(content)) as picture:
        _check_size(*picture.size)
        if kind == "png" and _PNG_END not in content:  # Pillow is content once it has all pixels
            raise PictureError(BROKEN)
        mode, turned = picture.mode, _orientation_of(picture)
        picture.load()
        _check_size(*picture.size)
        left = _orientation_of(picture)  # a TIFF has been turned by now
        image = _in_rgb(picture)
    return Seen(image.transpose(_TURNS[left]) if left in _TURNS else image, kind, mode, turned)


def orientation(content: bytes) -> int:
    """The orientation that a picture's EXIF says, 1 to 8: 1 where it says none, 0 where it says what there is not.

    Raises
    ------
    PictureError
        When its head cannot be read.
    """
    kind = _format(content)
    if not kind:
        raise PictureError(NO_PICTURE if content else "empty")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        try:
            with _OPENERS[kind](io.BytesIO(content)) as picture:
                _check_size(*picture.size)
                return _orientation_of(picture)
        except PictureError:
            raise
        except Exception as error:  # as in `see`: on bytes made to break it, a reader of heads raises errors of any kind
            raise PictureError(BROKEN) from error


def _orientation_of(picture: Image.Image) -> int:
    try:
        said = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF that cannot be read says nothing, and the picture may be sound
        return 0
    return said if isinstance(said, int) and 1 <= said <= 8 else 0


def _check_bytes(size: int) -> None:
    if size > MOST_BYTES:
        raise PictureError(f"{math.ceil(size / 2**20):,} MB, more than the {MOST_BYTES // 2**20} MB that are read")


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        millions = math.ceil(width * height / 10**6)
        raise PictureError(f"{millions:,} million pixels, more than the {MOST_PIXELS // 10**6} million that are read")


def _in_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I", "F"):
        raise PictureError(WIDE)
    if picture.mode.startswith("I;16"):
        greys = np.asarray(picture).astype("int64")
        return Image.fromarray(((greys * 255 + 32_767) // 65_535).astype("uint8")).convert("RGB")
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        white = Image.new("RGBA", seen.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, seen).convert("RGB")
    return picture.convert("RGB")


def png_of(array: npt.NDArray[np.uint8]) -> bytes:
    """A PNG of pixels, (h, w) greys or (h, w, 3) RGB as uint8: the same bytes for the same pixels.

    >>> looks_like_picture(png_of(np.zeros((2, 3), dtype="uint8")))
    True
    """
    sink = io.BytesIO()
    made: Any = Image.fromarray(np.ascontiguousarray(array, dtype="uint8"))
    made.save(sink, format="PNG", compress_level=6)
    return sink.getvalue()
