"""Which rows are sealed: by a threshold on a hash of a row's identity, so that adding rows moves none.

A row's identity is its id, or a hash of its content without the target; it does not depend on the schema, on the order of
rows or columns, on the seed, or on other rows. So the same row is on the same side in every run, and so are its repeats.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from glassbox.data.raw_table import RESERVED
from glassbox.data.schema import clip, distinct
from glassbox.data.target_checks import check_parts, count_labels
from glassbox.data.value_parsing import DATE_FORMATS, canonical, clean, read_date, read_number
from glassbox.errors import DataError

if TYPE_CHECKING:
    from glassbox.request.model import Request

TIME = "time"  # what the column of moments is called where the data had none of its own
CELLS_APART = "\x1f"
TRAIN_WORDS = frozenset({"train", "training", "dev", "development", "val", "valid", "validation"})
HOLDOUT_WORDS = frozenset({"holdout", "hold-out", "test", "testing", "eval", "evaluation"})


@dataclass(frozen=True)
class Parts:
    """The two parts, as text cells in canonical order with `row_id` in front, and the table that says which row is where.

    `table` has the columns `row_id`, `part` and `content`, a hash of what a model may see of the row, or the family's own name
    for rows that look alike: equal where rows look the same to it.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame
    table: pd.DataFrame
    data_hash: str
    notes: list[str] = field(default_factory=list)


def in_holdout(identity: str, share: float) -> bool:
    """Whether the row (or group) of this identity is sealed.

    >>> [in_holdout(name, 0.5) for name in "abcd"], in_holdout("a", 1.0)
    ([False, False, True, False], True)
    """
    return int(hashlib.sha256(f"holdout:{identity}".encode()).hexdigest()[:16], 16) / 2**64 < share


def split(cells: pd.DataFrame, request: "Request", looks: Any = None) -> Parts:
    """Set the holdout apart as the request says.

    Parameters
    ----------
    cells : DataFrame
        Text cells; nothing is missing in the target, nor in the column of time of a split by time.
    request : Request
        `split` says how; `data.id` and `data.target` say what a row's identity is.
    looks : array of str, optional
        A name for each row, the same where rows look alike to a model. Left out: a hash of what it may see of them.

    Returns
    -------
    Parts
        Sorted by `row_id`; the same whatever the order of the rows in `cells`.

    Raises
    ------
    DataError
        When a part is empty, or lacks rows of a class.
    """
    id_column = f"{RESERVED}.2" if request.data.id == RESERVED else request.data.id
    canonicals = {name: _canonical_column(cells[name]) for name in cells.columns}
    identities = _identities(cells, canonicals, request.data.target, id_column)
    sealed, notes = _SPLITTERS[request.split.by](cells, identities, request)
    whole = hash_rows([canonicals[name] for name in sorted(canonicals)], len(cells))
    row_ids = _row_ids(identities, cells, whole)
    seen = _seen(list(cells.columns), request, id_column)
    contents = hash_rows([canonicals[name] for name in seen], len(cells)) if looks is None else np.asarray(looks, dtype=object)
    order = np.argsort(row_ids, kind="stable")
    table = pd.DataFrame({"row_id": row_ids, "part": np.where(sealed, "holdout", "train"), "content": contents}).iloc[order]
    kept = cells.drop(columns=[id_column]) if request.data.id == RESERVED and id_column else cells
    rows = kept.assign(row_id=row_ids).iloc[order]
    rows = rows[["row_id", *(name for name in rows.columns if name != "row_id")]]
    parts = Parts(
        train=rows[~sealed[order]].reset_index(drop=True),
        holdout=rows[sealed[order]].reset_index(drop=True),
        table=table.reset_index(drop=True),
        data_hash=hashlib.sha256("\n".join(sorted(whole)).encode()).hexdigest(),
        notes=notes,
    )
    _check(parts, request)
    return parts


def _check(parts: Parts, request: "Request") -> None:
    target = request.data.target
    if target is None:
        check_parts({"": len(parts.train)}, {"": len(parts.holdout)}, request)
    else:
        check_parts(count_labels(parts.train[target]), count_labels(parts.holdout[target]), request)


# --------------------------------------------------------------------------------------------------------- identity


def hash_rows(columns: Sequence[Any], rows: int) -> Any:
    """The first 16 hex digits of the SHA-256 of each row: its canonical cells, joined by the unit separator."""
    if not columns:
        return np.full(rows, hashlib.sha256(b"").hexdigest()[:16], dtype=object)
    apart = pa.scalar(CELLS_APART, type=pa.large_string())
    joined = pc.binary_join_element_wise(*columns, apart).cast(pa.large_binary())
    made = np.empty(rows, dtype=object)
    made[:] = [hashlib.sha256(content).hexdigest()[:16] for content in joined.to_pylist()]
    return made


def _canonical_column(series: pd.Series) -> Any:
    codes, values = distinct(series)
    return pa.array([canonical(value) for value in values], type=pa.large_string()).take(pa.array(codes))


def _identities(cells: pd.DataFrame, canonicals: dict[str, Any], target: str | None, id_column: str | None) -> Any:
    """The id of each row, or else the hash of its content without the target, in the order of the columns' names."""
    names = sorted(name for name in canonicals if name != target)
    if id_column is None:
        return hash_rows([canonicals[name] for name in names], len(cells))
    codes, values = distinct(cells[id_column])
    cleaned = np.empty(len(values), dtype=object)
    cleaned[:] = [clean(value) for value in values]
    identities = cleaned[codes]
    nameless = np.array([value is None for value in identities], dtype=bool)
    if nameless.any():  # a row without an id is known by its content, as if there were no ids
        identities[nameless] = hash_rows([canonicals[name].filter(pa.array(nameless)) for name in names], int(nameless.sum()))
    return identities


def _row_ids(identities: Any, cells: pd.DataFrame, whole: Any) -> Any:
    """Identities, told apart: repeats are numbered in the order of their whole content, then of their text."""
    row_ids = identities.copy()
    repeated = np.flatnonzero(pd.Series(identities).duplicated(keep=False))
    if not len(repeated):
        return row_ids
    texts = [CELLS_APART.join("" if v is None else v for v in row) for row in _rows_of(cells.iloc[repeated])]
    ranked = sorted(zip(identities[repeated], whole[repeated], texts, repeated.tolist(), strict=True))
    taken = set(identities)
    previous, turn = None, 0
    for identity, _, _, row in ranked:
        turn = turn + 1 if identity == previous else 0
        previous = identity
        if turn:
            row_ids[row] = _free(f"{identity}-{turn}", taken)
    return row_ids


def _free(name: str, taken: set[str]) -> str:
    while name in taken:  # an id of the user's own may look like a numbered one
        name += "'"
    taken.add(name)
    return name


def _rows_of(cells: pd.DataFrame) -> list[tuple[str | None, ...]]:
    return list(zip(*(cells[name].tolist() for name in sorted(cells.columns)), strict=True))


def _seen(columns: Sequence[str], request: "Request", id_column: str | None) -> list[str]:
    """The columns that a model may see, sorted."""
    hidden = {request.data.target, id_column}
    if request.split.by in ("group", "column"):
        hidden.add(request.split.column)
    return sorted(request.data.features or [name for name in columns if name not in hidden])


# -------------------------------------------------------------------------------------------------------- splitters


def _by_threshold(units: Any, share: float) -> Any:
    named, codes = np.unique(units.astype(str), return_inverse=True)
    return np.array([in_holdout(str(unit), share) for unit in named], dtype=bool)[codes]


def _by_hash(cells: pd.DataFrame, identities: Any, request: "Request") -> tuple[Any, list[str]]:
    return _by_threshold(identities, request.split.holdout), []


def _by_group(cells: pd.DataFrame, identities: Any, request: "Request") -> tuple[Any, list[str]]:
    codes, values = distinct(cells[_column(request)])
    names = np.array([clean(value) or "" for value in values], dtype=object)
    units = names[codes]
    alone = units == ""
    units[alone] = identities[alone]
    notes = [f"{int(alone.sum()):,} rows belong to no group; each is a group of its own."] if alone.any() else []
    return _by_threshold(units, request.split.holdout), notes


def _by_time(cells: pd.DataFrame, identities: Any, request: "Request") -> tuple[Any, list[str]]:
    moments = read_moments(cells[_column(request)])
    cutoff = _cutoff(request.split.cutoff, moments)
    if cutoff is None:
        ranked = np.sort(moments)
        at = ranked[min(len(ranked) - 1, int(np.ceil(len(ranked) * (1 - request.split.holdout))))]
        return moments >= at, [f"No cutoff was named: the latest rows are the holdout, from {_shown(at)} on."]
    return moments >= cutoff, []


def _by_column(cells: pd.DataFrame, identities: Any, request: "Request") -> tuple[Any, list[str]]:
    column = _column(request)
    codes, values = distinct(cells[column])
    words = [(clean(value) or "").lower() for value in values]
    known = TRAIN_WORDS | HOLDOUT_WORDS
    strange = sorted({clip(repr(value)) for value, word in zip(values, words, strict=True) if word not in known})
    if strange:
        raise DataError(
            f"split.column: {column!r} holds {', '.join(strange[:6])}; expected words such as 'train' and 'test' or 'holdout'."
        )
    return np.array([word in HOLDOUT_WORDS for word in words], dtype=bool)[codes], []


def _by_horizon(cells: pd.DataFrame, identities: Any, request: "Request") -> tuple[Any, list[str]]:
    """The last horizons of all series together, counted in steps at which any of them has a row."""
    moments = read_moments(cells[request.data.time or TIME])
    steps, sealed = np.unique(moments), (request.horizon or 1) * request.split.origins
    if len(steps) <= sealed:
        raise DataError(
            f"split.origins: {request.split.origins} horizons of {request.horizon} steps are {sealed:,} steps, and the data has "
            f"{len(steps):,}; more history is needed, or a shorter horizon, or fewer origins."
        )
    return moments >= steps[-sealed], []


_SPLITTERS: dict[str, Callable[[pd.DataFrame, Any, "Request"], tuple[Any, list[str]]]] = {
    "hash": _by_hash,
    "group": _by_group,
    "time": _by_time,
    "column": _by_column,
    "horizon": _by_horizon,
}


def _column(request: "Request") -> str:
    if request.split.column is None:  # refused by `check_columns`, which speaks to the user
        raise DataError(f"split.column: a split by {request.split.by} needs a column.")
    return request.split.column


def read_moments(series: pd.Series) -> Any:
    """When each row happened: dates as datetime64[us], or numbers (years, seconds) as float64; missing where none is read."""
    codes, values = distinct(series)
    texts = [clean(value) for value in values]
    filled = [text for text in texts if text is not None]
    readable = {form: sum(read_date(text, form) is not None for text in filled) for form in DATE_FORMATS}
    best = max(DATE_FORMATS, key=lambda form: readable[form])
    numbers = [None if text is None else read_number(text) for text in texts]
    if sum(number is not None for number in numbers) > readable[best]:
        return np.array([np.nan if number is None else number.value for number in numbers])[codes]
    dates = [None if text is None else read_date(text, best) for text in texts]
    return np.array([np.datetime64("NaT") if date is None else date for date in dates], dtype="datetime64[us]")[codes]


def _cutoff(written: str | None, moments: Any) -> Any:
    if written is None:
        return None
    if moments.dtype.kind == "f":
        number = read_number(written.strip())
        found: Any = None if number is None else number.value
    else:
        moment = read_date(written.strip())
        found = None if moment is None else np.datetime64(moment, "us")
    if found is None:
        kind = "a number" if moments.dtype.kind == "f" else "a date such as 2024-06-30"
        raise DataError(f"split.cutoff: {written!r} cannot be compared with the column of time; expected {kind}.")
    return found


def _shown(moment: Any) -> str:
    return moment.astype(datetime).isoformat(sep=" ") if isinstance(moment, np.datetime64) else f"{moment:g}"
