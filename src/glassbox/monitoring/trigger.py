"""The retraining trigger: thresholds for drift and performance, and the decision for a batch."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from glassbox.errors import GlassboxError
from glassbox.findings.evidence import MonitoringEvidence
from glassbox.findings.model import Cell, Facts, Table
from glassbox.findings.wording import metric_label, number
from glassbox.monitoring.drift import MATERIAL_PSI, chance_limits
from glassbox.monitoring.profile import Profile, Score

Action = Literal["no action", "review", "retrain"]
DRAWS = 1000


class Limit(BaseModel):
    """The drift limit of one column: `psi` above which it counts as drifted, and the `chance` limit without drift."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    role: Literal["field", "prediction"]
    psi: float
    chance: float


class Performance(BaseModel):
    """The reference score on unseen rows, and the limit beyond which the score of a labelled batch is significantly worse."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    higher_is_better: bool
    reference: float
    limit: float
    rows: int


class Thresholds(BaseModel):
    """All thresholds that decide the action for a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_rows: int = Field(ge=1)
    false_alarms: float = Field(gt=0, lt=1)
    drifted_share: float = Field(gt=0, le=1)
    limits: list[Limit]
    performance: Performance | None = None


class Decision(BaseModel):
    """The action for a batch, with its reasons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    reasons: list[str]


def compute_thresholds(
    profile: Profile,
    *,
    batch_rows: int,
    false_alarms: float,
    drifted_share: float,
    performance: Performance | None = None,
) -> Thresholds:
    """Compute the thresholds for batches of `batch_rows` rows.

    Parameters
    ----------
    profile : Profile
        The reference profile.
    batch_rows : int
        The number of rows of a batch.
    false_alarms : float
        The share of batches without drift that may raise an alert by chance, over all columns together.
    drifted_share : float
        The share of the model's fields that have to drift before the model is retrained.
    performance : Performance, optional
        The performance limit, from `performance_limit`.
    """
    limits = chance_limits(profile, batch_rows, false_alarms)
    return Thresholds(
        batch_rows=batch_rows,
        false_alarms=false_alarms,
        drifted_share=drifted_share,
        limits=[
            Limit(column=column.name, role=column.role, psi=max(MATERIAL_PSI, chance), chance=chance)
            for column, chance in zip(profile.columns, limits, strict=True)
        ],
        performance=performance,
    )


def performance_limit(
    truth: pd.Series,
    predictions: pd.DataFrame,
    score: Score,
    *,
    metric: str,
    higher_is_better: bool,
    batch_rows: int,
    false_alarms: float,
    seed: int,
) -> Performance:
    """Compute the limit beyond which the score of a batch is unlikely to be due to chance.

    Batches are bootstrapped [1]_ from the out-of-fold predictions: `batch_rows` rows are drawn with replacement. A share
    `false_alarms` of these batches scores worse than the limit. Batches on which the score is undefined, for instance because a class
    is missing, are ignored.

    Parameters
    ----------
    truth : Series of shape (n,)
        The true target values.
    predictions : DataFrame of shape (n, ...)
        The out-of-fold predictions for the same rows, in the same order.
    score : callable
        A function of truth and predictions that returns a number, or NaN where the score is undefined.
    metric : str
        The name of the metric.
    higher_is_better : bool
        Whether a higher score is better.
    batch_rows : int
        The number of rows of a batch.
    false_alarms : float
        The share of batches without drift that may score worse than the limit.
    seed : int
        The seed of the bootstrap.

    Raises
    ------
    GlassboxError
        The score is undefined on most batches because they are too small.

    References
    ----------
    .. [1] Efron, B. and Tibshirani, R. (1993). An Introduction to the Bootstrap. Chapman & Hall, chapter 6.
    """
    rng = np.random.default_rng(seed)
    truth, predictions = truth.reset_index(drop=True), predictions.reset_index(drop=True)
    draws = (rng.integers(0, len(truth), batch_rows) for _ in range(DRAWS))
    scores = np.array([score(truth.iloc[rows], predictions.iloc[rows]) for rows in draws])
    scores = np.sort(scores[np.isfinite(scores)])
    if len(scores) < DRAWS / 2:
        raise GlassboxError(
            f"{metric} is undefined on most batches of {batch_rows} rows; increase `batch_rows` in the notebook `monitor`."
        )
    worst = np.quantile(scores, false_alarms if higher_is_better else 1 - false_alarms)
    return Performance(
        metric=metric,
        higher_is_better=higher_is_better,
        reference=float(score(truth, predictions)),
        limit=float(worst),
        rows=batch_rows,
    )


def decide(drifted: pd.DataFrame, thresholds: Thresholds, performance: float | None = None) -> Decision:
    """Decide the action for a batch.

    The action is "retrain" if the predictions have drifted, if at least the share `thresholds.drifted_share` of the fields has
    drifted, or if the score of a labelled batch is beyond its limit. It is "review" if any other field has drifted: a data source may
    be broken, and retraining on broken data does not help. Otherwise it is "no action".

    Parameters
    ----------
    drifted : DataFrame
        The result of `drift`, with the columns ``column``, ``role`` and ``drifted``.
    thresholds : Thresholds
        The thresholds.
    performance : float, optional
        The score of this batch by the metric of `thresholds.performance`, once its labels are available.

    Examples
    --------
    >>> thresholds = Thresholds(batch_rows=500, false_alarms=0.01, drifted_share=0.3, limits=[])
    >>> batch = pd.DataFrame({"column": ["age", "pay"], "role": ["field", "field"], "drifted": [True, False]})
    >>> decide(batch, thresholds).action, decide(batch.assign(drifted=False), thresholds).action
    ('retrain', 'no action')
    """
    fields = drifted[drifted["role"] == "field"]
    drifted_fields = fields.loc[fields["drifted"], "column"].tolist()
    drifted_predictions = drifted.loc[(drifted["role"] == "prediction") & drifted["drifted"], "column"].tolist()
    share = len(drifted_fields) / len(fields) if len(fields) else 0.0
    reasons = [f"predictions have drifted: {', '.join(drifted_predictions)}"] if drifted_predictions else []
    if drifted_fields and share >= thresholds.drifted_share:
        reasons.append(f"{len(drifted_fields)} of {len(fields)} fields have drifted: {_join_names(drifted_fields)}")
    if performance is not None and thresholds.performance is not None and _is_worse(performance, thresholds.performance):
        label, limit = metric_label(thresholds.performance.metric), number(thresholds.performance.limit)
        reasons.append(f"{label} is {number(performance)}, beyond the limit of {limit}")
    if reasons:
        return Decision(action="retrain", reasons=reasons)
    if drifted_fields:
        return Decision(action="review", reasons=[f"fields have drifted: {_join_names(drifted_fields)}"])
    return Decision(action="no action", reasons=["all differences from the reference are within their limits"])


def _is_worse(score: float, performance: Performance) -> bool:
    if not np.isfinite(score):
        return True
    return score < performance.limit if performance.higher_is_better else score > performance.limit


def _join_names(names: list[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def thresholds_table(thresholds: Thresholds, profile: Profile, unit: str = "rows") -> Table:
    """Return the drift limits as a table: one row per column, with the limit by chance and the drift limit."""
    rows = [
        {
            "column": limit.column,
            "role": limit.role,
            "bins": column.bins.size,
            "chance limit": limit.chance,
            "drift limit": limit.psi,
        }
        for limit, column in zip(thresholds.limits, profile.columns, strict=True)
    ]
    return Table.of(
        pd.DataFrame(rows, columns=["column", "role", "bins", "chance limit", "drift limit"]),
        "Drift thresholds",
        say=(
            f"With batches of {thresholds.batch_rows:,} {unit}, at most {number(thresholds.false_alarms, '.1%')} of the batches "
            "without drift raise an alert by chance."
        ),
        formats={"chance limit": ".3f", "drift limit": ".3f"},
        note=(
            "Limits of the population stability index (PSI) between a batch and the training data. "
            f"A PSI below {MATERIAL_PSI:g} is too small to act upon."
        ),
    )


def trigger_facts(thresholds: Thresholds, unit: str = "rows") -> Facts:
    """Return the rules of the trigger as facts."""
    fields = sum(limit.role == "field" for limit in thresholds.limits)
    facts: dict[str, Cell] = {
        "Batch size": f"{thresholds.batch_rows:,} {unit}",
        "Allowed false alarm rate": f"{number(thresholds.false_alarms, '.1%')} of batches",
        "Review when": f"any of the {fields} fields drifts",
        "Retrain when predictions drift": "any prediction column above its limit",
        "Retrain when fields drift": f"at least {number(thresholds.drifted_share, '.0%')} of the fields above their limits",
    }
    performance = thresholds.performance
    if performance is not None:
        label = metric_label(performance.metric)
        facts[f"Retrain when {label} is"] = f"{'below' if performance.higher_is_better else 'above'} {number(performance.limit)}"
        facts[f"Out-of-fold {label}"] = number(performance.reference)
    return Facts(
        title="Retraining trigger",
        say=(
            "Every batch is compared with the training data. The model is retrained when its predictions drift, when many fields "
            "drift, or when labels show that its performance has dropped."
        ),
        facts=facts,
        evidence=MonitoringEvidence(monitored_columns=len(thresholds.limits)),
    )
