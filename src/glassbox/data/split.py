"""The split into train and holdout: a threshold on a hash of each row's identity, so that adding rows does not move any other row.

The identity of a row is its id, or a hash of its content without the target. It does not depend on the schema, the order of rows
or columns, the seed, or other rows. So a row and its duplicates are on the same side of the split in every run, except for large
blocks of identical rows, which are divided.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from glassbox.data.raw_table import RESERVED
from glassbox.data.reading import DEFAULT, AmbiguousDatesError, Reading, date_format, missing_words
from glassbox.data.schema import clip, distinct
from glassbox.data.target_checks import check_parts, count_labels, rare_classes
from glassbox.data.value_parsing import Decimal_, canonical, clean, read_date, read_number
from glassbox.errors import DataError
from glassbox.findings.wording import counted, join_names

if TYPE_CHECKING:
    from glassbox.request.model import Request

TIME = "time"  # the name of the time column when the data has none of its own
UNIT_SEPARATOR = "\x1f"
TRAIN_WORDS = frozenset({"train", "training", "dev", "development", "val", "valid", "validation"})
VALIDATION_WORDS = frozenset({"val", "valid", "validation"})
LARGE_BLOCK, MIN_BLOCK = 0.02, 50  # the share and the number of identical rows from which they are divided
HOLDOUT_WORDS = frozenset({"holdout", "hold-out", "test", "testing", "eval", "evaluation"})


@dataclass(frozen=True)
class Parts:
    """Train and holdout as text cells, in canonical order with `row_id` first, and the table of the split.

    `left_out` has a mask over the given cells for each reason to leave rows out of both parts.
    `table` has the columns `row_id`, `part` and `content`. `content` is equal for rows that a model cannot distinguish: a hash of the
    features, or the family's own group of near-duplicates.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame
    table: pd.DataFrame
    data_hash: str
    notes: list[str] = field(default_factory=list)
    left_out: dict[str, Any] = field(default_factory=dict)


def in_holdout(identity: str, share: float) -> bool:
    """Return whether the row (or group) with this identity belongs to the holdout.

    >>> [in_holdout(name, 0.5) for name in "abcd"], in_holdout("a", 1.0)
    ([False, False, True, False], True)
    """
    return int(_holdout_rank(identity), 16) / 2**64 < share


def _holdout_rank(identity: str) -> str:
    return hashlib.sha256(f"holdout:{identity}".encode()).hexdigest()[:16]


def split(cells: pd.DataFrame, request: "Request", duplicate_groups: Any = None, reading: Reading = DEFAULT) -> Parts:
    """Split rows into train and holdout as the request specifies.

    Parameters
    ----------
    cells : DataFrame
        Text cells. The target has no missing values, nor has the time column of a split by time.
    request : Request
        `split` gives the method; `data.id` and `data.target` define the identity of a row.
    duplicate_groups : array of str, optional
        A group for each row, equal for near-duplicates. By default, a hash of the features.
    reading : Reading, optional
        How numbers and dates are written.

    Returns
    -------
    Parts
        Sorted by `row_id`; the result does not depend on the order of the rows in `cells`.

    Raises
    ------
    DataError
        When a part is empty, or lacks rows of a class.
    """
    id_column = f"{RESERVED}.2" if request.data.id == RESERVED else request.data.id
    canonicals = {
        name: _canonical_column(cells[name], missing_words(request, name), reading.decimal) for name in map(str, cells.columns)
    }
    row_hashes = hash_rows([canonicals[name] for name in sorted(canonicals)], len(cells))
    identities = _identities(cells, canonicals, request, id_column)
    divided = [] if id_column is not None else _divide_large_blocks(identities, cells, row_hashes)
    held_out, notes = _SPLITTERS[request.split.by](cells, identities, request, reading)
    left_out = _rare_rows(cells, held_out, request)
    row_ids = _row_ids(identities, cells, row_hashes)
    if duplicate_groups is None:
        duplicate_groups = hash_rows(
            [canonicals[name] for name in _features(list(cells.columns), request, id_column)], len(cells)
        )
    contents = np.asarray(duplicate_groups, dtype=object)
    order = np.argsort(row_ids, kind="stable")
    for mask in left_out.values():
        order = order[~mask[order]]
    table = pd.DataFrame({"row_id": row_ids, "part": np.where(held_out, "holdout", "train"), "content": contents}).iloc[order]
    columns = cells.drop(columns=[id_column]) if request.data.id == RESERVED and id_column else cells
    rows = columns.assign(row_id=row_ids).iloc[order]
    rows = rows[["row_id", *(name for name in rows.columns if name != "row_id")]]
    parts = Parts(
        train=rows[~held_out[order]].reset_index(drop=True),
        holdout=rows[held_out[order]].reset_index(drop=True),
        table=table.reset_index(drop=True),
        data_hash=hashlib.sha256("\n".join(sorted(row_hashes)).encode()).hexdigest(),
        notes=[*notes, *divided],
        left_out=left_out,
    )
    _check(parts, request)
    return parts


def _check(parts: Parts, request: "Request") -> None:
    target = request.data.target
    if target is None:
        check_parts({"": len(parts.train)}, {"": len(parts.holdout)}, request)
    else:
        check_parts(count_labels(parts.train[target]), count_labels(parts.holdout[target]), request)


def _rare_rows(cells: pd.DataFrame, held_out: Any, request: "Request") -> dict[str, Any]:
    """Return a mask of the rows of each class that is too rare in a part, by the reason."""
    target = request.data.target
    if target is None or request.task_spec.target != "classes" or request.data.rare_classes == "keep":
        return {}
    train, holdout = count_labels(cells[target][~held_out]), count_labels(cells[target][held_out])
    if not train or not holdout:
        return {}
    labels = _labels(cells[target])
    return {reason: labels == label for label, reason in rare_classes(train, holdout, request).items()}


def _labels(column: pd.Series) -> Any:
    codes, values = distinct(column)
    return np.array([canonical(value, ()) for value in values], dtype=object)[codes]


# --------------------------------------------------------------------------------------------------------- identity


def hash_rows(columns: Sequence[Any], rows: int) -> Any:
    """Return the first 16 hex digits of the SHA-256 of each row: its canonical cells, joined by the unit separator."""
    if not columns:
        return np.full(rows, hashlib.sha256(b"").hexdigest()[:16], dtype=object)
    separator = pa.scalar(UNIT_SEPARATOR, type=pa.large_string())
    joined = pc.binary_join_element_wise(*columns, separator).cast(pa.large_binary())
    hashes = np.empty(rows, dtype=object)
    hashes[:] = [hashlib.sha256(content).hexdigest()[:16] for content in joined.to_pylist()]
    return hashes


def _canonical_column(series: pd.Series, missing: Collection[str], decimal: Decimal_) -> Any:
    codes, values = distinct(series)
    texts = [canonical(value, missing, decimal) for value in values]
    return pa.array(texts, type=pa.large_string()).take(pa.array(codes))


def _identities(cells: pd.DataFrame, canonicals: dict[str, Any], request: "Request", id_column: str | None) -> Any:
    """Return the id of each row, or else a hash of its content without the target, with columns in the order of their names."""
    names = sorted(name for name in canonicals if name != request.data.target)
    if id_column is None:
        return hash_rows([canonicals[name] for name in names], len(cells))
    codes, values = distinct(cells[id_column])
    cleaned = np.empty(len(values), dtype=object)
    missing = missing_words(request, request.data.id or id_column)
    cleaned[:] = [clean(value, missing) for value in values]
    identities = cleaned[codes]
    without_id = np.array([value is None for value in identities], dtype=bool)
    if without_id.any():  # identified by their content, as if there were no ids
        identities[without_id] = hash_rows(
            [canonicals[name].filter(pa.array(without_id)) for name in names], int(without_id.sum())
        )
    return identities


def _divide_large_blocks(identities: Any, cells: pd.DataFrame, row_hashes: Any) -> list[str]:
    """Give each row of a large block of identical rows an identity of its own, in place; return a note about it.

    Kept together, a block of a fifth of the rows would make holdout and folds unequal. The new identity is a hash of the content with
    the target and of the number among rows that are equal in both, so that it does not change when other rows are added.
    """
    _, codes, counts = np.unique(identities.astype(str), return_inverse=True, return_counts=True)
    large = counts > max(MIN_BLOCK, LARGE_BLOCK * len(identities))
    rows = np.flatnonzero(large[codes])
    seen: Counter[str] = Counter()
    for _, _, row in sorted(zip(row_hashes[rows], _texts_of(cells.iloc[rows]), rows.tolist(), strict=True)):
        content = f"{identities[row]}:{row_hashes[row]}"
        identities[row] = hashlib.sha256(f"{content}:{seen[content]}".encode()).hexdigest()[:16]
        seen[content] += 1
    if not len(rows):
        return []
    share = 100 * len(rows) / len(identities)
    return [
        f"{len(rows):,} rows ({share:.1f} %) are in {counted(int(large.sum()), 'large block')} of rows with identical features. They are "
        "divided between train, holdout and folds like different rows: kept together, they would make these parts unequal."
    ]


def _row_ids(identities: Any, cells: pd.DataFrame, row_hashes: Any) -> Any:
    """Make identities unique: duplicates are numbered in the order of their whole content, then of their text."""
    row_ids = identities.copy()
    repeated = np.flatnonzero(pd.Series(identities).duplicated(keep=False))
    if not len(repeated):
        return row_ids
    texts = _texts_of(cells.iloc[repeated])
    ranked = sorted(zip(identities[repeated], row_hashes[repeated], texts, repeated.tolist(), strict=True))
    taken = set(identities)
    previous, number = None, 0
    for identity, _, _, row in ranked:
        number = number + 1 if identity == previous else 0
        previous = identity
        if number:
            row_ids[row] = _unused(f"{identity}-{number}", taken)
    return row_ids


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:  # an id in the data may look like a numbered one
        name += "'"
    taken.add(name)
    return name


def _texts_of(cells: pd.DataFrame) -> list[str]:
    """Return the cells of each row as one text."""
    rows = zip(*(cells[name].tolist() for name in sorted(cells.columns)), strict=True)
    return [UNIT_SEPARATOR.join("" if value is None else value for value in row) for row in rows]


def _features(columns: Sequence[str], request: "Request", id_column: str | None) -> list[str]:
    """List the columns that a model may use, sorted."""
    hidden = {request.data.target, id_column}
    if request.split.by in ("group", "column"):
        hidden.add(request.split.column)
    return sorted(request.data.features or [name for name in columns if name not in hidden])


# -------------------------------------------------------------------------------------------------------- splitters


def _by_threshold(units: Any, share: float) -> Any:
    names, codes = np.unique(units.astype(str), return_inverse=True)
    return np.array([in_holdout(str(name), share) for name in names], dtype=bool)[codes]


def _by_hash(cells: pd.DataFrame, identities: Any, request: "Request", reading: Reading) -> tuple[Any, list[str]]:
    held_out = _by_threshold(identities, request.split.holdout)
    if request.task_spec.target != "classes" or request.data.target is None:
        return held_out, []
    return _with_rare_classes(held_out, identities, _labels(cells[request.data.target]), request), []


def _with_rare_classes(held_out: Any, identities: Any, labels: Any, request: "Request") -> Any:
    """Correct the holdout of classes that the hash, by chance, puts far too rarely or too often into it.

    The share of a class in the holdout stays between half and twice the requested one, with at least one row, and train keeps a row
    for each fold where there are enough. Rows are moved in the order of their hash; frequent classes are not affected.
    """
    share, folds = request.split.holdout, request.folds
    units = pd.DataFrame({"unit": identities, "label": labels, "held_out": held_out}).drop_duplicates("unit")
    corrected: dict[str, bool] = {}
    for _, rows in units.groupby("label", sort=True):
        count, n = int(rows["held_out"].sum()), len(rows)
        low = max(1, int(share * n / 2))
        high = max(low, min(n - folds, int(np.ceil(2 * share * n))))
        wanted = min(max(count, low), high)
        if wanted != count and n > 1:
            ranked = sorted(rows["unit"], key=_holdout_rank)
            corrected |= {unit: i < wanted for i, unit in enumerate(ranked)}
    if not corrected:
        return held_out
    return np.array([corrected.get(unit, side) for unit, side in zip(identities, held_out, strict=True)], dtype=bool)


def _by_group(cells: pd.DataFrame, identities: Any, request: "Request", reading: Reading) -> tuple[Any, list[str]]:
    codes, values = distinct(cells[_column(request)])
    missing = missing_words(request, _column(request))
    names = np.array([clean(value, missing) or "" for value in values], dtype=object)
    units = names[codes]
    ungrouped = units == ""
    units[ungrouped] = identities[ungrouped]
    n = int(ungrouped.sum())
    notes = [f"{counted(n, 'row')} without a group: each is split as a group of its own."] if n else []
    return _by_threshold(units, request.split.holdout), notes


def _by_time(cells: pd.DataFrame, identities: Any, request: "Request", reading: Reading) -> tuple[Any, list[str]]:
    times = read_times(cells[_column(request)], reading)
    cutoff = _cutoff(request.split.cutoff, times)
    if cutoff is None:
        ordered = np.sort(times)
        start = ordered[min(len(ordered) - 1, int(np.ceil(len(ordered) * (1 - request.split.holdout))))]
        return times >= start, [f"The request gives no cutoff: the holdout is the latest rows, from {_iso(start)} on."]
    return times >= cutoff, []


def _by_column(cells: pd.DataFrame, identities: Any, request: "Request", reading: Reading) -> tuple[Any, list[str]]:
    column = _column(request)
    codes, values = distinct(cells[column])
    words = [clean(value, ()) or "" for value in values]
    if request.split.holdout_values is not None:
        absent = [repr(value) for value in request.split.holdout_values if value not in words]
        if absent:
            raise DataError(
                f"split.holdout_values: {column!r} is never {join_names(absent, 6)}; its values are "
                f"{join_names(sorted(map(repr, words)), 12)}."
            )
        return np.array([word in request.split.holdout_values for word in words], dtype=bool)[codes], []
    parts = [word.lower() for word in words]
    unknown = sorted(
        {clip(repr(word)) for word, part in zip(words, parts, strict=True) if part not in TRAIN_WORDS | HOLDOUT_WORDS}
    )
    if unknown:
        raise DataError(
            f"split.column: {column!r} contains {', '.join(unknown[:6])}; expected words such as 'train' and 'test' or 'holdout', or "
            "the values of the holdout in split.holdout_values."
        )
    if not HOLDOUT_WORDS & set(parts) and VALIDATION_WORDS & set(parts) and set(parts) - VALIDATION_WORDS:
        held_out = np.array([part in VALIDATION_WORDS for part in parts], dtype=bool)[codes]
        named = join_names(sorted({repr(word) for word, part in zip(words, parts, strict=True) if part in VALIDATION_WORDS}), 3)
        return held_out, [f"{column!r} has no test part, so {named} is the holdout; split.holdout_values changes this."]
    return np.array([part in HOLDOUT_WORDS for part in parts], dtype=bool)[codes], []


def _by_horizon(cells: pd.DataFrame, identities: Any, request: "Request", reading: Reading) -> tuple[Any, list[str]]:
    """Hold out the last horizons of all series together, counted in the time steps at which any series has a row."""
    times = read_times(cells[request.data.time or TIME], reading)
    steps, n_steps = np.unique(times), (request.horizon or 1) * request.split.origins
    if len(steps) <= n_steps:
        raise DataError(
            f"split.origins: {request.split.origins} horizons of {request.horizon} steps need more than {n_steps:,} steps, but the data "
            f"has {len(steps):,}; provide more history, a shorter horizon or fewer origins."
        )
    return times >= steps[-n_steps], []


_SPLITTERS: dict[str, Callable[[pd.DataFrame, Any, "Request", Reading], tuple[Any, list[str]]]] = {
    "hash": _by_hash,
    "group": _by_group,
    "time": _by_time,
    "column": _by_column,
    "horizon": _by_horizon,
}


def _column(request: "Request") -> str:
    if request.split.column is None:  # `check_columns` reports this first, with the columns of the data
        raise DataError(f"split.column: a split by {request.split.by} needs a column.")
    return request.split.column


def read_times(series: pd.Series, reading: Reading = DEFAULT) -> Any:
    """Parse the time of each row: dates as datetime64[us], or numbers (years, seconds) as float64. Unreadable cells are missing.

    Raises
    ------
    DataError
        When the month and the day can be swapped in all dates, and nothing shows which is first.
    """
    codes, values = distinct(series)
    texts = [clean(value) for value in values]
    filled = Counter(text for text in texts if text is not None)
    best = date_format(filled, reading)
    numbers = [None if text is None else read_number(text, reading.decimal) for text in texts]
    if best.form is None or sum(number is not None for number in numbers) > best.share * len(filled):
        return np.array([np.nan if number is None else number.value for number in numbers], dtype="float64")[codes]
    if best.ambiguous:
        raise AmbiguousDatesError(str(series.name), filled)
    return read_dates(series, best.form)


def read_dates(series: pd.Series, form: str) -> Any:
    """Parse dates in one format as datetime64[us]. Unreadable cells are missing."""
    codes, values = distinct(series)
    texts = [clean(value) for value in values]
    dates = [None if text is None else read_date(text, form) for text in texts]
    return np.array([np.datetime64("NaT") if date is None else date for date in dates], dtype="datetime64[us]")[codes]


def _cutoff(cutoff: str | None, times: Any) -> Any:
    if cutoff is None:
        return None
    if times.dtype.kind == "f":
        number = read_number(cutoff.strip())
        parsed: Any = None if number is None else number.value
    else:
        date = read_date(cutoff.strip())
        parsed = None if date is None else np.datetime64(date, "us")
    if parsed is None:
        expected = "a number" if times.dtype.kind == "f" else "a date such as 2024-06-30"
        raise DataError(f"split.cutoff: {cutoff!r} cannot be compared with the time column; expected {expected}.")
    return parsed


def _iso(time: Any) -> str:
    return time.astype(datetime).isoformat(sep=" ") if isinstance(time, np.datetime64) else f"{time:g}"
