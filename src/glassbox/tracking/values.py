"""What a run is, told as values; and the same in a tracking store's terms: names it takes, numbers, short texts, and files."""

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

LONGEST = 500  # characters of a parameter or tag: what a page can show of it
_NOT_ALLOWED = re.compile(r"[^0-9A-Za-z_.\- /]")


@dataclass(frozen=True)
class StageRecord:
    """One stage of a run: the key of what it computed, whether that was in the store, and what it showed."""

    name: str
    key: str
    cached: bool
    seconds: float
    findings: Mapping[str, NamedFinding] = field(default_factory=dict)
    measured: Mapping[str, NamedFinding] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """All that is told of one run.

    Parameters
    ----------
    request
        As resolved; its `name` is that of the experiment and of the registered model.
    run_id
        Ours, as in `run.json`.
    hashes
        `data`, `holdout`, `code`, `lock`, `model`; what is None was not computed.
    model, model_hash, schema
        The folder of the fitted model, its hash, and what its rows look like. None when the run did not come so far.
    metrics
        On the holdout, with intervals.
    primary, more_is_better
        The metric that decides who is champion.
    leaderboard, trials
        One row a candidate, the candidate's name in the first column; one row a trial, with its `number` and `params`.
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
        """The request's name."""
        return str(self.request["name"])

    @property
    def fingerprint(self) -> str:
        """One text for what was asked and what came out, whenever it was run, and in whatever order stages ended."""
        return hash_value([self.request, sorted([stage.name, stage.key] for stage in self.stages), self.hashes, self.model_hash])


@dataclass(frozen=True)
class Values:
    """What one run of the tracking store holds."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def of_run(run: RunRecord) -> Values:
    """The request as parameters, the metrics on the holdout as numbers, the hashes as tags."""
    hashes = {f"glassbox.hash.{name}": value for name, value in run.hashes.items() if value}
    return Values(
        {**of_estimates(run.metrics), "seconds": sum(stage.seconds for stage in run.stages)},
        flat(run.request),
        {"glassbox.fingerprint": run.fingerprint, "glassbox.run_id": run.run_id, **hashes},
    )


def of_stage(stage: StageRecord) -> Values:
    """Its seconds and the numbers it stated, under the names of its findings."""
    return Values(
        {"seconds": stage.seconds, **of_findings(stage.findings), **of_findings(stage.measured)},
        tags={"glassbox.runtime.stage": stage.name, "glassbox.key": stage.key, "glassbox.cached": str(stage.cached).lower()},
    )


def grandchildren(stage: str, run: RunRecord) -> Iterator[tuple[str, Values]]:
    """The candidates of `compare`, the trials of `tune`: each with its name."""
    if stage == "compare":
        for row in _rows(run.leaderboard):
            name = str(next(iter(row.values())))
            yield name, Values(*of_row(row), {"glassbox.candidate": name})
    if stage == "tune":
        for at, row in enumerate(_rows(run.trials)):
            number_ = str(row.get("number", at))
            yield f"trial {number_}", Values(*of_row(row), {"glassbox.trial": number_})


def safe_name(text: str) -> str:
    """A name that a tracking store takes: letters, digits, `_`, `-`, `.`, spaces and single slashes.

    >>> safe_name("ndcg@10"), safe_name("../a//b"), safe_name("")
    ('ndcg_10', '_./a/b', '_')
    """
    name = re.sub(r"/{2,}", "/", _NOT_ALLOWED.sub("_", text)).strip("/ ")
    name = "_" + name[1:] if name.startswith(".") else name
    return name[:LONGEST] or "_"


def short(value: Any) -> str:
    """A value as a parameter's or tag's text, cut where it would fill the page."""
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def flat(value: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Nested parameters as one level with dotted names.

    >>> flat({"split": {"by": "hash", "holdout": 0.2}, "data": {"features": ["a"]}, "seed": None})
    {'split.by': 'hash', 'split.holdout': '0.2', 'data.features': '["a"]', 'seed': 'null'}
    """
    found: dict[str, str] = {}
    for key, item in value.items():
        name = f"{above}{key}"
        if isinstance(item, Mapping) and item:
            found.update(flat(item, f"{name}."))
        else:
            found[safe_name(name)] = short(item)
    return found


def number(value: Any) -> float | None:
    """A finite number, or None: what is no number, and NaN, are not logged as one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def of_estimates(values: Mapping[str, Estimate], above: str = "") -> dict[str, float]:
    """Estimates as numbers: the value under its name, the ends of its interval beside it.

    >>> of_estimates({"roc_auc": Estimate(value=0.84, low=0.82, high=0.86, n=1409)})
    {'roc_auc': 0.84, 'roc_auc.low': 0.82, 'roc_auc.high': 0.86, 'roc_auc.n': 1409.0}
    """
    found = {}
    for name, estimate in values.items():
        for end in ("value", "low", "high", "n"):
            value = number(getattr(estimate, end))
            if value is not None:
                found[safe_name(f"{above}{name}{'' if end == 'value' else f'.{end}'}")] = value
    return found


def of_findings(shown: Mapping[str, NamedFinding]) -> dict[str, float]:
    """The numbers that findings state by name: estimates and numeric facts."""
    found: dict[str, float] = {}
    for name, item in shown.items():
        finding = item.finding
        if finding.kind == "estimates":
            found.update(of_estimates(finding.values, f"{name}."))
        elif finding.kind == "facts":
            stated = {safe_name(f"{name}.{fact}"): number(value) for fact, value in finding.facts.items()}
            found.update({fact: value for fact, value in stated.items() if value is not None})
    return found


def of_row(row: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """A row of a table as numbers and texts; a `params` column holds parameters as JSON, `param_*` only repeats them."""
    numbers: dict[str, float] = {}
    texts: dict[str, str] = {}
    for key, value in row.items():
        if key == "params" and isinstance(value, (str, Mapping)):
            texts.update(flat(json.loads(value) if isinstance(value, str) else value))
        elif key.startswith("param_") and "params" in row:
            continue
        elif (as_number := number(plain(value))) is not None:
            numbers[safe_name(key)] = as_number
        elif isinstance(value, str) and value:
            texts[safe_name(key)] = short(value)
    return numbers, texts


def _rows(table: Table | pd.DataFrame | None) -> Iterator[dict[str, Any]]:
    """The rows of a table, by column name."""
    if table is not None:
        frame = table.frame() if isinstance(table, Table) else table
        names = [str(name) for name in frame.columns]
        for values in frame.itertuples(index=False, name=None):
            yield dict(zip(names, values, strict=True))


def write_files(folder: Path, findings: Mapping[str, NamedFinding], measured: Mapping[str, NamedFinding]) -> None:
    """Write a stage's findings and its figures into `folder`, to be logged as they lie there."""
    for name, shown in (("findings", findings), ("measured", measured)):
        if shown:
            write_text(folder / f"{name}.json", readable_json(list(shown.values())))
    for anchor, item in {**findings, **measured}.items():
        finding = item.finding
        if finding.kind == "figure" and finding.svg is not None:
            write_text(folder / "figures" / f"{safe_name(anchor).replace('/', '_')}.svg", finding.svg)
        elif finding.kind == "figure" and finding.plotly is not None:
            write_text(folder / "figures" / f"{safe_name(anchor).replace('/', '_')}.plotly.json", readable_json(finding.plotly))
