"""The nine stages to walk by, the nine sections of the stakeholder's report, and which stages fill which."""

from collections.abc import Collection
from dataclasses import dataclass

# The spine, in order, each with its question.
QUESTIONS = {
    "ingest": "What arrived, and can it be trusted?",
    "explore": "What does the data look like?",
    "features": "What will the model see, and what must it never see?",
    "compare": "Which family of models deserves to be tuned?",
    "tune": "How much better can the winner become?",
    "evaluate": "Does it hold on data it never saw, for whom, and why?",
    "deploy": "How does it serve?",
    "monitor": "How will we notice when it goes wrong?",
    "conclude": "What should be decided?",
}
STAGES = tuple(QUESTIONS)


@dataclass(frozen=True)
class Section:
    """One section of the report: its title, and the stages whose findings fill it."""

    title: str
    stages: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return self.title.lower().replace(" ", "-")


SECTIONS = (
    Section("Problem Statement", ()),
    Section("Data Analysis", ("ingest", "explore")),
    Section("Feature Engineering", ("features",)),
    Section("Model Selection", ("compare",)),
    Section("Hyperparameter Tuning", ("tune",)),
    Section("Model Evaluation", ("evaluate",)),
    Section("Deployment Plan", ("deploy",)),
    Section("Monitoring Strategy", ("monitor",)),
    Section("Next Steps", ("conclude",)),
)


@dataclass(frozen=True)
class StageLink:
    """One stop on the map of stages: where it leads, if it was run, and whether the reader is there."""

    name: str
    href: str | None
    here: bool
    question: str


def stage_map(pages: Collection[str], here: str = "", prefix: str = "") -> list[StageLink]:
    """The nine stages in order; those without a page lead nowhere.

    Parameters
    ----------
    pages
        The stages that have a page.
    here
        The stage that the reader looks at.
    prefix
        What stands before the name of a page in a link: `churn/` on the index.
    """
    return [
        StageLink(name, f"{prefix}{name}.html" if name in pages else None, name == here, question)
        for name, question in QUESTIONS.items()
    ]
