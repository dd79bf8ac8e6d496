"""The errors that Glassbox raises on purpose, and the exit code each one ends the command with."""

from collections.abc import Sequence


class GlassboxError(Exception):
    """Something went wrong that the user can act on: the message says where, what, and what to do."""

    exit_code = 1


class RequestError(GlassboxError):
    """The request cannot be acted on. Carries every problem that was found, one line each."""

    exit_code = 2

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class DataError(RequestError):
    """The data that arrived cannot answer the request: found at `ingest`, nothing after it was run."""


class StageError(GlassboxError):
    """A stage failed: the cell, its message, then where the whole log lies."""


class StoreError(GlassboxError):
    """The store cannot be read or written: disk full, read-only, or a product that no longer matches its hash."""


class TrackingError(GlassboxError):
    """The tracking store refused; what was computed is safe in the store."""


class RequirementNotMet(GlassboxError):
    """A requirement was not met, and `--strict` was given."""

    exit_code = 3
