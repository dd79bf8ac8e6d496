"""The comparison of candidates: cross-fitting, the leaderboard, and out-of-fold predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from glassbox.errors import GlassboxError
from glassbox.families.protocol import Dataset, Effort, Family, Scorer
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun, cross_fit
from glassbox.families.shared.leaderboard import rank, timing_frame
from glassbox.metrics import higher_is_better
from glassbox.runtime.resources import Resources

D = TypeVar("D", bound=Dataset)
P = TypeVar("P")


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes
    ----------
    leaderboard
        The leaderboard from `leaderboard.rank`.
    oof
        Out-of-fold predictions: ``candidate``, then the columns of the family's scorer, best candidate first.
    timing
        Measured seconds to fit and to predict, one row per candidate.
    """

    leaderboard: dict[str, Any]
    oof: pd.DataFrame
    timing: pd.DataFrame


def run_candidates(
    family: Family[D, P], dataset: D, candidates: Sequence[Candidate], scorer: Scorer[P], resources: Resources
) -> list[CandidateRun[P]]:
    """Cross-fit candidates; a candidate that fails is recorded with its reason, and the others continue."""

    def fit(candidate: Candidate, fold: int) -> dict[str, Any]:
        return family.fit_fold(dataset, candidate, fold, resources)

    return cross_fit(candidates, dataset.folds, fit, scorer.assemble, resources)


def compare(
    family: Family[D, P], dataset: D, candidates: Sequence[Candidate], metric: str, effort: Effort, resources: Resources
) -> Comparison:
    """Compare candidates on the same folds.

    Parameters
    ----------
    candidates
        Candidates with unique names.
    metric
        The metric by which candidates are ranked.

    Raises
    ------
    GlassboxError
        When two candidates share a name, none could be fitted, or the family's baseline is not among them.
    """
    scorer = family.scorer(dataset, metric, effort, resources.seed)
    runs = run_candidates(family, dataset, candidates, scorer, resources)
    if all(run.reason for run in runs):
        raise GlassboxError("No candidate could be fitted: " + "; ".join(f"{run.candidate.name}: {run.reason}" for run in runs))
    baseline = family.baseline(runs, scorer)
    leaderboard = rank(runs, family.kinds(), scorer, more_is_better=higher_is_better(metric), baseline=baseline)
    by_name = {run.candidate.name: run for run in runs}
    runs = [by_name[row["candidate"]] for row in leaderboard["rows"]]
    return Comparison(leaderboard, oof_frame(runs, scorer), timing_frame(runs, scorer.units))


def oof_frame(runs: Sequence[CandidateRun[P]], scorer: Scorer[P]) -> pd.DataFrame:
    """Return out-of-fold predictions, one block of rows per candidate that did not fail."""
    blocks = []
    for run in runs:
        if not run.reason:
            block = scorer.to_frame(run.oof)
            block.insert(0, "candidate", run.candidate.name)
            blocks.append(block)
    return pd.concat(blocks, ignore_index=True)


def saved_run(candidate: Candidate, oof: pd.DataFrame, scorer: Scorer[P]) -> CandidateRun[P]:
    """Return the run of a candidate from the saved out-of-fold predictions of a comparison."""
    return CandidateRun(candidate, scorer.from_frame(oof[oof["candidate"] == candidate.name].drop(columns="candidate")))
