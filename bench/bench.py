"""Measures what Glassbox promises and prints it as a table; also written to `reports/bench.json`.

Run by `make bench`, in a copy of the project elsewhere, so that what is measured starts from nothing.
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
HANDED_ON = "what is handed on"
STATISTICAL = ("seasonal mean", "ETS", "Theta", "Croston", "ARIMA", "MSTL", "Prophet")
FITTING = ("compare", "tune", "evaluate")  # the stages whose time is mostly that of fitting models


def timed(command: list[str], cwd: Path) -> tuple[float, float]:
    """Seconds on the wall, and the largest process's peak memory in MiB, of a command that must succeed."""
    before = time.monotonic()
    subprocess.run(command, cwd=cwd, env={**os.environ, "GLASSBOX_ROOT": str(cwd)}, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - before
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def processor_seconds() -> float:
    """Processor time of all commands so far: what a busy machine does not stretch."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def set_up(folder: Path) -> float:
    """Seconds to make an environment from the lock: downloads included where the installer has none in its cache."""
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
    """The command that runs a request."""
    return [sys.executable, "-m", "glassbox", "run", request]


def copy_project(target: Path) -> None:
    """The project without anything that runs made; raw data that was fetched before is taken along."""
    for name in ("pipeline.yaml", "requirements.lock", "params", "notebooks", "data/catalog.yaml", "data/raw"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        elif source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)


def snapshots(project: Path) -> tuple[Any, Any, list[str], str, str]:
    """Train, holdout, the columns to learn from (names of rows are none), the target and its positive class."""
    folder = project / "data/churn/ingest"
    train, holdout = read_parquet(folder / "train.parquet"), read_parquet(folder / "holdout.parquet")
    asked = read_json(project / "data/churn/request.json")["data"]
    inputs = [c for c in train.columns if c not in ("row_id", asked["target"]) and train[c].nunique() < len(train)]
    return train, holdout, inputs, asked["target"], asked["positive"]


def default_lightgbm(project: Path) -> float:
    """ROC-AUC on the holdout of LightGBM with its own defaults: categories as codes, nothing tuned, fitted on train."""
    import lightgbm
    from sklearn.metrics import roc_auc_score

    train, holdout, inputs, target, positive = snapshots(project)
    levels = {c: sorted(train[c].dropna().unique()) for c in inputs if train[c].dtype == object}

    def numbers(frame: Any) -> Any:
        made = frame[inputs].copy()
        for column, found in levels.items():
            made[column] = made[column].map({level: i for i, level in enumerate(found)})
        return made.astype(float)

    model = lightgbm.LGBMClassifier(n_jobs=1, verbose=-1, random_state=42)
    model.fit(numbers(train), train[target] == positive, categorical_feature=list(levels))
    return float(roc_auc_score(holdout[target] == positive, model.predict_proba(numbers(holdout))[:, 1]))


def over_splits(project: Path, splits: int = 20) -> tuple[float, float, float]:
    """ROC-AUC of a plain logistic regression over other random splits of the same size: mean, lowest, highest.

    Says how much of the distance to a target is the luck of one split; nothing is chosen by it.
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
    """The main job: how long, how large, how good."""
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
    figures["20 other splits, plain logistic regression: mean ROC-AUC"] = mean
    figures["20 other splits: lowest"], figures["20 other splits: highest"] = low, high
    return figures


def in_backtest(project: Path, name: str, metric: str) -> dict[str, float]:
    """The metric of every candidate in the backtest of a forecasting request, and of what was handed on."""
    rows = read_json(project / "data" / name / "compare/leaderboard.json")["rows"]
    found = {row["candidate"]: row["scores"][metric]["value"] for row in rows if row["scores"]}
    best = read_json(project / "data" / name / "tune/best.json")
    tried = read_parquet(project / "data" / name / "tune/trials.parquet")["value"]
    return found | {HANDED_ON: float(tried.min()) if best["tuned"] else found[best["candidate"]]}


def electricity(project: Path) -> dict[str, float]:
    """One series a week ahead, from eight origins: what is handed on against Prophet, in one run."""
    figures = {"electricity, run, s": timed(command("electricity"), project)[0]}
    scores = in_backtest(project, "electricity", "smape")
    figures["electricity, sMAPE of what is handed on, 8 origins"] = scores[HANDED_ON]
    figures["electricity, sMAPE of Prophet, 8 origins"] = scores["Prophet"]
    figures["electricity, times Prophet's (to reach: at most 0.7)"] = scores[HANDED_ON] / scores["Prophet"]
    figures["electricity, sMAPE on the holdout"] = read_json(project / "reports/electricity/report.json")["metrics"]["smape"][
        "value"
    ]
    return figures


def sales(project: Path, series: int = 1000) -> dict[str, float]:
    """A thousand intermittent series through all stages: how long, and against the best single statistical method."""
    asked = [*command("sales"), "--set", f"data.most_series={series}"]
    figures = {f"sales, {series:,} series through all stages, s (to reach: at most 600)": timed(asked, project)[0]}
    scores = in_backtest(project, "sales", "rmsse")
    single = min((scores[name], name) for name in STATISTICAL if name in scores)
    figures["sales, RMSSE of what is handed on, backtest"] = scores[HANDED_ON]
    figures[f"sales, RMSSE of the best single statistical method ({single[1]})"] = single[0]
    figures["sales, RMSSE on the holdout"] = read_json(project / "reports/sales/report.json")["metrics"]["rmsse"]["value"]
    return figures


def on_holdout(project: Path, name: str, metric: str) -> float:
    """A metric of a request's report."""
    return float(read_json(project / "reports" / name / "report.json")["metrics"][metric]["value"])


def plain_tf_idf(project: Path) -> float:
    """Accuracy on the holdout of TF-IDF of words and pairs of words with logistic regression, as scikit-learn has both."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, holdout = (read_parquet(project / f"data/reviews/ingest/{part}.parquet") for part in ("train", "holdout"))
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(max_iter=1000))
    model.fit(train["text"].fillna(""), train["label"])
    return float(model.score(holdout["text"].fillna(""), holdout["label"]))


def reviews(project: Path) -> dict[str, float]:
    """Texts of two classes, through all stages, against TF-IDF with logistic regression on the same split."""
    figures = {"reviews, run, s (to reach: at most 1200)": timed(command("reviews"), project)[0]}
    found, plain = on_holdout(project, "reviews", "accuracy"), plain_tf_idf(project)
    figures["reviews, accuracy on the holdout (to reach: 0.89)"] = found
    figures["reviews, accuracy of TF-IDF + logistic regression"] = plain
    figures["reviews, error, times that of TF-IDF (to reach: at most 0.9)"] = (1 - found) / (1 - plain)
    return figures


def topics(project: Path) -> dict[str, float]:
    """Texts of twenty classes, on the official test part."""
    figures = {"topics, run, s (to reach: at most 1200)": timed(command("topics"), project)[0]}
    figures["topics, accuracy on the official test part (to reach: 0.86)"] = on_holdout(project, "topics", "accuracy")
    return figures


def entities(project: Path) -> dict[str, float]:
    """Entities in news, on the official test part."""
    figures = {"entities, run, s (to reach: at most 1200)": timed(command("entities"), project)[0]}
    figures["entities, F1 on the official test part (to reach: 0.84)"] = on_holdout(project, "entities", "f1")
    return figures


def groceries(project: Path) -> dict[str, float]:
    """Photos of fruit, on the official test part: fourteen kinds, then five."""
    figures = {"groceries, 14 kinds: run, s (to reach: at most 900)": timed(command("groceries"), project)[0]}
    figures["groceries, 14 kinds: accuracy on the official test part (to reach: 0.82)"] = on_holdout(
        project, "groceries", "accuracy"
    )
    asked = [*command("groceries"), "--set", "data.target=coarse_cat"]
    figures["groceries, 5 kinds: run, s (to reach: at most 900; what the backbones say is kept)"] = timed(asked, project)[0]
    figures["groceries, 5 kinds: accuracy on the official test part (to reach: 0.91)"] = on_holdout(
        project, "groceries", "accuracy"
    )
    return figures


def fashion(project: Path) -> dict[str, float]:
    """Small grey pictures of clothes, on the official test part; needs Debian's package of them."""
    figures = {"fashion, run, s (to reach: at most 1200)": timed(command("fashion"), project)[0]}
    figures["fashion, accuracy on the official test part (to reach: 0.92)"] = on_holdout(project, "fashion", "accuracy")
    return figures


def detect(project: Path) -> dict[str, float]:
    """Objects in pictures composed of photos, on pictures of photos that train has none of."""
    figures = {"detect, run, s": timed(command("detect"), project)[0]}
    for metric, words in (("map_50", "mAP at an IoU of 0.5"), ("map", "mAP at 0.5 to 0.95")):
        figures[f"detect, {words}"] = on_holdout(project, "detect", metric)
    return figures


def small(project: Path) -> dict[str, float]:
    """The requests that `make test` runs with the real notebooks, a family each, from nothing."""
    sys.path.insert(0, str(ROOT / "tests"))
    from spine_project import new_project

    figures = {}
    for name in ("customers", "shops", "messages", "news", "shapes", "scenes"):
        made = new_project(project / f"small-{name}", name)
        figures[f"{name} of the tests, run, s (to reach: at most 90)"] = timed(command(name), made.root)[0]
    return figures


PARTS = {
    "small": small,
    "churn": churn,
    "electricity": electricity,
    "sales": sales,
    "reviews": reviews,
    "topics": topics,
    "entities": entities,
    "groceries": groceries,
    "fashion": fashion,
    "detect": detect,
}


def measure(with_set_up: bool, parts: Sequence[str]) -> dict[str, Any]:
    """All figures, by name."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="glassbox-bench-") as name:
        project = Path(name) / "project"
        project.mkdir()
        if with_set_up:
            figures["set-up, s"] = set_up(Path(name) / "venv")
        copy_project(project)
        for part in parts:
            before = processor_seconds()
            figures |= PARTS[part](project)
            figures[f"{part}, processor time in all, s"] = processor_seconds() - before
    return figures


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-set-up", action="store_true", help="leave out making an environment")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="what is measured")
    asked = parser.parse_args()
    figures = measure(not asked.no_set_up, asked.only)
    table = Table("what", "figure", title=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    for name, value in figures.items():
        table.add_row(name, f"{value:.3f}" if value < 2 else f"{value:.1f}")
    Console().print(table)
    write_json(ROOT / "reports" / "bench.json", figures)


if __name__ == "__main__":
    main()
