"""Names and numbers as sentences say them: names from data on one line, shares in percent, intervals, lists."""

import math
import re
from collections.abc import Sequence
from typing import Any

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\s\u2028\u2029\u2066-\u2069\u202a-\u202e\ud800-\udfff\ufffe\uffff]+")

METRIC_LABELS = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "calibration_error": "calibration error",
    "f1": "F1",
    "map": "mean average precision",
    "map_50": "mean average precision at IoU 0.5",
    "map_75": "mean average precision at IoU 0.75",
    "log_loss": "log loss",
    "brier": "Brier score",
    "mase": "MASE",
    "rmsse": "RMSSE",
    "smape": "sMAPE",
    "pinball": "scaled pinball loss",
    "coverage": "coverage of 90 % intervals",
    "season_error": "error of a season's mean",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "latency": "p95 latency",
    "latency_p50": "p50 latency",
    "latency_p99": "p99 latency",
}


def number(value: Any, spec: str = "", unit: str = "") -> str:
    """A value as people read it: grouped thousands, three significant digits unless `spec` says otherwise.

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
    """How a metric is called in a sentence.

    >>> metric_label("roc_auc"), metric_label("balanced_accuracy")
    ('ROC-AUC', 'balanced accuracy')
    """
    return METRIC_LABELS.get(name, name.replace("_", " "))


def interval(low: float | None, high: float | None, spec: str = "") -> str:
    """A 95 % interval as it stands in a table.

    >>> interval(0.8334, 0.861), interval(None, None)
    ('0.833 – 0.861', '–')
    """
    return "–" if low is None or high is None else f"{number(low, spec)} – {number(high, spec)}"


def clean(text: Any) -> str:
    """A name from data as one line of text, for a sentence: no control characters or line ends, and no longer than 80 letters.

    A right-to-left name is isolated, so that the numbers beside it stay in their order; an empty one is said to be so.

    >>> clean("a\\n b"), clean(" ")
    ('a b', '(empty)')
    """
    return label(text, 80)


def label(text: Any, width: int = 26) -> str:
    """A name from data as `clean` makes it, for a drawing: shortened in its middle when it is longer than `width` letters.

    >>> label("number_of_customer_service_calls", 16)
    'number_of…_calls'
    """
    line = _CONTROL.sub(" ", str(text)).strip() or "(empty)"
    if len(line) > width:
        tail = (width - 1) * 2 // 5
        line = f"{line[: width - 1 - tail].rstrip()}…{line[-tail:].lstrip()}"
    return f"\u2068{line}\u2069" if _RTL.search(line) else line


def counted(n: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "trial"), counted(1200, "trial")
    ('1 trial', '1,200 trials')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def percent(share: float, digits: int = 0) -> str:
    """A share as people say it; never nought or all when it is not.

    >>> percent(0.265), percent(0.2654, 1), percent(0.0004), percent(0.9999)
    ('26 %', '26.5 %', 'under 1 %', 'over 99 %')
    """
    step = 10.0**-digits
    if 0 < share < 1 and round(100 * share, digits) in (0, 100):
        return f"under {step:.{digits}f} %" if share < 0.5 else f"over {100 - step:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def between(low: float | None, high: float | None, spec: str = "") -> str:
    """An interval in brackets, for a sentence; nothing when there is none.

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
    """A number in the little room that a drawing has: thousands as k, millions as M, thousand millions as G.

    >>> short(12500), short(2500), short(3e6), short(0.25)
    ('12.5k', '2,500', '3M', '0.25')
    """
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:.3g}{sign}"
    return f"{value:,g}"
