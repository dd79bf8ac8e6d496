"""The number of times that a holdout has been read, reported in every run."""

from glassbox.findings.model import Note


def holdout_reads(times: int) -> Note:
    """Report how often this holdout has been read: each decision that follows a reading makes later results too optimistic."""
    if times <= 1:
        return Note(title="Holdout reads", say="This holdout was read for the first time.")
    say = f"This holdout has been read {times:,d} times in this folder."
    lines = ["Decisions made after reading it make the next results too optimistic; a fresh holdout avoids that."]
    return Note(title="Holdout reads", say=say, lines=lines, tone="look")
