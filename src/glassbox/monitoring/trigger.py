"""The trigger: from what drifted, and how well the model still does, to what should be done."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from glassbox.errors import GlassboxError
from glassbox.families.protocol import Score
from glassbox.findings.evidence import MonitoringEvidence
from glassbox.findings.model import Cell, Facts, Table
from glassbox.findings.wording import metric_label, number
from glassbox.monitoring.drift import MATERIAL_PSI, chance_limits
from glassbox.monitoring.profile import Profile

Action = Literal["go on", "look", "retrain"]
DRAWS = 1000


class Limit(BaseModel):
    """From which stability index on a column counts as drifted, in a batch of the stated size, and what chance may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    role: Literal["field", "prediction"]
    psi: float
    chance: float


class Performance(BaseModel):
    """How well the model did on rows it had not seen, and below (above) what a batch with labels is no accident."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    higher_is_better: bool
    reference: float
    limit: float
    rows: int


class Thresholds(BaseModel):
    """The rule by which a batch is judged: every number of it, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_rows: int = Field(ge=1)
    false_alarms: float = Field(gt=0, lt=1)
    drifted_share: float = Field(gt=0, le=1)
    limits: list[Limit]
    performance: Performance | None = None


class Decision(BaseModel):
    """What should be done about a batch, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    reasons: list[str]


def thresholds_of(
    profile: Profile,
    *,
    batch_rows: int,
    false_alarms: float,
    drifted_share: float,
    performance: Performance | None = None,
) -> Thresholds:
    """The thresholds for batches of `batch_rows` rows.

    Parameters
    ----------
    profile : Profile
        The reference.
    batch_rows : int
        Rows of a batch.
    false_alarms : float
        Share of the batches without drift that may raise an alarm by chance, over all columns together.
    drifted_share : float
        Share of the model's fields that have to drift before the model is trained again.
    performance : Performance, optional
        From `performance_limit`.
    """
    chances = chance_limits(profile, batch_rows, false_alarms)
    return Thresholds(
        batch_rows=batch_rows,
        false_alarms=false_alarms,
        drifted_share=drifted_share,
        limits=[
            Limit(column=column.name, role=column.role, psi=max(MATERIAL_PSI, chance), chance=chance)
            for column, chance in zip(profile.columns, chances, strict=True)
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
    """How low (high, for an error) the score of a batch may be by chance while nothing has changed.

    The bootstrap [1]_ of a batch: rows are drawn with replacement, as many as a batch has, from rows that the model had
    not seen when it predicted them. A share of `false_alarms` of such batches scores worse than the limit. Batches on
    which the score is not defined (a class is missing) are drawn, but not counted.

    Parameters
    ----------
    truth : Series of shape (n,)
        What was to be predicted.
    predictions : DataFrame of shape (n, ...)
        What was predicted for the same rows, in the same order, out of fold.
    score : callable
        Truth and predictions to one number; NaN where it is not defined.
    metric : str
        Its name.
    higher_is_better : bool
        Whether it is.
    batch_rows : int
        Rows of a batch.
    false_alarms : float
        See above.
    seed : int
        Of the draws.

    Raises
    ------
    GlassboxError
        When the score is not defined on most batches: they are too small for it.

    References
    ----------
    .. [1] Efron, B. and Tibshirani, R. (1993). An Introduction to the Bootstrap. Chapman & Hall, chapter 6.
    """
    rng = np.random.default_rng(seed)
    truth, predictions = truth.reset_index(drop=True), predictions.reset_index(drop=True)
    draws = (rng.integers(0, len(truth), batch_rows) for _ in range(DRAWS))
    found = np.array([score(truth.iloc[rows], predictions.iloc[rows]) for rows in draws])
    found = np.sort(found[np.isfinite(found)])
    if len(found) < DRAWS / 2:
        raise GlassboxError(
            f"{metric} cannot be computed on most batches of {batch_rows} rows; set more rows a batch in the notebook `monitor`."
        )
    worst = np.quantile(found, false_alarms if higher_is_better else 1 - false_alarms)
    return Performance(
        metric=metric,
        higher_is_better=higher_is_better,
        reference=float(score(truth, predictions)),
        limit=float(worst),
        rows=batch_rows,
    )


def decide(drifted: pd.DataFrame, thresholds: Thresholds, performance: float | None = None) -> Decision:
    """What to do about a batch.

    Retrain when the predictions have drifted, when at least the stated share of the fields has, or when labels have
    arrived and the score is beyond its limit. Look when any other field has drifted: a source may have changed, and
    a model trained again on broken data is no better. Go on otherwise.

    Parameters
    ----------
    drifted : DataFrame
        From `drift`: ``column``, ``role``, ``drifted``.
    thresholds : Thresholds
        The rule.
    performance : float, optional
        The metric of `thresholds.performance` on this batch, once its labels have arrived.

    Examples
    --------
    >>> rule = Thresholds(batch_rows=500, false_alarms=0.01, drifted_share=0.3, limits=[])
    >>> batch = pd.DataFrame({"column": ["age", "pay"], "role": ["field", "field"], "drifted": [True, False]})
    >>> decide(batch, rule).action, decide(batch.assign(drifted=False), rule).action
    ('retrain', 'go on')
    """
    fields = drifted[drifted["role"] == "field"]
    moved = fields.loc[fields["drifted"], "column"].tolist()
    scores = drifted.loc[(drifted["role"] == "prediction") & drifted["drifted"], "column"].tolist()
    share = len(moved) / len(fields) if len(fields) else 0.0
    grave = [f"predictions have drifted: {', '.join(scores)}"] if scores else []
    if moved and share >= thresholds.drifted_share:
        grave.append(f"{len(moved)} of {len(fields)} fields have drifted: {_listed(moved)}")
    if performance is not None and thresholds.performance is not None and _worse(performance, thresholds.performance):
        found, limit = number(performance), number(thresholds.performance.limit)
        grave.append(f"{metric_label(thresholds.performance.metric)} is {found}, beyond {limit}")
    if grave:
        return Decision(action="retrain", reasons=grave)
    if moved:
        return Decision(action="look", reasons=[f"drifted: {_listed(moved)}"])
    return Decision(action="go on", reasons=["nothing is further from the reference than chance explains"])


def _worse(value: float, rule: Performance) -> bool:
    return not np.isfinite(value) or (value < rule.limit if rule.higher_is_better else value > rule.limit)


def _listed(names: list[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def thresholds_table(thresholds: Thresholds, profile: Profile, unit: str = "rows") -> Table:
    """The limits for people: a row a column, with what chance alone could do."""
    rows = [
        {
            "column": limit.column,
            "role": limit.role,
            "bins": column.bins.size,
            "by chance up to": limit.chance,
            "drifted above": limit.psi,
        }
        for limit, column in zip(thresholds.limits, profile.columns, strict=True)
    ]
    return Table.of(
        pd.DataFrame(rows, columns=["column", "role", "bins", "by chance up to", "drifted above"]),
        "When a column counts as drifted",
        say=(
            f"In batches of {thresholds.batch_rows:,} {unit}, at most {number(thresholds.false_alarms, '.1%')} of those without drift "
            "raise any alarm by chance."
        ),
        formats={"by chance up to": ".3f", "drifted above": ".3f"},
        note=f"Population stability index between a batch and the training data. Below {MATERIAL_PSI:g} a shift is too small to act upon.",
    )


def trigger_facts(thresholds: Thresholds, unit: str = "rows") -> Facts:
    """The rule for people."""
    fields = sum(limit.role == "field" for limit in thresholds.limits)
    facts: dict[str, Cell] = {
        "Judged in batches of": f"{thresholds.batch_rows:,} {unit}",
        "False alarms allowed": f"{number(thresholds.false_alarms, '.1%')} of batches",
        "Look when": f"any of the {fields} fields has drifted",
        "Retrain when predictions drift": "any prediction column above its limit",
        "Retrain when fields drift": f"{number(thresholds.drifted_share, '.0%')} of the fields above their limits",
    }
    rule = thresholds.performance
    if rule is not None:
        facts[f"Retrain when {metric_label(rule.metric)} is"] = (
            f"{'below' if rule.higher_is_better else 'above'} {number(rule.limit)}"
        )
        facts[f"{metric_label(rule.metric)}, out of fold"] = number(rule.reference)
    return Facts(
        title="When the model is trained again",
        say=(
            "Every batch is compared with the training data; the model is trained again when its predictions drift, "
            "when many fields do, or when labels show that it has become worse."
        ),
        facts=facts,
        evidence=MonitoringEvidence(monitored_columns=len(thresholds.limits)),
    )
