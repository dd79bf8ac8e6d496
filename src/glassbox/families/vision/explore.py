"""What the pictures look like: examples of each class, sizes and colours, near-duplicates, neighbours, and labels that look wrong."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.classification.dataset import Problem
from glassbox.families.classification.plots.balance import shares
from glassbox.families.vision.image_dataset import Codes, Floats, ImageCollection
from glassbox.families.vision.reference_features import TRAITS, coarse
from glassbox.families.vision.thumbnails import shown
from glassbox.findings.model import Pictures, Table
from glassbox.findings.wording import clean, percent

NEIGHBOURS = 10
MOST_COMPARED = 5_000  # pictures among which neighbours are looked for
MOST_MAPPED = 1_500
EACH, MOST_SHOWN = 2, 28


def balance(problem: Problem) -> pd.DataFrame:
    """Each class, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``; of all rows."""
    return shares(problem.classes, np.bincount(problem.y, minlength=len(problem.classes)))


def grid(album: ImageCollection, problem: Problem) -> Pictures:
    """Some pictures of each class, chosen by their names and nothing else."""
    each = max(1, min(EACH, MOST_SHOWN // max(1, len(problem.classes))))
    pictures = []
    for k, name in enumerate(problem.classes[:MOST_SHOWN]):
        rows = [i for i in np.flatnonzero(problem.y == k).tolist() if isinstance(album.cells[i], str)][:each]
        pictures += [shown(str(album.cells[i]), clean(name), f"an example of {clean(name)}") for i in rows]
    say = f"{each} of each class, the first by name: nobody chose them." if each > 1 else "One of each class, the first by name."
    return Pictures(title="What the classes look like", say=say, pictures=pictures)


def trait_table(found: pd.DataFrame) -> Table:
    """Size, brightness, contrast, colour and sharpness of the pictures, and which of them stand out."""
    rows = [
        {
            "trait": name,
            "lowest": float(found[name].min()),
            "5 %": float(found[name].quantile(0.05)),
            "median": float(found[name].median()),
            "95 %": float(found[name].quantile(0.95)),
            "highest": float(found[name].max()),
        }
        for name in TRAITS
    ]
    dark, pale = float((found["brightness"] < 0.15).mean()), float((found["brightness"] > 0.85).mean())
    blurred = float((found["sharpness"] < 0.25 * found["sharpness"].median()).mean())
    say = f"{percent(dark, 1)} are very dark, {percent(pale, 1)} very pale, {percent(blurred, 1)} far less sharp than most."
    return Table.of(pd.DataFrame(rows), "Traits of the pictures", say=say)


def near_duplicates(groups: Sequence[str], album: ImageCollection, problem: Problem, most: int = 3) -> Pictures:
    """Groups of pictures that look nearly the same, and those among them with different labels."""
    table = pd.DataFrame({"group": list(groups), "y": problem.y, "row": np.arange(len(problem.y))})
    sizes = table.groupby("group").agg(n=("row", "size"), labels=("y", "nunique"), first=("row", "min"))
    several = sizes[sizes["n"] > 1].sort_values(["labels", "n", "first"], ascending=[False, False, True])
    rows, torn = int(several["n"].sum()), int((several["labels"] > 1).sum())
    say = "No two pictures look nearly the same."
    if rows:
        say = f"{rows:,} pictures ({percent(rows / len(table), 1)}) look nearly like another, in {len(several):,} groups"
        say += f"; in {torn:,} of them the labels differ." if torn else "; none of them disagree on the label."
    pictures = []
    for number, (name, group) in enumerate(several.head(most).iterrows(), start=1):
        for place, row in enumerate(table.loc[table["group"] == name, "row"].head(3), start=1):
            head = f"Group {number}, {place} of {int(group['n'])}: {clean(problem.classes[problem.y[row]])}"
            pictures.append(shown(str(album.cells[row]), head, "one of several that look nearly the same"))
    note = "By perceptual hash, checked pixel by pixel. Folds keep such pictures together, so that none is judged by a model that has seen its twin."
    return Pictures(title="Near-duplicates", say=say, pictures=pictures, note=note)


def vectors(album: ImageCollection) -> Floats:
    """What is compared: what the first backbone says, or a few grey pixels where there is none; each of length one."""
    found = album.embeddings(0).astype(np.float64) if album.backbones else coarse(album)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), dtype=np.float64)


def some(problem: Problem, most: int) -> Codes:
    """At most so many rows, spread over all."""
    return np.arange(len(problem.y))[:: max(1, -(-len(problem.y) // most))]


def neighbours(found: Floats, rows: Codes) -> Codes:
    """For some rows the ten others among them that look most like each, (rows, 10), by their place in `rows`."""
    near = found[rows] @ found[rows].T
    np.fill_diagonal(near, -np.inf)
    k = min(NEIGHBOURS, max(1, len(rows) - 1))
    return np.argsort(-near, axis=1, kind="stable")[:, :k]


def agreement(near: Codes, y: Codes) -> Floats:
    """The share of each row's neighbours that are of its class."""
    return np.asarray((y[near] == y[:, None]).mean(axis=1), dtype=np.float64)


def mapped(found: Floats, rows: Codes, seed: int) -> Floats:
    """A place in the plane for some rows, so that those that look alike stand together (t-SNE, van der Maaten and Hinton 2008)."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    chosen = found[rows]
    parts = min(30, *chosen.shape)
    small = PCA(parts, svd_solver="full", random_state=seed).fit_transform(chosen)
    near = float(min(30, max(2, (len(rows) - 1) // 4)))
    return np.asarray(TSNE(2, perplexity=near, init="pca", random_state=seed).fit_transform(small), dtype=np.float64)


def mislabelled(near: Codes, rows: Codes, album: ImageCollection, problem: Problem, most: int = 12) -> Pictures:
    """Pictures whose neighbours nearly all agree on another class: labelled wrong, or hard."""
    y = problem.y[rows]
    votes = np.stack([(y[near] == k).mean(axis=1) for k in range(len(problem.classes))], axis=1)
    own, other = votes[np.arange(len(y)), y], votes.copy()
    other[np.arange(len(y)), y] = -1.0
    doubt = other.max(axis=1) - own
    suspects = np.flatnonzero((own == 0) & (other.max(axis=1) >= 0.8))
    order = suspects[np.lexsort((suspects, -doubt[suspects]))]
    pictures = [
        shown(
            str(album.cells[rows[i]]),
            f"Labelled {clean(problem.classes[y[i]])}; its neighbours: {clean(problem.classes[int(other[i].argmax())])}",
            f"labelled {clean(problem.classes[y[i]])}",
        )
        for i in order[:most]
    ]
    say = (
        f"{len(suspects):,} of {len(rows):,} pictures look like another class to all of their ten neighbours or nearly all: worth a look by a person."
        if len(suspects)
        else "No picture looks like another class to nearly all of its neighbours."
    )
    return Pictures(
        title="Labels that look wrong", say=say, pictures=pictures, note="A hint from neighbours alone; nothing is changed by it."
    )
