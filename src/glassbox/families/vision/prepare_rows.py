"""The unit of pictures: each picture is a case of its own. What arrived is described; pictures that look alike are found."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.images.cells import content_of, decoded, orientation
from glassbox.data.sources import RawData
from glassbox.data.target_checks import is_missing
from glassbox.errors import DataError
from glassbox.families.vision.near_duplicates import alike
from glassbox.findings.model import Cell, Facts, Finding
from glassbox.findings.wording import number

if TYPE_CHECKING:
    from glassbox.request.model import Request

URI = "data:image/"
LOOKED_AT = 200  # pictures whose sizes are told


def prepare_rows(arrival: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """Rows without a picture are set aside; the others stay as they are."""
    if not len(arrival.cells):
        return arrival, {}
    column = column_of(arrival.cells, request)
    arrival = arrival.exclude(is_missing(arrival.cells[column]), "there is no picture")
    return arrival, {"unit": _facts(arrival.cells[column].tolist(), column)}


def column_of(cells: pd.DataFrame, request: "Request") -> str:
    """The column that holds the pictures, before there is a schema: the one named, else the only one.

    Raises
    ------
    DataError
        When there is none, or more than one.
    """
    names = [name for name in map(str, cells.columns) if not request.data.features or name in request.data.features]
    found = [name for name in names if _holds_pictures(cells[name])]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(f"data.features: {', '.join(map(repr, found))} all hold pictures; name the one to look at.")
    shown = ", ".join(map(repr, names[:8]))
    raise DataError(
        f"data.features: no column holds pictures. Columns: {shown}. Expected pictures as bytes or in base64, or the paths of "
        "picture files that `data.path` names too."
    )


def _holds_pictures(column: pd.Series) -> bool:
    values = [value for value in column.head(LOOKED_AT).tolist() if isinstance(value, str) and value.strip()]
    return bool(values) and all(value.startswith(URI) for value in values)


def _facts(cells: list[str], column: str) -> Facts:
    step = max(1, len(cells) // LOOKED_AT)
    contents = [content_of(cell) for cell in cells[::step]]
    sizes = np.array([decoded(content).size for content in contents])
    turned = sum(orientation(content) > 1 for content in contents)
    kinds = sorted({cell[len(URI) :].partition(";")[0].upper() for cell in cells})
    middle = np.median(sizes, axis=0)
    facts: dict[str, Cell] = {
        "read from": column,
        "pictures": len(cells),
        "written as": ", ".join(kinds),
        "width, median": f"{middle[0]:.0f} pixels",
        "height, median": f"{middle[1]:.0f} pixels",
        "smallest": f"{sizes.prod(axis=1).min() / 1e6:.3g} million pixels",
        "largest": f"{sizes.prod(axis=1).max() / 1e6:.3g} million pixels",
        "turned upright, as the camera said": number(turned / max(1, len(contents)), ".1%"),
    }
    say = f"Each picture is a case of its own: {len(cells):,} of them, {middle[0]:.0f} × {middle[1]:.0f} pixels at the median."
    return Facts(title="A picture is a case", say=say, facts=facts)


def near_duplicate_groups(cells: pd.DataFrame, request: "Request") -> npt.NDArray[np.object_]:
    """A name for each row, the same for pictures that look nearly the same."""
    return alike([value or "" for value in cells[column_of(cells, request)].tolist()])
