"""The unit of a table: each row is a case of its own, as it arrived."""

from typing import TYPE_CHECKING

from glassbox.data.sources import RawData
from glassbox.findings.model import Finding, Note

if TYPE_CHECKING:
    from glassbox.request.model import Request


def arrange(arrival: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """What arrived, as it is."""
    return arrival, {
        "unit": Note(title="A row is a case of its own.", say="Each is learnt from, and predicted, by itself.", tone="good")
    }
