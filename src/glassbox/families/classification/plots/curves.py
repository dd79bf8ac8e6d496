"""Figures over all decision thresholds: ROC curve, precision-recall curve, metrics by threshold, cumulative gains."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from glassbox.families.shared.plotting import Floats, as_percent, end_labels, minimal_axes, subsample_curve, wilson
from glassbox.findings.model import Estimate, Figure
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, PAPER, SOFT
from glassbox.findings.wording import between, clean, join_names, label, metric_label, number, percent, reach_sentence

Scores = npt.ArrayLike | pd.DataFrame  # (n,) for a binary problem, or one column per class
MOST_CURVES = 5


class Curve:
    """The curve of a one-vs-rest problem: class name, share of positives, points, and area under the curve."""

    def __init__(self, name: str, base: float, x: Floats, y: Floats, area: float) -> None:
        self.name, self.base, self.area = name, base, area
        self.x, self.y = subsample_curve(x, y)


def one_against_rest(y_true: npt.ArrayLike, score: Scores) -> list[tuple[str, npt.NDArray[np.int_], Floats]]:
    """Return (class, 0/1 truth, score) of every one-vs-rest problem with positive and negative rows.

    A `score` of shape (n,) belongs to a 0/1 `y_true`. A frame of shape (n, classes) has the classes, or ``proba_<class>``, as
    columns and belongs to class names in `y_true`.
    """
    if not isinstance(score, pd.DataFrame):
        return [("", np.asarray(y_true).astype(int), np.asarray(score, dtype=float))]
    names = [str(column).removeprefix("proba_") for column in score.columns]
    truth = np.asarray(y_true).astype(str)
    problems = [(name, (truth == name).astype(int), score.iloc[:, i].to_numpy(dtype=float)) for i, name in enumerate(names)]
    return [(name, true, scores) for name, true, scores in problems if 0 < true.sum() < len(true)]


def _unit_square(x_title: str, y_title: str) -> tuple[Canvas, Axes]:
    canvas = Canvas(figsize=(WIDTH, 3.5))
    axes = canvas.subplots()
    minimal_axes(axes, grid="both")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), xlabel=x_title, ylabel=y_title)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_yticks(np.linspace(0, 1, 6))
    as_percent(axes.xaxis)
    as_percent(axes.yaxis)
    return canvas, axes


def _draw_named_curves(axes: Axes, curves: Sequence[Curve]) -> None:
    """Draw several curves, the weakest few in colour with labels on the right, in the order of their areas."""
    weakest = sorted(curves, key=lambda c: (c.area, c.name))[:MOST_CURVES]
    for curve in curves:
        if curve not in weakest:
            axes.plot(curve.x, curve.y, color=SOFT, linewidth=0.9, alpha=0.45)
    ends = [(0.0, f"{len(curves) - len(weakest)} stronger", SOFT)] if len(curves) > len(weakest) else []
    for i, curve in reversed(list(enumerate(weakest))):
        axes.plot(curve.x, curve.y, color=PALETTE[i], linewidth=1.7)
        ends.append((0.0, f"{number(curve.area)} {label(curve.name, 14)}", PALETTE[i]))
    end_labels(axes, [(0.6 - 0.1 * i, text, colour) for i, (_, text, colour) in enumerate(ends)])


def roc(y_true: npt.ArrayLike, score: Scores, auc: Estimate | None = None) -> Figure:
    """Draw the ROC curve, or one one-vs-rest curve per class when `score` has one column per class.

    Parameters
    ----------
    y_true
        (n,) 0/1, or class names when `score` is a frame.
    score
        (n,) score or probability of the 1, or a frame with one column per class.
    auc
        The evaluated area with its interval; by default, it is computed without an interval.
    """
    curves = []
    for name, true, scores in one_against_rest(y_true, score):
        false_rate, true_rate, _ = roc_curve(true, scores)
        curves.append(Curve(name, true.mean(), false_rate, true_rate, float(roc_auc_score(true, scores))))
    with style():
        canvas, axes = _unit_square("false positive rate", "true positive rate")
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
        axes.annotate("by chance", (0.5, 0.5), xytext=(4, -12), textcoords="offset points", color=SOFT)
        if isinstance(score, pd.DataFrame):
            _draw_named_curves(axes, curves)
            say = _per_class_sentence("ROC-AUC", curves, auc)
        else:
            curve = curves[0]
            value = curve.area if auc is None or auc.value is None else auc.value
            interval = "" if auc is None else between(auc.low, auc.high)
            axes.fill_between(curve.x, curve.y, color=ACCENT, alpha=0.08, linewidth=0)
            axes.plot(curve.x, curve.y, color=ACCENT, linewidth=2)
            axes.text(0.98, 0.12, f"ROC-AUC {number(value)}", color=ACCENT, ha="right", fontweight="bold")
            if auc is not None and auc.low is not None and auc.high is not None:
                axes.text(0.98, 0.045, f"95 % interval {number(auc.low)} – {number(auc.high)}", color=SOFT, ha="right")
            say = (
                f"A random positive row is ranked above a random negative one {percent(value, 1)} of the time: "
                f"ROC-AUC {number(value)}{interval}."
            )
        points = "; ".join(_describe(c) for c in curves[:8])
        return drawing(canvas, "ROC curve", say=say, alt=f"ROC curve. {say} {points}.")


def _describe(curve: Curve) -> str:
    recalls = [float(np.interp(at, curve.x, curve.y)) for at in (0.1, 0.2)]
    prefix = f"{clean(curve.name)}: " if curve.name else ""
    return f"{prefix}at a false positive rate of 10 %, the true positive rate is {percent(recalls[0])}; at 20 %, {percent(recalls[1])}"


def _per_class_sentence(metric: str, curves: Sequence[Curve], mean: Estimate | None) -> str:
    if not curves:
        return "There is only one class, so no curve can be drawn."
    ranked = sorted(curves, key=lambda c: (c.area, c.name))
    weak, strong = ranked[0], ranked[-1]
    over = f" The mean over classes is {number(mean.value)}{between(mean.low, mean.high)}." if mean is not None else ""
    return (
        f"One-vs-rest {metric} is lowest for {clean(weak.name)} ({number(weak.area)}) "
        f"and highest for {clean(strong.name)} ({number(strong.area)}).{over}"
    )


def precision_recall(y_true: npt.ArrayLike, score: Scores, ap: Estimate | None = None) -> Figure:
    """Draw the precision-recall curve, or one one-vs-rest curve per class when `score` has one column per class.

    Parameters are those of `roc`; `ap` is the average precision with its interval.
    """
    curves = []
    for name, true, scores in one_against_rest(y_true, score):
        precision, recall, _ = precision_recall_curve(true, scores)
        curves.append(Curve(name, true.mean(), recall[::-1], precision[::-1], float(average_precision_score(true, scores))))
    with style():
        canvas, axes = _unit_square("recall", "precision")
        if isinstance(score, pd.DataFrame):
            _draw_named_curves(axes, curves)
            say = _per_class_sentence("average precision", curves, ap)
        else:
            curve = curves[0]
            value = curve.area if ap is None or ap.value is None else ap.value
            interval = "" if ap is None else between(ap.low, ap.high)
            axes.axhline(curve.base, color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
            axes.annotate(
                f"by chance: {percent(curve.base)}", (0.01, curve.base), xytext=(0, 4), textcoords="offset points", color=SOFT
            )
            axes.plot(curve.x, curve.y, color=ACCENT, linewidth=2)
            half = float(np.interp(0.5, curve.x, curve.y))
            axes.plot([0.5], [half], "o", color=ACCENT, markersize=6, markeredgecolor=PAPER)
            axes.annotate(
                f"precision {percent(half)} at recall 50 %", (0.5, half), xytext=(6, 6), textcoords="offset points", color=INK
            )
            say = (
                f"At a recall of 50 %, the precision is {percent(half)}; by chance it would be {percent(curve.base)}. "
                f"Average precision is {number(value)}{interval}."
            )
        return drawing(canvas, "Precision-recall curve", say=say, alt=f"Precision-recall curve. {say}")


def threshold(curve: pd.DataFrame, chosen: float) -> Figure:
    """Draw metrics by decision threshold, with the chosen threshold marked.

    Parameters
    ----------
    curve
        ``threshold`` and one column per metric, between 0 and 1; other columns are ignored.
    chosen
        The threshold that the model uses.
    """
    curve = curve.sort_values("threshold", kind="stable")
    thresholds = curve["threshold"].to_numpy(dtype=float)
    metrics = {
        str(name): curve[name].to_numpy(dtype=float)
        for name in curve.columns
        if name != "threshold"
        and pd.api.types.is_numeric_dtype(curve[name])
        and curve[name].between(0, 1).where(curve[name].notna(), True).all()
    }
    chosen_values = {
        name: float(np.interp(chosen, thresholds[finite], values[finite]))
        for name, values in metrics.items()
        if (finite := np.isfinite(values)).any()
    }
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.9))
        axes = canvas.subplots()
        minimal_axes(axes, grid="y")
        axes.set(xlim=(thresholds.min(), thresholds.max()), ylim=(0, 1.02), xlabel="threshold on the probability")
        as_percent(axes.yaxis)
        ends = []
        for i, name in enumerate(chosen_values):
            finite = np.isfinite(metrics[name])
            axes.plot(*subsample_curve(thresholds[finite], metrics[name][finite]), color=PALETTE[i % len(PALETTE)], linewidth=1.8)
            axes.plot([chosen], [chosen_values[name]], "o", color=PALETTE[i % len(PALETTE)], markersize=5, markeredgecolor=PAPER)
            ends.append((float(metrics[name][finite][-1]), metric_label(label(name, 20)), PALETTE[i % len(PALETTE)]))
        end_labels(axes, ends)
        axes.axvline(chosen, color=INK, linewidth=1, linestyle=(0, (3, 3)))
        axes.annotate(
            f"chosen: {number(chosen)}",
            (chosen, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            color=INK,
        )
        values = [f"{metric_label(clean(name))} {percent(value)}" for name, value in chosen_values.items()]
        say = (
            f"At the chosen threshold of {number(chosen)}: {join_names(values, most=6)}."
            if values
            else f"The chosen threshold is {number(chosen)}."
        )
        return drawing(
            canvas,
            "Decision threshold",
            say=say,
            alt=f"Curves of {join_names([metric_label(clean(n)) for n in chosen_values], most=6) if chosen_values else 'nothing'} by threshold. {say}",
        )


def gain_curve(
    y_true: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    reach: float = 0.7,
    act: str = "calling",
    rows: str = "rows",
    positives: str = "positives",
) -> Figure:
    """Draw cumulative gains: the share of positives reached against the share of rows called, highest scores first.

    Rows with equal scores count as in random order, so the curve is linear between distinct scores.

    Parameters
    ----------
    y_true
        (n,) 0/1.
    score
        (n,) score; rows with higher scores are called first.
    reach
        Share of the positives for which the sentence states the share of rows.
    act, rows, positives
        Words of the sentence: "*calling* the 21 % of *rows* with the highest scores reaches 70 % of *positives*".
    """
    called, got = gains(np.asarray(y_true).astype(int), np.asarray(score, dtype=float))
    total, hits = len(np.asarray(y_true)), int(np.asarray(y_true).astype(int).sum())
    first = np.unique(got, return_index=True)[1]  # where a share is first reached
    share = float(np.interp(reach, got[first], called[first])) if hits else 1.0
    say = reach_sentence(share, reach, rows, positives, act)
    low, high = wilson(round(reach * hits), hits)
    caption = (
        f"{hits:,d} of {total:,d} {rows} are {positives}; {act} that many reaches between {percent(float(low))} "
        f"and {percent(float(high))} (95 % interval)."
    )
    with style():
        canvas, axes = _unit_square(f"share of {rows} called, highest ranked first", f"share of {positives}")
        canvas.set_size_inches(WIDTH, 3.2)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
        axes.annotate("by chance", (0.5, 0.5), xytext=(5, -13), textcoords="offset points", color=SOFT)
        x, y = subsample_curve(called, got)
        axes.fill_between(x, y, x, color=ACCENT, alpha=0.08, linewidth=0)
        axes.plot(x, y, color=ACCENT, linewidth=2.2)
        axes.plot([share, share, 0], [0, reach, reach], color=INK, linewidth=1, linestyle=(0, (2, 3)))
        axes.plot([share], [reach], "o", color=ACCENT, markersize=7, markeredgecolor=PAPER)
        axes.annotate(
            f"{percent(share)} called, {percent(reach)} reached",
            (share, reach),
            xytext=(9, -14),
            textcoords="offset points",
            color=INK,
            fontweight="bold",
        )
        points = ", ".join(f"{percent(float(np.interp(at, called, got)))} at {percent(at)}" for at in (0.1, 0.2, 0.3, 0.5))
        return drawing(
            canvas,
            "Cumulative gains",
            say=say,
            caption=caption,
            alt=f"Share reached against share called: {points} called. {say}",
        )


def gains(y_true: npt.NDArray[np.int_], score: Floats) -> tuple[Floats, Floats]:
    """Return (share of rows called, share of positives reached), from 0 to 1, with a point wherever the score changes.

    >>> called, got = gains(np.array([1, 0, 1, 0]), np.array([0.9, 0.1, 0.5, 0.5]))
    >>> called.tolist(), got.tolist()
    ([0.0, 0.25, 0.75, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    order = np.argsort(-score, kind="stable")
    sorted_scores, cumulative_hits = score[order], np.cumsum(y_true[order])
    last = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    selected = np.append(0.0, (np.flatnonzero(last) + 1) / len(score))
    return selected, np.append(0.0, cumulative_hits[last] / max(1, cumulative_hits[-1]))
