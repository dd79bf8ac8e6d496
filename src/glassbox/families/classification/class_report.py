"""What answers that are classes are worth to whoever asks: class by class, by how sure they are, and in one sentence."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.classification.calibration.apply import Codes, Floats
from glassbox.families.classification.dataset import codes_of
from glassbox.families.shared.plotting import wilson
from glassbox.findings.model import Note, Table
from glassbox.findings.wording import clean, number


def class_table(predicted: pd.DataFrame, classes: Sequence[str], units: str) -> Table:
    """Each class of the holdout: how often it is found, how often it is right when it is named, and what it is taken for."""
    y, said = codes_of(predicted["y_true"], classes), codes_of(predicted["y_pred"], classes)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (y, said), 1)
    rows = []
    for k, name in enumerate(classes):
        hit, there, named = int(counts[k, k]), int(counts[k].sum()), int(counts[:, k].sum())
        off = counts[k].copy()
        off[k] = 0
        rows.append(
            {
                "class": name,
                units: there,
                "precision": hit / named if named else None,
                "recall": hit / there if there else None,
                "f1": 2 * hit / (there + named) if there + named else None,
                "taken for": f"{classes[int(off.argmax())]} ({int(off.max())})" if off.any() else "",
            }
        )
    rows.sort(key=lambda row: (row["f1"] if row["f1"] is not None else 0.0, row["class"]))
    weakest, best = rows[0], rows[-1]
    say = f"Weakest is {clean(weakest['class'])} (F1 {number(weakest['f1'], '.3f')}), best {clean(best['class'])} ({number(best['f1'], '.3f')})."
    if weakest["taken for"]:
        say += f" {clean(weakest['class'])} is most often taken for {clean(str(weakest['taken for']).rpartition(' (')[0])}."
    return Table.of(pd.DataFrame(rows), "Class by class", say=say, formats=dict.fromkeys(("precision", "recall", "f1"), ".3f"))


def headline(predicted: pd.DataFrame, classes: Sequence[str], units: str) -> Note:
    """Return the value of the model in one sentence that a stakeholder can act on; `units` is the plural noun for rows."""
    right = (predicted["y_true"] == predicted["y_pred"]).to_numpy()
    frequent = float(predicted["y_true"].value_counts(normalize=True).iloc[0])
    sure = predicted[[f"proba_{name}" for name in classes]].max(axis=1).to_numpy(dtype=np.float64)
    half = right[np.argsort(-sure, kind="stable")[: max(1, len(right) // 2)]]
    say = (
        f"Of 100 unseen {units}, the model classifies {100 * float(right.mean()):.0f} correctly; "
        f"always predicting the most frequent class would be correct for {100 * frequent:.0f}."
    )
    lines = [f"Of the {units} in the more confident half, it classifies {100 * float(half.mean()):.1f} of 100 correctly."]
    return Note(title="What it is good for", say=say, lines=lines, tone="good" if right.mean() > frequent else "bad")


def risk_coverage(predicted: pd.DataFrame, classes: Sequence[str], units: str) -> Table:
    """How right the model is on the rows that it is surest of, for several shares of them answered (El-Yaniv and Wiener 2010)."""
    right = (predicted["y_true"] == predicted["y_pred"]).to_numpy()
    sure = predicted[[f"proba_{name}" for name in classes]].max(axis=1).to_numpy(dtype=np.float64)
    order = np.lexsort((predicted["row_id"].to_numpy().astype(str), -sure))
    rows = []
    for share in (0.25, 0.5, 0.75, 0.9, 1.0):
        answered = order[: max(1, round(share * len(order)))]
        low, high = wilson(int(right[answered].sum()), len(answered))
        rows.append(
            {
                "answered": share,
                "from a probability of": float(sure[answered[-1]]),
                "right": float(right[answered].mean()),
                "low": float(low),
                "high": float(high),
            }
        )
    half = rows[1]
    say = f"Where only the surest half is answered, {number(half['right'], '.1%')} is right; where all is, {number(rows[-1]['right'], '.1%')}."
    formats = {"answered": ".0%", "from a probability of": ".3f", "right": ".1%", "low": ".1%", "high": ".1%"}
    return Table.of(pd.DataFrame(rows), f"If only sure {units} are answered", say=say, formats=formats)


def surest_mistakes(predicted: pd.DataFrame, classes: Sequence[str]) -> tuple[Codes, Floats]:
    """Rows that were called wrong, those first of which the model was surest, and how probable it took what it said of every row."""
    proba = predicted[[f"proba_{name}" for name in classes]].to_numpy(dtype=np.float64)
    sure = proba[np.arange(len(proba)), codes_of(predicted["y_pred"], classes)]
    wrong = np.flatnonzero((predicted["y_pred"] != predicted["y_true"]).to_numpy())
    return wrong[np.lexsort((predicted["row_id"].to_numpy()[wrong].astype(str), -sure[wrong]))], sure
