"""How often a holdout has been opened: said in every report."""

from glassbox.findings.model import Note


def opened(times: int) -> Note:
    """How often this very holdout has been opened; each look that is acted on wears it out a little."""
    say = (
        "This holdout was opened for the first time."
        if times <= 1
        else f"This holdout has been opened {times:,d} times in this folder."
    )
    lines = (
        []
        if times <= 1
        else ["Choices made after looking make the next figures a little too good; a fresh holdout puts that right."]
    )
    return Note(title="The seal", say=say, lines=lines, tone="plain" if times <= 1 else "look")
