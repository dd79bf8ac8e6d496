"""What is told to tracking of a run: values read from what was published."""

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
    """The record of a run; None when nothing of it was published."""
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
            findings=_shown(entry, "findings.json"),
            measured=_shown(entry, "measured.json"),
        )
        for name, entry in entries.items()
    ]
    shown = {stage.name: stage.findings for stage in stages}
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
        metrics=_metrics(shown.get("evaluate", {})),
        primary=primary,
        more_is_better=higher_is_better(primary),
        leaderboard=_leaderboard(shown.get("compare", {})),
        trials=_product(entries, "tune", "trials"),
    )


def _shown(entry: Entry, name: str) -> dict[str, NamedFinding]:
    return read_findings(read_json(entry.folder / name))


def _product(entries: dict[str, Entry], stage: str, name: str) -> Any:
    entry = entries.get(stage)
    if entry is None or name not in entry.manifest["products"]:
        return None
    path = entry.product(name)
    return read_parquet(path) if path.suffix == ".parquet" else read_json(path)


def _metrics(shown: Mapping[str, NamedFinding]) -> dict[str, Estimate]:
    found = shown.get("metrics")
    return dict(found.finding.values) if found is not None and found.finding.kind == "estimates" else {}


def _leaderboard(shown: Mapping[str, NamedFinding]) -> Table | None:
    found = shown.get("leaderboard")
    return found.finding if found is not None and isinstance(found.finding, Table) else None
