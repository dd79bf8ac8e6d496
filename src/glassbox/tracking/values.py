"""Run records, and their conversion to metrics, parameters, tags, valid names and artifact files of a tracking store."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.files import hash_value, plain, readable_json, write_text
from glassbox.findings.model import Estimate, NamedFinding, Table

MAX_LENGTH = 500  # characters of a name, parameter or tag that MLflow's pages can show
_NOT_ALLOWED = re.compile(r"[^0-9A-Za-z_.\- /]")


@dataclass(frozen=True)
class StageRecord:
    """One stage of a run: its key, whether it was restored from the store, its duration and its findings."""

    name: str
    key: str
    cached: bool
    seconds: float
    findings: Mapping[str, NamedFinding] = field(default_factory=dict)
    measured: Mapping[str, NamedFinding] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """A run, as logged to the tracking store.

    Parameters
    ----------
    request
        The resolved request; its `name` is the name of the experiment and of the registered model.
    run_id
        The Glassbox run id, as in `run.json`.
    stages
        The stages of the run.
    hashes
        The hashes `data`, `holdout`, `code`, `lock` and `model`; None for those that were not computed.
    model, model_hash, schema
        The folder of the fitted model, its hash, and the schema of its rows. None when the run ended before `evaluate`.
    metrics
        Metrics on the holdout, with confidence intervals.
    primary, more_is_better
        The metric that decides which model is champion, and its direction.
    leaderboard, trials
        One row per candidate, with its name in the first column; one row per trial, with its `number` and `params`.
    """

    request: Mapping[str, Any]
    run_id: str
    stages: list[StageRecord]
    hashes: Mapping[str, str | None] = field(default_factory=dict)
    model: Path | None = None
    model_hash: str | None = None
    schema: Schema | None = None
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    primary: str = ""
    more_is_better: bool = True
    leaderboard: Table | pd.DataFrame | None = None
    trials: pd.DataFrame | None = None

    @property
    def name(self) -> str:
        """The name of the request."""
        return str(self.request["name"])

    @property
    def fingerprint(self) -> str:
        """Hash of the request and its results, independent of the time of the run and of the order in which stages ended."""
        return hash_value([self.request, sorted([stage.name, stage.key] for stage in self.stages), self.hashes, self.model_hash])


@dataclass(frozen=True)
class Values:
    """The metrics, parameters and tags of one run of the tracking store."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def run_values(run: RunRecord) -> Values:
    """Return the request as parameters, the metrics on the holdout as numbers, and the hashes as tags."""
    hashes = {f"glassbox.hash.{name}": value for name, value in run.hashes.items() if value}
    return Values(
        {**estimate_values(run.metrics), "seconds": sum(stage.seconds for stage in run.stages)},
        flatten(run.request),
        {"glassbox.fingerprint": run.fingerprint, "glassbox.run_id": run.run_id, **hashes},
    )


def stage_values(stage: StageRecord) -> Values:
    """Return the duration of a stage and the numbers in its findings, prefixed with the names of the findings."""
    return Values(
        {"seconds": stage.seconds, **finding_values(stage.findings), **finding_values(stage.measured)},
        tags={"glassbox.stage": stage.name, "glassbox.key": stage.key, "glassbox.cached": str(stage.cached).lower()},
    )


def grandchildren(stage: str, run: RunRecord) -> Iterator[tuple[str, Values]]:
    """Yield the candidates of `compare` or the trials of `tune`, each with its name and values."""
    if stage == "compare":
        for row in _rows(run.leaderboard):
            name = str(next(iter(row.values())))
            yield name, Values(*row_values(row), {"glassbox.candidate": name})
    if stage == "tune":
        for index, row in enumerate(_rows(run.trials)):
            trial = str(row.get("number", index))
            yield f"trial {trial}", Values(*row_values(row), {"glassbox.trial": trial})


def safe_name(text: str) -> str:
    """Return a valid MLflow name: letters, digits, `_`, `-`, `.`, spaces and single slashes.

    >>> safe_name("ndcg@10"), safe_name("../a//b"), safe_name("")
    ('ndcg_10', '_./a/b', '_')
    """
    name = re.sub(r"/{2,}", "/", _NOT_ALLOWED.sub("_", text)).strip("/ ")
    name = "_" + name[1:] if name.startswith(".") else name
    return name[:MAX_LENGTH] or "_"


def truncate(value: Any) -> str:
    """Convert a value to the text of a parameter or tag, truncated to `MAX_LENGTH` characters."""
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested parameters into one level with dotted names.

    >>> flatten({"split": {"by": "hash", "holdout": 0.2}, "data": {"features": ["a"]}, "seed": None})
    {'split.by': 'hash', 'split.holdout': '0.2', 'data.features': '["a"]', 'seed': 'null'}
    """
    params: dict[str, str] = {}
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping) and item:
            params.update(flatten(item, f"{name}."))
        else:
            params[safe_name(name)] = truncate(item)
    return params


def number(value: Any) -> float | None:
    """Return a finite number as a float; None for any other value, including NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def estimate_values(estimates: Mapping[str, Estimate], prefix: str = "") -> dict[str, float]:
    """Return estimates as numbers: the value under its name, the interval and sample size under suffixed names.

    >>> estimate_values({"roc_auc": Estimate(value=0.84, low=0.82, high=0.86, n=1409)})
    {'roc_auc': 0.84, 'roc_auc.low': 0.82, 'roc_auc.high': 0.86, 'roc_auc.n': 1409.0}
    """
    numbers = {}
    for name, estimate in estimates.items():
        for part in ("value", "low", "high", "n"):
            value = number(getattr(estimate, part))
            if value is not None:
                numbers[safe_name(f"{prefix}{name}{'' if part == 'value' else f'.{part}'}")] = value
    return numbers


def finding_values(findings: Mapping[str, NamedFinding]) -> dict[str, float]:
    """Return the numbers in findings: estimates and numeric facts, prefixed with the name of the finding."""
    numbers: dict[str, float] = {}
    for name, item in findings.items():
        finding = item.finding
        if finding.kind == "estimates":
            numbers.update(estimate_values(finding.values, f"{name}."))
        elif finding.kind == "facts":
            facts = {safe_name(f"{name}.{fact}"): number(value) for fact, value in finding.facts.items()}
            numbers.update({fact: value for fact, value in facts.items() if value is not None})
    return numbers


def row_values(row: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """Split a table row into numbers and texts; `params` holds parameters as JSON, and `param_*` columns that repeat them are skipped."""
    numbers: dict[str, float] = {}
    texts: dict[str, str] = {}
    for key, value in row.items():
        if key == "params" and isinstance(value, (str, Mapping)):
            texts.update(flatten(json.loads(value) if isinstance(value, str) else value))
        elif key.startswith("param_") and "params" in row:
            continue
        elif (as_number := number(plain(value))) is not None:
            numbers[safe_name(key)] = as_number
        elif isinstance(value, str) and value:
            texts[safe_name(key)] = truncate(value)
    return numbers, texts


def _rows(table: Table | pd.DataFrame | None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as dictionaries by column name."""
    if table is not None:
        frame = table.frame() if isinstance(table, Table) else table
        names = [str(name) for name in frame.columns]
        for values in frame.itertuples(index=False, name=None):
            yield dict(zip(names, values, strict=True))


def write_files(folder: Path, findings: Mapping[str, NamedFinding], measured: Mapping[str, NamedFinding]) -> None:
    """Write a stage's findings and figures to `folder`, in the layout in which they are logged as artifacts."""
    for name, group in (("findings", findings), ("measured", measured)):
        if group:
            write_text(folder / f"{name}.json", readable_json(list(group.values())))
    for anchor, item in {**findings, **measured}.items():
        finding = item.finding
        if finding.kind == "figure" and finding.svg is not None:
            write_text(folder / "figures" / f"{safe_name(anchor).replace('/', '_')}.svg", finding.svg)
        elif finding.kind == "figure" and finding.plotly is not None:
            write_text(folder / "figures" / f"{safe_name(anchor).replace('/', '_')}.plotly.json", readable_json(finding.plotly))
