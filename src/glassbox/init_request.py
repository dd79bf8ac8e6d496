"""Generation of a commented request from a data file, with guesses for target, id and positive class."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from glassbox.data.raw_table import FileTable
from glassbox.data.reading import AmbiguousDatesError
from glassbox.data.schema import ColumnSchema, Schema, infer_schema
from glassbox.data.sources import read_file
from glassbox.data.target_checks import check_columns, check_target, count_labels, is_missing, looks_like_quantity
from glassbox.data.value_parsing import canonical
from glassbox.errors import DataError, RequestError
from glassbox.files import write_text
from glassbox.request.loading import read_request
from glassbox.request.model import NAME, RESERVED, Data, Request
from glassbox.request.yaml_tree import quoted

# Common names of target columns, the likeliest first; compared without case and punctuation.
# fmt: off
_TARGET_NAMES = [
    "target", "label", "class", "churn", "churned", "outcome", "y", "default", "response", "converted", "conversion", "fraud",
    "isfraud", "survived", "exited", "attrition", "diagnosis", "result", "status", "species", "category",
]
# fmt: on
_CAMEL_ID = re.compile(r".*[a-z0-9](?:ID|Id|Key|Nr|No|Number)")
_WORD_ID = re.compile(r"(?:.*[^a-z])?(?:id|key|uuid|guid|nr|number)", re.IGNORECASE)
_SAMPLE_ROWS = 20_000  # for the types of the columns
_MAX_LISTED = 100  # columns
_FEW_CLASSES = 20


def init_request(root: Path, file: Path, target: str | None = None, name: str | None = None) -> Path:
    """Write a commented request for a data file to `params/` and return its path.

    Parameters
    ----------
    root
        The project folder.
    file
        CSV, TSV, Parquet or JSON Lines.
    target
        The column to predict. Default: guessed, with a comment in the request.
    name
        The name of the request. Default: derived from the file name.

    Raises
    ------
    RequestError
        When the file cannot be read, holds no possible target, or a request of that name exists.
    """
    name = name or slug(file)
    for suffix in (".yaml", ".yml", ".json"):
        existing = root / "params" / f"{name}{suffix}"
        if existing.exists():
            raise RequestError(f"{existing.relative_to(root)}: already exists; delete it, or choose another name with --name.")
    path = root / "params" / f"{name}.yaml"
    text = draft_request(root, file, target, name)
    read_request(text, path.relative_to(root))
    write_text(path, text)
    return path


def draft_request(root: Path, file: Path, target: str | None = None, name: str | None = None) -> str:
    """Return the text of a commented request for a data file, without writing it; the parameters are those of `init_request`."""
    path = _data_path(root, file)
    table = _read(file)
    columns = [str(column) for column in table.cells.columns]
    sample = table.cells.iloc[:: max(1, len(table.cells) // _SAMPLE_ROWS)]
    guessed = target is None
    target = _guess_target(table.cells, sample, file.name) if target is None else _checked_target(table.cells, target)
    schema, question = _schema(sample, target)
    row_id = _guess_id(table.cells, schema)
    summary = f"{file.name}: {len(table.cells):,} rows, {len(columns)} columns"
    name = name or slug(file)
    lines = [
        "# yaml-language-server: $schema=request.schema.json",
        f"# Written by `glassbox init` from {_one_line(summary)}.",
        f"# Review it, correct the guesses, then run: glassbox run {name}",
        f"name: {quoted(name)}",
        "task: classification",
        "# The question in the words of the person who will read the report:",
        f"problem: {quoted(f'What is {target}, and what does it depend on?')}",
        "",
        "data:",
        f"  path: {quoted(path)}",
        f"  size: {len(table.cells)} rows",
        *question,
        _id_line(row_id),
        *_target_lines(table.cells[target], schema, guessed),
        *_feature_lines([column for column in schema.columns if column.name not in (target, row_id)]),
        "",
        *_split_lines(schema),
        "",
        "requirements:  # bounds on the holdout; none is set yet. Remove a # to set one:",
        '  # roc_auc: ">=0.8"',
        '  # accuracy: ">80%"',
        '  # latency: "<100ms"',
        "",
        "cost: low  # search budget: low, medium or high",
        "seed: 42",
    ]
    return "\n".join(lines) + "\n"


def slug(file: Path) -> str:
    """Derive the name of a request from a file name.

    >>> slug(Path("My Customers (2024).csv.gz")), slug(Path("2024.csv")), slug(Path("raw.csv"))
    ('my-customers-2024', 'data-2024', 'raw-data')
    """
    stem = file.name.lstrip(".").split(".")[0]
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    if not NAME.match(name):
        name = f"data-{name}".strip("-_")
    name = name[:64].rstrip("-_")
    return f"{name}-data" if name in RESERVED else name


def _one_line(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _data_path(root: Path, file: Path) -> str:
    """Return the path of the file for the request: relative to the project for a file inside it, else absolute."""
    if not file.is_file():
        raise RequestError(f"{file}: no such file.")
    absolute, project = file.resolve(), root.resolve()
    path = (absolute.relative_to(project) if absolute.is_relative_to(project) else absolute).as_posix()
    if not path.isprintable() or "${" in path or ":" in path.split("/")[0]:
        raise RequestError(f"{_one_line(str(file))}: the file name contains characters that a request cannot hold; rename it.")
    return path


def _read(file: Path) -> FileTable:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RequestError(f"{file}: cannot be read ({error.strerror}).") from error
    table = read_file(content, file.name)
    if not len(table.cells):
        raise DataError(f"{file.name}: has a header, but no readable rows.")
    return table


def _draft(target: str, dates: Literal["dayfirst"] | None = None) -> Request:
    return Request(name="draft", task="classification", data=Data(target=target, dates=dates))


def _schema(sample: pd.DataFrame, target: str) -> tuple[Schema, list[str]]:
    """Return the schema, and the lines of the request that ask for the order of dates if nothing in the file shows it."""
    try:
        return infer_schema(sample, _draft(target)), []
    except AmbiguousDatesError as error:
        column, example = _one_line(error.column), _one_line(error.example)
        question = [
            f"  # TO DO: is the day or the month first in dates such as {example!r} (column {column!r})? Nothing in the file shows it.",
            "  # dates: dayfirst  # or monthfirst; remove the # to answer. Without an answer, the run stops.",
        ]
        return infer_schema(sample, _draft(target, "dayfirst")), question


def _checked_target(cells: pd.DataFrame, target: str) -> str:
    """Return the target if it is a column of classes; raise otherwise."""
    if not target.strip():
        raise RequestError("--target: expected the name of a column.")
    request = _draft(target)
    check_columns([str(column) for column in cells.columns], request)
    missing = is_missing(cells[target], ())
    check_target(cells[~missing], request, int(missing.sum()))
    return target


def _holds_classes(cells: pd.DataFrame, column: str) -> bool:
    labels = count_labels(cells[column][~is_missing(cells[column], ())])
    if looks_like_quantity(labels):
        return False
    try:
        _checked_target(cells, column)
    except DataError:
        return False
    return True


def _guess_target(cells: pd.DataFrame, sample: pd.DataFrame, file_name: str) -> str:
    """Guess the target among the columns of classes: by a common name, else the last column, else one with two values."""
    if len(cells) < _draft(str(cells.columns[0])).folds:
        raise DataError(f"{_one_line(file_name)}: {len(cells)} rows are too few to train a model.")
    candidates = [column for column in map(str, cells.columns) if _holds_classes(sample, column)]
    labels = {column: len(count_labels(sample[column][~is_missing(sample[column], ())])) for column in candidates}
    few = [column for column in candidates if labels[column] <= _FEW_CLASSES]
    by_name = {re.sub(r"[\W_]", "", column.casefold()): column for column in reversed(few)}
    likely = [by_name[name] for name in _TARGET_NAMES if name in by_name]
    likely += [column for column in few if column == str(cells.columns[-1])]
    likely += [column for column in reversed(few) if labels[column] == 2] + few[::-1]
    for column in dict.fromkeys(likely):
        if _holds_classes(cells, column):
            return column
    raise RequestError(
        f"{_one_line(file_name)}: no column looks like a target, with a few values that each occur in many rows; "
        "choose the column to predict with --target."
    )


def _guess_id(cells: pd.DataFrame, schema: Schema) -> str | None:
    """Guess the id: a column of unique values without missing ones, named like an id or inferred to be one."""
    columns = [column for column in schema.columns if column.name != schema.target]
    by_name = [column for column in columns if _CAMEL_ID.fullmatch(column.name) or _WORD_ID.fullmatch(column.name)]
    for column in [*by_name, *(column for column in columns if column.kind == "identifier")]:
        values = cells[column.name]
        is_unique = values.str.strip().nunique() == len(values) and not is_missing(values).any()
        if is_unique and column.kind in ("identifier", "category", "text"):
            return column.name
    return None


def _id_line(name: str | None) -> str:
    if name is None:
        return "  # id: COLUMN  # no column identifies the rows; a hash of their content does"
    return f"  id: {quoted(name)}  # guessed: its values are unique and none is missing"


def _target_lines(values: pd.Series, schema: Schema, guessed: bool) -> list[str]:
    missing = is_missing(values, ())
    labels = count_labels(values[~missing])
    counts = "; ".join(f"{quoted(_clipped(label))}: {n:,}" for label, n in list(labels.items())[:_FEW_CLASSES])
    origin = "guessed; choose another with: glassbox init FILE --target COLUMN" if guessed else "from --target"
    lines = [f"  target: {quoted(str(values.name))}  # {origin}", f"  # rows of each of its {len(labels)} values: {counts}"]
    if missing.any():
        lines.append(f"  # {int(missing.sum()):,} rows have no target and will be quarantined")
    if len(labels) == 2:
        rarer = min(labels, key=lambda label: (labels[label], label))
        written = next((label for label in schema.classes or [] if canonical(label, ()) == rarer), rarer)
        lines.append(f"  positive: {quoted(written)}  # the positive class: the rarer of the two")
    return lines


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _feature_lines(columns: Sequence[ColumnSchema]) -> list[str]:
    """Return the feature columns as comments: without `features`, the model uses all of them."""
    if not columns:
        return []
    lines = ["  # The model uses every other column. To select columns, remove these # and the lines of the others:"]
    lines += ["  # features:", *(f"  #   - {quoted(column.name)}  # {_described(column)}" for column in columns[:_MAX_LISTED])]
    if len(columns) > _MAX_LISTED:
        lines.append(f"  #   # and {len(columns) - _MAX_LISTED:,} more")
    return lines


def _described(column: ColumnSchema) -> str:
    kind = column.kind if column.written_as == "plain" else f"{column.kind} written as {column.written_as}"
    return f"{kind}, {column.missing:.1%} missing" if 0 < column.missing < 1 else kind


def _split_lines(schema: Schema) -> list[str]:
    dates: Sequence[ColumnSchema] = [column for column in schema.columns if column.kind == "date"]
    lines = [
        "split:",
        "  by: hash      # rows are assigned by a hash of their id or content; or group, time, column",
        "  holdout: 0.2  # share of the rows that is held out until the stage evaluate",
    ]
    for column in dates[:3]:
        spread = f"{(column.low_date or '')[:10]} to {(column.high_date or '')[:10]}"
        lines.append(f"  # {quoted(column.name)} is a date ({spread}); to predict the future, set by: time, column and cutoff")
    return lines
