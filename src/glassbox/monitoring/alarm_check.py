"""Validation of the drift alert: its false alarm rate on batches without drift, and its response to injected drift."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from glassbox.findings.model import Estimate, Estimates, Table
from glassbox.findings.wording import number
from glassbox.monitoring.bins import bin_codes
from glassbox.monitoring.drift import drift, drift_limits, stability_index
from glassbox.monitoring.profile import ColumnProfile, Profile, Score
from glassbox.monitoring.trigger import Thresholds, decide

OVERSAMPLING = 4.0  # sampling weight of the rows with high values in a shifted batch, relative to the other rows
_FALSE_ALARMS, _SHARE = "False alarm rate", "share_of_quiet_batches_with_an_alarm"


def null_batches(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, thresholds: Thresholds, *, batches: int = 200, seed: int = 0
) -> Estimates:
    """Estimate the false alarm rate on batches without drift, drawn from the training data.

    For each batch, the rows are split at random into two halves. One half is the reference; the batch is drawn from the other half
    without replacement, so that no row is on both sides. The limits are those for a reference of that size.

    Parameters
    ----------
    profile : Profile
        The reference profile, whose bins are used.
    train, predictions : DataFrame of shape (n, ...)
        The rows from which the profile was built, in the same order.
    thresholds : Thresholds
        The thresholds. The batch size is limited to half the number of rows.
    batches : int
        The number of batches.
    seed : int
        The seed of the random splits.

    Returns
    -------
    Estimates
        The share of batches that raise an alert, with its 95 % interval; no value with fewer than two rows.
    """
    half = len(train) // 2
    if not half:
        say = f"The training data has {len(train)} rows to draw batches from, too few to estimate the false alarm rate."
        return Estimates(title=_FALSE_ALARMS, say=say, values={_SHARE: Estimate(value=None, n=0)})
    rows = min(thresholds.batch_rows, half)
    half_profile = profile.model_copy(update={"rows": half, "columns": [_scaled(c, half) for c in profile.columns]})
    limits = np.array(drift_limits(half_profile, rows, thresholds.false_alarms))
    codes = [bin_codes((train if c.role == "field" else predictions)[c.name], c.bins) for c in profile.columns]
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(batches):
        order = rng.permutation(len(train))
        reference, batch = order[:half], order[half : half + rows]
        psi = np.array([_psi(code, reference, batch, c.bins.size) for code, c in zip(codes, profile.columns, strict=True)])
        alarms += bool((psi > limits).any())
    return Estimates(
        title=_FALSE_ALARMS,
        say=(
            f"{alarms} of {batches} batches without drift raised an alert; "
            f"the allowed rate is {number(thresholds.false_alarms, '.1%')}."
        ),
        values={_SHARE: proportion_estimate(alarms, batches)},
    )


def _scaled(column: ColumnProfile, rows: int) -> ColumnProfile:
    total = sum(column.counts)
    return column.model_copy(update={"counts": [round(count * rows / total) for count in column.counts]})


def _psi(codes: npt.NDArray[np.intp], reference: npt.NDArray[np.int64], batch: npt.NDArray[np.int64], size: int) -> float:
    return float(stability_index(np.bincount(codes[reference], minlength=size), np.bincount(codes[batch], minlength=size)))


def proportion_estimate(successes: int, trials: int, level: float = 0.95) -> Estimate:
    """Return a proportion with its Wilson score interval.

    The interval is equation 4 of [1]_. It stays within 0 and 1 and has good coverage for proportions near these bounds.

    References
    ----------
    .. [1] Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial proportion. Statistical
       Science, 16(2).

    Examples
    --------
    >>> proportion_estimate(0, 100).low, round(proportion_estimate(0, 100).high, 4)
    (0.0, 0.037)
    """
    interval = binomtest(successes, trials).proportion_ci(level, method="wilson")
    return Estimate(value=successes / trials, low=float(interval.low), high=float(interval.high), n=trials)


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
    """Evaluate one batch without drift and several batches with injected drift.

    Where a batch only resamples rows, the rows keep their out-of-fold predictions. Where a batch corrupts the values of a field, the
    predictions stay unchanged, so that the field alone has to raise the alert.

    Parameters
    ----------
    profile : Profile
        The reference profile.
    train, predictions : DataFrame of shape (n, ...)
        The rows from which the profile was built, in the same order.
    thresholds : Thresholds
        The thresholds.
    truth : Series of shape (n,), optional
        The true target values. With `score`, one more batch has shuffled labels.
    score : callable, optional
        The metric of `thresholds.performance`.
    seed : int
        The seed of the random draws.

    Returns
    -------
    Table
        One row per batch: the injected change, the number of drifted columns, the decision and its reasons.
    """
    rng = np.random.default_rng(seed)
    rows = min(thresholds.batch_rows, len(train))
    train, predictions = train.reset_index(drop=True), predictions.reset_index(drop=True)
    sample = rng.choice(len(train), rows, replace=False)
    field, prediction = _finest_column(profile, "field"), _finest_column(profile, "prediction")
    batch, predicted = train.iloc[sample], predictions.iloc[sample]
    cases: list[tuple[str, pd.DataFrame, pd.DataFrame, float | None]] = [("no change", batch, predicted, None)]
    if field is not None:
        codes = bin_codes(train[field.name], field.bins)
        shifted = _oversample_high(codes, rows, rng)
        cases.append((f"more rows with high {field.name}", train.iloc[shifted], predictions.iloc[shifted], None))
        if field.bins.scale == "number":
            large = batch.assign(**{field.name: batch[field.name] * 100})
            cases.append((f"{field.name} multiplied by 100", large, predicted, None))
        incomplete = batch.assign(**{field.name: batch[field.name].where(rng.random(rows) < 0.5)})
        cases.append((f"half of {field.name} missing", incomplete, predicted, None))
    if prediction is not None:
        shifted = _oversample_high(bin_codes(predictions[prediction.name], prediction.bins), rows, rng)
        cases.append((f"more rows with high {prediction.name}", train.iloc[shifted], predictions.iloc[shifted], None))
    if truth is not None and score is not None:
        shuffled = truth.reset_index(drop=True).iloc[sample].sample(frac=1, random_state=seed).reset_index(drop=True)
        cases.append(("shuffled labels", batch, predicted, score(shuffled, predicted.reset_index(drop=True))))
    limits = drift_limits(profile, rows, thresholds.false_alarms)
    results = []
    for change, fields, case_predictions, performance in cases:
        drifted = drift(profile, fields, case_predictions, limits)
        decision = decide(drifted, thresholds, performance)
        results.append((change, int(drifted["drifted"].sum()), decision.action, "; ".join(decision.reasons)))
    detected = sum(action != "no action" for _, _, action, _ in results[1:])
    return Table.of(
        pd.DataFrame(results, columns=["change", "drifted columns", "decision", "reasons"]),
        "Injected drift",
        say=f"{detected} of {len(results) - 1} injected changes were detected; the decision without a change is '{results[0][2]}'.",
    )


def _finest_column(profile: Profile, role: str) -> ColumnProfile | None:
    """Return the ordered column with the most bins (the first in a tie), for which a shift towards high values is defined."""
    ordered = [c for c in profile.columns if c.role == role and c.bins.scale != "category" and c.bins.edges]
    return max(ordered, key=lambda column: column.bins.size, default=None)


def _oversample_high(codes: npt.NDArray[np.intp], rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw rows with replacement, with a higher weight for rows in bins above the median bin."""
    weights = np.where(codes > np.median(codes), OVERSAMPLING, 1.0)
    return rng.choice(len(codes), rows, replace=True, p=weights / weights.sum())
