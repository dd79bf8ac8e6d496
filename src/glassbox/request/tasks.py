"""The tasks that a request may name: the family that solves each one, its metrics and the request keys that it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Task:
    """One row of the table of tasks.

    Attributes
    ----------
    family
        The package below `families/`, and the folder below `notebooks/`, that solves the task.
    metrics
        The names of the metrics that a request may set a bound on, rows of `glassbox.metrics.METRICS`; the first one is the
        task's primary metric.
    splits
        The values of `split.by` that the task supports; the first one is the default.
    keys
        The dotted request keys that this task reads, but not all tasks do.
    unit
        The columns that the family may add when it reshapes the raw table: the series, then the time.
    needs
        The keys, out of `keys`, that the task requires.
    reads
        The reading of files: every file is a table (`tables`), a plain text file may be one example (`documents`), or an image
        file is one example (`pictures`).
    target
        The type of the target: `classes`, a `number`, `spans` of a text or `boxes` on an image.
    libraries
        The modules of libraries, beside those of every family, that the kernel server imports for the stages of the family, in the
        order in which the stages need them.
    answers
        The rows for the other values of the request's `answer`, by that value: tasks with another target on the same kind of
        data.
    """

    family: str
    metrics: tuple[str, ...]
    splits: tuple[str, ...] = ("hash", "group", "time", "column")
    keys: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    reads: Literal["tables", "documents", "pictures"] = "tables"
    target: Literal["classes", "number", "spans", "boxes"] = "classes"
    libraries: tuple[str, ...] = ()
    answers: "Mapping[str, Task]" = field(default_factory=dict)


CLASS_METRICS = (
    "roc_auc",
    "average_precision",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "precision",
    "recall",
    "log_loss",
    "brier",
    "calibration_error",
)
# A new family is one row here, one folder in `families/` and one in `notebooks/`.
TASKS: dict[str, Task] = {
    "classification": Task(
        family="tabular",
        metrics=CLASS_METRICS,
        keys=("data.positive", "data.rare_classes", "data.allow", "data.id"),
        libraries=("lightgbm", "xgboost", "skops.io", "shap"),
    ),
    "forecasting": Task(
        family="forecasting",
        metrics=("mase", "rmsse", "smape", "pinball", "coverage", "mae", "rmse"),
        splits=("horizon",),
        unit=("series", "time"),
        keys=(
            "horizon",
            "data.time",
            "data.series",
            "data.frequency",
            "data.start",
            "data.aggregate",
            "data.known",
            "data.holidays",
            "data.most_series",
        ),
        needs=("horizon",),
        target="number",
        libraries=("statsforecast", "lightgbm"),
    ),
    "nlp": Task(
        family="text",
        metrics=CLASS_METRICS,
        keys=("answer", "data.positive", "data.rare_classes", "data.id", "weights.encoder"),
        reads="documents",
        libraries=("sentence_transformers", "skops.io"),
        answers={
            "spans": Task(
                family="entities",
                metrics=("f1", "precision", "recall"),
                keys=("answer", "data.id", "weights.encoder", "weights.pipeline"),
                reads="documents",
                target="spans",
                libraries=("sentence_transformers", "spacy", "skops.io"),
            )
        },
    ),
    "computer_vision": Task(
        family="vision",
        metrics=CLASS_METRICS,
        keys=("answer", "data.positive", "data.rare_classes", "data.id", "weights.backbones"),
        reads="pictures",
        libraries=("torchvision", "skops.io", "onnxscript", "onnxruntime"),
        answers={
            "boxes": Task(
                family="detection",
                metrics=("map", "map_50", "map_75", "f1", "precision", "recall"),
                keys=("answer", "data.id", "weights.backbones", "weights.detector"),
                reads="pictures",
                target="boxes",
                libraries=("torchvision.models.detection", "onnxscript", "onnxruntime"),
            )
        },
    ),
}
# Planned tasks without a family; the error message for such a request says so.
PLANNED = ("regression", "recommendation", "anomaly_detection", "retrieval")
# The supported values of keys whose other values are planned; the error message for those says so.
BUILT = {("type",): ("model_development",), ("data", "source"): ("files",)}
# Metrics that are measured on the running service, for every task; models are never selected by them.
MEASURED = ("latency",)


def task_row(task: str, answer: str | None = None) -> Task | None:
    """Return the row of a task and of the request's `answer`; None for an unknown task."""
    row = TASKS.get(task)
    return row.answers.get(answer, row) if row is not None and answer is not None else row


def task_rows() -> list[Task]:
    """Return the rows of all tasks, with those of their other answers."""
    return [row for task in TASKS.values() for row in (task, *task.answers.values())]
