"""The unit of a table: each row is a case of its own, as it arrived."""

from typing import TYPE_CHECKING

from glassbox.data.sources import Arrival
from glassbox.findings.model import Finding, Note

if TYPE_CHECKING:
    from glassbox.request.model import Request


def arrange(arrival: Arrival, request: "Request") -> tuple[Arrival, dict[str, Finding]]:
    """What arrived, as it is."""
    return arrival, {
        "unit": Note(title="A row is a case of its own.", say="Each is learnt from, and predicted, by itself.", tone="good")
    }
