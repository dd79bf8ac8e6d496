"""Typed evidence of findings: the values on which the audit and the conclusion are based.

The sentences, titles and table headers of a finding are for readers; no decision depends on them. Every value that a decision
needs is a field of one of these models, in full precision.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MissingHandling = Literal["imputed", "category", "native", "rows_dropped", "excluded", "unhandled"]
LeakAction = Literal["excluded", "allowed", "review", "used"]


class _Evidence(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitEvidence(_Evidence):
    """The sizes of train and holdout, in rows."""

    kind: Literal["split"] = "split"
    train_rows: int
    holdout_rows: int


class ClassBalanceEvidence(_Evidence):
    """The share of each class in train, from 0 to 1."""

    kind: Literal["class_balance"] = "class_balance"
    class_shares: Annotated[dict[str, float], Field(min_length=1)]


class MissingValuesEvidence(_Evidence):
    """The columns of train with missing values, each with its share of missing values, from 0 to 1."""

    kind: Literal["missing_values"] = "missing_values"
    missing_shares: dict[str, float]


class RecipeEvidence(_Evidence):
    """The treatment of missing values in each input of the models.

    ``imputed``: replaced by a statistic or a constant. ``category``: encoded as a separate category. ``native``: handled by the
    estimator. ``rows_dropped``: rows without a value are quarantined. ``excluded``: no model uses the column. ``unhandled``: not
    handled. Columns that are not listed are not inputs.
    """

    kind: Literal["recipe"] = "recipe"
    missing_handling: dict[str, MissingHandling]


class LeakSuspect(BaseModel):
    """An input that may leak the target.

    ``excluded``: removed from the inputs. ``allowed``: used because the request allows it by name. ``review``: used, but should
    be reviewed. ``used``: used although it is a proven leak.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    action: LeakAction


class LeakageEvidence(_Evidence):
    """The inputs that are suspected of leaking the target."""

    kind: Literal["leakage"] = "leakage"
    suspects: list[LeakSuspect]


class OverlapEvidence(_Evidence):
    """Overlap of train and holdout.

    `shared_rows` counts the row ids that occur in both, and `near_duplicate_rows` the holdout rows, of `holdout_rows` in total,
    that have a duplicate or near-duplicate in train.
    """

    kind: Literal["overlap"] = "overlap"
    shared_rows: int
    near_duplicate_rows: int
    holdout_rows: int


class GeneralizationEvidence(_Evidence):
    """The leading metric on train, out of fold and on the holdout; None where it was not computed."""

    kind: Literal["generalization"] = "generalization"
    metric: str
    higher_is_better: bool
    train: float | None
    out_of_fold: float | None
    holdout: float | None


class HashEvidence(_Evidence):
    """The content hash of the data or of the model, in hexadecimal."""

    kind: Literal["hash"] = "hash"
    of: Literal["data", "model"]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{12,64}$")]


class MonitoringEvidence(_Evidence):
    """The number of columns with a drift threshold, on which the retraining trigger is based."""

    kind: Literal["monitoring"] = "monitoring"
    monitored_columns: int


class SearchEvidence(_Evidence):
    """The hyperparameter search: the candidate, the number of trials including the default, and the tuned hyperparameters."""

    kind: Literal["search"] = "search"
    candidate: str
    trials: int
    hyperparameters: list[str]


class Gain(BaseModel):
    """A gain in a metric with its 95 % interval. Positive values are improvements, also for errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def proven(self) -> bool:
        """True if the whole interval is above 0."""
        return self.low is not None and self.low > 0


class GainEvidence(_Evidence):
    """The gain of the best trial over the default, and of the selected model over the best simpler one."""

    kind: Literal["gain"] = "gain"
    metric: str
    over_default: Gain
    selected: str | None = None
    simpler: str | None = None
    over_simpler: Gain | None = None


class LeaderboardEvidence(_Evidence):
    """The leader of a comparison, the candidates whose score does not differ from it significantly, and the selected one."""

    kind: Literal["leaderboard"] = "leaderboard"
    metric: str
    leader: str
    tied: list[str]
    chosen: str


class SliceEvidence(_Evidence):
    """The slices of the holdout on which the model is significantly worse than overall, the weakest first."""

    kind: Literal["slices"] = "slices"
    weak: list[str]


Evidence = Annotated[
    SplitEvidence
    | ClassBalanceEvidence
    | MissingValuesEvidence
    | RecipeEvidence
    | LeakageEvidence
    | OverlapEvidence
    | GeneralizationEvidence
    | HashEvidence
    | MonitoringEvidence
    | SearchEvidence
    | GainEvidence
    | LeaderboardEvidence
    | SliceEvidence,
    Field(discriminator="kind"),
]
