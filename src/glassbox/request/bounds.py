"""Parsers for bounds on metrics (`>95%`, `<0.2s`) and for numbers of rows (`7K rows`)."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

Op = Literal[">", ">=", "<", "<="]

_PERCENT, _MS_PER_SECOND = Decimal(100), Decimal(1000)
_BOUND = re.compile(r"(>=|<=|>|<|≥|≤)?\s*([+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?)\s*(%|ms|s)?", re.ASCII)
_OPS: dict[str, Op] = {">": ">", ">=": ">=", "≥": ">=", "<": "<", "<=": "<=", "≤": "<="}
_SIZE = re.compile(
    r"(\d{1,3}(?:,\d{3})+|\d{1,15})(\.\d{1,15})?\s*([KMB])?(?:\s*(?:rows?|records?|lines?))?", re.IGNORECASE | re.ASCII
)
_FACTORS = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000}


class Bound(BaseModel):
    """A bound on a metric: `>95%` is `Bound(op=">", value=0.95)`; `<0.2s` is `Bound(op="<", value=200, unit="ms")`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    op: Op
    value: FiniteFloat
    unit: Literal["", "ms"] = ""
    text: str = ""  # as the user wrote it

    @model_validator(mode="before")
    @classmethod
    def _with_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return cls.parse(value).model_dump()
            except ValueError as error:
                raise PydanticCustomError("glassbox", "{expected}", {"expected": str(error)}) from error
        if isinstance(value, Mapping) and not value.get("text") and isinstance(value.get("value"), (int, float)):
            return {**value, "text": f"{value.get('op')}{_shortest(value['value'])}{value.get('unit', '')}"}
        return value

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a bound; percentages become shares, seconds become milliseconds.

        Raises
        ------
        ValueError
            When `text` is not a bound; the message says what was expected.

        Examples
        --------
        >>> bound = Bound.parse(">95%")
        >>> bound.op, bound.value, bound.unit
        ('>', 0.95, '')
        >>> Bound.parse("< 0.2s").value, Bound.parse("< 0.2s").unit
        (200.0, 'ms')
        """
        match = _BOUND.fullmatch(text.strip())
        if match is None:
            raise ValueError("expected a bound such as '>95%', '>=0.9' or '<100ms'")
        sign, digits, unit = match.groups()
        if sign is None:
            raise ValueError(f"expected a bound that begins with >, >=, < or <=, such as '>={text.strip()}'")
        value = Decimal(digits)
        value = value / _PERCENT if unit == "%" else value * _MS_PER_SECOND if unit == "s" else value
        if not math.isfinite(float(value)):
            raise ValueError("expected a bound with a finite number")
        return cls(op=_OPS[sign], value=float(value), unit="ms" if unit in ("ms", "s") else "", text=text.strip())

    @property
    def upward(self) -> bool:
        """True for a lower bound (`>`, `>=`), which higher values meet."""
        return self.op in (">", ">=")

    def holds(self, value: float) -> bool:
        """Return whether `value`, in the unit of the bound, meets the bound.

        >>> Bound.parse(">=90%").holds(0.9), Bound.parse(">90%").holds(0.9)
        (True, False)
        """
        match self.op:
            case ">":
                return value > self.value
            case ">=":
                return value >= self.value
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value

    def verdict(
        self, value: float | None, low: float | None = None, high: float | None = None
    ) -> Literal["met", "not met", "not proven"]:
        """Return whether an estimate with its interval meets the bound.

        Parameters
        ----------
        value, low, high
            The estimate and the ends of its interval, in the unit of the bound. None and NaN mean unknown: without a value
            the verdict is `not proven`; an unknown end is replaced by the value.

        Returns
        -------
        str
            `met` when both ends of the interval meet the bound, `not met` when neither does, else `not proven`.

        Examples
        --------
        >>> bound = Bound.parse(">80%")
        >>> bound.verdict(0.84, 0.82, 0.86), bound.verdict(0.81, 0.79, 0.83), bound.verdict(0.75, 0.73, 0.77)
        ('met', 'not proven', 'not met')
        """
        if value is None or math.isnan(value):
            return "not proven"
        ends = [value if end is None or math.isnan(end) else end for end in (low, high)]
        held = [self.holds(end) for end in ends]
        return "met" if all(held) else "not proven" if any(held) else "not met"

    def __str__(self) -> str:
        return self.text


def _shortest(number: float) -> str:
    return repr(float(number)).removesuffix(".0")


def parse_size(text: str) -> int:
    """Parse a number of rows.

    Raises
    ------
    ValueError
        When `text` is not a number of rows; the message says what was expected.

    Examples
    --------
    >>> parse_size("7K rows"), parse_size("1.2M"), parse_size("7,043")
    (7000, 1200000, 7043)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a number of rows such as '7K rows', '1.2M' or '7043'")
    whole, fraction, scale = match.groups()
    rows = round(Decimal(whole.replace(",", "") + (fraction or "")) * _FACTORS[(scale or "").upper()])
    if rows < 1:
        raise ValueError("expected at least one row")
    return rows


def size_matches(expected: int, actual: int) -> bool:
    """Return whether the actual number of rows is within a factor of two of the expected one.

    >>> size_matches(7000, 3500), size_matches(7000, 14001)
    (True, False)
    """
    return expected <= 2 * actual and actual <= 2 * expected
