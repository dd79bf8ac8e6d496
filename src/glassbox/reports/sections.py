"""The nine stages of the pipeline, the nine sections of the stakeholder report, and the stages that fill each section."""

from collections.abc import Collection
from dataclasses import dataclass

# The stages in order, each with the question that it answers.
QUESTIONS = {
    "ingest": "Which data arrived, and is their quality sufficient?",
    "explore": "What does the data look like?",
    "features": "Which features does the model use, and which must it not use?",
    "compare": "Which model performs best in cross-validation?",
    "tune": "How much does tuning improve the best model?",
    "evaluate": "How well does the model predict the holdout, for which groups, and why?",
    "deploy": "How is the model served, and how fast is it?",
    "monitor": "How are drift and loss of quality detected?",
    "conclude": "What is the answer, and what should be done next?",
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
    """A link of the stage navigation: its page if the stage was run, and whether that page is the current one."""

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
