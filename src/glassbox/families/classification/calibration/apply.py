"""Calibration of class probabilities, and conversion of probabilities to labels."""

from typing import Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Method = Literal["none", "sigmoid", "isotonic"]
MIN_PROBA = 1e-6  # probabilities are clipped to this distance from 0 and 1 before their log-odds are computed


class Curve(BaseModel):
    """Calibration curve of one class: `slope` and `intercept` on log-odds, or the points (`predicted` and `observed`) of an isotonic curve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float = 1.0
    intercept: float = 0.0
    predicted: list[float] = []
    observed: list[float] = []


class Calibration(BaseModel):
    """A fitted calibration: one curve for the positive class in binary problems, else one curve per class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = "none"
    positive: int = 1
    curves: list[Curve] = []

    def apply(self, proba: Floats) -> Floats:
        """Return calibrated probabilities of shape (rows, classes); rows sum to 1."""
        if self.method == "none":
            return proba
        if proba.shape[1] == 2:
            calibrated = _apply_curve(self.method, self.curves[0], proba[:, self.positive])
            columns = (1 - calibrated, calibrated) if self.positive == 1 else (calibrated, 1 - calibrated)
            return np.column_stack(columns)
        calibrated = np.column_stack([_apply_curve(self.method, curve, proba[:, k]) for k, curve in enumerate(self.curves)])
        return cast(Floats, calibrated / calibrated.sum(axis=1, keepdims=True))


def _apply_curve(method: Method, curve: Curve, p: Floats) -> Floats:
    if method == "isotonic":
        return np.asarray(np.interp(p, curve.predicted, curve.observed), dtype=np.float64)
    return np.asarray(expit(curve.slope * log_odds(p) + curve.intercept), dtype=np.float64)


def log_odds(p: Floats) -> Floats:
    """Return log(p / (1 - p)) of probabilities clipped away from 0 and 1."""
    clipped = np.clip(p, MIN_PROBA, 1 - MIN_PROBA)
    return cast(Floats, np.log(clipped / (1 - clipped)))


def label(proba: Floats, positive: int, threshold: float | None = None) -> Codes:
    """Return class codes: in binary problems the positive class if its probability reaches `threshold`, else the most probable class."""
    if threshold is None or proba.shape[1] != 2:
        return cast(Codes, proba.argmax(axis=1).astype(np.int64))
    return np.where(proba[:, positive] >= threshold, positive, 1 - positive).astype(np.int64)
