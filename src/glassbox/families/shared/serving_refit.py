"""Refit of the evaluated model on train and holdout, before it is served."""

from collections.abc import Callable

import pandas as pd

from glassbox.families.predictor_protocol import Predictor
from glassbox.findings.model import Note


def all_rows(train: pd.DataFrame, holdout: pd.DataFrame, known: Callable[[pd.DataFrame], pd.Series]) -> pd.DataFrame:
    """Return the rows of train and holdout, sorted by ``row_id``.

    Parameters
    ----------
    known
        Returns True for the rows of the holdout whose target the model can learn; the others are left out, because the
        evaluated model, its calibration and the service have no such class.
    """
    rows = pd.concat([train, holdout[known(holdout).to_numpy(dtype=bool)]], ignore_index=True)
    return rows.sort_values("row_id", kind="stable").reset_index(drop=True)


def describe_refit(rows: int, unchanged: str) -> str:
    """Return the sentences with which a served model declares its refit on all `rows`; `unchanged` names what was not fitted again.

    >>> describe_refit(1200, "recipe and hyperparameters")
    'The served model was fitted again on all 1,200 rows of train and holdout, with the same recipe and hyperparameters. \
The metrics are those of the model that was fitted on train; the served model has seen the holdout.'
    """
    return (
        f"The served model was fitted again on all {rows:,} rows of train and holdout, with the same {unchanged}. "
        "The metrics are those of the model that was fitted on train; the served model has seen the holdout."
    )


def refit_note(served: Predictor) -> Note:
    """Report which model is served."""
    return Note(
        title="Refit before serving", say=served.refit_note or "The evaluated model is served without a refit.", tone="good"
    )
