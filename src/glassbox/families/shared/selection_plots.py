"""Figures of model selection: leaderboard, optimisation history, hyperparameter importance."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from glassbox.families.shared.plotting import (
    Floats,
    dots,
    mark_value,
    minimal_axes,
    name_rows,
    named_bars,
    rows_canvas,
    side_values,
)
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, SOFT
from glassbox.findings.wording import between, clean, counted, join_names, label, metric_label, number, percent
from glassbox.metrics import higher_is_better

Bools = npt.NDArray[np.bool_]


def leaderboard_plot(table: pd.DataFrame, metric: str, bound: float | None = None) -> Figure:
    """Plot the score of each candidate with its interval, best first.

    Parameters
    ----------
    table
        One row per candidate: ``candidate``, ``value``, ``low``, ``high``. A candidate that failed has no value and is labelled as failed.
    metric
        The metric's name, as in a request.
    bound
        The bound of the request on this metric, drawn as a dashed line.
    """
    more = higher_is_better(metric)
    table = table.sort_values(["value", "candidate"], ascending=[not more, True], na_position="last", kind="stable")
    names = [str(name) for name in table["candidate"]]
    value, low, high = (table[column].to_numpy(dtype=float) for column in ("value", "low", "high"))
    low, high = np.where(np.isfinite(low), low, value), np.where(np.isfinite(high), high, value)
    done = np.isfinite(value)
    colors = [ACCENT if i == 0 else SOFT for i in range(len(names))]
    with style():
        canvas, axes = rows_canvas(len(names), extra=0.85 if bound is None else 1.0)
        left, right = _window(value[done], low[done], high[done], bound, more)
        axes.set_xlim(left, right)
        seen = done & (value >= left) & (value <= right)
        dots(axes, np.where(seen, value, np.nan), low.clip(left, right), high.clip(left, right), colors)
        for i in np.flatnonzero(done & ~seen):
            axes.plot(
                [left + 0.02 * (right - left) if value[i] < left else right],
                [i],
                "<" if value[i] < left else ">",
                color=SOFT,
                markersize=5,
            )
        name_rows(axes, names, strong=0 if done.any() else None)
        side_values(
            axes,
            [number(float(v)) if ok else "failed" for v, ok in zip(value, done, strict=True)],
            [INK if ok else SOFT for ok in done],
        )
        axes.set_xlabel(f"{metric_label(metric)} over folds, with 95 % interval ({'higher' if more else 'lower'} is better)")
        if bound is not None:
            mark_value(axes, bound, f"required: {number(bound)}")
        rows = [
            f"{clean(n)} {number(float(v))}{between(a, b)}" if ok else f"{clean(n)} failed"
            for n, v, a, b, ok in zip(names, value, low, high, done, strict=True)
        ]
        asked = "" if bound is None else f" A dashed line marks the required value, {number(bound)}."
        return drawing(
            canvas,
            "Leaderboard",
            say=_leader(names, value, low, high, done, metric, bound, more),
            alt=f"Candidates by {metric_label(metric)}: {'; '.join(rows)}.{asked}",
        )


def _window(value: Floats, low: Floats, high: Floats, bound: float | None, more: bool) -> tuple[float, float]:
    """Return the axis range that covers the candidates near the best, so that poor ones do not compress the rest."""
    if not len(value):
        return 0.0, 1.0
    near = np.argsort(-value if more else value, kind="stable")[: max(2, int(np.ceil(0.7 * len(value))))]
    ends = [low[near].min(), high[near].max(), *([] if bound is None else [bound])]
    span = (max(ends) - min(ends)) or abs(value[0]) or 1.0
    left, right = min(ends) - 0.12 * span, max(ends) + 0.12 * span
    if low.min() > left - 1.5 * span and high.max() < right + 1.5 * span:
        left, right = min(left, low.min() - 0.06 * span), max(right, high.max() + 0.06 * span)
    return float(left), float(right)


def _leader(
    names: list[str], value: Floats, low: Floats, high: Floats, done: Bools, metric: str, bound: float | None, more: bool
) -> str:
    if not done.any():
        return "No candidate could be fitted."
    ties = [clean(names[i]) for i in range(1, len(names)) if done[i] and (high[i] >= low[0] if more else low[i] <= high[0])]
    say = f"{clean(names[0])} leads with {metric_label(metric)} {number(float(value[0]))}{between(low[0], high[0])}"
    if ties:
        say += f"; the interval{'s' if len(ties) > 1 else ''} of {join_names(ties)} overlap{'' if len(ties) > 1 else 's'} with its own."
    else:
        say += "." if done.sum() == 1 else ", clear of all others."
    if bound is not None:
        enough = int(((value > bound) if more else (value < bound))[done].sum())
        say += f" {enough} of {int(done.sum())} {'reach' if enough != 1 else 'reaches'} the requirement, {number(bound)}."
    failed = int((~done).sum())
    return say + (f" {failed} failed." if failed else "")


def tuning_plot(trials: pd.DataFrame, metric: str = "score", default: float | None = None) -> Figure:
    """Plot the score of each trial and the best so far.

    Parameters
    ----------
    trials
        One row per trial: ``number``, ``value`` (missing when the trial failed), ``best`` (the best so far).
    metric
        The metric's name, as in a request.
    default
        The score of the default hyperparameters, drawn as a dashed line.
    """
    trials = trials.sort_values("number", kind="stable")
    at = trials["number"].to_numpy(dtype=float) + (1 if len(trials) and trials["number"].min() == 0 else 0)
    value, best = trials["value"].to_numpy(dtype=float), trials["best"].to_numpy(dtype=float)
    done = np.isfinite(value)
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.5))
        axes = canvas.subplots()
        minimal_axes(axes, grid="y")
        axes.plot(at[done], value[done], "o", color=SOFT, alpha=0.55, markersize=4, markeredgewidth=0)
        axes.step(at, best, where="post", color=ACCENT, linewidth=2)
        if done.any():
            _zoom(axes, value[done], [best[-1], *([] if default is None else [default])])
            axes.annotate(
                "best so far",
                (at[-1], best[-1]),
                xytext=(0, 6 if higher_is_better(metric) else -13),
                textcoords="offset points",
                ha="right",
                color=ACCENT,
            )
        if default is not None:
            axes.axhline(default, color=INK, linewidth=1, linestyle=(0, (3, 3)))
            axes.annotate(
                "untuned",
                (1, default),
                xycoords=axes.get_yaxis_transform(),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=INK,
                annotation_clip=False,
            )
        axes.set_xlabel("trial")
        axes.set_ylabel(metric_label(metric))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        say = _course(at, value, best, done, metric, default)
        return drawing(
            canvas,
            "Optimisation history",
            say=say,
            alt=f"The score of each of {counted(len(at), 'trial')} as dots and the best so far as a rising step line. {say}",
        )


def _zoom(axes: Axes, value: Floats, keep: list[float]) -> None:
    """Limit the axis to the better half of the trials; worse trials may fall outside."""
    low, high = np.quantile(value, [0.1, 0.9])
    low, high = min(low, *keep), max(high, *keep)
    pad = 0.25 * ((high - low) or abs(high) or 1.0)
    axes.set_ylim(max(low - pad, min(value.min(), *keep) - pad), min(high + pad, max(value.max(), *keep) + pad))


def _course(at: Floats, value: Floats, best: Floats, done: Bools, metric: str, default: float | None) -> str:
    if not done.any():
        return "No trial could be finished."
    peak = best[-1]
    first = int(np.flatnonzero(done & (value == peak))[0]) if (value == peak).any() else int(np.flatnonzero(best == peak)[0])
    say = f"The best of {counted(int(done.sum()), 'trial')} was number {int(at[first])}, with {metric_label(metric)} {number(float(peak))}"
    idle = len(at) - first - 1
    say += f"; the {idle} after it found nothing better." if idle > 1 else "."
    if default is not None:
        gain = peak - default if higher_is_better(metric) else default - peak
        say += (
            f" Untuned it was {number(float(default))}." if gain > 0 else f" No trial beat the untuned {number(float(default))}."
        )
    failed = int((~done).sum())
    return say + (f" {failed} failed." if failed else "")


def importances_plot(importances: Mapping[str, float]) -> Figure:
    """Plot the share of the variance between trials that each hyperparameter explains; the shares sum to one."""
    ranked = sorted(importances.items(), key=lambda item: (-item[1], item[0]))
    names, share = [name for name, _ in ranked], np.array([value for _, value in ranked], dtype=float)
    with style():
        canvas = named_bars(
            names,
            share,
            [percent(float(s)) for s in share],
            "share of the variance between trials",
            colors=[ACCENT, *[SOFT] * len(names)][: len(names)],
            strong=0 if names else None,
        )
        say = "No hyperparameter was searched."
        if names:
            strong = [label(n, 40) for n, s in ranked if s >= 0.2] or [label(names[0], 40)]
            much = percent(float(share[: len(strong)].sum()))
            say = f"The most important: {join_names(strong)}: {much} of the variance between trials."
        parts = "; ".join(f"{clean(n)} {percent(float(s))}" for n, s in ranked)
        return drawing(
            canvas, "Hyperparameter importance", say=say, alt=f"Bars of the share of each hyperparameter: {parts or 'none'}."
        )
