"""Benchmark of the choice of the served model: the expected score, the ensemble and the refit, on unseen rows of eight tables.

Run as ``python bench/selection.py --splits 10``. Each split holds out a quarter of a table. On the other rows, candidates are compared,
tuned and combined as in a run at ``cost: low``, and these models are scored on the rows that were held out:

- `proven`: the simplest candidate that is not significantly worse than the best one; the tuned model only where its gain is significant
- `expected`: the model with the best expected score among the candidates, the tuned one and the ensemble
- `refitted`: the same model, fitted again on train and holdout, as it is served by default
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn import datasets

from glassbox.data.catalog import fetch, find_entry
from glassbox.data.ingest import conform_parts, read
from glassbox.data.schema import Schema, conform, infer_schema
from glassbox.data.split import split
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.folds import groups_of, make_folds
from glassbox.families.classification.metrics import Sample, score
from glassbox.families.protocol import family_of
from glassbox.families.shared.compare import compare
from glassbox.families.shared.tuning import tune
from glassbox.families.tabular.leakage import audit
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.families.tabular.recipe import default_recipe
from glassbox.families.tabular.refit import refit, refit_on_all
from glassbox.request.model import Data, Request
from glassbox.runtime.resources import Resources

ROOT = Path(__file__).parents[1]
METRIC, TARGET = "roc_auc", "target"
RULES = ("proven", "expected", "refitted")


def bundled(load: Callable[..., Any]) -> pd.DataFrame:
    """Return a data set of scikit-learn with its target as text."""
    frame: pd.DataFrame = load(as_frame=True).frame
    return frame.assign(**{TARGET: "class " + frame["target"].astype(str)})


def generated(x: Any, y: Any) -> pd.DataFrame:
    """Return generated features and classes as a table."""
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    return frame.assign(**{TARGET: [f"class {label:g}" for label in y]})


def catalogued(name: str, target: str, drop: tuple[str, ...] = (), rows: int | None = None) -> pd.DataFrame:
    """Return a table of the catalogue, or a sample of its rows."""
    frame = pd.read_csv(fetch(find_entry(name, ROOT), ROOT)[0], dtype=str, keep_default_na=False)
    frame = frame[frame[target] != ""].rename(columns={target: TARGET}).drop(columns=list(drop))
    return frame if rows is None else frame.sample(rows, random_state=0)


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    "iris": lambda: bundled(datasets.load_iris),
    "wine": lambda: bundled(datasets.load_wine),
    "breast cancer": lambda: bundled(datasets.load_breast_cancer),
    "digits": lambda: bundled(datasets.load_digits),
    "ten Gaussians": lambda: generated(*datasets.make_hastie_10_2(n_samples=2_000, random_state=0)),
    "rare class": lambda: generated(
        *datasets.make_classification(
            6_000, 12, n_informative=6, n_redundant=2, n_clusters_per_class=3, weights=[0.97], flip_y=0.01, random_state=0
        )
    ),
    "churn": lambda: catalogued("churn", "Churn", ("customerID",)),
    "loans": lambda: catalogued("credit_default", "MIS_Status", ("ChgOffDate", "ChgOffPrinGr", "BalanceGross"), 4_000),
}


def auc(predictor: TabularPredictor, rows: pd.DataFrame, schema: Schema) -> float:
    """Return the area under the ROC curve on unseen rows."""
    known = rows[rows[TARGET].isin(schema.classes or [])]
    labelled = labelled_rows(conform(known.assign(row_id=range(len(known))), schema).frame, TARGET, schema.classes or [])
    proba = predictor.proba(labelled.frame)
    return score(Sample.of(labelled.y, proba, positive=labelled.positive), [METRIC])[METRIC]


def run_split(frame: pd.DataFrame, seed: int, folder: Path) -> dict[str, float]:
    """Score the models that each rule serves on a quarter of the rows."""
    unseen = frame.sample(frac=0.25, random_state=seed)
    path = folder / "rows.csv"
    frame.drop(index=unseen.index).to_csv(path, index=False)
    request = Request(name="selection", task="classification", data=Data(path=str(path), target=TARGET), seed=seed)
    family, resources = family_of(request), Resources(seed=seed, workers=2)
    raw, _ = read(request, folder, family.prepare_rows)
    parts = split(raw.cells, request, None, raw.reading)
    schema = infer_schema(parts.train, request, raw.reading)
    snapshots = conform_parts(parts, schema)
    train, holdout, classes = snapshots.train, snapshots.holdout, schema.classes or []
    folds = make_folds(train["row_id"], train[TARGET], request.folds, seed=seed, groups=groups_of(train))
    labelled = labelled_rows(train, TARGET, classes, folds)
    recipe = default_recipe(schema, audit(labelled, schema)).model_dump()
    dataset, effort = family.dataset(train, schema, recipe, folds, request, resources), family.effort(request.cost)
    comparison = compare(family, dataset, family.candidates(dataset, request.cost), METRIC, effort, resources)
    chosen = comparison.leaderboard["chosen"]
    candidate = next(c for c in family.candidates(dataset, request.cost) if c.name == chosen["name"])
    tuning = tune(
        family,
        dataset,
        candidate,
        family.search_space(dataset, candidate, request.cost),
        recipe=recipe,
        leaderboard=comparison.leaderboard,
        oof=comparison.oof,
        effort=effort,
        resources=resources,
    )

    def fitted(best: Mapping[str, Any]) -> TabularPredictor:
        return refit({**best, "recipe": recipe}, labelled, schema, Calibration(), None, resources)

    expected = fitted(tuning.best)
    everything = pd.concat([train, holdout[holdout[TARGET].isin(classes)]], ignore_index=True)
    positive = classes[labelled.positive]
    served = refit_on_all(expected, labelled_rows(everything, TARGET, classes, positive=positive), resources)
    models = {"proven": fitted(proven(comparison.leaderboard, tuning, family.kinds())), "expected": expected, "refitted": served}
    return {rule: auc(model, unseen, schema) for rule, model in models.items()}


def proven(leaderboard: Mapping[str, Any], tuning: Any, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model that is served if only significant differences count."""
    rows = {row["candidate"]: row for row in tuning.board["rows"]}
    if tuning.gain.low is not None and tuning.gain.low > 0:
        tuned = next((row for name, row in rows.items() if name.endswith(", tuned")), None)
        if tuned is not None:
            return {"kind": tuned["kind"], "params": tuned["params"]}
    level = [row for row in leaderboard["rows"] if row["candidate"] in (leaderboard["leader"], *leaderboard["tied"])]
    simplest = min(level, key=lambda row: kinds[row["kind"]].complexity)
    return {"kind": simplest["kind"], "params": simplest["params"]}


def main() -> None:
    """Run all splits of all tables and print the mean loss and the mean rank of each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--only", nargs="*", choices=list(TABLES), default=list(TABLES))
    arguments = parser.parse_args()
    rows = []
    for name in arguments.only:
        frame = TABLES[name]().reset_index(drop=True)
        for seed in range(arguments.splits):
            with tempfile.TemporaryDirectory() as folder:
                rows.append({"table": name, "split": seed, **run_split(frame, seed, Path(folder))})
            print(rows[-1], flush=True)
    scores = pd.DataFrame(rows)
    table = Table("table", *(f"1 - ROC-AUC, {rule}" for rule in RULES))
    for name, part in scores.groupby("table", sort=False):
        table.add_row(str(name), *(f"{1 - part[rule].mean():.4f}" for rule in RULES))
    ranks = scores[list(RULES)].rank(axis=1, ascending=False).mean()
    table.add_row("mean", *(f"{1 - scores[rule].mean():.4f}" for rule in RULES))
    table.add_row("mean rank", *(f"{ranks[rule]:.2f}" for rule in RULES))
    Console().print(table)
    gained = scores["refitted"] - scores["proven"]
    print(
        f"refitted is better than proven in {int((gained > 0).sum())} and worse in {int((gained < 0).sum())} of {len(gained)} splits"
    )
    print(f"mean gain in ROC-AUC {gained.mean():.4f}, standard error {gained.std() / np.sqrt(len(gained)):.4f}")


if __name__ == "__main__":
    main()
