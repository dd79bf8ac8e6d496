"""The stages of the pipeline with their questions, and the sections of the report with their stages."""

from collections.abc import Collection
from dataclasses import dataclass

# The stages in order, each with the question that it answers.
QUESTIONS = {
    "ingest": "Which data does the request read, and is its quality sufficient?",
    "explore": "What are the properties of the data?",
    "features": "Which features does the model use, and do any of them leak the target?",
    "compare": "Which model performs best in cross-validation?",
    "tune": "How much does tuning improve the model?",
    "evaluate": "How well does the model perform on the holdout, where does it fail, and why?",
    "deploy": "Does the packaged model serve correct predictions, and how fast?",
    "monitor": "How are drift and a loss of performance detected in production?",
    "conclude": "Does the model meet its requirements, and what should be done next?",
}
STAGES = tuple(QUESTIONS)


@dataclass(frozen=True)
class Section:
    """A section of the report: its title, and the stages whose findings it contains."""

    title: str
    stages: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """The id of the section on the page."""
        return self.title.lower().replace(" ", "-")


SECTIONS = (
    Section("Problem statement", ()),
    Section("Data analysis", ("ingest", "explore")),
    Section("Feature engineering", ("features",)),
    Section("Model selection", ("compare",)),
    Section("Hyperparameter tuning", ("tune",)),
    Section("Model evaluation", ("evaluate",)),
    Section("Deployment plan", ("deploy",)),
    Section("Monitoring strategy", ("monitor",)),
    Section("Next steps", ("conclude",)),
)


@dataclass(frozen=True)
class StageLink:
    """A link of the stage navigation. `href` is None if the stage has no page; `here` marks the current page."""

    name: str
    href: str | None
    here: bool
    question: str


def stage_map(pages: Collection[str], here: str = "", prefix: str = "") -> list[StageLink]:
    """Return the links of the stage navigation in order; stages without a page have no `href`.

    Parameters
    ----------
    pages
        The stages that have a page.
    here
        The stage of the current page.
    prefix
        Prefix of the page names in links, such as `churn/` on the index.
    """
    return [
        StageLink(name, f"{prefix}{name}.html" if name in pages else None, name == here, question)
        for name, question in QUESTIONS.items()
    ]
