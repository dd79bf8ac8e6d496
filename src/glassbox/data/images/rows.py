"""Pictures on their way into rows: each decoded once, found again by the name that a table gives it, and told of in notes."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from glassbox.data.images.cells import PictureError, cell_of, see
from glassbox.data.raw_table import FileTable
from glassbox.data.split import HOLDOUT_WORDS, TRAIN_WORDS

PICTURE, FOLDER, FILE, PART, BOXES, LABEL = "picture", "folder", "file", "part", "boxes", "label"
ENOUGH = 0.9  # of a column's values have to be pictures, or name some
TURNED_BOXES = "EXIF turns this picture, and its boxes may be of the unturned one"
ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff")
_OTHER_ENDINGS = (".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".ppm", ".pgm", ".ico", ".psd")
_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF"}
_MODES = {"RGB": "in RGB", "L": "in greys", "1": "in black and white", "P": "with a palette", "RGBA": "with transparency"}
_MODES |= {"LA": "in greys with transparency", "PA": "with a palette", "CMYK": "in CMYK", "I;16": "in greys of 16 bits"}
_WORDS = "|".join(sorted(TRAIN_WORDS | HOLDOUT_WORDS))
_PART = re.compile(rf"(?:(?:images?|imgs?|labels?|data)[-_ ]?)?({_WORDS})(?:[-_ ]?(?:images?|imgs?|set|data))?[-_ ]?[0-9]*")


@dataclass(frozen=True)
class Checked:
    """A picture that was decoded: its cell, or why there is none; how it was written; its size when seen upright."""

    cell: str = ""
    problem: str = ""
    format: str = ""
    mode: str = ""
    orientation: int = 1
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class PictureFile:
    """A file that holds a picture, or is called as if it did."""

    name: str
    size_bytes: int
    picture: Checked


@dataclass(frozen=True)
class NamedTable:
    """A table, the name that stands for where it came from, and how many files it was made of."""

    name: str
    size_bytes: int
    files: int
    table: FileTable


def checked(content: bytes) -> Checked:
    """A picture decoded in full, and let go again."""
    try:
        seen = see(content)
    except PictureError as error:
        return Checked(problem=str(error))
    return Checked(cell_of(content), "", seen.format, seen.mode, seen.orientation, seen.image.width, seen.image.height)


def called_picture(name: str) -> bool:
    """Whether a file's name ends as those of pictures do.

    >>> called_picture("a/B.JPG"), called_picture("a.csv")
    (True, False)
    """
    return name.lower().endswith((*ENDINGS, *_OTHER_ENDINGS))


def part_of(name: str) -> str | None:
    """The part that the nearest folder above a file says: train, val, test and the like.

    >>> part_of("shop/train/cats/1.jpg"), part_of("coco/val2017/1.jpg"), part_of("contest/1.jpg")
    ('train', 'val', None)
    """
    for folder in reversed(PurePosixPath(name).parts[:-1]):
        if match := _PART.fullmatch(folder.lower()):
            return match[1]
    return None


def part_told(name: str) -> str | None:
    """As `part_of`, or else as a word of the file's own name says.

    >>> part_told("annotations/instances_val2017.json"), part_told("train/labels.json"), part_told("labels.json")
    ('val', 'train', None)
    """
    words = re.split(r"[^a-z0-9]+", PurePosixPath(name).stem.lower())
    return part_of(name) or part_of("/".join([*words, ""]) + "file")


def common_name(names: Sequence[str]) -> str:
    """A name for many files: the folder that they all lie in.

    >>> common_name(["shop/a/1.jpg", "shop/b/1.jpg"]), common_name(["shop/a/1.jpg"]), common_name(["1.jpg", "2.jpg"])
    ('shop/', 'shop/a/1.jpg', 'pictures')
    """
    first, last = min(names), max(names)
    if first == last:
        return first
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[: first.rfind("/", 0, shared) + 1] or "pictures"


def written_as(pictures: Iterable[Checked]) -> str:
    """The formats of pictures, in words."""
    found = sorted({_FORMATS[one.format] for one in pictures if one.format})
    return f"pictures ({', '.join(found)})" if found else "pictures"


def notes_of(pictures: Sequence[Checked]) -> list[str]:
    """How many pictures EXIF turns, and how many are no RGB JPEG or PNG, of those that can be read."""
    notes = []
    readable = [one for one in pictures if not one.problem]
    turned = sum(one.orientation > 1 for one in readable)
    if turned:
        notes.append(f"EXIF turns {counted(turned)}; seen upright from here on.")
    invalid = sum(one.orientation == 0 for one in readable)
    if invalid:
        notes.append(f"EXIF says of {counted(invalid)} an orientation that there is not; taken as upright.")
    others = Counter((one.format, one.mode) for one in readable if one.format not in ("jpeg", "png") or one.mode != "RGB")
    if others:
        kinds = sorted(others.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{n:,} {_FORMATS[kind]} {_MODES.get(mode, mode)}" for (kind, mode), n in kinds[:6])
        more = f" and {sum(n for _, n in kinds[6:]):,} others" if len(kinds) > 6 else ""
        verb = "is" if others.total() == 1 else "are"
        notes.append(f"{counted(others.total())} {verb} not RGB in JPEG or PNG ({listed}{more}); seen in RGB from here on.")
    return notes


def counted(n: int, one: str = "picture") -> str:
    """A number of things, in words.

    >>> counted(1), counted(2_000, "box")
    ('1 picture', '2,000 boxes')
    """
    return f"1 {one}" if n == 1 else f"{n:,} {one}{'es' if one.endswith('x') else 's'}"


class Finder:
    """Finds picture files by the names that a table or a list of boxes gives them, whose folders may begin elsewhere.

    For all names together as many leading folders are passed over as it takes until nearly all of them are found; so a
    file that is not there is not taken for one of the same name in another folder.
    """

    def __init__(self, pictures: Sequence[PictureFile]) -> None:
        self._whole = {one.name: i for i, one in enumerate(pictures)}
        self._ends: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        for i, one in enumerate(pictures):
            parts = one.name.split("/")
            for start in range(len(parts)):
                _put(self._ends, "/".join(parts[start:]), i)
            _put(self._stems, parts[-1].rpartition(".")[0], i)

    def may_hold(self, names: Iterable[str | None]) -> bool:
        """Whether any of the names is that of a picture, its folders aside."""
        return any(_parts(name)[-1] in self._ends for name in names if name)

    def find(self, names: Sequence[str | None], folder: str) -> list[int | None]:
        """The position of the picture of each name, seen from `folder`; None where there is none, or more than one."""
        parts = [_parts(name) if name else [] for name in names]
        told = sum(bool(one) for one in parts)
        beside = [self._whole.get("/".join([*(p for p in (folder,) if p), *one])) if one else None for one in parts]
        best = beside
        for passed in range(max(map(len, parts), default=0)):
            if _found(best) >= ENOUGH * told:
                break
            found = [self._end(one[min(passed, len(one) - 1) :]) if one else None for one in parts]
            best = found if _found(found) > _found(best) else best
        return best

    def _end(self, parts: Sequence[str]) -> int | None:
        at = self._ends.get("/".join(parts), -1)
        return at if at >= 0 else None

    def find_stems(self, names: Sequence[str | None]) -> list[int | None] | None:
        """The position of the picture that is called so, its ending aside; None for names that may be anything else.

        They have to be all different, and those of half of the pictures at least: numbers are names of many things.
        """
        told = [name.strip() for name in names if name and name.strip()]
        at = [self._stems.get(name.strip(), -1) if name else -1 for name in names]
        positions = [i if i >= 0 else None for i in at]
        found = _found(positions)
        sound = 0 < ENOUGH * len(told) <= found and len(set(told)) == len(told) and 2 * found >= len(self._whole)
        return positions if sound else None


def _put(index: dict[str, int], key: str, position: int) -> None:
    index[key] = position if key not in index else -1  # -1: of several


def _parts(name: str) -> list[str]:
    """The folders and the name in a path, however slashes are written.

    >>> _parts("./a/b.jpg") == _parts("/a\\\\b.jpg ") == ["a", "b.jpg"]
    True
    """
    return [part for part in name.strip().replace("\\", "/").split("/") if part not in ("", ".")] or [""]


def _found(found: Iterable[int | None]) -> int:
    return sum(i is not None for i in found)
