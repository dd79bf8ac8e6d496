"""A fabricated run: findings, evidence and executed notebooks, for tests of pages without the pipeline.

The findings of every stage contain a column with a hostile name, `<img src=x onerror=alert(1)>`.
"""

import base64
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Canvas

from glassbox.files import plain, write_json
from glassbox.findings.evidence import (
    ClassBalanceEvidence,
    Gain,
    GainEvidence,
    GeneralizationEvidence,
    HashEvidence,
    LeaderboardEvidence,
    LeakageEvidence,
    LeakSuspect,
    MissingValuesEvidence,
    MonitoringEvidence,
    OverlapEvidence,
    RecipeEvidence,
    SearchEvidence,
    SliceEvidence,
    SplitEvidence,
)
from glassbox.findings.html import finding_html
from glassbox.findings.model import (
    Column,
    Estimate,
    Estimates,
    Facts,
    Figure,
    Finding,
    NamedFinding,
    Note,
    Picture,
    Pictures,
    Table,
)
from glassbox.findings.plot_style import WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, SOFT
from glassbox.reports.audit import audit
from glassbox.reports.conclusion import answer, next_steps, requirement_rows, verdict_table
from glassbox.reports.sections import QUESTIONS
from glassbox.request.model import Request
from glassbox.state_files import write_state

HOSTILE = "<img src=x onerror=alert(1)>"
ITEM = tuple[str, Finding, bool, bool]  # name, finding, report, measured


def request(**changes: Any) -> Request:
    """Return a request for churn with three requirements: one met, one not proven, one measured."""
    given: dict[str, Any] = {
        "name": "churn",
        "task": "classification",
        "problem": "Predict which customers leave within a month, so that retention can call them first.",
        "data": {"path": "catalog:churn", "size": "7K rows", "row": "customer", "target": "churned", "positive": "Yes"},
        "requirements": {"roc_auc": ">=0.83", "accuracy": ">80%", "latency": "<100ms"},
    }
    return Request.model_validate({**given, **changes})


def table(title: str, heads: str, rows: list[list[Any]], **more: Any) -> Table:
    """Return a table; `heads` are the names of its columns, separated by spaces."""
    return Table(title=title, columns=[Column(name=name.replace("_", " ")) for name in heads.split()], rows=rows, **more)


@cache
def curve(title: str, say: str) -> Figure:
    """Return a small figure in the style of Glassbox, with the hostile name as an axis label."""
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.9))
        axes = canvas.subplots()
        x = np.linspace(0, 1, 40)
        axes.plot([0, 1], [0, 1], color=SOFT, linestyle=(0, (3, 3)))
        axes.plot(x, x**0.4, color=ACCENT, linewidth=2.2)
        axes.set_xlabel("share of rows called, highest ranked first")
        axes.set_ylabel(HOSTILE)
        return drawing(canvas, title, say=say, alt=f"A rising curve. {say}", caption="1,409 rows of the holdout.")


def hover(title: str) -> Figure:
    """Return a Plotly figure with a hostile category."""
    bars = {"type": "bar", "name": "rows", "x": [HOSTILE, "tenure", "contract"], "y": [3, 2, 1], "marker": {"color": ACCENT}}
    layout = {"xaxis": {"title": {"text": "column"}}, "yaxis": {"title": {"text": "mutual information, bits"}}}
    return Figure(
        title=title, say="Hover for values.", alt="Bars in decreasing order.", plotly={"data": [bars], "layout": layout}
    )


def findings() -> dict[str, list[ITEM]]:
    """Return the findings of each stage except `conclude`."""
    return {
        "ingest": [
            ("data_summary", Facts(title="Input data", say="7,043 rows and 21 columns were read.",
                facts={"files": 1, "rows": 7043, "columns": 21, "hash of the data": "3f9a00c1d2e4b5a6"},
                evidence=HashEvidence(of="data", digest="3f9a00c1d2e4b5a6")), True, False),
            ("types", table("Schema", "column kind distinct", [[HOSTILE, "number", 73], ["contract", "category", 3]]), False, False),
            ("missing", table("Missing values in train", "column rows share", [["TotalCharges", 11, 0.0016]],
                say="1 of 21 columns has missing values.",
                evidence=MissingValuesEvidence(missing_shares={HOSTILE: 0.0016})), False, False),
            ("split", Facts(title="Train-holdout split", say="5,634 rows are in train and 1,409 rows in the holdout.",
                facts={"split by": "a hash of each row", "train rows": 5634, "holdout rows": 1409, "holdout share": "20.01%",
                       "No, share of train": "73.5%", "Yes, share of train": "26.5%"},
                evidence=SplitEvidence(train_rows=5634, holdout_rows=1409)), True, False),
        ],
        "explore": [
            ("target", Facts(title="Class balance", say="26.5 % of the customers leave.", facts={"Yes": 1493, "No": 4141},
                evidence=ClassBalanceEvidence(class_shares={"No": 0.735, "Yes": 0.265})), True, False),
            ("relations", hover("Association with the target"), True, False),
        ],
        "features": [
            ("folds", Facts(title="Cross-validation folds", say="There are 5 folds.", facts={"folds": 5}), False, False),
            ("leaks", table("Leakage check", "column evidence verdict", [[HOSTILE, "alone it predicts the target with ROC-AUC 0.961", "look"],
                ["tenure", "alone it predicts the target with ROC-AUC 0.74", "clear"]],
                say=f"No column is suspected of leaking the target. To review: {HOSTILE}.",
                evidence=LeakageEvidence(suspects=[LeakSuspect(name=HOSTILE, action="review")])), True, False),
            ("duplicates_across", Facts(title="Duplicates across the split", say="No row of the holdout has a near-duplicate in train.",
                facts={"rows in both parts": 0},
                evidence=OverlapEvidence(shared_rows=0, near_duplicate_rows=0, holdout_rows=1409)), False, False),
            ("recipe", table("Feature recipe", "column kind treatment meaning", [[HOSTILE, "number", "unchanged", "missing values are imputed by the median"],
                ["contract", "category", "one-hot", "missing values are a separate category"]], say="The model uses 19 columns.",
                evidence=RecipeEvidence(missing_handling={HOSTILE: "imputed", "contract": "category"})), True, False),
            ("imbalance", table("Class imbalance", "classes roc_auc", [["unweighted", 0.846], ["balanced", 0.845]],
                say="The rarest class, Yes, is 26.5 % of the rows; class weights do not improve the score.",
                evidence=ClassBalanceEvidence(class_shares={"No": 0.735, "Yes": 0.265})), False, False),
        ],
        "compare": [
            ("leaderboard", table("Leaderboard", "candidate roc_auc low high note", [
                ["LightGBM", 0.849, 0.841, 0.857, ""], ["Logistic regression", 0.846, 0.838, 0.854, ""],
                ["Random forest", 0.841, 0.832, 0.849, ""], ["Dummy", 0.5, 0.5, 0.5, ""], [HOSTILE, None, None, None, "failed: no module"]],
                best=0, say="LightGBM leads; logistic regression does not differ from it significantly.",
                evidence=LeaderboardEvidence(metric="roc_auc", leader="LightGBM", tied=["Logistic regression", HOSTILE], chosen="LightGBM")), True, False),
            ("timing", table("Training time", "candidate fit", [["LightGBM", 0.43]]), False, True),
        ],
        "tune": [
            ("history", curve("Optimisation history", "The best of 20 trials is number 14, with ROC-AUC 0.851."), True, False),
            ("gain", Estimates(title="Gain from tuning", say="Tuning gains 0.002 over the default.",
                values={"gain in roc_auc over the default": Estimate(value=0.002, low=-0.001, high=0.005, n=5634)},
                evidence=GainEvidence(metric="roc_auc", over_default=Gain(value=0.002, low=-0.001, high=0.005), simpler="Logistic regression",
                    over_simpler=Gain(value=0.004, low=0.001, high=0.007))), True, False),
            ("best", table("Hyperparameters of LightGBM", "hyperparameter default best_trial",
                [["num_leaves", "31", "12"], [HOSTILE, "1", "2"]],
                evidence=SearchEvidence(candidate="LightGBM", trials=20, hyperparameters=["num_leaves", HOSTILE])), False, False),
        ],
        "evaluate": [
            ("metrics", Estimates(title="Holdout metrics", say="The holdout has 1,409 rows.", values={
                "roc_auc": Estimate(value=0.847, low=0.833, high=0.861, n=1409), "accuracy": Estimate(value=0.806, low=0.787, high=0.824, n=1409),
                "f1": Estimate(value=0.63, low=0.6, high=0.66, n=1409), "log_loss": Estimate(value=0.41, low=0.39, high=0.43, n=1409)}), True, False),
            ("holdout_reads", Note(title="Holdout reads", say="This holdout has been read 3 times in this folder."), False, True),
            ("gap", Facts(title="Generalisation gap", say="", facts={"metric": "roc_auc", "train": 0.881, "out of fold": 0.849, "holdout": 0.847,
                "train over out of fold": 0.032, "out of fold over holdout": 0.002},
                evidence=GeneralizationEvidence(metric="roc_auc", higher_is_better=True, train=0.881, out_of_fold=0.849, holdout=0.847)),
                False, False),
            ("gain_curve", curve("Gain curve",
                "Calling the 34 % of customers with the highest scores reaches 70 % of those with churned = Yes. "
                "Chosen at random, it would take 70 % of customers."), True, False),
            ("slices", table("Performance by slice", "slice roc_auc low high n significance", [[f"{HOSTILE} = Two year", 0.71, 0.62, 0.79, 330, "weaker"]],
                say=f"Significantly weaker than overall: {HOSTILE} = Two year.",
                evidence=SliceEvidence(weak=[f"{HOSTILE} = Two year"])), True, False),
            ("error_examples", Pictures(title="Most confident errors", say="There is 1 error.", pictures=[
                Picture(head=f"Predicted {HOSTILE}", alt="a dot", uri=f"data:image/png;base64,{png()}")]), True, False),
        ],
        "deploy": [
            ("package", Facts(title="Model package", say="The folder contains the evaluated model, its schema and the serving code.",
                facts={"Files": 12, "Model (SHA-256)": "e6b4" * 16, "Size": "1.2 MB"},
                evidence=HashEvidence(of="model", digest="e6b4" * 16)), True, False),
            ("contract", table("Request schema", "field kind", [[HOSTILE, "number"]]), False, False),
            ("latency", Estimates(title="Latency", say="1,000 requests over HTTP.", values={
                "latency": Estimate(value=3.1, low=2.9, high=3.6, n=1000, unit="ms"),
                "latency_p50": Estimate(value=2.2, low=2.1, high=2.3, n=1000, unit="ms")}), True, True),
        ],
        "monitor": [
            ("thresholds", table("Drift thresholds", "column threshold", [[HOSTILE, 0.2], ["tenure", 0.2]],
                say="Thresholds for batches of 500 rows."), True, False),
            ("trigger", Facts(title="Retraining trigger", say="Every batch is compared with the training data.",
                facts={"Batch size": "500 rows"},
                evidence=MonitoringEvidence(monitored_columns=2)), True, False),
        ],
    }  # fmt: skip


def named_findings(items: list[ITEM], *, measured: bool) -> dict[str, NamedFinding]:
    """Return the findings of one stage, as in `findings.json` or `measured.json`."""
    return {
        name: NamedFinding(name=name, report=report, finding=finding) for name, finding, report, live in items if live == measured
    }


NONSENSE = "Lorem 7 holdout rows, 99 % of train allowed; look at the median of deadbeefdeadbeef."
NAMES_OF_METRICS = {"evaluate#metrics"}  # estimates whose names are identifiers of metrics, not text


def scrambled(findings: dict[str, dict[str, NamedFinding]]) -> dict[str, dict[str, NamedFinding]]:
    """Replace all text of every finding by nonsense: titles, sentences, notes, captions, column names, text cells and facts."""
    return {
        stage: {name: _scrambled(shown, f"{stage}#{name}") for name, shown in items.items()} for stage, items in findings.items()
    }


def _scrambled(shown: NamedFinding, where: str) -> NamedFinding:
    finding = shown.finding
    changes: dict[str, Any] = {"title": NONSENSE, "say": NONSENSE}
    changes |= {name: NONSENSE for name in ("note", "caption", "alt") if hasattr(finding, name)}
    if isinstance(finding, Table):
        changes["columns"] = [Column(name=f"{NONSENSE} {place}") for place in range(len(finding.columns))]
        changes["rows"] = [[NONSENSE if isinstance(value, str) else value for value in row] for row in finding.rows]
    elif isinstance(finding, Facts):
        changes["facts"] = {f"{NONSENSE} {place}": NONSENSE for place in range(len(finding.facts))}
    elif isinstance(finding, Note):
        changes["lines"] = [NONSENSE for _ in finding.lines]
    elif isinstance(finding, Estimates) and where not in NAMES_OF_METRICS:
        changes["values"] = {f"{NONSENSE} {place}": estimate for place, estimate in enumerate(finding.values.values())}
    return shown.model_copy(update={"finding": finding.model_copy(update=changes)})


def all_findings(
    *, measured: bool = False, for_request: Request | None = None, until: str = "conclude"
) -> dict[str, dict[str, NamedFinding]]:
    """Return the findings of all stages up to and including `until`."""
    for_request = for_request or request()
    items_by_stage = findings()
    stages = list(QUESTIONS)[: list(QUESTIONS).index(until) + 1]
    saved = {stage: named_findings(items_by_stage[stage], measured=False) for stage in stages if stage != "conclude"}
    live = {stage: named_findings(items_by_stage[stage], measured=True) for stage in stages if stage != "conclude"}
    if until == "conclude":
        saved["conclude"] = named_findings(conclude_items(saved, live, for_request), measured=False)
        live["conclude"] = named_findings(conclude_items(saved, live, for_request), measured=True)
    return live if measured else saved


def conclude_items(
    saved: dict[str, dict[str, NamedFinding]], live: dict[str, dict[str, NamedFinding]], for_request: Request
) -> list[ITEM]:
    """Return the findings of `conclude`."""
    latency = live["deploy"]["latency"].finding
    assert isinstance(latency, Estimates)
    rows = requirement_rows(saved, for_request, latency.values)
    audited = audit(saved, for_request)
    return [
        ("answer", answer(saved, for_request), True, False),
        ("verdicts", verdict_table(rows), True, True),
        ("audit", audited, True, False),
        ("next_steps", next_steps(saved, for_request, rows, audited), True, False),
    ]


def png() -> str:
    """Return a PNG image of one pixel, as base64."""
    raw = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in
                   ((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")))  # fmt: skip
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + raw).decode()


def markdown(text: str) -> dict[str, Any]:
    """Return a Markdown cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(source: str, *outputs: dict[str, Any], tags: list[str] | None = None) -> dict[str, Any]:
    """Return an executed code cell."""
    metadata = {"tags": tags} if tags else {}
    return {"cell_type": "code", "metadata": metadata, "source": source, "execution_count": 1, "outputs": list(outputs)}


def display(data: dict[str, Any], **glassbox: Any) -> dict[str, Any]:
    """Return a displayed output."""
    return {"output_type": "display_data", "data": data, "metadata": {"glassbox": glassbox} if glassbox else {}}


def shown_output(name: str, finding: Finding, *, measured: bool) -> dict[str, Any]:
    """Return a finding as an output of `Stage.show`."""
    data = {
        "text/plain": finding.title,
        "text/html": finding_html(finding),
        "application/vnd.glassbox.finding+json": plain(finding),
    }
    if finding.kind == "figure" and finding.plotly is not None:
        data["application/vnd.plotly.v1+json"] = finding.plotly
    return display(data, anchor=name, measured=measured)


USER_CELLS = [
    code("print('hello')\nraise_nothing()", {"output_type": "stream", "name": "stdout", "text": f"\x1b[31mred\x1b[0m {HOSTILE}\n10%\r100%\n"}),
    code("frame", display({"text/html": f"<style>td {{}}</style><table onclick='x()'><tr><th>name</th></tr><tr><td>{HOSTILE}</td>"
                          "<td>&lt;img src=x onerror=alert(1)&gt;</td></tr></table><script>alert(2)</script>", "text/plain": "a frame"})),
    code("picture", display({"image/png": png(), "text/plain": "<Figure size 1x1>"})),
    code("drawing", display({"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9" onclick="x()"/></svg>'})),
    code("figure", display({"application/vnd.plotly.v1+json": hover("x").plotly, "text/plain": "Figure"})),
    code("1/0", {"output_type": "error", "ename": "ZeroDivisionError", "evalue": f"by {HOSTILE}", "traceback": ["\x1b[0;31mtrace\x1b[0m"]}),
    code("warn()", {"output_type": "stream", "name": "stderr", "text": "UserWarning: careful\n"}),
]  # fmt: skip


def notebook(stage: str, items: list[ITEM], extra: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return the executed notebook of a stage."""
    cells = [
        markdown(f"# {stage.capitalize()}\n{QUESTIONS[stage]}"),
        code('upstream = None\nproduct = None\nrequest = "churn"', tags=["parameters"]),
        code(f'stage = Stage.open("{stage}", request, upstream, product)'),
    ]
    for name, finding, _, live in items:
        cells += [markdown(f"## {name.replace('_', ' ').capitalize()}\nRead the *first* row. {HOSTILE}")]
        cells += [code(f'stage.show("{name}", {name}(train, holdout), report=True)', shown_output(name, finding, measured=live))]
    cells += extra or []
    cells += [code("stage.save()"), markdown("## Limits\n- Other periods are not covered.")]
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}


def run_facts(until: str = "conclude") -> dict[str, Any]:
    """Return the content of `run.json`."""
    stages = list(QUESTIONS)
    done = stages[: stages.index(until) + 1]
    hashes = {name: (mark * 64)[:64] for name, mark in (("data", "3f9a"), ("code", "c07e"), ("lock", "91d2"), ("model", "e6b4"))}
    return {
        "id": "20260102T030405-000001-1",
        "request": "churn",
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 61.2,
        "hashes": hashes,
        "stages": {stage: {"status": "ran" if stage in done else "skipped"} for stage in stages},
    }


def write_run(root: Path, *, slug: str = "churn", until: str = "conclude") -> Path:
    """Write a project with one run, as the runner does, and return its root."""
    for_request = request(name=slug)
    saved, live = (
        all_findings(for_request=for_request, until=until),
        all_findings(for_request=for_request, until=until, measured=True),
    )
    items_by_stage = findings()
    write_state(root / "data" / slug / "request.json", for_request.resolved())
    write_state(root / "data" / slug / "run.json", {**run_facts(until), "request": slug})
    for stage in saved:
        items = items_by_stage[stage] if stage in items_by_stage else conclude_items(saved, live, for_request)
        write_json(root / "data" / slug / stage / "findings.json", list(saved[stage].values()))
        write_json(root / "data" / slug / stage / "measured.json", list(live[stage].values()))
        extra = USER_CELLS if stage == "explore" else None
        write_json(root / "reports" / slug / f"{stage}.ipynb", notebook(stage, items, extra))
    return root
