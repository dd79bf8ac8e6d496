"""Calibration and decision threshold, fitted on out-of-fold predictions of train, never on the holdout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from glassbox.families.classification.calibration.apply import Calibration, Codes, Curve, Floats, Method, log_odds
from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.classification.metrics import row_log_loss, threshold_rule
from glassbox.findings.model import Facts, Table
from glassbox.findings.wording import metric_label
from glassbox.request.bounds import Bound

if TYPE_CHECKING:
    from glassbox.request.model import Request

METHODS: dict[Method, str] = {
    "none": "uncalibrated probabilities",
    "sigmoid": "logistic regression on the log-odds (Platt scaling)",
    "isotonic": "centred isotonic regression",
}


def fit_calibration(method: Method, proba: Floats, y: Codes, positive: int) -> Calibration:
    """Fit a calibration method; with several classes, one-vs-rest (Zadrozny & Elkan 2002)."""
    if method == "none":
        return Calibration(positive=positive)
    classes = [positive] if proba.shape[1] == 2 else range(proba.shape[1])
    fit_one = _sigmoid if method == "sigmoid" else _isotonic
    return Calibration(method=method, positive=positive, curves=[fit_one(proba[:, k], y == k) for k in classes])


def _sigmoid(p: Floats, hit: npt.NDArray[np.bool_]) -> Curve:
    """Fit logistic regression on the log-odds with Platt's targets (Platt 1999, sec. 2.2), by Newton's method."""
    hits = int(hit.sum())
    target = np.where(hit, (hits + 1) / (hits + 2), 1 / (len(p) - hits + 2))
    x = np.column_stack([log_odds(p), np.ones(len(p))])
    beta = np.array([1.0, 0.0])
    for _ in range(100):
        mu = expit(x @ beta)
        gradient = x.T @ (mu - target)
        curvature = (x * (mu * (1 - mu))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        beta = beta - step
        if float(np.abs(step).max()) < 1e-10:
            break
    if beta[0] <= 0:  # it would reverse the order of rows
        return Curve()
    return Curve(slope=float(beta[0]), intercept=float(beta[1]))


def _isotonic(p: Floats, hit: npt.NDArray[np.bool_]) -> Curve:
    """Fit centred isotonic regression (Oron and Flournoy 2017): linear between the centres of the blocks of isotonic regression.

    The curve is strictly increasing, so that calibration keeps the order of rows, and no probability becomes exactly 0 or 1.
    """
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (2 * (len(p) + 1))
    values = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit_transform(p, hit.astype(np.float64))
    blocks = pd.Series(p).groupby(values).mean()  # the centre of each block, by its value
    inside = blocks[(blocks > 0) & (blocks < 1)]
    low, high = (inside.index[0] / 2, (1 + inside.index[-1]) / 2) if len(inside) else (edge, 1 - edge)
    return Curve(predicted=[0.0, *inside.tolist(), 1.0], observed=[float(low), *map(float, inside.index), float(high)])


@dataclass(frozen=True)
class Calibrated:
    """The selected calibration, fitted on all out-of-fold predictions; `proba` is calibrated by cross-fitting."""

    calibration: Calibration
    proba: Floats
    losses: dict[str, float]  # cross-fitted log loss by method
    table: Table


def calibrate(proba: Floats, y: Codes, fold: Codes, positive: int) -> Calibrated:
    """Select the calibration method with the lowest cross-fitted log loss.

    A method is selected over no calibration only if it is better by more than one standard error of the per-row difference
    (the one-standard-error rule, Breiman et al. 1984, sec. 3.4.3).

    Parameters
    ----------
    proba
        (n, classes) out-of-fold probabilities.
    y, fold, positive
        Class code and fold of each row, and the code of the positive class.
    """
    calibrated = {method: _cross_fitted(method, proba, y, fold, positive) for method in METHODS}
    losses = {method: row_log_loss(y, values) for method, values in calibrated.items()}
    best: Method = min(METHODS, key=lambda method: float(losses[method].mean()))
    improvement = losses["none"] - losses[best]
    chosen: Method = best if float(improvement.mean()) > float(improvement.std() / np.sqrt(len(y))) else "none"
    means: dict[str, float] = {method: float(loss.mean()) for method, loss in losses.items()}
    return Calibrated(fit_calibration(chosen, proba, y, positive), calibrated[chosen], means, _table(means, chosen))


def _cross_fitted(method: Method, proba: Floats, y: Codes, fold: Codes, positive: int) -> Floats:
    calibrated = proba.copy()
    for k in np.unique(fold):
        held_out = fold == k
        calibrated[held_out] = fit_calibration(method, proba[~held_out], y[~held_out], positive).apply(proba[held_out])
    return calibrated


def _table(losses: dict[str, float], chosen: Method) -> Table:
    frame = pd.DataFrame(
        [{"calibration": name, "method": METHODS[cast(Method, name)], "log loss": loss} for name, loss in losses.items()]
    )
    improvement = losses["none"] - losses[chosen]
    say = (
        "The probabilities are not calibrated: no method lowers the log loss by more than one standard error."
        if chosen == "none"
        else f"Calibrated by {chosen}: the out-of-fold log loss falls by {improvement:.4f}."
    )
    return Table.of(frame, "Calibration", say=say, best=list(losses).index(chosen), formats={"log loss": ".4f"})


# --------------------------------------------------------------------------------------------------------- threshold


def threshold_curve(hit: Sequence[bool] | npt.NDArray[np.bool_], p: Floats) -> pd.DataFrame:
    """Compute label metrics at every distinct threshold, ascending.

    Returns
    -------
    DataFrame
        ``threshold`` (midway between neighbouring probabilities; 0 predicts every row positive), ``precision``, ``recall``, ``f1``,
        ``accuracy``, ``balanced_accuracy``. 0/0 counts as 0.
    """
    order = np.argsort(p, kind="stable")
    scores, positive = p[order], np.asarray(hit, dtype=bool)[order]
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))  # rows before a start are below the threshold
    thresholds = np.append(0.0, (scores[starts[1:]] + scores[starts[1:] - 1]) / 2)
    below = np.append(0, np.cumsum(positive))[starts]
    hits, n = int(positive.sum()), len(p)
    tp, fn = hits - below, below
    fp, tn = (n - starts) - tp, starts - below
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        curve = {
            "threshold": thresholds,
            "precision": tp / (tp + fp),
            "recall": recall,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "accuracy": (tp + tn) / n,
            "balanced_accuracy": (recall + specificity) / 2,
        }
    return pd.DataFrame(curve).fillna(0.0)


@dataclass(frozen=True)
class Threshold:
    """A decision threshold, the rule that selected it, and the metrics by threshold."""

    value: float
    rule: str
    curve: pd.DataFrame

    def facts(self, positive: str) -> Facts:
        chosen = self.curve.iloc[int((self.curve["threshold"] - self.value).abs().argmin())]
        say = f"Rows with a probability of at least {self.value:.3f} are predicted {positive}: {self.rule}."
        names = ("accuracy", "balanced_accuracy", "f1", "precision", "recall")
        return Facts(
            title="Decision threshold",
            say=say,
            facts={"threshold": self.value, **{metric_label(name): float(chosen[name]) for name in names}},
        )


def decision_threshold(proba: Floats, labelled: LabelledRows, request: "Request") -> Threshold:
    """Select the decision threshold of the positive class for a request, as `choose_threshold` does.

    Parameters
    ----------
    proba
        (n, classes) calibrated out-of-fold probabilities, in the order of `labelled`.
    """
    metric, bound = threshold_rule(request.requirements)
    holdout_ratio = request.split.holdout / (1 - request.split.holdout)
    hit = labelled.y == labelled.positive
    return choose_threshold(hit, proba[:, labelled.positive], metric, bound, holdout_ratio=holdout_ratio)


def choose_threshold(
    hit: npt.NDArray[np.bool_], p: Floats, metric: str, bound: Bound | None = None, *, holdout_ratio: float | None = None
) -> Threshold:
    """Select the decision threshold on calibrated out-of-fold probabilities.

    The threshold maximises `metric`. Precision or recall alone would select a single row, or all rows. If one of them has a
    bound, the threshold maximises the other metric among the thresholds that reach the bound, with a margin for sampling
    error on the holdout where that is possible. If no threshold reaches the bound, it maximises F1. Ties go to the threshold
    nearest to 0.5.

    Parameters
    ----------
    hit, p
        (n,) True for rows of the positive class, and their probability.
    metric, bound
        The required metric and its bound, from `metrics.threshold_rule`.
    holdout_ratio
        Holdout rows per row here: 0.25 for a holdout of one fifth. By default, no margin for sampling error.
    """
    curve = threshold_curve(hit, p)
    score, rule = curve[metric].to_numpy(dtype=float), f"highest out-of-fold {metric_label(metric)}"
    if metric in ("precision", "recall"):
        score, rule = _criterion(curve, hit, p, metric, bound, holdout_ratio)
    best = np.flatnonzero(score >= score.max() - 1e-12)
    chosen = best[np.argmin(np.abs(curve["threshold"].to_numpy()[best] - 0.5))]
    return Threshold(round(float(curve["threshold"].iloc[chosen]), 6), rule, curve)


def _criterion(
    curve: pd.DataFrame, hit: npt.NDArray[np.bool_], p: Floats, metric: str, bound: Bound | None, holdout_ratio: float | None
) -> tuple[Floats, str]:
    """Return the values to maximise for a precision or recall metric, and the rule in words."""
    f1 = curve["f1"].to_numpy(dtype=float)
    if bound is None:
        return f1, "highest out-of-fold F1"
    values, other_metric = curve[metric].to_numpy(dtype=float), "recall" if metric == "precision" else "precision"
    other_values, rule = (
        curve[other_metric].to_numpy(dtype=float),
        f"highest out-of-fold {other_metric} with {metric} {bound.text or f'{bound.op}{bound.value}'}",
    )
    if holdout_ratio is not None:
        predicted_positive = len(p) - np.searchsorted(np.sort(p), curve["threshold"].to_numpy(dtype=float), side="left")
        rows = (predicted_positive if metric == "precision" else np.full(len(curve), hit.sum())) * holdout_ratio
        safe = _reaches(_wilson_lower(values, np.maximum(rows, 1.0)), bound)
        if safe.any():
            return np.where(safe, other_values, -1.0), f"{rule}, with a margin for sampling error"
    reached = _reaches(values, bound)
    if reached.any():
        return np.where(reached, other_values, -1.0), rule
    # The highest precision is often that of a single lucky row; F1 is a robust fallback.
    return f1, f"highest out-of-fold F1, since no threshold reaches the required {metric}"


def _wilson_lower(share: Floats, rows: Floats) -> Floats:
    """Return the lower bound of the 95 % Wilson interval of a share (Wilson 1927)."""
    z = 1.959964
    middle, spread = share + z**2 / (2 * rows), z * np.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    return (middle - spread) / (1 + z**2 / rows)


def _reaches(score: Floats, bound: Bound) -> npt.NDArray[np.bool_]:
    return score >= bound.value if bound.op == ">=" else score > bound.value
