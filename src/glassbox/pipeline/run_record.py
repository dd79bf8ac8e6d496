"""Conversion of a finished run into the record that is logged to the tracking store."""

from collections.abc import Mapping
from typing import Any

from glassbox.data.schema import Schema
from glassbox.files import read_json, read_parquet
from glassbox.findings.model import Estimate, NamedFinding, Table, read_findings
from glassbox.metrics import higher_is_better
from glassbox.pipeline.run import RunResult
from glassbox.pipeline.store import Entry
from glassbox.tracking.values import RunRecord, StageRecord


def run_record(result: RunResult) -> RunRecord | None:
    """Build the tracking record of a run from its published products; None when nothing was published."""
    runner, run = result.runner, result.run
    entries = {name: outcome.entry for name, outcome in runner.outcomes.items() if outcome.entry is not None}
    if not entries:
        return None
    stages = [
        StageRecord(
            name=name,
            key=entry.key,
            cached=runner.outcomes[name].status == "cached",
            seconds=runner.outcomes[name].seconds,
            findings=_findings(entry, "findings.json"),
            measured=_findings(entry, "measured.json"),
        )
        for name, entry in entries.items()
    ]
    findings = {stage.name: stage.findings for stage in stages}
    best = _product(entries, "tune", "best") or {}
    primary = str(best.get("metric") or runner.request.task_spec.metrics[0])
    model = entries["evaluate"].product("model") if "evaluate" in entries else None
    schema = _product(entries, "ingest", "schema")
    return RunRecord(
        request=run["resolved"],
        run_id=run["id"],
        stages=stages,
        hashes=run["hashes"],
        model=model,
        model_hash=run["hashes"]["model"],
        schema=Schema.model_validate(schema) if schema else None,
        metrics=_metrics(findings.get("evaluate", {})),
        primary=primary,
        more_is_better=higher_is_better(primary),
        leaderboard=_leaderboard(findings.get("compare", {})),
        trials=_product(entries, "tune", "trials"),
    )


def _findings(entry: Entry, name: str) -> dict[str, NamedFinding]:
    return read_findings(read_json(entry.folder / name))


def _product(entries: dict[str, Entry], stage: str, name: str) -> Any:
    entry = entries.get(stage)
    if entry is None or name not in entry.manifest["products"]:
        return None
    path = entry.product(name)
    return read_parquet(path) if path.suffix == ".parquet" else read_json(path)


def _metrics(findings: Mapping[str, NamedFinding]) -> dict[str, Estimate]:
    metrics = findings.get("metrics")
    return dict(metrics.finding.values) if metrics is not None and metrics.finding.kind == "estimates" else {}


def _leaderboard(findings: Mapping[str, NamedFinding]) -> Table | None:
    leaderboard = findings.get("leaderboard")
    return leaderboard.finding if leaderboard is not None and isinstance(leaderboard.finding, Table) else None
