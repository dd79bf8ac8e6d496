"""Folds: which rows judge and which teach, by hash, so that neither row order nor new columns move a row."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.errors import DataError
from glassbox.findings.evidence import OverlapEvidence
from glassbox.findings.model import Facts, Table

_REPEAT = re.compile(r"^([0-9a-f]{16})-\d+$")  # an exact repeat of a row that is known by its content


def identity(row_id: str) -> str:
    """The row's identity: repeats of one row share it, and never come to stand in two folds.

    >>> identity("0123456789abcdef-2"), identity("customer-2")
    ('0123456789abcdef', 'customer-2')
    """
    found = _REPEAT.match(row_id)
    return found.group(1) if found else row_id


def groups_of(train: pd.DataFrame, *, group: str | None = None, row_name: str | None = None) -> list[str]:
    """What must not stand in two folds: rows of one group, else rows of one name, else exact repeats of one row.

    Parameters
    ----------
    train
        A snapshot with ``row_id``.
    group
        The column that the split is by, when it is by group; a row without a group is by itself.
    row_name
        The column that names rows, when the request says one.

    Repeats that make up most of the data are no accident (few columns with few values): then each row is by itself.
    """
    row_ids = [str(row) for row in train["row_id"]]
    if group is not None:
        named = train[group].where(train[group].notna(), None).tolist()
        return [f"row {row}" if name is None else f"group {name}" for name, row in zip(named, row_ids, strict=True)]
    if row_name is not None and row_name in train:
        named = train[row_name].where(train[row_name].notna(), None).tolist()
        return [identity(row) if name is None else str(name) for name, row in zip(named, row_ids, strict=True)]
    found = [identity(row) for row in row_ids]
    return found if len(set(found)) > len(found) / 2 else row_ids


def make_folds(
    row_ids: Sequence[str], target: Sequence[str], k: int = 5, *, seed: int = 0, groups: Sequence[str] | None = None
) -> pd.DataFrame:
    """Stratified folds by the rank of a hash within each class; rows of one group stay together.

    Parameters
    ----------
    row_ids, target
        (n,) identity and class of each row.
    k
        How many folds.
    seed
        Another seed, other folds.
    groups
        (n,) what stays together, as `groups_of` finds it. Left out: each row is by itself.

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
    member = list(row_ids) if groups is None else [str(group) for group in groups]
    rows = pd.DataFrame({"row_id": list(row_ids), "target": list(target), "group": member})
    of_group = {str(name): _majority(part) for name, part in rows.groupby("group")["target"]}
    place: dict[str, int] = {}
    for label in sorted(set(of_group.values())):
        ranked = sorted((name for name, found in of_group.items() if found == label), key=lambda name: (rank(name, seed), name))
        start = len(place)  # where the last class ended, so that no fold gets every class's odd row
        place.update({name: (start + i) % k for i, name in enumerate(ranked)})
    rows["fold"] = rows["group"].map(place).astype("int64")
    _check(rows, k, "rows" if groups is None else "groups")
    return rows.sort_values("row_id", kind="stable")[["row_id", "fold"]].reset_index(drop=True)


def rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"fold:{seed}:{name}".encode("utf-8", "surrogatepass")).hexdigest()


def _majority(labels: pd.Series) -> str:
    counts: Counter[str] = Counter(labels.tolist())
    return min(counts, key=lambda label: (-counts[label], label))


def _check(rows: pd.DataFrame, k: int, what: str) -> None:
    spread = rows.groupby("target")["fold"].nunique()
    scarce = {str(label): int(n) for label, n in spread.items() if n < k}
    if scarce:
        found = ", ".join(f"{label!r} in {n}" for label, n in sorted(scarce.items()))
        raise DataError(
            f"{k} folds need each class in each of them; found {found}. "
            f"There are too few {what} of it: ask for fewer folds, bring more data, or merge rare classes."
        )


def folds_table(folds: pd.DataFrame, train: pd.DataFrame, target: str, classes: Sequence[str]) -> Table:
    """Rows and shares of each class, a fold a row."""
    labels = train.set_index("row_id")[target].reindex(folds["row_id"]).to_numpy()
    shares = pd.crosstab(folds["fold"].to_numpy(), labels, normalize="index").reindex(columns=list(classes), fill_value=0.0)
    rows = folds["fold"].value_counts().sort_index()
    table = pd.DataFrame({"fold": [int(i) + 1 for i in rows.index], "rows": rows.to_numpy()})
    for label in classes:
        table[str(label)] = shares[label].to_numpy()
    spread = max(float(np.ptp(shares[label])) for label in classes)
    apart = f"at most {100 * spread:.1f}" if spread >= 0.001 else "less than 0.1"
    size = f"{rows.min():,d}" if rows.min() == rows.max() else f"{rows.min():,d} to {rows.max():,d}"
    say = f"{len(rows)} folds of {size} rows; the share of a class differs by {apart} points between them."
    return Table.of(table, "Folds", say=say, formats={str(label): ".1%" for label in classes})


def duplicates_across(split: pd.DataFrame) -> Facts:
    """Whether rows stand on both sides of the split; read off the split's names and hashes alone, never the holdout.

    Parameters
    ----------
    split
        ``row_id``, ``part`` and, where ingest gives it, ``content``: a hash of what a model may see of the row.
    """
    content = split["content"] if "content" in split else split["row_id"].map(identity)
    sides = split["part"].groupby(content).transform("nunique")
    sealed = split["part"] == "holdout"
    alike = int((sealed & (sides > 1)).sum())
    share = alike / max(1, int(sealed.sum()))
    say = (
        "No row of the holdout looks like a row of train."
        if not alike
        else f"{alike:,d} rows of the holdout ({100 * share:.1f} %) look just like a row of train: different rows with the same values."
    )
    both = int((split["part"].groupby(split["row_id"].map(identity)).nunique() > 1).sum())
    facts: dict[str, str | float | int | bool | None] = {
        "rows": len(split),
        "rows that repeat another": int(len(split) - content.nunique()),
        "names on both sides": both,
        "holdout rows alike one of train": alike,
    }
    evidence = OverlapEvidence(shared_rows=both, near_duplicate_rows=alike, holdout_rows=int(sealed.sum()))
    return Facts(title="Duplicates across the split", say=say, facts=facts, evidence=evidence)
