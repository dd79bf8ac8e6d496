"""Classification report: metrics by class, accuracy by confidence, the summary, and the most confident errors."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.classification.calibration.apply import Codes, Floats
from glassbox.families.classification.dataset import codes_of
from glassbox.families.shared.plotting import wilson
from glassbox.findings.model import Note, Table
from glassbox.findings.wording import clean, number


def class_table(predicted: pd.DataFrame, classes: Sequence[str], units: str) -> Table:
    """Tabulate precision, recall, F1 and the most frequent confusion of each class on the holdout."""
    y, predicted_codes = codes_of(predicted["y_true"], classes), codes_of(predicted["y_pred"], classes)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (y, predicted_codes), 1)
    rows = []
    for k, name in enumerate(classes):
        correct, actual, as_predicted = int(counts[k, k]), int(counts[k].sum()), int(counts[:, k].sum())
        errors = counts[k].copy()
        errors[k] = 0
        rows.append(
            {
                "class": name,
                units: actual,
                "precision": correct / as_predicted if as_predicted else None,
                "recall": correct / actual if actual else None,
                "f1": 2 * correct / (actual + as_predicted) if actual + as_predicted else None,
                "most confused with": f"{classes[int(errors.argmax())]} ({int(errors.max())})" if errors.any() else "",
            }
        )
    rows.sort(key=lambda row: (row["f1"] if row["f1"] is not None else 0.0, row["class"]))
    weakest, best = rows[0], rows[-1]
    say = (
        f"F1 is lowest for {clean(weakest['class'])} ({number(weakest['f1'], '.3f')}) "
        f"and highest for {clean(best['class'])} ({number(best['f1'], '.3f')})."
    )
    if weakest["most confused with"]:
        say += f" {clean(weakest['class'])} is most often confused with {clean(str(weakest['most confused with']).rpartition(' (')[0])}."
    return Table.of(pd.DataFrame(rows), "Per-class metrics", say=say, formats=dict.fromkeys(("precision", "recall", "f1"), ".3f"))


def headline(predicted: pd.DataFrame, classes: Sequence[str], units: str) -> Note:
    """Summarise the accuracy of the model for stakeholders; `units` is the plural noun for rows."""
    right = (predicted["y_true"] == predicted["y_pred"]).to_numpy()
    frequent = float(predicted["y_true"].value_counts(normalize=True).iloc[0])
    sure = predicted[[f"proba_{name}" for name in classes]].max(axis=1).to_numpy(dtype=np.float64)
    half = right[np.argsort(-sure, kind="stable")[: max(1, len(right) // 2)]]
    say = (
        f"Of 100 unseen {units}, the model classifies {100 * float(right.mean()):.0f} correctly; "
        f"always predicting the most frequent class would be correct for {100 * frequent:.0f}."
    )
    lines = [f"Of the {units} in the more confident half, it classifies {100 * float(half.mean()):.1f} of 100 correctly."]
    return Note(title="Summary", say=say, lines=lines, tone="good" if right.mean() > frequent else "bad")


def risk_coverage(predicted: pd.DataFrame, classes: Sequence[str], units: str) -> Table:
    """Tabulate the accuracy on the most confident share of the rows, for several shares (El-Yaniv and Wiener 2010)."""
    correct = (predicted["y_true"] == predicted["y_pred"]).to_numpy()
    confidence = predicted[[f"proba_{name}" for name in classes]].max(axis=1).to_numpy(dtype=np.float64)
    order = np.lexsort((predicted["row_id"].to_numpy().astype(str), -confidence))
    rows = []
    for share in (0.25, 0.5, 0.75, 0.9, 1.0):
        answered = order[: max(1, round(share * len(order)))]
        low, high = wilson(int(correct[answered].sum()), len(answered))
        rows.append(
            {
                "coverage": share,
                "lowest probability": float(confidence[answered[-1]]),
                "accuracy": float(correct[answered].mean()),
                "low": float(low),
                "high": float(high),
            }
        )
    half = rows[1]
    say = f"The accuracy on the most confident half is {number(half['accuracy'], '.1%')}, on all {units} {number(rows[-1]['accuracy'], '.1%')}."
    formats = {"coverage": ".0%", "lowest probability": ".3f", "accuracy": ".1%", "low": ".1%", "high": ".1%"}
    return Table.of(pd.DataFrame(rows), "Accuracy by confidence", say=say, formats=formats)


def confident_errors(predicted: pd.DataFrame, classes: Sequence[str]) -> tuple[Codes, Floats]:
    """Return the misclassified rows, most confident first, and the probability of the predicted class of every row."""
    proba = predicted[[f"proba_{name}" for name in classes]].to_numpy(dtype=np.float64)
    confidence = proba[np.arange(len(proba)), codes_of(predicted["y_pred"], classes)]
    wrong = np.flatnonzero((predicted["y_pred"] != predicted["y_true"]).to_numpy())
    return wrong[np.lexsort((predicted["row_id"].to_numpy()[wrong].astype(str), -confidence[wrong]))], confidence
