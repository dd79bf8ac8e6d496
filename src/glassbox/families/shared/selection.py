"""The selection of the model to serve, out of all candidates, the tuned one and the ensemble.

The model with the best expected score is selected: a difference that is not proven is still the best estimate of the difference.
A simpler model is selected only within a small margin of expected loss, which is stated together with what it costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from glassbox.families.protocol import Scorer
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.families.shared.leaderboard import rank

P = TypeVar("P")
SIMPLER_WITHIN = 0.005  # share of the leader's improvement over the baseline that a simpler model may lose


@dataclass(frozen=True)
class Selection(Generic[P]):
    """The selected model and the alternatives to it.

    Attributes
    ----------
    board
        The ranking of all contenders, as `leaderboard.rank` returns it.
    selected
        The selected run.
    leader
        The name of the contender with the best score.
    cost
        The loss in score of the selected model against the leader; 0 when it is the leader.
    margin
        The largest loss that a simpler model may have.
    simpler
        The best contender that is simpler than the selected model; None without one.
    """

    board: dict[str, Any]
    selected: CandidateRun[P]
    leader: str
    cost: float
    margin: float
    simpler: CandidateRun[P] | None


def select(
    runs: Sequence[CandidateRun[P]],
    kinds: Mapping[str, ModelSpec[Any, Any]],
    scorer: Scorer[P],
    *,
    more_is_better: bool,
    baseline: str | None = None,
) -> Selection[P]:
    """Select the model to serve.

    Parameters
    ----------
    runs
        All contenders, none of them failed.
    kinds
        The kinds of model of the family, with their complexity.
    baseline
        The name of the contender that every model has to beat; by default, the score of the best contender that uses no features
        is the baseline.
    """
    board = rank(runs, kinds, scorer, more_is_better=more_is_better, baseline=baseline)
    by_name = {run.candidate.name: run for run in runs}
    values = {row["candidate"]: row["scores"][scorer.metric]["value"] for row in board["rows"]}
    sign = -1.0 if more_is_better else 1.0
    ranked = [name for name in values if values[name] is not None and name not in board.get("beaten_by_baseline", [])]
    leader = ranked[0] if ranked else board["leader"]

    def loss(name: str) -> float:
        return float(sign * (values[name] - values[leader])) + 0.0  # no negative zero

    def complexity(name: str) -> int:
        return kinds[by_name[name].candidate.kind].complexity

    blind = [name for name in ranked if not kinds[by_name[name].candidate.kind].learns]
    reference = (
        baseline if baseline is not None and baseline in ranked else blind[0] if blind else ranked[-1] if ranked else leader
    )
    margin = SIMPLER_WITHIN * loss(reference)
    able = [name for name in ranked if name in (leader, baseline) or name not in blind]
    near = [name for name in able if loss(name) <= margin] or [leader]
    selected = min(near, key=lambda name: (complexity(name), loss(name), name))
    simpler = next((name for name in able if complexity(name) < complexity(selected)), None)
    return Selection(board, by_name[selected], leader, loss(selected), margin, None if simpler is None else by_name[simpler])
