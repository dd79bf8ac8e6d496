"""Preparation of image rows: quarantine of rows without an image, image statistics, and near-duplicate groups."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.images.cells import content_of, decoded, orientation
from glassbox.data.sources import RawData
from glassbox.data.target_checks import is_missing
from glassbox.errors import DataError
from glassbox.families.vision import near_duplicates
from glassbox.findings.model import Cell, Facts, Finding
from glassbox.findings.wording import number

if TYPE_CHECKING:
    from glassbox.request.model import Request

URI = "data:image/"
SAMPLE = 200  # images whose sizes are reported


def prepare_rows(arrival: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """Quarantine the rows without an image and leave the others unchanged."""
    if not len(arrival.cells):
        return arrival, {}
    column = find_picture_column(arrival.cells, request)
    arrival = arrival.exclude(is_missing(arrival.cells[column]), "there is no picture")
    return arrival, {"unit": _facts(arrival.cells[column].tolist(), column)}


def find_picture_column(cells: pd.DataFrame, request: "Request") -> str:
    """Return the image column of raw data, before a schema is inferred: the requested one, or the only one.

    Raises
    ------
    DataError
        When there is none, or more than one.
    """
    names = [name for name in map(str, cells.columns) if not request.data.features or name in request.data.features]
    matches = [name for name in names if _holds_pictures(cells[name])]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DataError(f"data.features: {', '.join(map(repr, matches))} all hold pictures; name the one to use.")
    shown = ", ".join(map(repr, names[:8]))
    raise DataError(
        f"data.features: no column holds pictures. Columns: {shown}. Expected pictures as bytes or in base64, or the paths of "
        "picture files that `data.path` also includes."
    )


def _holds_pictures(column: pd.Series) -> bool:
    values = [value for value in column.head(SAMPLE).tolist() if isinstance(value, str) and value.strip()]
    return bool(values) and all(value.startswith(URI) for value in values)


def _facts(cells: list[str], column: str) -> Facts:
    step = max(1, len(cells) // SAMPLE)
    contents = [content_of(cell) for cell in cells[::step]]
    sizes = np.array([decoded(content).size for content in contents])
    rotated = sum(orientation(content) > 1 for content in contents)
    formats = sorted({cell[len(URI) :].partition(";")[0].upper() for cell in cells})
    median = np.median(sizes, axis=0)
    facts: dict[str, Cell] = {
        "column": column,
        "pictures": len(cells),
        "formats": ", ".join(formats),
        "width, median": f"{median[0]:.0f} pixels",
        "height, median": f"{median[1]:.0f} pixels",
        "smallest": f"{sizes.prod(axis=1).min() / 1e6:.3g} million pixels",
        "largest": f"{sizes.prod(axis=1).max() / 1e6:.3g} million pixels",
        "rotated upright by EXIF": number(rotated / max(1, len(contents)), ".1%"),
    }
    say = f"Each row is one picture: {len(cells):,} pictures, {median[0]:.0f} × {median[1]:.0f} pixels at the median."
    return Facts(title="Images", say=say, facts=facts)


def near_duplicate_groups(cells: pd.DataFrame, request: "Request") -> npt.NDArray[np.object_]:
    """Return the near-duplicate group of each row."""
    return near_duplicates.near_duplicate_groups([value or "" for value in cells[find_picture_column(cells, request)].tolist()])
