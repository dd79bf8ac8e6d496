"""Picture files as rows: validation, look-up by the names in tables and annotation files, and notes on conversions."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from glassbox.data.images.cells import PictureError, cell_of, decode_with_info
from glassbox.data.raw_table import FileTable
from glassbox.data.split import HOLDOUT_WORDS, TRAIN_WORDS

PICTURE, FOLDER, FILE, PART, BOXES, LABEL = "picture", "folder", "file", "part", "boxes", "label"
MIN_PICTURE_SHARE = 0.9  # of a column's values must be pictures, or names of pictures
ROTATED_BOXES = "EXIF rotates this picture, and its boxes may refer to the unrotated one"
ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff")
_OTHER_ENDINGS = (".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".ppm", ".pgm", ".ico", ".psd")
_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF"}
_MODES = {"RGB": "in RGB", "L": "in greyscale", "1": "in black and white", "P": "with a palette", "RGBA": "with transparency"}
_MODES |= {"LA": "in greyscale with transparency", "PA": "with a palette", "CMYK": "in CMYK", "I;16": "in 16-bit greyscale"}
_WORDS = "|".join(sorted(TRAIN_WORDS | HOLDOUT_WORDS))
_PART = re.compile(rf"(?:(?:images?|imgs?|labels?|data)[-_ ]?)?({_WORDS})(?:[-_ ]?(?:images?|imgs?|set|data))?[-_ ]?[0-9]*")


@dataclass(frozen=True)
class CheckedPicture:
    """A picture that was decoded once: its cell, or the problem with it; its format, mode and orientation; its size in pixels, upright."""

    cell: str = ""
    problem: str = ""
    format: str = ""
    mode: str = ""
    orientation: int = 1
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class PictureFile:
    """A file that contains a picture, or has the extension of one."""

    name: str
    size_bytes: int
    picture: CheckedPicture


@dataclass(frozen=True)
class NamedTable:
    """A table with the name of its source (a file, or a folder of files), its size and its number of files."""

    name: str
    size_bytes: int
    files: int
    table: FileTable


def check_picture(content: bytes) -> CheckedPicture:
    """Decode a picture in full to validate it; the pixels are not kept in memory."""
    try:
        image, form, mode, orientation = decode_with_info(content)
    except PictureError as error:
        return CheckedPicture(problem=str(error))
    return CheckedPicture(cell_of(content), "", form, mode, orientation, image.width, image.height)


def has_picture_extension(name: str) -> bool:
    """Return whether a file name has the extension of a picture.

    >>> has_picture_extension("a/B.JPG"), has_picture_extension("a.csv")
    (True, False)
    """
    return name.lower().endswith((*ENDINGS, *_OTHER_ENDINGS))


def part_from_folder(name: str) -> str | None:
    """Read the part of a split (train, val, test, ...) from the nearest folder above a file that names one.

    >>> part_from_folder("shop/train/cats/1.jpg"), part_from_folder("coco/val2017/1.jpg"), part_from_folder("contest/1.jpg")
    ('train', 'val', None)
    """
    for folder in reversed(PurePosixPath(name).parts[:-1]):
        if match := _PART.fullmatch(folder.lower()):
            return match[1]
    return None


def part_from_path(name: str) -> str | None:
    """Read the part of a split from the folders above a file, or else from a word of its name.

    >>> part_from_path("annotations/instances_val2017.json"), part_from_path("train/labels.json"), part_from_path("labels.json")
    ('val', 'train', None)
    """
    words = re.split(r"[^a-z0-9]+", PurePosixPath(name).stem.lower())
    return part_from_folder(name) or part_from_folder("/".join([*words, ""]) + "file")


def common_folder(names: Sequence[str]) -> str:
    """Name many files by the folder that holds them all; a single file by its own name.

    >>> common_folder(["shop/a/1.jpg", "shop/b/1.jpg"]), common_folder(["shop/a/1.jpg"]), common_folder(["1.jpg", "2.jpg"])
    ('shop/', 'shop/a/1.jpg', 'pictures')
    """
    first, last = min(names), max(names)
    if first == last:
        return first
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[: first.rfind("/", 0, shared) + 1] or "pictures"


def describe_formats(pictures: Iterable[CheckedPicture]) -> str:
    """Name the file formats of pictures."""
    formats = sorted({_FORMATS[picture.format] for picture in pictures if picture.format})
    return f"pictures ({', '.join(formats)})" if formats else "pictures"


def picture_notes(pictures: Sequence[CheckedPicture]) -> list[str]:
    """Report the number of pictures that are rotated by EXIF or converted to RGB."""
    notes = []
    readable = [picture for picture in pictures if not picture.problem]
    rotated = sum(picture.orientation > 1 for picture in readable)
    if rotated:
        notes.append(f"{counted(rotated)} {was(rotated)} rotated upright by the EXIF orientation.")
    invalid = sum(picture.orientation == 0 for picture in readable)
    if invalid:
        notes.append(f"{counted(invalid)} {'has' if invalid == 1 else 'have'} an invalid EXIF orientation; read as upright.")
    others = Counter((p.format, p.mode) for p in readable if p.format not in ("jpeg", "png") or p.mode != "RGB")
    if others:
        kinds = sorted(others.items(), key=lambda item: (-item[1], item[0]))
        most_common = ", ".join(f"{n:,} {_FORMATS[form]} {_MODES.get(mode, mode)}" for (form, mode), n in kinds[:6])
        more = f" and {sum(n for _, n in kinds[6:]):,} others" if len(kinds) > 6 else ""
        verb = "is" if others.total() == 1 else "are"
        notes.append(f"{counted(others.total())} {verb} not RGB JPEG or PNG ({most_common}{more}); converted to RGB.")
    return notes


def was(n: int) -> str:
    """Return the verb for `n` things."""
    return "was" if n == 1 else "were"


def counted(n: int, noun: str = "picture") -> str:
    """Write a number with its noun in the singular or plural.

    >>> counted(1), counted(2_000, "box")
    ('1 picture', '2,000 boxes')
    """
    return f"1 {noun}" if n == 1 else f"{n:,} {noun}{'es' if noun.endswith('x') else 's'}"


class PictureIndex:
    """Index of picture files by name, for tables and annotation files whose paths may start at another folder.

    The same number of leading folders is dropped from all names, as few as needed to match nearly all of them. So a file that
    is absent is not confused with a file of the same name in another folder.
    """

    def __init__(self, pictures: Sequence[PictureFile]) -> None:
        self._by_path = {file.name: i for i, file in enumerate(pictures)}
        self._by_ending: dict[str, int] = {}
        self._by_stem: dict[str, int] = {}
        for i, file in enumerate(pictures):
            parts = file.name.split("/")
            for start in range(len(parts)):
                _put(self._by_ending, "/".join(parts[start:]), i)
            _put(self._by_stem, parts[-1].rpartition(".")[0], i)

    def contains_any(self, names: Iterable[str | None]) -> bool:
        """Return whether any of the names, without its folders, is the name of a picture."""
        return any(_parts(name)[-1] in self._by_ending for name in names if name)

    def lookup(self, names: Sequence[str | None], folder: str) -> list[int | None]:
        """Return the position of the picture of each name, relative to `folder`; None where no or several pictures match."""
        parts = [_parts(name) if name else [] for name in names]
        named = sum(bool(path) for path in parts)
        best = [self._by_path.get("/".join([*(p for p in (folder,) if p), *path])) if path else None for path in parts]
        for dropped in range(max(map(len, parts), default=0)):
            if _matches(best) >= MIN_PICTURE_SHARE * named:
                break
            positions = [self._with_ending(path[min(dropped, len(path) - 1) :]) if path else None for path in parts]
            best = positions if _matches(positions) > _matches(best) else best
        return best

    def _with_ending(self, parts: Sequence[str]) -> int | None:
        position = self._by_ending.get("/".join(parts), -1)
        return position if position >= 0 else None

    def lookup_stems(self, names: Sequence[str | None]) -> list[int | None] | None:
        """Return the position of the picture of each name without extension; None when the names may mean something else.

        Names count only when all of them differ and they match at least half of the pictures, because plain numbers name many things.
        """
        filled = [name.strip() for name in names if name and name.strip()]
        matches = [self._by_stem.get(name.strip(), -1) if name else -1 for name in names]
        positions = [i if i >= 0 else None for i in matches]
        n = _matches(positions)
        plausible = 0 < MIN_PICTURE_SHARE * len(filled) <= n and len(set(filled)) == len(filled) and 2 * n >= len(self._by_path)
        return positions if plausible else None


def _put(index: dict[str, int], key: str, position: int) -> None:
    index[key] = position if key not in index else -1  # -1: ambiguous


def _parts(name: str) -> list[str]:
    """Split a path into folders and name, with slashes or backslashes.

    >>> _parts("./a/b.jpg") == _parts("/a\\\\b.jpg ") == ["a", "b.jpg"]
    True
    """
    return [part for part in name.strip().replace("\\", "/").split("/") if part not in ("", ".")] or [""]


def _matches(positions: Iterable[int | None]) -> int:
    return sum(i is not None for i in positions)
