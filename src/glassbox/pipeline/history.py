"""Run history outside the store: `run.json`, the list of runs, and the differences between two runs."""

import datetime
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassbox.errors import GlassboxError
from glassbox.files import hash_value, plain, read_json
from glassbox.findings.evidence import HashEvidence
from glassbox.findings.model import Estimate, read_findings
from glassbox.pipeline.runner import Outcome, Runner
from glassbox.pipeline.store import Entry, Store
from glassbox.state_files import RunFile, read_state, write_state


def new_run_id() -> str:
    """Return a unique run id that sorts by time."""
    now = datetime.datetime.now(datetime.UTC)
    return f"{now:%Y%m%dT%H%M%S}-{time.time_ns() % 1_000_000:06d}-{os.getpid()}"


def run_hashes(runner: Runner) -> dict[str, str | None]:
    """Return the hashes that identify a run: input data, holdout, code, lock file and model."""
    entries = {name: outcome.entry for name, outcome in runner.outcomes.items() if outcome.entry is not None}
    modules: dict[str, str] = {}
    for entry in entries.values():
        modules.update(entry.manifest["modules"])
    cells = {name: entry.manifest["facts"]["cells"] for name, entry in sorted(entries.items())}
    ingest = entries.get("ingest")
    model = entries.get("evaluate")
    return {
        "data": _data_hash(ingest) if ingest else None,
        "holdout": ingest.product_hash("holdout") if ingest and "holdout" in ingest.manifest["products"] else None,
        "code": hash_value({"modules": modules, "cells": cells}),
        "lock": next((entry.manifest["facts"]["lock"] for entry in entries.values()), None),
        "model": model.product_hash("model") if model and "model" in model.manifest["products"] else None,
    }


def _data_hash(ingest: Entry) -> str | None:
    """Return the order-independent hash of the data from the findings of `ingest`; None if they contain none."""
    hashes = (shown.finding.evidence for shown in read_findings(read_json(ingest.folder / "findings.json")).values())
    return next((item.digest for item in hashes if isinstance(item, HashEvidence) and item.of == "data"), None)


def write_run(runner: Runner, run_id: str, started: datetime.datetime, seconds: float) -> dict[str, Any]:
    """Write `data/<request>/run.json` and a copy to `data/<request>/runs/`; return its content."""

    def stage(outcome: Outcome) -> dict[str, Any]:
        return {
            "status": outcome.status,
            "why": outcome.why,
            "seconds": round(outcome.seconds, 3),
            "key": outcome.entry.key if outcome.entry else None,
            "error": str(outcome.error) if outcome.error else None,
        }

    run = {
        "id": run_id,
        "request": runner.request.name,
        "resolved": runner.request.resolved(),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "workers": runner.workers,
        "hashes": run_hashes(runner),
        "stages": {name: stage(runner.outcomes[name]) for name in runner.specs if name in runner.outcomes},
    }
    folder = runner.root / "data" / runner.request.name
    write_state(folder / "runs" / f"{run_id}.json", run)
    write_state(folder / "run.json", run)
    return run


def runs(root: Path, slug: str) -> list[dict[str, Any]]:
    """Return all runs of a request, oldest first, without those whose file is damaged."""
    files = sorted((root / "data" / slug / "runs").glob("*.json"))
    return [run for path in files if (run := read_state(path, RunFile)) is not None]


@dataclass(frozen=True)
class Difference:
    """Differences between two runs: causes as sentences, metrics before and after, and changed products."""

    before: str
    after: str
    causes: list[str]
    metrics: list[tuple[str, Estimate | None, Estimate | None]]
    products: list[str]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for name, item in value.items() for k, v in _flat(item, f"{path}.{name}" if path else name).items()}
    return {path: value}


def _metrics(entry: Entry | None) -> dict[str, Estimate]:
    if entry is None or "metrics" not in entry.manifest["products"]:
        return {}
    metrics = read_findings(read_json(entry.product("findings"))).get("metrics")
    return dict(metrics.finding.values) if metrics and metrics.finding.kind == "estimates" else {}


def difference(root: Path, slug: str) -> Difference:
    """Compare the last two complete runs of a request: the changes and their effects.

    Raises
    ------
    GlassboxError
        There are fewer than two complete runs.
    """
    complete = [run for run in runs(root, slug) if all(s["status"] != "failed" for s in run["stages"].values())]
    if len(complete) < 2:
        raise GlassboxError(
            f"{slug}: complete runs so far: {len(complete)}; `glassbox diff` compares the last two complete runs."
        )
    before, after = complete[-2:]
    store = Store(root)
    causes: list[str] = []
    old, new = _flat(before["resolved"]), _flat(after["resolved"])
    causes += [
        f"request: {k} is {plain(new.get(k))!r}, was {plain(old.get(k))!r}"
        for k in sorted({*old, *new})
        if old.get(k) != new.get(k)
    ]
    products: list[str] = []
    entries: dict[str, tuple[Entry | None, Entry | None]] = {}
    modules: set[str] = set()
    for name in after["stages"]:
        keys = [run["stages"].get(name, {}).get("key") for run in (before, after)]
        pair = tuple(store.entry(key) if key else None for key in keys)
        entries[name] = (pair[0], pair[1])
        if pair[0] is None or pair[1] is None or keys[0] == keys[1]:
            continue
        a, b = pair[0].manifest, pair[1].manifest
        modules |= {m for m in {*a["modules"], *b["modules"]} if a["modules"].get(m) != b["modules"].get(m)}
        if a["facts"]["cells"] != b["facts"]["cells"]:
            causes.append(f"notebook: {name} has changed code cells")
        if a["facts"]["source"] != b["facts"]["source"]:
            causes.append("data: the input data changed")
        for product in b["products"]:
            if a["products"].get(product, {}).get("hash") != b["products"][product]["hash"]:
                products.append(f"{name}.{product}")
    causes += [f"code: {name} changed" for name in sorted(modules)]
    if before["hashes"]["lock"] != after["hashes"]["lock"]:
        causes.append("requirements.lock changed")
    was, now = (_metrics(entry) for entry in entries.get("evaluate", (None, None)))
    metrics = [(name, was.get(name), now.get(name)) for name in sorted({*was, *now})]
    return Difference(before["id"], after["id"], causes, metrics, products)
