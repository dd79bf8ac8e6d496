"""The header of Orange's tab files: below the column names, one line of types and one line of roles."""

from dataclasses import replace

from glassbox.data.raw_table import FileTable

_TYPES = frozenset({"c", "d", "s", "t", "continuous", "discrete", "string", "time"})
_ROLES = frozenset({"", "class", "c", "meta", "m", "i", "ignore", "w", "weight"})


def drop_orange_header(table: FileTable) -> FileTable:
    """Drop the two header lines of an Orange file from its rows; return any other table unchanged."""
    if len(table.lines) < 2:
        return table
    types, roles = ([(value or "").strip() for value in table.cells.iloc[i].tolist()] for i in (0, 1))
    if not (set(types) <= _TYPES and set(roles) <= _ROLES and "class" in roles):
        return table
    cells = table.cells.iloc[2:].reset_index(drop=True)
    note = "The two lines below the column names are Orange's types and roles, so they are not read as rows."
    return replace(table, cells=cells, lines=table.lines[2:], notes=[*table.notes, note])
