"""End-to-end tests of a tabular request, with the real command and notebooks."""

import os
import re
import shutil
import signal
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import psutil
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from glassbox.data.split import in_holdout
from glassbox.files import files_below, hash_file, read_json
from glassbox.pipeline.spec import STAGES, declared_upstream
from glassbox.reports.report_json import schema as report_schema
from glassbox.state_files import read_state, write_state
from spine_project import Project


def test_every_stage_ran_and_its_pages_are_there(finished: Project) -> None:
    assert finished.statuses() == dict.fromkeys(STAGES, "ran")
    pages = finished.root / "reports/customers"
    assert [s for s in STAGES if not (pages / f"{s}.html").is_file() or not (pages / f"{s}.ipynb").is_file()] == []
    assert (finished.root / "reports/index.html").is_file()


def test_a_run_leaves_git_clean(finished: Project) -> None:
    status = subprocess.run(["git", "status", "--porcelain"], cwd=finished.root, capture_output=True, text=True, check=True)
    assert status.stdout == ""


def test_a_second_run_computes_nothing(finished: Project) -> None:
    assert finished.command("run", "customers", "--no-track").returncode == 0
    assert set(finished.statuses().values()) == {"cached"}
    status = finished.command("status", "customers").stdout.split()
    assert (status.count("fresh"), status.count("stale")) == (len(STAGES), 0)


def test_the_report_is_valid_against_its_schema(finished: Project) -> None:
    report = read_json(finished.root / "reports/customers/report.json")
    jsonschema.validate(report, report_schema())
    assert report["request"]["seed"] == 42
    assert [row["name"] for row in report["requirements"]] == ["roc_auc", "latency"]
    assert len(report["audit"]) == 8
    assert all(len(report["hashes"][name]) == 64 for name in ("data", "code", "lock", "model"))


def served_facts(project: Project) -> dict[str, Any]:
    findings = read_json(project.root / "data/customers/deploy/findings.json")
    facts: dict[str, Any] = next(f for f in findings if f["name"] == "served")["finding"]
    return facts


def test_the_served_model_is_refitted_and_declares_it(finished: Project) -> None:
    facts = served_facts(finished)
    rows = sum(len(pd.read_parquet(finished.root / f"data/customers/ingest/{part}.parquet")) for part in ("train", "holdout"))
    assert facts["facts"]["Identical"] == "no, refitted"
    assert f"fitted again on {rows:,} rows of train and holdout" in facts["say"]
    assert facts["say"] in (finished.root / "reports/customers/report.html").read_text(encoding="utf-8")


def test_the_evaluated_model_can_be_served(project: Project) -> None:
    assert project.command("run", "customers", "--no-track", "--until", "deploy", "--set", "serve=evaluated").returncode == 0
    assert project.statuses()["tune"] == "cached"
    assert served_facts(project)["facts"]["Identical"] == "yes"


def test_the_metrics_can_be_recomputed_on_the_holdout_rows(finished: Project) -> None:
    predictions = pd.read_parquet(finished.root / "data/customers/evaluate/predictions.parquet")
    split = pd.read_parquet(finished.root / "data/customers/ingest/split.parquet").set_index("row_id")["part"]
    metrics = read_json(finished.root / "reports/customers/report.json")["metrics"]
    assert metrics["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(predictions.y_true == "yes", predictions.proba_yes), abs=1e-9
    )
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(predictions.y_true, predictions.y_pred), abs=1e-9)
    assert set(split[predictions.row_id]) == {"holdout"}
    assert sorted(predictions.row_id) == sorted(split.index[split == "holdout"])
    assert {in_holdout(name, 0.2) for name in predictions.row_id} == {True}


def test_only_evaluate_declares_the_holdout() -> None:
    notebooks = Path(__file__).parents[2] / "notebooks"
    readers = {path.stem for path in notebooks.rglob("*.py") if "holdout" in declared_upstream(path).get("ingest", [])}
    assert readers == {"evaluate"}


def test_pages_and_products_contain_no_local_paths(finished: Project, texts: Project, news: Project) -> None:
    for project in (finished, texts, news):
        for folder in (f"reports/{project.slug}", f"data/{project.slug}"):
            for name, path in files_below(project.root / folder):
                content = path.read_bytes()
                assert str(project.root).encode() not in content, name
                assert b"first-run-" not in content, name  # the folder in which the project was first run
                assert b"site-packages" not in content, name


def test_markup_in_user_text_is_escaped(finished: Project) -> None:
    for name, path in files_below(finished.root / "reports/customers"):
        if name.endswith(".html"):
            assert "<img src=x" not in path.read_text(encoding="utf-8"), name
    assert "{{ 7 * 7 }}" in (finished.root / "reports/customers/report.html").read_text(encoding="utf-8")


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if tag == "a" and name == "href" and value:
                self.links.append(value)


def _page(path: Path) -> _Anchors:
    page = _Anchors()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def test_all_links_of_all_pages_are_valid(finished: Project) -> None:
    reports = finished.root / "reports"
    pages = {path: _page(path) for path in reports.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            linked = (path.parent / target).resolve() if target else path
            if not linked.exists() or (anchor and linked in pages and anchor not in pages[linked].ids):
                broken.append(f"{path.name} -> {link}")
    assert broken == []


def test_shuffled_rows_change_no_product(project: Project) -> None:
    before, hashes = project.products(), read_json(project.root / "reports/customers/report.json")["hashes"]
    frame = pd.read_csv(project.root / "customers.csv", dtype=str, keep_default_na=False)
    frame.sample(frac=1, random_state=1).to_csv(project.root / "customers.csv", index=False)
    assert project.command("run", "customers", "--no-track").returncode == 0
    assert project.statuses() == {**dict.fromkeys(STAGES, "cached"), "ingest": "ran"}
    assert project.products() == before
    assert read_json(project.root / "reports/customers/report.json")["hashes"] == hashes


def test_verify_finds_the_same_bytes_with_one_worker_and_another_hash_seed_and_reports_a_difference(project: Project) -> None:
    manifest = project.root / "data/customers/features/.manifest.json"
    content = read_state(manifest)
    assert content is not None
    content["products"]["recipe"]["hash"] = "0" * 64
    write_state(manifest, content)
    done = project.process("verify", "customers", "--workers", "1", PYTHONHASHSEED="1")
    assert done.returncode == 1
    assert re.search(r"\b1 of \d+", done.stderr), done.stdout + done.stderr
    assert "features.recipe" in done.stderr


def test_a_changed_plot_refits_nothing(project: Project) -> None:
    cached = len(list((project.root / "data/.store/cache").rglob("*.json")))
    notebook = project.root / "notebooks/compare.py"
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace("# %%\nstage.save(", "# %%\nnothing = None\n\n# %%\nstage.save("), encoding="utf-8")
    assert project.command("run", "customers", "--until", "compare", "--no-track").returncode == 0
    assert project.statuses()["compare"] == "ran"
    assert len(list((project.root / "data/.store/cache").rglob("*.json"))) == cached


def test_strict_fails_if_a_requirement_is_not_met(project: Project) -> None:
    done = project.command("run", "customers", "--no-track", "--strict", "--set", "requirements.roc_auc='>0.999'")
    assert done.returncode == 3
    assert "not met: roc_auc" in done.stderr
    changed = project.command("diff", "customers")
    assert "request: requirements.roc_auc" in changed.stdout
    assert "roc_auc" in changed.stdout.split("metric")[1]


def test_an_ejected_notebook_overrides_the_family_notebook(project: Project) -> None:
    assert project.command("eject", "customers", "explore").returncode == 0
    ejected = project.root / "notebooks/customers/explore.py"
    text = ejected.read_text(encoding="utf-8")
    ejected.write_text(text.replace("# %% [markdown]\n# # ", "# %% [markdown]\n# # Customised: ", 1), encoding="utf-8")
    assert project.command("run", "customers", "--no-track").returncode == 0
    assert project.statuses()["explore"] == "cached"
    assert "Customised: " in (project.root / "reports/customers/explore.html").read_text(encoding="utf-8")
    assert "already exists" in project.command("eject", "customers", "explore").stderr


def test_clean_removes_only_files_that_runs_created(project: Project) -> None:
    (project.root / "data/raw").mkdir()
    (project.root / "data/raw/mine.csv").write_text("a\n1\n")
    assert project.command("clean", "customers", "--store").returncode == 0
    left = sorted(path.name for path in (project.root / "data").iterdir())
    assert left == [".store", "catalog.yaml", "mlflow", "raw"]
    assert [path.name for path in (project.root / "data/.store").iterdir()] == ["locks"]
    assert (project.root / "data/raw/mine.csv").is_file()


def test_ctrl_c_stops_immediately_and_the_next_run_succeeds(project: Project) -> None:
    views = {n: hash_file(p) for n, p in files_below(project.root / "data/customers") if "run" not in n}
    words = project.words(["run", "customers", "--no-track", "--set", "seed=7"])
    process = subprocess.Popen(
        words, cwd=project.root, env=project.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("compare: started"):
            break
    time.sleep(1)
    children = psutil.Process(process.pid).children(recursive=True)
    start = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    output = process.stdout.read()
    assert process.wait(timeout=30) == 130, output
    assert "results of finished stages are saved" in output
    assert time.monotonic() - start < 10
    assert psutil.wait_procs(children, timeout=10)[1] == []
    process.stdout.close()
    assert {n: hash_file(p) for n, p in files_below(project.root / "data/customers/evaluate")} == {
        n.removeprefix("evaluate/"): h for n, h in views.items() if n.startswith("evaluate/")
    }
    done = project.command("run", "customers", "--no-track", "--until", "compare")
    assert done.returncode == 0


def test_a_failed_stage_shows_its_cell_first(project: Project) -> None:
    notebook = project.root / "notebooks/tabular/explore.py"
    notebook.write_text(
        notebook.read_text(encoding="utf-8").replace("# %%\nstage.save(", "# %%\n1 / 0\n\n# %%\nstage.save("), encoding="utf-8"
    )
    done = project.command("run", "customers", "--no-track")
    assert done.returncode == 1
    assert re.match(r"explore: explore\.py, cell \d+:\n    1 / 0\nZeroDivisionError", done.stderr)
    assert "Traceback" not in done.stderr
    log = done.stderr.strip().splitlines()[-1].rpartition(": ")[2]
    assert (project.root / log).is_file()


def test_a_moved_project_still_works(project: Project, tmp_path: Path) -> None:
    shutil.move(project.root, tmp_path / "elsewhere")
    assert set(Project(tmp_path / "elsewhere").command("status", "customers").stdout.split()) >= {"fresh"}
