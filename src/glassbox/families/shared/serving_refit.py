"""Refit of the evaluated model on train and holdout, before it is served."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.families.predictor_protocol import Predictor
from glassbox.findings.model import Note
from glassbox.runtime.stage import Stage


@dataclass(frozen=True)
class Served:
    """The model to serve.

    Attributes
    ----------
    predictor, folder
        The predictor, and the folder that it is saved in.
    left_out
        The number of rows of the holdout that the refit does not use.
    """

    predictor: Any
    folder: Path
    left_out: int = 0

    @property
    def note(self) -> Note:
        """The finding that reports which model is served."""
        lines = [
            f"Rows of the holdout with a class that the evaluated model does not know, and that are not used: {self.left_out:,}."
        ]
        say = self.predictor.refit_note or "The evaluated model is served without a refit."
        return Note(title="Refit before serving", say=say, lines=lines if self.left_out else [], tone="good")


def serve(
    stage: Stage,
    evaluated: Predictor,
    folder: Path,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    *,
    known: Callable[[pd.DataFrame], pd.Series],
    refit: Callable[[pd.DataFrame], Predictor],
) -> Served:
    """Return the model to serve: the evaluated one, or its refit on train and holdout, as `serve` of the request specifies.

    Parameters
    ----------
    evaluated, folder
        The evaluated predictor, and the folder that it is saved in.
    known
        Returns True for the rows of the holdout whose target the model can learn; the others are left out, because the
        evaluated model, its calibration and the service have no such class.
    refit
        Returns the predictor that is fitted on the given rows. It is saved in the folder ``served`` of the stage.
    """
    if stage.request.serve == "evaluated":
        return Served(evaluated, folder)
    usable = known(holdout).to_numpy(dtype=bool)
    rows = pd.concat([train, holdout[usable]], ignore_index=True)
    refitted = refit(rows.sort_values("row_id", kind="stable").reset_index(drop=True))
    served = Served(refitted, stage.folder("served"), left_out=int((~usable).sum()))
    refitted.save(served.folder)
    return served


def describe_refit(rows: int, unchanged: str) -> str:
    """Return the sentences with which a served model declares its refit on `rows` rows; `unchanged` names what was not fitted again.

    >>> describe_refit(1200, "recipe and hyperparameters")
    'The served model was fitted again on 1,200 rows of train and holdout, with the same recipe and hyperparameters. \
The metrics are those of the model that was fitted on train; the served model has seen the holdout.'
    """
    return (
        f"The served model was fitted again on {rows:,} rows of train and holdout, with the same {unchanged}. "
        "The metrics are those of the model that was fitted on train; the served model has seen the holdout."
    )
