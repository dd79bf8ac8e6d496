"""Calibration as plain numbers: how a model's probabilities are bent before anyone sees them, and when a row is called positive."""

from typing import Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Method = Literal["none", "sigmoid", "isotonic"]
EDGE = 1e-6  # probabilities are kept this far from 0 and 1 before their log-odds are taken


class Curve(BaseModel):
    """How the probability of one class is bent: `slope` and `intercept` on log-odds, or corners of a step curve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float = 1.0
    intercept: float = 0.0
    said: list[float] = []
    came: list[float] = []


class Calibration(BaseModel):
    """How probabilities are bent: one curve for the positive class of two, or one for each of several classes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = "none"
    positive: int = 1
    curves: list[Curve] = []

    def apply(self, proba: Floats) -> Floats:
        """Calibrated probabilities of shape (rows, classes); rows add up to 1."""
        if self.method == "none":
            return proba
        if proba.shape[1] == 2:
            bent = _bend(self.method, self.curves[0], proba[:, self.positive])
            both = (1 - bent, bent) if self.positive == 1 else (bent, 1 - bent)
            return np.column_stack(both)
        bent = np.column_stack([_bend(self.method, curve, proba[:, k]) for k, curve in enumerate(self.curves)])
        return cast(Floats, bent / bent.sum(axis=1, keepdims=True))


def _bend(method: Method, curve: Curve, p: Floats) -> Floats:
    if method == "isotonic":
        return np.asarray(np.interp(p, curve.said, curve.came), dtype=np.float64)
    return 1 / (1 + np.exp(-(curve.slope * log_odds(p) + curve.intercept)))


def log_odds(p: Floats) -> Floats:
    """log(p / (1 - p)), of probabilities kept a little away from 0 and 1."""
    kept = np.clip(p, EDGE, 1 - EDGE)
    return cast(Floats, np.log(kept / (1 - kept)))


def label(proba: Floats, positive: int, threshold: float | None = None) -> Codes:
    """Classes by number: of two, the positive one from `threshold` on; of more, or without threshold, the most probable."""
    if threshold is None or proba.shape[1] != 2:
        return cast(Codes, proba.argmax(axis=1).astype(np.int64))
    return np.where(proba[:, positive] >= threshold, positive, 1 - positive).astype(np.int64)
