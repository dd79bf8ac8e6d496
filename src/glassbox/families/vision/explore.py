"""Exploration of images: examples by class, traits, near-duplicates, nearest neighbours and possible label errors."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.classification.plots.balance import shares
from glassbox.families.vision.image_collection import Codes, Floats, ImageCollection
from glassbox.families.vision.reference_features import TRAITS, coarse_pixels
from glassbox.families.vision.thumbnails import cell_thumbnail
from glassbox.findings.model import Pictures, Table
from glassbox.findings.wording import clean, percent

NEIGHBOURS = 10
MOST_COMPARED = 5_000  # images in the nearest-neighbour search
MOST_MAPPED = 1_500  # images on the embedding map
EACH, MOST_SHOWN = 2, 28  # examples of each class, and of all classes together


def balance(labelled: LabelledRows) -> pd.DataFrame:
    """Count the rows of each class: ``class``, ``n``, ``share``, ``low``, ``high``, the most frequent class first."""
    return shares(labelled.classes, np.bincount(labelled.y, minlength=len(labelled.classes)))


def grid(images: ImageCollection, labelled: LabelledRows) -> Pictures:
    """Show the first images of each class by row id."""
    each = max(1, min(EACH, MOST_SHOWN // max(1, len(labelled.classes))))
    pictures = []
    for k, name in enumerate(labelled.classes[:MOST_SHOWN]):
        rows = [i for i in np.flatnonzero(labelled.y == k).tolist() if isinstance(images.cells[i], str)][:each]
        pictures += [cell_thumbnail(str(images.cells[i]), clean(name), f"an example of {clean(name)}") for i in rows]
    say = f"The first {each} pictures of each class by row id." if each > 1 else "The first picture of each class by row id."
    return Pictures(title="Examples by class", say=say, pictures=pictures)


def trait_table(traits: pd.DataFrame) -> Table:
    """Summarise size, brightness, contrast, colourfulness and sharpness, and count the outliers."""
    rows = [
        {
            "trait": name,
            "lowest": float(traits[name].min()),
            "5 %": float(traits[name].quantile(0.05)),
            "median": float(traits[name].median()),
            "95 %": float(traits[name].quantile(0.95)),
            "highest": float(traits[name].max()),
        }
        for name in TRAITS
    ]
    dark, bright = float((traits["brightness"] < 0.15).mean()), float((traits["brightness"] > 0.85).mean())
    blurred = float((traits["sharpness"] < 0.25 * traits["sharpness"].median()).mean())
    say = (
        f"{percent(dark, 1)} of the pictures are very dark, {percent(bright, 1)} are very bright, "
        f"and {percent(blurred, 1)} are far less sharp than the median."
    )
    return Table.of(pd.DataFrame(rows), "Image traits", say=say)


def near_duplicates(groups: Sequence[str], images: ImageCollection, labelled: LabelledRows, most: int = 3) -> Pictures:
    """Show groups of near-duplicates, those with conflicting labels first."""
    table = pd.DataFrame({"group": list(groups), "y": labelled.y, "row": np.arange(len(labelled.y))})
    sizes = table.groupby("group").agg(n=("row", "size"), labels=("y", "nunique"), first=("row", "min"))
    several = sizes[sizes["n"] > 1].sort_values(["labels", "n", "first"], ascending=[False, False, True])
    rows, conflicting = int(several["n"].sum()), int((several["labels"] > 1).sum())
    say = "There are no near-duplicates."
    if rows:
        say = f"{rows:,} pictures ({percent(rows / len(table), 1)}) are near-duplicates of another, in {len(several):,} groups"
        say += f"; in {conflicting:,} of them the labels differ." if conflicting else "; the labels agree in every group."
    pictures = []
    for number, (name, group) in enumerate(several.head(most).iterrows(), start=1):
        for place, row in enumerate(table.loc[table["group"] == name, "row"].head(3), start=1):
            head = f"Group {number}, {place} of {int(group['n'])}: {clean(labelled.classes[labelled.y[row]])}"
            pictures.append(cell_thumbnail(str(images.cells[row]), head, "one of several near-duplicates"))
    note = (
        "Found by perceptual hash and confirmed pixel by pixel. Each group lies in one fold, "
        "so that no picture is evaluated by a model that was trained on its duplicate."
    )
    return Pictures(title="Near-duplicates", say=say, pictures=pictures, note=note)


def unit_vectors(images: ImageCollection) -> Floats:
    """Return a vector of length one for each image: the embedding by the first backbone, or coarse grey pixels without one."""
    vectors = images.embeddings(0).astype(np.float64) if images.backbones else coarse_pixels(images)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), dtype=np.float64)


def sample_rows(labelled: LabelledRows, most: int) -> Codes:
    """Return at most `most` row indices, evenly spaced over all rows."""
    return np.arange(len(labelled.y))[:: max(1, -(-len(labelled.y) // most))]


def nearest_neighbours(vectors: Floats, rows: Codes) -> Codes:
    """Return the ten nearest neighbours of each row among `rows`, as positions in `rows`: shape (rows, 10)."""
    similarity = vectors[rows] @ vectors[rows].T
    np.fill_diagonal(similarity, -np.inf)
    k = min(NEIGHBOURS, max(1, len(rows) - 1))
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def label_agreement(neighbours: Codes, y: Codes) -> Floats:
    """Return the share of each row's neighbours that have its class."""
    return np.asarray((y[neighbours] == y[:, None]).mean(axis=1), dtype=np.float64)


def tsne(vectors: Floats, rows: Codes, seed: int) -> Floats:
    """Project the vectors of some rows to two dimensions with t-SNE (van der Maaten and Hinton 2008): shape (rows, 2)."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    chosen = vectors[rows]
    components = min(30, *chosen.shape)
    reduced = PCA(components, svd_solver="full", random_state=seed).fit_transform(chosen)
    perplexity = float(min(30, max(2, (len(rows) - 1) // 4)))
    return np.asarray(TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced), dtype=np.float64)


def label_errors(neighbours: Codes, rows: Codes, images: ImageCollection, labelled: LabelledRows, most: int = 12) -> Pictures:
    """Show images whose nearest neighbours nearly all have another class: possible label errors, or hard examples."""
    y = labelled.y[rows]
    votes = np.stack([(y[neighbours] == k).mean(axis=1) for k in range(len(labelled.classes))], axis=1)
    same, others = votes[np.arange(len(y)), y], votes.copy()
    others[np.arange(len(y)), y] = -1.0
    margin = others.max(axis=1) - same
    suspects = np.flatnonzero((same == 0) & (others.max(axis=1) >= 0.8))
    order = suspects[np.lexsort((suspects, -margin[suspects]))]
    pictures = [
        cell_thumbnail(
            str(images.cells[rows[i]]),
            f"Labelled {clean(labelled.classes[y[i]])}; its neighbours: {clean(labelled.classes[int(others[i].argmax())])}",
            f"labelled {clean(labelled.classes[y[i]])}",
        )
        for i in order[:most]
    ]
    say = (
        f"{len(suspects):,} of {len(rows):,} pictures have no neighbour of their own class, and nearly all of one other class: "
        "review their labels."
        if len(suspects)
        else "No picture has nearly all of its neighbours in one other class."
    )
    note = "A hint from the nearest neighbours alone; no label is changed."
    return Pictures(title="Label errors", say=say, pictures=pictures, note=note)
