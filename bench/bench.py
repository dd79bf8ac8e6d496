"""Benchmarks of the example requests: run times and scores compared with targets.

`make bench` runs them in a copy of the project without results of earlier runs, prints a table and writes it to `reports/bench.json`.
"""

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from glassbox.files import read_json, read_parquet, write_json

ROOT = Path(__file__).parents[1]
SELECTED = "selected model"
STATISTICAL = (
    "mean week",
    "ETS",
    "Theta",
    "dynamic Theta",
    "CES",
    "Croston",
    "TSB",
    "ARIMA",
    "MSTL, ETS",
    "MSTL, Theta",
    "FLAIR",
    "Prophet",
)
FITTING = ("compare", "tune", "evaluate")  # the stages that spend most of their time fitting models


def timed(command: list[str], cwd: Path) -> tuple[float, float]:
    """Run a command and return its wall time in seconds and the peak memory of its largest process in MiB."""
    before = time.monotonic()
    subprocess.run(command, cwd=cwd, env={**os.environ, "GLASSBOX_ROOT": str(cwd)}, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - before
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def cpu_seconds() -> float:
    """Return the CPU time of all commands so far in seconds; it depends less on the load of the machine than the wall time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def set_up(folder: Path) -> float:
    """Create an environment from the lock file and return the wall time in seconds, including downloads that are not cached."""
    uv = Path(sys.executable).with_name("uv")
    before = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    sync = [
        str(uv),
        "pip",
        "sync",
        "--quiet",
        "--python",
        str(folder / "bin/python"),
        "--require-hashes",
        str(ROOT / "requirements.lock"),
    ]
    subprocess.run(sync, check=True)
    return time.monotonic() - before


def command(request: str) -> list[str]:
    """Return the command that runs a request."""
    return [sys.executable, "-m", "glassbox", "run", request]


def copy_project(target: Path) -> None:
    """Copy the project with its downloaded raw data, but without the results of runs."""
    for name in ("pipeline.yaml", "requirements.lock", "params", "notebooks", "data/catalog.yaml", "data/raw"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        elif source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)


def snapshots(project: Path) -> tuple[Any, Any, list[str], str, str]:
    """Return train, holdout, feature columns (without row identifiers), target and positive class of the request `churn`."""
    folder = project / "data/churn/ingest"
    train, holdout = read_parquet(folder / "train.parquet"), read_parquet(folder / "holdout.parquet")
    data = read_json(project / "data/churn/request.json")["data"]
    inputs = [c for c in train.columns if c not in ("row_id", data["target"]) and train[c].nunique() < len(train)]
    return train, holdout, inputs, data["target"], data["positive"]


def default_lightgbm(project: Path) -> float:
    """Return the holdout ROC-AUC of LightGBM with default parameters, fitted on train with categories as integer codes."""
    import lightgbm
    from sklearn.metrics import roc_auc_score

    train, holdout, inputs, target, positive = snapshots(project)
    levels = {c: sorted(train[c].dropna().unique()) for c in inputs if train[c].dtype == object}

    def numbers(frame: Any) -> Any:
        encoded = frame[inputs].copy()
        for column, categories in levels.items():
            encoded[column] = encoded[column].map({level: i for i, level in enumerate(categories)})
        return encoded.astype(float)

    model = lightgbm.LGBMClassifier(n_jobs=1, verbose=-1, random_state=42)
    model.fit(numbers(train), train[target] == positive, categorical_feature=list(levels))
    return float(roc_auc_score(holdout[target] == positive, model.predict_proba(numbers(holdout))[:, 1]))


def over_splits(project: Path, splits: int = 20) -> tuple[float, float, float]:
    """Return mean, minimum and maximum ROC-AUC of a logistic regression over random splits of the same size.

    The range shows the variation between splits and is not used for model selection.
    """
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, holdout, names, target, positive = snapshots(project)
    rows = pd.concat([train, holdout])
    inputs, hit = pd.get_dummies(rows[names]).astype(float).fillna(0.0), rows[target] == positive
    scores = []
    for seed in range(splits):
        X, X_out, y, y_out = train_test_split(inputs, hit, test_size=0.2, random_state=seed)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(X, y)
        scores.append(float(roc_auc_score(y_out, model.predict_proba(X_out)[:, 1])))
    return sum(scores) / splits, min(scores), max(scores)


def churn(project: Path) -> dict[str, float]:
    """Measure run time, memory and scores of the request `churn`."""
    figures: dict[str, float] = {}
    figures["first run, s"], figures["peak memory of one process, MiB"] = timed(command("churn"), project)
    stages = read_json(project / "data/churn/run.json")["stages"]
    fitting = sum(stages[stage]["seconds"] for stage in FITTING)
    figures["first run outside compare, tune and evaluate, share"] = 1 - fitting / figures["first run, s"]
    figures["rerun with nothing to do, s"] = timed(command("churn"), project)[0]
    report = read_json(project / "reports/churn/report.json")
    figures["churn, ROC-AUC on the holdout"] = report["metrics"]["roc_auc"]["value"]
    figures["churn, ROC-AUC of default LightGBM"] = default_lightgbm(project)
    mean, low, high = over_splits(project)
    figures["20 random splits, logistic regression: mean ROC-AUC"] = mean
    figures["20 random splits: lowest"], figures["20 random splits: highest"] = low, high
    return figures


def backtest_scores(project: Path, name: str, metric: str) -> dict[str, float]:
    """Return the backtest score of all contenders of a forecasting request, and of the selected model."""
    findings = read_json(project / "data" / name / "tune/findings.json")
    table = next(row["finding"] for row in findings if row["name"] == "selection")
    at = [column["name"] for column in table["columns"]].index(metric)
    scores = {row[0]: float(row[at]) for row in table["rows"] if row[at] is not None}
    return scores | {SELECTED: scores[read_json(project / "data" / name / "tune/best.json")["candidate"]]}


def electricity(project: Path) -> dict[str, float]:
    """Measure the request `electricity` and compare the selected model with Prophet, one week ahead from eight origins."""
    figures = {"electricity, run, s": timed(command("electricity"), project)[0]}
    scores = backtest_scores(project, "electricity", "smape")
    figures["electricity, sMAPE of the selected model, 8 origins"] = scores[SELECTED]
    figures["electricity, sMAPE of Prophet, 8 origins"] = scores["Prophet"]
    figures["electricity, sMAPE relative to Prophet (target: at most 0.7)"] = scores[SELECTED] / scores["Prophet"]
    figures["electricity, sMAPE on the holdout"] = read_json(project / "reports/electricity/report.json")["metrics"]["smape"][
        "value"
    ]
    return figures


def sales(project: Path, series: int = 1000) -> dict[str, float]:
    """Measure the request `sales` with a thousand intermittent series and compare with the best single statistical method."""
    run = [*command("sales"), "--set", f"data.most_series={series}"]
    figures = {f"sales, {series:,} series, all stages, s (target: at most 600)": timed(run, project)[0]}
    scores = backtest_scores(project, "sales", "rmsse")
    best_score, best_method = min((scores[name], name) for name in STATISTICAL if name in scores)
    figures["sales, RMSSE of the selected model, backtest"] = scores[SELECTED]
    figures[f"sales, RMSSE of the best single statistical method ({best_method})"] = best_score
    figures["sales, RMSSE on the holdout"] = read_json(project / "reports/sales/report.json")["metrics"]["rmsse"]["value"]
    return figures


def holdout_score(project: Path, name: str, metric: str) -> float:
    """Return the value of a metric on the holdout, from the report of a request."""
    return float(read_json(project / "reports" / name / "report.json")["metrics"][metric]["value"])


def tf_idf_accuracy(project: Path) -> float:
    """Return the holdout accuracy of scikit-learn's TF-IDF of unigrams and bigrams with logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, holdout = (read_parquet(project / f"data/reviews/ingest/{part}.parquet") for part in ("train", "holdout"))
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(max_iter=1000))
    model.fit(train["text"].fillna(""), train["label"])
    return float(model.score(holdout["text"].fillna(""), holdout["label"]))


def reviews(project: Path) -> dict[str, float]:
    """Measure the request `reviews` (binary text classification) and compare with TF-IDF and logistic regression on the same split."""
    figures = {"reviews, run, s (target: at most 1200)": timed(command("reviews"), project)[0]}
    accuracy, baseline = holdout_score(project, "reviews", "accuracy"), tf_idf_accuracy(project)
    figures["reviews, accuracy on the holdout (target: 0.89)"] = accuracy
    figures["reviews, accuracy of TF-IDF + logistic regression"] = baseline
    figures["reviews, error relative to TF-IDF (target: at most 0.9)"] = (1 - accuracy) / (1 - baseline)
    return figures


def topics(project: Path) -> dict[str, float]:
    """Measure the request `topics` (20 text classes) on the official test part."""
    figures = {"topics, run, s (target: at most 1200)": timed(command("topics"), project)[0]}
    figures["topics, accuracy on the official test part (target: 0.86)"] = holdout_score(project, "topics", "accuracy")
    return figures


def news(project: Path) -> dict[str, float]:
    """Measure the request `news` (named entities in news) on the official test part."""
    figures = {"news, run, s (target: at most 1200)": timed(command("news"), project)[0]}
    figures["news, F1 on the official test part (target: 0.84)"] = holdout_score(project, "news", "f1")
    return figures


def groceries(project: Path) -> dict[str, float]:
    """Measure the request `groceries` (photos of fruit) on the official test part, with 14 and with 5 classes."""
    figures = {"groceries, 14 classes: run, s (target: at most 900)": timed(command("groceries"), project)[0]}
    figures["groceries, 14 classes: accuracy on the official test part (target: 0.82)"] = holdout_score(
        project, "groceries", "accuracy"
    )
    run = [*command("groceries"), "--set", "data.target=coarse_cat"]
    figures["groceries, 5 classes: run, s (target: at most 900; embeddings are cached)"] = timed(run, project)[0]
    figures["groceries, 5 classes: accuracy on the official test part (target: 0.91)"] = holdout_score(
        project, "groceries", "accuracy"
    )
    return figures


def fashion(project: Path) -> dict[str, float]:
    """Measure the request `fashion` (Fashion-MNIST) on the official test part; the data is in a Debian package."""
    figures = {"fashion, run, s (target: at most 1200)": timed(command("fashion"), project)[0]}
    figures["fashion, accuracy on the official test part (target: 0.92)"] = holdout_score(project, "fashion", "accuracy")
    return figures


def detect(project: Path) -> dict[str, float]:
    """Measure the request `detect` (object detection in synthetic scenes); the holdout is generated from photos that train does not contain."""
    figures = {"detect, run, s": timed(command("detect"), project)[0]}
    for metric, label in (("map_50", "mAP at an IoU of 0.5"), ("map", "mAP at 0.5 to 0.95")):
        figures[f"detect, {label}"] = holdout_score(project, "detect", metric)
    return figures


def small(project: Path) -> dict[str, float]:
    """Measure the requests of the tests in `tests/spine`, one per family, each from scratch."""
    sys.path.insert(0, str(ROOT / "tests"))
    from spine_project import new_project

    figures = {}
    for name in ("customers", "shops", "messages", "news", "shapes", "scenes"):
        root = new_project(project / f"small-{name}", name).root
        figures[f"{name} of the tests, run, s (target: at most 90)"] = timed(command(name), root)[0]
    return figures


PARTS = {
    "small": small,
    "churn": churn,
    "electricity": electricity,
    "sales": sales,
    "reviews": reviews,
    "topics": topics,
    "news": news,
    "groceries": groceries,
    "fashion": fashion,
    "detect": detect,
}


def measure(with_set_up: bool, parts: Sequence[str]) -> dict[str, Any]:
    """Run the benchmarks `parts` and return all measurements by name."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="glassbox-bench-") as name:
        project = Path(name) / "project"
        project.mkdir()
        if with_set_up:
            figures["set-up, s"] = set_up(Path(name) / "venv")
        copy_project(project)
        for part in parts:
            before = cpu_seconds()
            figures |= PARTS[part](project)
            figures[f"{part}, CPU time, s"] = cpu_seconds() - before
    return figures


def main() -> None:
    """Run the benchmarks, print the measurements and write them to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-set-up", action="store_true", help="do not measure the creation of an environment")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="benchmarks to run (default: all)")
    options = parser.parse_args()
    figures = measure(not options.no_set_up, options.only)
    table = Table(
        "measurement", "value", title=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    )
    for name, value in figures.items():
        table.add_row(name, f"{value:.3f}" if value < 2 else f"{value:.1f}")
    Console().print(table)
    write_json(ROOT / "reports" / "bench.json", figures)


if __name__ == "__main__":
    main()
