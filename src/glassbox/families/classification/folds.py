"""Stratified cross-validation folds by hash, independent of row order and of added columns."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.errors import DataError
from glassbox.findings.evidence import OverlapEvidence
from glassbox.findings.model import Facts, Table

_REPEAT = re.compile(r"^([0-9a-f]{16})-\d+$")  # row_id of a row, or of an exact repeat of it, that is identified by its content


def identity(row_id: str) -> str:
    """Return the identity of a row without the suffix that numbers exact duplicates; duplicates share a fold.

    >>> identity("0123456789abcdef-2"), identity("customer-2")
    ('0123456789abcdef', 'customer-2')
    """
    match = _REPEAT.match(row_id)
    return match.group(1) if match else row_id


def groups_of(train: pd.DataFrame, *, group: str | None = None, row_name: str | None = None) -> list[str]:
    """Return the group of each row for grouped folds: its group column, else its row name, else its exact duplicates.

    Parameters
    ----------
    train
        A snapshot with ``row_id``.
    group
        The group column, when the split is by group; a row without a group forms its own.
    row_name
        The column with the names of the rows, if the request specifies one.

    When most rows are duplicates (few columns with few values), duplicates are coincidental, and each row forms its own group.
    """
    row_ids = [str(row) for row in train["row_id"]]
    if group is not None:
        names = train[group].where(train[group].notna(), None).tolist()
        return [f"row {row}" if name is None else f"group {name}" for name, row in zip(names, row_ids, strict=True)]
    if row_name is not None and row_name in train:
        names = train[row_name].where(train[row_name].notna(), None).tolist()
        return [identity(row) if name is None else str(name) for name, row in zip(names, row_ids, strict=True)]
    identities = [identity(row) for row in row_ids]
    return identities if len(set(identities)) > len(identities) / 2 else row_ids


def make_folds(
    row_ids: Sequence[str], target: Sequence[str], k: int = 5, *, seed: int = 0, groups: Sequence[str] | None = None
) -> pd.DataFrame:
    """Assign stratified folds by the rank of a hash within each class; rows of a group stay together.

    Parameters
    ----------
    row_ids, target
        (n,) identity and class of each row.
    k
        Number of folds.
    seed
        Seed of the hash.
    groups
        (n,) group of each row, as `groups_of` returns it. By default, each row is its own group.

    Returns
    -------
    DataFrame
        ``row_id`` and ``fold`` (0 to k - 1), sorted by ``row_id``.

    Raises
    ------
    DataError
        When a class has fewer rows (or groups) than there are folds.

    Examples
    --------
    >>> make_folds(["a", "b", "c", "d"], ["no", "no", "yes", "yes"], 2)["fold"].value_counts().to_dict()
    {0: 2, 1: 2}
    """
    group_of_row = list(row_ids) if groups is None else [str(group) for group in groups]
    rows = pd.DataFrame({"row_id": list(row_ids), "target": list(target), "group": group_of_row})
    majority_class = {str(name): _majority(part) for name, part in rows.groupby("group")["target"]}
    fold_of: dict[str, int] = {}
    for label in sorted(set(majority_class.values())):
        ranked = sorted(
            (name for name, majority in majority_class.items() if majority == label), key=lambda name: (rank(name, seed), name)
        )
        start = len(fold_of)  # continue where the last class ended, so that surplus rows of the classes spread over the folds
        fold_of.update({name: (start + i) % k for i, name in enumerate(ranked)})
    rows["fold"] = rows["group"].map(fold_of).astype("int64")
    _check_class_counts(rows, k, "rows" if groups is None else "groups")
    return rows.sort_values("row_id", kind="stable")[["row_id", "fold"]].reset_index(drop=True)


def rank(name: str, seed: int) -> str:
    """Return the hash that orders the rows or groups of a class."""
    return hashlib.sha256(f"fold:{seed}:{name}".encode("utf-8", "surrogatepass")).hexdigest()


def _majority(labels: pd.Series) -> str:
    counts: Counter[str] = Counter(labels.tolist())
    return min(counts, key=lambda label: (-counts[label], label))


def _check_class_counts(rows: pd.DataFrame, k: int, units: str) -> None:
    fold_counts = rows.groupby("target")["fold"].nunique()
    scarce = {str(label): int(n) for label, n in fold_counts.items() if n < k}
    if scarce:
        listed = ", ".join(f"{label!r} occurs in {n}" for label, n in sorted(scarce.items()))
        raise DataError(
            f"folds: each class must occur in all {k} folds, but {listed}, because there are too few {units}. "
            "Set fewer folds, add data, or merge rare classes."
        )


def folds_table(folds: pd.DataFrame, train: pd.DataFrame, target: str, classes: Sequence[str]) -> Table:
    """Tabulate the number of rows and the class shares of each fold."""
    labels = train.set_index("row_id")[target].reindex(folds["row_id"]).to_numpy()
    shares = pd.crosstab(folds["fold"].to_numpy(), labels, normalize="index").reindex(columns=list(classes), fill_value=0.0)
    rows = folds["fold"].value_counts().sort_index()
    table = pd.DataFrame({"fold": [int(i) + 1 for i in rows.index], "rows": rows.to_numpy()})
    for label in classes:
        table[str(label)] = shares[label].to_numpy()
    spread = max(float(np.ptp(shares[label])) for label in classes)
    difference = f"at most {100 * spread:.1f}" if spread >= 0.001 else "less than 0.1"
    size = f"{rows.min():,d}" if rows.min() == rows.max() else f"{rows.min():,d} to {rows.max():,d}"
    say = f"{len(rows)} folds of {size} rows; the class shares differ by {difference} percentage points between folds."
    return Table.of(table, "Cross-validation", say=say, formats={str(label): ".1%" for label in classes})


def duplicates_across(split: pd.DataFrame) -> Facts:
    """Count rows that are in both train and holdout, from the hashes of the split table alone, without reading the holdout.

    Parameters
    ----------
    split
        ``row_id``, ``part`` and optionally ``content``: a hash of the values that a model uses.
    """
    content = split["content"] if "content" in split else split["row_id"].map(identity)
    sides = split["part"].groupby(content).transform("nunique")
    held_out = split["part"] == "holdout"
    overlapping = int((held_out & (sides > 1)).sum())
    share = overlapping / max(1, int(held_out.sum()))
    say = (
        "No row of the holdout is a duplicate of a row of train."
        if not overlapping
        else f"{overlapping:,d} rows of the holdout ({100 * share:.1f} %) are duplicates of a row of train."
    )
    both = int((split["part"].groupby(split["row_id"].map(identity)).nunique() > 1).sum())
    facts: dict[str, str | float | int | bool | None] = {
        "rows": len(split),
        "rows that repeat another": int(len(split) - content.nunique()),
        "identifiers in both parts": both,
        "holdout rows that duplicate one of train": overlapping,
    }
    evidence = OverlapEvidence(shared_rows=both, near_duplicate_rows=overlapping, holdout_rows=int(held_out.sum()))
    return Facts(title="Duplicates across the split", say=say, facts=facts, evidence=evidence)
