"""Does the alarm ring when it should, and only then? Batches without drift and batches with a planted one, judged alike."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from glassbox.findings.model import Estimate, Estimates, Table
from glassbox.findings.wording import number
from glassbox.monitoring.bins import codes_of
from glassbox.monitoring.drift import drift, drift_limits, stability_index
from glassbox.monitoring.profile import ColumnProfile, Profile, Score
from glassbox.monitoring.trigger import Thresholds, decide

FAVOUR = 4.0  # how many times likelier rows of the favoured half are drawn into a shifted batch


def null_batches(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, thresholds: Thresholds, *, batches: int = 200, seed: int = 0
) -> Estimates:
    """Judge batches that hold nothing new: rows of the training data against other rows of it.

    For each batch the rows are split at random. One half is the reference, the batch is drawn from the other, without
    replacement: no row is on both sides. The limits are those for a reference of that size.

    Parameters
    ----------
    profile : Profile
        Its bins are used.
    train, predictions : DataFrame of shape (n, ...)
        The rows that the profile was made of, in one order.
    thresholds : Thresholds
        The rule; its batches are cut to half the rows where there are fewer.
    batches : int
        How many are judged.
    seed : int
        Of the draws.
    """
    half = len(train) // 2
    rows = min(thresholds.batch_rows, half)
    halved = profile.model_copy(update={"rows": half, "columns": [_scaled(c, half) for c in profile.columns]})
    limits = np.array(drift_limits(halved, rows, thresholds.false_alarms))
    codes = [codes_of((train if c.role == "field" else predictions)[c.name], c.bins) for c in profile.columns]
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(batches):
        order = rng.permutation(len(train))
        parts = order[:half], order[half : half + rows]
        indices = np.array([_index(code, *parts, c.bins.size) for code, c in zip(codes, profile.columns, strict=True)])
        alarms += bool((indices > limits).any())
    return Estimates(
        title="False alarms",
        say=f"{alarms} of {batches} batches without a change raised an alarm; {number(thresholds.false_alarms, '.1%')} are allowed.",
        values={"share_of_quiet_batches_with_an_alarm": share_estimate(alarms, batches)},
    )


def _scaled(column: ColumnProfile, rows: int) -> ColumnProfile:
    total = sum(column.counts)
    return column.model_copy(update={"counts": [round(count * rows / total) for count in column.counts]})


def _index(codes: npt.NDArray[np.intp], reference: npt.NDArray[np.int64], batch: npt.NDArray[np.int64], size: int) -> float:
    counted = np.bincount(codes[reference], minlength=size), np.bincount(codes[batch], minlength=size)
    return float(stability_index(*counted))


def share_estimate(successes: int, trials: int, level: float = 0.95) -> Estimate:
    """A share with the interval of Wilson.

    Equation 4 of [1]_, which stays within 0 and 1 and is sound for shares near them.

    References
    ----------
    .. [1] Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial proportion. Statistical
       Science, 16(2).

    Examples
    --------
    >>> share_estimate(0, 100).low, round(share_estimate(0, 100).high, 4)
    (0.0, 0.037)
    """
    z = float(norm.isf((1 - level) / 2))
    share = successes / trials
    centre = (successes + z * z / 2) / (trials + z * z)
    half = z * np.sqrt(trials) / (trials + z * z) * np.sqrt(share * (1 - share) + z * z / (4 * trials))
    return Estimate(value=share, low=max(0.0, float(centre - half)), high=min(1.0, float(centre + half)), n=trials)


def inject_drift(
    profile: Profile,
    train: pd.DataFrame,
    predictions: pd.DataFrame,
    thresholds: Thresholds,
    *,
    truth: pd.Series | None = None,
    score: Score | None = None,
    seed: int = 0,
) -> Table:
    """Judge one batch without drift and several in which something was changed on purpose.

    Where rows are only chosen otherwise, their out-of-fold predictions go with them. Where values are spoiled, the
    predictions are left as they were: the alarm has to come from the field alone.

    Parameters
    ----------
    profile : Profile
        The reference.
    train, predictions : DataFrame of shape (n, ...)
        The rows that the profile was made of, in one order.
    thresholds : Thresholds
        The rule.
    truth : Series of shape (n,), optional
        What was to be predicted; with `score`, one more batch shows what arriving labels tell.
    score : callable, optional
        The metric of `thresholds.performance`.
    seed : int
        Of the draws.
    """
    rng = np.random.default_rng(seed)
    rows = min(thresholds.batch_rows, len(train))
    train, predictions = train.reset_index(drop=True), predictions.reset_index(drop=True)
    even = rng.choice(len(train), rows, replace=False)
    field, scored = _richest(profile, "field"), _richest(profile, "prediction")
    batch, answers = train.iloc[even], predictions.iloc[even]
    cases: list[tuple[str, pd.DataFrame, pd.DataFrame, float | None]] = [("nothing", batch, answers, None)]
    if field is not None:
        codes = codes_of(train[field.name], field.bins)
        mix = _favouring(codes, rows, rng)
        cases.append((f"more rows with high {field.name}", train.iloc[mix], predictions.iloc[mix], None))
        if field.bins.scale == "number":
            large = batch.assign(**{field.name: batch[field.name] * 100})
            cases.append((f"{field.name} a hundred times too large", large, answers, None))
        gone = batch.assign(**{field.name: batch[field.name].where(rng.random(rows) < 0.5)})
        cases.append((f"half of {field.name} missing", gone, answers, None))
    if scored is not None:
        mix = _favouring(codes_of(predictions[scored.name], scored.bins), rows, rng)
        cases.append((f"more rows with high {scored.name}", train.iloc[mix], predictions.iloc[mix], None))
    if truth is not None and score is not None:
        shuffled = truth.reset_index(drop=True).iloc[even].sample(frac=1, random_state=seed).reset_index(drop=True)
        cases.append(("outcomes no longer follow the fields", batch, answers, score(shuffled, answers.reset_index(drop=True))))
    limits = drift_limits(profile, rows, thresholds.false_alarms)
    judged = []
    for what, data, said, performance in cases:
        drifted = drift(profile, data, said, limits)
        decision = decide(drifted, thresholds, performance)
        judged.append((what, int(drifted["drifted"].sum()), decision.action, "; ".join(decision.reasons)))
    rang = sum(action != "go on" for _, _, action, _ in judged[1:])
    return Table.of(
        pd.DataFrame(judged, columns=["changed on purpose", "drifted columns", "decision", "why"]),
        "Planted shifts",
        say=f"{rang} of {len(judged) - 1} planted shifts were noticed; the batch without one was judged '{judged[0][2]}'.",
    )


def _richest(profile: Profile, role: str) -> ColumnProfile | None:
    """The ordered column with the most bins, the first of them: where a shift towards high values has a meaning."""
    ordered = [c for c in profile.columns if c.role == role and c.bins.scale != "category" and c.bins.edges]
    return max(ordered, key=lambda column: column.bins.size, default=None)


def _favouring(codes: npt.NDArray[np.intp], rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows drawn with replacement, those in the upper half of the bins more often."""
    weights = np.where(codes > np.median(codes), FAVOUR, 1.0)
    return rng.choice(len(codes), rows, replace=True, p=weights / weights.sum())
