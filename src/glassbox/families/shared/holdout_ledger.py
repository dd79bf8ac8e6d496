"""Finding about the number of times that a holdout has been read."""

from glassbox.findings.model import Note


def holdout_reads(times: int) -> Note:
    """Report the number of reads of this holdout; decisions made after a read bias later results upwards."""
    if times <= 1:
        return Note(title="Holdout reads", say="This holdout was read for the first time.")
    say = f"This holdout has been read {times:,d} times in this folder."
    lines = ["Decisions made after reading it make the next results too optimistic; a fresh holdout avoids that."]
    return Note(title="Holdout reads", say=say, lines=lines, tone="look")
