"""Class balance: shares of the classes and their bar chart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.families.shared.plotting import named_bars, wilson
from glassbox.findings.evidence import ClassBalanceEvidence
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import drawing, style
from glassbox.findings.svg import ACCENT, SOFT
from glassbox.findings.wording import between, clean, label, percent


def shares(names: Sequence[str], counts: npt.NDArray[np.integer[Any]]) -> pd.DataFrame:
    """Return ``class``, ``n``, ``share``, ``low`` and ``high`` (Wilson interval) of each class, the most frequent first."""
    low, high = wilson(counts, np.full(len(counts), counts.sum()))
    table = pd.DataFrame({"class": list(names), "n": counts, "share": counts / counts.sum(), "low": low, "high": high})
    return table.sort_values(["n", "class"], ascending=[False, True], kind="stable", ignore_index=True)


def target_balance(
    table: pd.DataFrame, target: str, positive: str, most: int = 15, *, kinds: str = "classes", units: str = "rows"
) -> Figure:
    """Draw the share of each class.

    Parameters
    ----------
    table
        One row per class, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``.
    target, positive
        Name of the target, and the positive class.
    most
        Maximum number of bars; the remaining classes are drawn as one bar.
    kinds, units
        Plural nouns for classes and rows.
    """
    shown = table.head(most)
    if len(table) > most:
        rest = table.iloc[most:]
        remaining = pd.DataFrame({"class": [f"{len(rest)} more"], "n": [rest["n"].sum()], "share": [rest["share"].sum()]})
        shown = pd.concat([shown, remaining], ignore_index=True)
    names, share = [str(name) for name in shown["class"]], shown["share"].to_numpy(dtype=float)
    binary = len(table) == 2
    with style():
        canvas = named_bars(
            names,
            share,
            [f"{percent(s)} · {n:,d}" for s, n in zip(share, shown["n"], strict=True)],
            f"share of {units} by {label(target)}",
            colors=[ACCENT if name == positive and binary else SOFT for name in names],
            strong=names.index(positive) if binary and positive in names else None,
            extra=0.55,
            step=0.36,
        )
        top, last, total = table.iloc[0], table.iloc[-1], int(table["n"].sum())
        if binary:
            of_positive = table[table["class"] == positive].iloc[0]
            interval = between(100 * of_positive["low"], 100 * of_positive["high"], ".1f")
            say = (
                f"{clean(target)} is {clean(positive)} in {percent(of_positive['share'], 1)} of {total:,d} rows{interval}; predicting "
                f"{clean(top['class'])} for every row would be correct for {percent(top['share'], 1)} of them."
            )
        else:
            say = (
                f"{clean(target)} has {len(table)} {kinds} in {total:,d} {units}, from {clean(top['class'])} ({percent(top['share'], 1)}) "
                f"to {clean(last['class'])} ({int(last['n']):,d} {units})."
            )
        rows = "; ".join(f"{clean(n)} {percent(s, 1)} ({c:,d} {units})" for n, s, c in zip(names, share, shown["n"], strict=True))
        drawn = drawing(canvas, "Class balance", say=say, alt=f"Bars of the share of each class of {clean(target)}: {rows}.")
    shares = dict(zip(table["class"].astype(str), table["share"].astype(float), strict=True))
    return drawn.model_copy(update={"evidence": ClassBalanceEvidence(class_shares=shares)})
