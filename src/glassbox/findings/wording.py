"""Formatting of names and numbers for sentences, tables and figures: labels, percentages, intervals, lists."""

import math
import re
from collections.abc import Sequence
from typing import Any

from glassbox.metrics import METRICS

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\s\u2028\u2029\u2066-\u2069\u202a-\u202e\ud800-\udfff\ufffe\uffff]+")


def number(value: Any, spec: str = "", unit: str = "") -> str:
    """Format a value: thousands grouped, three significant digits unless `spec` is given, "–" for None.

    >>> number(1234), number(0.84512), number(None), number(0.25, ".0%"), number(12.0, unit="ms")
    ('1,234', '0.845', '–', '25\\xa0%', '12 ms')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, str):
        text = value
    elif spec:
        text = format(value, spec)
        text = f"{text[:-1]}\N{NO-BREAK SPACE}%" if text.endswith("%") else text
    elif isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        text = f"{int(value):,d}"
    else:
        size = abs(value)
        text = f"{value:,.0f}" if size >= 1000 else f"{value:.3g}" if size >= 1e-4 else f"{value:.1e}"
        text = f"{value:.3f}" if 0.1 <= size < 1 else text
    return f"{text} {unit}" if unit and unit != "%" else f"{text}{unit}"


def metric_label(name: str) -> str:
    """Return the display name of a metric; underscores become spaces in a name that is not in the metric table.

    >>> metric_label("roc_auc"), metric_label("mean_pinball_loss")
    ('ROC-AUC', 'mean pinball loss')
    """
    return METRICS[name].label if name in METRICS else name.replace("_", " ")


def interval(low: float | None, high: float | None, spec: str = "") -> str:
    """Format a 95 % interval for a table.

    >>> interval(0.8334, 0.861), interval(None, None)
    ('0.833 – 0.861', '–')
    """
    return "–" if low is None or high is None else f"{number(low, spec)} – {number(high, spec)}"


def clean(text: Any) -> str:
    """Return a name from data as one line for a sentence: without control characters, at most 80 characters long.

    A right-to-left name is isolated, so that the numbers next to it keep their order; an empty one becomes "(empty)".

    >>> clean("a\\n b"), clean(" ")
    ('a b', '(empty)')
    """
    return label(text, 80)


def label(text: Any, width: int = 26) -> str:
    """Return a name from data as `clean` does, for a figure: shortened in the middle to at most `width` characters.

    >>> label("number_of_customer_service_calls", 16)
    'number_of…_calls'
    """
    line = _CONTROL.sub(" ", str(text)).strip() or "(empty)"
    if len(line) > width:
        tail = (width - 1) * 2 // 5
        line = f"{line[: width - 1 - tail].rstrip()}…{line[-tail:].lstrip()}"
    return f"\u2068{line}\u2069" if _RTL.search(line) else line


def counted(n: int, what: str) -> str:
    """Format a count with its noun.

    >>> counted(1, "trial"), counted(1200, "trial")
    ('1 trial', '1,200 trials')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def singular(noun: str) -> str:
    """Return the singular of the noun for a row: `data.row` without its plural.

    >>> singular("customer"), singular("person/people")
    ('customer', 'person')
    """
    return noun.partition("/")[0]


def plural(noun: str, default: str = "rows") -> str:
    """Return the plural of the noun for a row, by the regular rules of English or as written after a slash.

    `default` is returned for `row`, the default of `data.row`.

    >>> [plural(noun) for noun in ("customer", "company", "day", "box", "phone call", "person/people")]
    ['customers', 'companies', 'days', 'boxes', 'phone calls', 'people']
    >>> plural("row", "texts")
    'texts'
    """
    if noun == "row":
        return default
    one, _, several = noun.partition("/")
    if several:
        return several
    if re.search(r"[^aeiou]y$", one, re.IGNORECASE):
        return f"{one[:-1]}ies"
    return f"{one}es" if re.search(r"(s|x|z|ch|sh)$", one, re.IGNORECASE) else f"{one}s"


def percent(share: float, digits: int = 0) -> str:
    """Format a share in percent; a share above 0 is never rounded to 0 %, and one below 1 never to 100 %.

    >>> percent(0.265), percent(0.2654, 1), percent(0.0004), percent(0.9999)
    ('26 %', '26.5 %', 'under 1 %', 'over 99 %')
    """
    step = 10.0**-digits
    if 0 < share < 1 and round(100 * share, digits) in (0, 100):
        return f"under {step:.{digits}f} %" if share < 0.5 else f"over {100 - step:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def reach_sentence(share: float, reach: float, rows: str, positives: str, act: str = "calling") -> str:
    """Return a sentence on the share of rows to act on, highest scores first, to reach a share of the positives.

    >>> reach_sentence(0.34, 0.7, "customers", "those with Churn = Yes")
    'Calling the 34 % of customers with the highest scores reaches 70 % of those with Churn = Yes. Chosen at random, it would take 70 % of customers.'
    >>> reach_sentence(0.71, 0.7, "customers", "those with Churn = Yes")
    'The ranking does not help: reaching 70 % of those with Churn = Yes takes calling 71 % of customers.'
    """
    if share >= reach:
        return f"The ranking does not help: reaching {percent(reach)} of {positives} takes {act} {percent(share)} of {rows}."
    text = f"{act} the {percent(share)} of {rows} with the highest scores reaches {percent(reach)} of {positives}."
    return f"{text[0].upper()}{text[1:]} Chosen at random, it would take {percent(reach)} of {rows}."


def between(low: float | None, high: float | None, spec: str = "") -> str:
    """Format a 95 % interval in brackets for a sentence; empty without an interval.

    >>> between(0.83, 0.86), between(None, None)
    (' (95 % interval 0.830 to 0.860)', '')
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f" (95 % interval {number(float(low), spec)} to {number(float(high), spec)})"


def join_names(names: Sequence[str], most: int = 3) -> str:
    """Join names for a sentence; beyond `most` names, the rest are counted.

    >>> join_names(["a", "b", "c"]), join_names(["a", "b", "c", "d", "e"]), join_names([])
    ('a, b and c', 'a, b, c and 2 more', '')
    """
    if not names:
        return ""
    if len(names) > most + 1:
        names = [*names[:most], f"{len(names) - most} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def short(value: float) -> str:
    """Format a number briefly for a figure: thousands as k, millions as M, billions as G.

    >>> short(12500), short(2500), short(3e6), short(0.25)
    ('12.5k', '2,500', '3M', '0.25')
    """
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:.3g}{sign}"
    return f"{value:,g}"
