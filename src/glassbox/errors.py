"""The exceptions of Glassbox, each with the exit code of the command."""

from collections.abc import Sequence


class GlassboxError(Exception):
    """Base class of errors that the user can fix: the message names the place, the problem and the remedy."""

    exit_code = 1


class RequestError(GlassboxError):
    """The request is invalid. Holds all problems, one line each."""

    exit_code = 2

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class DataError(RequestError):
    """The data does not fit the request. Raised by the `ingest` stage, before any other stage runs."""


class StageError(GlassboxError):
    """A stage failed. The message holds the cell, its error and the path of the log."""


class StoreError(GlassboxError):
    """The store cannot be read or written: the disk is full or read-only, or a product does not match its hash."""


class PackageError(GlassboxError):
    """A model package is damaged, or holds anything but what the stage `deploy` wrote. Nothing is loaded from it."""


class TrackingError(GlassboxError):
    """Tracking failed. The results are saved in the store."""


class RequirementNotMet(GlassboxError):
    """A requirement is not met, and the command runs with `--strict`."""

    exit_code = 3
