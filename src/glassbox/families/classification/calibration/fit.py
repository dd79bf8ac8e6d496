"""Probabilities that mean what they say, and the threshold: both from out-of-fold predictions of train, never the holdout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.families.classification.calibration.apply import Calibration, Codes, Curve, Floats, Method, log_odds
from glassbox.families.classification.metrics import row_log_loss, spoken
from glassbox.findings.model import Facts, Table
from glassbox.request.bounds import Bound

METHODS: dict[Method, str] = {
    "none": "probabilities as the model gives them",
    "sigmoid": "a straight line on the log-odds",
    "isotonic": "any rising step curve",
}


def fit_calibration(method: Method, proba: Floats, y: Codes, positive: int) -> Calibration:
    """Fit a way of bending probabilities; several classes one against the rest each (Zadrozny & Elkan 2002)."""
    if method == "none":
        return Calibration(positive=positive)
    classes = [positive] if proba.shape[1] == 2 else range(proba.shape[1])
    fit_one = _sigmoid if method == "sigmoid" else _isotonic
    return Calibration(method=method, positive=positive, curves=[fit_one(proba[:, k], y == k) for k in classes])


def _sigmoid(p: Floats, hit: npt.NDArray[np.bool_]) -> Curve:
    """Logistic regression on log-odds with Platt's targets (Platt 1999, sec. 2.2), by Newton's method."""
    hits = int(hit.sum())
    target = np.where(hit, (hits + 1) / (hits + 2), 1 / (len(p) - hits + 2))
    x = np.column_stack([log_odds(p), np.ones(len(p))])
    beta = np.array([1.0, 0.0])
    for _ in range(100):
        mu = 1 / (1 + np.exp(-np.clip(x @ beta, -500, 500)))
        gradient = x.T @ (mu - target)
        curvature = (x * (mu * (1 - mu))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        beta = beta - step
        if float(np.abs(step).max()) < 1e-10:
            break
    return Curve(slope=float(beta[0]), intercept=float(beta[1]))


def _isotonic(p: Floats, hit: npt.NDArray[np.bool_]) -> Curve:
    """The rising curve of least squares (pool adjacent violators); it never says what cannot be known: 0 or 1."""
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (2 * (len(p) + 1))
    found = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(p, hit.astype(np.float64))
    return Curve(said=found.X_thresholds_.tolist(), came=found.y_thresholds_.tolist())


@dataclass(frozen=True)
class Calibrated:
    """The way chosen, fitted on all out-of-fold predictions; `proba` is bent fold by fold by what other folds say."""

    calibration: Calibration
    proba: Floats
    losses: dict[str, float]  # cross-fitted log loss by method
    table: Table


def calibrate(proba: Floats, y: Codes, fold: Codes, positive: int) -> Calibrated:
    """Choose how to bend probabilities: the way with the least cross-fitted log loss.

    One that bends has to be better than none by more than one standard error of the difference a row, since bending costs
    parameters (the rule of one standard error, Breiman et al. 1984, sec. 3.4.3).

    Parameters
    ----------
    proba
        (n, classes) out-of-fold probabilities.
    y, fold, positive
        Class by number and fold of each row, and the number of the class that is looked for.
    """
    bent = {method: _cross_fitted(method, proba, y, fold, positive) for method in METHODS}
    losses = {method: row_log_loss(y, values) for method, values in bent.items()}
    best: Method = min(METHODS, key=lambda method: float(losses[method].mean()))
    saved = losses["none"] - losses[best]
    chosen: Method = best if float(saved.mean()) > float(saved.std() / np.sqrt(len(y))) else "none"
    means: dict[str, float] = {method: float(loss.mean()) for method, loss in losses.items()}
    return Calibrated(fit_calibration(chosen, proba, y, positive), bent[chosen], means, _table(means, chosen))


def _cross_fitted(method: Method, proba: Floats, y: Codes, fold: Codes, positive: int) -> Floats:
    found = proba.copy()
    for k in np.unique(fold):
        out = fold == k
        found[out] = fit_calibration(method, proba[~out], y[~out], positive).apply(proba[out])
    return found


def _table(losses: dict[str, float], chosen: Method) -> Table:
    frame = pd.DataFrame(
        [{"calibration": name, "what it does": METHODS[cast(Method, name)], "log loss": loss} for name, loss in losses.items()]
    )
    saved = losses["none"] - losses[chosen]
    say = (
        "The model's own probabilities are kept: bending them does not lower the log loss by more than chance."
        if chosen == "none"
        else f"Calibrated by {chosen}: the log loss out of fold falls by {saved:.4f}."
    )
    return Table.of(frame, "Calibration", say=say, best=list(losses).index(chosen), formats={"log loss": ".4f"})


# --------------------------------------------------------------------------------------------------------- threshold


def threshold_curve(hit: Sequence[bool] | npt.NDArray[np.bool_], p: Floats) -> pd.DataFrame:
    """The metrics of labels at every threshold that tells rows apart, ascending.

    Returns
    -------
    DataFrame
        ``threshold`` (halfway between neighbouring probabilities; 0 calls every row), ``precision``, ``recall``, ``f1``,
        ``accuracy``, ``balanced_accuracy``. What is 0/0 is 0.
    """
    order = np.argsort(p, kind="stable")
    ranked, positive = p[order], np.asarray(hit, dtype=bool)[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))  # rows before a start are below the threshold
    halfway = np.append(0.0, (ranked[starts[1:]] + ranked[starts[1:] - 1]) / 2)
    below = np.append(0, np.cumsum(positive))[starts]
    hits, n = int(positive.sum()), len(p)
    tp, fn = hits - below, below
    fp, tn = (n - starts) - tp, starts - below
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        curve = {
            "threshold": halfway,
            "precision": tp / (tp + fp),
            "recall": recall,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "accuracy": (tp + tn) / n,
            "balanced_accuracy": (recall + specificity) / 2,
        }
    return pd.DataFrame(curve).fillna(0.0)


@dataclass(frozen=True)
class Threshold:
    """The threshold, the rule that chose it, and the curve that it was chosen on."""

    value: float
    rule: str
    curve: pd.DataFrame

    def facts(self, positive: str) -> Facts:
        at = self.curve.iloc[int((self.curve["threshold"] - self.value).abs().argmin())]
        say = f"A row is called {positive} from a probability of {self.value:.3f} on: {self.rule}."
        kept = ("accuracy", "balanced_accuracy", "f1", "precision", "recall")
        return Facts(
            title="Threshold", say=say, facts={"threshold": self.value, **{spoken(name): float(at[name]) for name in kept}}
        )


def choose_threshold(
    hit: npt.NDArray[np.bool_], p: Floats, metric: str, bound: Bound | None = None, *, judged_rows: float | None = None
) -> Threshold:
    """The threshold by a stated rule, on calibrated out-of-fold probabilities.

    It is the one with most of `metric`. Precision and recall alone would call a single row, or all: where one of them is
    asked for, it is the threshold with most of the other among those that reach the bound, with room for chance on the rows
    that will judge where there is such a threshold; where none reaches the bound, the one with most F1. Of equals, the one
    nearest to a half.

    Parameters
    ----------
    hit, p
        (n,) whether the row is of the positive class, and its probability.
    metric, bound
        What is asked, as `metrics.threshold_rule` finds it.
    judged_rows
        How many rows will judge, for each row here: 0.25 for a holdout of a fifth. Left out: no room is made for chance.
    """
    curve = threshold_curve(hit, p)
    score, rule = curve[metric].to_numpy(dtype=float), f"most {spoken(metric)} out of fold"
    if metric in ("precision", "recall"):
        score, rule = _with_bound(curve, hit, p, metric, bound, judged_rows)
    best = np.flatnonzero(score >= score.max() - 1e-12)
    at = best[np.argmin(np.abs(curve["threshold"].to_numpy()[best] - 0.5))]
    return Threshold(round(float(curve["threshold"].iloc[at]), 6), rule, curve)


def _with_bound(
    curve: pd.DataFrame, hit: npt.NDArray[np.bool_], p: Floats, metric: str, bound: Bound | None, judged_rows: float | None
) -> tuple[Floats, str]:
    """What is to be most at the threshold when precision or recall is asked for, and that in words."""
    f1 = curve["f1"].to_numpy(dtype=float)
    if bound is None:
        return f1, "most F1 out of fold"
    found, other = curve[metric].to_numpy(dtype=float), "recall" if metric == "precision" else "precision"
    gained, asked = (
        curve[other].to_numpy(dtype=float),
        f"most {other} out of fold with {metric} {bound.text or f'{bound.op}{bound.value}'}",
    )
    if judged_rows is not None:
        called = len(p) - np.searchsorted(np.sort(p), curve["threshold"].to_numpy(dtype=float), side="left")
        rows = (called if metric == "precision" else np.full(len(curve), hit.sum())) * judged_rows
        roomy = _reaches(_lower(found, np.maximum(rows, 1.0)), bound)
        if roomy.any():
            return np.where(roomy, gained, -1.0), f"{asked}, with room for chance"
    enough = _reaches(found, bound)
    if enough.any():
        return np.where(enough, gained, -1.0), asked
    # Most precision is often a single lucky row: F1 says where the model is of use at all.
    return f1, f"most F1 out of fold, since no threshold reaches the {metric} asked for"


def _lower(share: Floats, rows: Floats) -> Floats:
    """The lower end of the 95 % interval of a share (Wilson 1927): a single lucky row proves nothing."""
    z = 1.959964
    middle, spread = share + z**2 / (2 * rows), z * np.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    return (middle - spread) / (1 + z**2 / rows)


def _reaches(score: Floats, bound: Bound) -> npt.NDArray[np.bool_]:
    return score >= bound.value if bound.op == ">=" else score > bound.value
