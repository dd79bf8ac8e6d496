"""Looks at a user's data file and writes a commented request for it: what was seen, what was guessed, what to change."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from glassbox.data.raw_table import FileTable
from glassbox.data.schema import ColumnSchema, Schema, infer_schema
from glassbox.data.sources import read_file
from glassbox.data.target_checks import check_columns, check_target, count_labels, is_missing
from glassbox.data.value_parsing import canonical
from glassbox.errors import DataError, RequestError
from glassbox.files import write_text
from glassbox.request.loading import read_request
from glassbox.request.model import NAME, RESERVED, Data, Request
from glassbox.request.yaml_tree import quoted

# What people call the column that they want to know, likeliest first; compared without case and signs.
# fmt: off
_TARGET_NAMES = [
    "target", "label", "class", "churn", "churned", "outcome", "y", "default", "response", "converted", "conversion", "fraud",
    "isfraud", "survived", "exited", "attrition", "diagnosis", "result", "status", "species", "category",
]
# fmt: on
_CAMEL_ID = re.compile(r".*[a-z0-9](?:ID|Id|Key|Nr|No|Number)")
_WORD_ID = re.compile(r"(?:.*[^a-z])?(?:id|key|uuid|guid|nr|number)", re.IGNORECASE)
_LOOKED_AT = 20_000  # rows, for what the columns are
_LISTED = 100  # columns
_FEW_CLASSES = 20


def init_request(root: Path, file: Path, target: str | None = None, name: str | None = None) -> Path:
    """Write a commented request for a data file to `params/` and say where.

    Parameters
    ----------
    root
        The project.
    file
        CSV, TSV, Parquet or JSON lines.
    target
        The column to predict; left out: guessed, and said so in the request.
    name
        The request's name; left out: made from the file's.

    Raises
    ------
    RequestError
        When the file cannot be read, holds nothing that could be asked, or a request of that name is there already.
    """
    name = name or slug(file)
    for suffix in (".yaml", ".yml", ".json"):
        there = root / "params" / f"{name}{suffix}"
        if there.exists():
            raise RequestError(f"{there.relative_to(root)}: is there already; delete it, or give another name with --name.")
    path = root / "params" / f"{name}.yaml"
    text = draft_request(root, file, target, name)
    read_request(text, path.relative_to(root))
    write_text(path, text)
    return path


def draft_request(root: Path, file: Path, target: str | None = None, name: str | None = None) -> str:
    """The text of a commented request for a data file; nothing is written. As `init_request` otherwise."""
    address = _address(root, file)
    table = _read(file)
    columns = [str(column) for column in table.cells.columns]
    sample = table.cells.iloc[:: max(1, len(table.cells) // _LOOKED_AT)]
    guessed = target is None
    target = _guess_target(table.cells, sample, file.name) if target is None else _checked_target(table.cells, target)
    schema = infer_schema(sample, _question(target))
    row_id = _guess_id(table.cells, schema)
    seen = f"{file.name}: {len(table.cells):,} rows, {len(columns)} columns"
    name = name or slug(file)
    lines = [
        "# yaml-language-server: $schema=request.schema.json",
        f"# Written by `glassbox init` after a look at {_one_line(seen)}.",
        f"# Read it, change what is wrong, then: glassbox run {name}",
        f"name: {quoted(name)}",
        "task: classification",
        "# Say here, in the words of the person who will read the report, what is to be decided:",
        f"problem: {quoted(f'What will {target} be, and what does it depend on?')}",
        "",
        "data:",
        f"  path: {quoted(address)}",
        f"  size: {len(table.cells)} rows",
        _id_line(row_id),
        *_target_lines(table.cells[target], schema, guessed),
        *_feature_lines([column for column in schema.columns if column.name not in (target, row_id)]),
        "",
        *_split_lines(schema),
        "",
        "requirements:  # what must hold on the holdout; none is set yet. Take away a # to set one:",
        '  # roc_auc: ">=0.8"',
        '  # accuracy: ">80%"',
        '  # latency: "<100ms"',
        "",
        "cost: low  # how much is searched: low, medium or high",
        "seed: 42",
    ]
    return "\n".join(lines) + "\n"


def slug(file: Path) -> str:
    """A request's name made from a file's.

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


def _address(root: Path, file: Path) -> str:
    """The file as the request names it: from the project's folder where it lies inside, in full where it does not."""
    if not file.is_file():
        raise RequestError(f"{file}: there is no such file.")
    whole, project = file.resolve(), root.resolve()
    address = (whole.relative_to(project) if whole.is_relative_to(project) else whole).as_posix()
    if not address.isprintable() or "${" in address or ":" in address.split("/")[0]:
        raise RequestError(f"{_one_line(str(file))}: the file's name holds signs that a request cannot name; rename it.")
    return address


def _read(file: Path) -> FileTable:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RequestError(f"{file}: cannot be read ({error.strerror}).") from error
    table = read_file(content, file.name)
    if not len(table.cells):
        raise DataError(f"{file.name}: there is a header, but no row below it that can be read.")
    return table


def _question(target: str) -> Request:
    return Request(name="draft", task="classification", data=Data(target=target))


def _checked_target(cells: pd.DataFrame, target: str) -> str:
    """The target that was asked for, when it is there and holds classes."""
    if not target.strip():
        raise RequestError("--target: expected the name of a column.")
    question = _question(target)
    check_columns([str(column) for column in cells.columns], question)
    missing = is_missing(cells[target])
    check_target(cells[~missing], question, int(missing.sum()))
    return target


def _holds_classes(cells: pd.DataFrame, column: str) -> bool:
    try:
        _checked_target(cells, column)
    except DataError:
        return False
    return True


def _guess_target(cells: pd.DataFrame, sample: pd.DataFrame, name: str) -> str:
    """The column that holds classes and is called as targets are, or else stands last, or else holds two values."""
    if len(cells) < _question(str(cells.columns[0])).folds:
        raise DataError(f"{_one_line(name)}: {len(cells)} rows are too few to learn from.")
    asked = [column for column in map(str, cells.columns) if _holds_classes(sample, column)]
    labels = {column: len(count_labels(sample[column][~is_missing(sample[column])])) for column in asked}
    few = [column for column in asked if labels[column] <= _FEW_CLASSES]
    by_name = {re.sub(r"[\W_]", "", column.casefold()): column for column in reversed(few)}
    likely = [by_name[called] for called in _TARGET_NAMES if called in by_name]
    likely += [column for column in few if column == str(cells.columns[-1])]
    likely += [column for column in reversed(few) if labels[column] == 2] + few[::-1]
    for column in dict.fromkeys(likely):
        if _holds_classes(cells, column):
            return column
    raise RequestError(
        f"{_one_line(name)}: no column holds a few values, each in many rows, that could be predicted; "
        "name the column to predict with --target."
    )


def _guess_id(cells: pd.DataFrame, schema: Schema) -> str | None:
    """The column that names the rows: no two alike, none missing, and called so or seen to be an identifier."""
    found = [column for column in schema.columns if column.name != schema.target]
    called = [column for column in found if _CAMEL_ID.fullmatch(column.name) or _WORD_ID.fullmatch(column.name)]
    for column in [*called, *(column for column in found if column.kind == "identifier")]:
        values = cells[column.name]
        names_rows = values.str.strip().nunique() == len(values) and not is_missing(values).any()
        if names_rows and column.kind in ("identifier", "category", "text"):
            return column.name
    return None


def _id_line(name: str | None) -> str:
    if name is None:
        return "  # id: COLUMN  # no column was seen to name the rows; they are known by a hash of their content"
    return f"  id: {quoted(name)}  # guessed: no two rows share a value, and none lacks one"


def _target_lines(values: pd.Series, schema: Schema, guessed: bool) -> list[str]:
    missing = is_missing(values)
    labels = count_labels(values[~missing])
    counts = "; ".join(f"{quoted(_clipped(label))}: {n:,}" for label, n in list(labels.items())[:_FEW_CLASSES])
    why = "guessed; another one: glassbox init FILE --target COLUMN" if guessed else "as you said"
    lines = [f"  target: {quoted(str(values.name))}  # {why}", f"  # its {len(labels)} values and their rows: {counts}"]
    if missing.any():
        lines.append(f"  # {int(missing.sum()):,} rows have no target and will be set aside")
    if len(labels) == 2:
        rarer = min(labels, key=lambda label: (labels[label], label))
        written = next((label for label in schema.classes or [] if canonical(label) == rarer), rarer)
        lines.append(f"  positive: {quoted(written)}  # the value that is looked for: the rarer of the two")
    return lines


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _feature_lines(columns: Sequence[ColumnSchema]) -> list[str]:
    """All columns that the model may see, commented out: without `features` it sees every one."""
    if not columns:
        return []
    lines = ["  # The model may see every other column. To choose, take away these # and the lines that you do not want:"]
    lines += ["  # features:", *(f"  #   - {quoted(column.name)}  # {_described(column)}" for column in columns[:_LISTED])]
    if len(columns) > _LISTED:
        lines.append(f"  #   # and {len(columns) - _LISTED:,} more")
    return lines


def _described(column: ColumnSchema) -> str:
    kind = column.kind if column.written_as == "plain" else f"{column.kind} written as {column.written_as}"
    return f"{kind}, {column.missing:.1%} missing" if 0 < column.missing < 1 else kind


def _split_lines(schema: Schema) -> list[str]:
    dates: Sequence[ColumnSchema] = [column for column in schema.columns if column.kind == "date"]
    lines = [
        "split:",
        "  by: hash      # a row's place is decided by a hash of what it is; or group, time, column",
        "  holdout: 0.2  # sealed until the stage evaluate",
    ]
    for column in dates[:3]:
        spread = f"{(column.low_date or '')[:10]} to {(column.high_date or '')[:10]}"
        lines.append(f"  # {quoted(column.name)} is a date ({spread}); if you predict the future: by: time, column, and a cutoff")
    return lines
