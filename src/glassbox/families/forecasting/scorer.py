"""Scoring of forecasts over the windows of a backtest; a window is one series from one origin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.forecasting.backtest import BacktestDataset, oof_frame, read_oof
from glassbox.families.forecasting.metrics import NAMES, Forecasts, estimate, paired_gain, score
from glassbox.findings.model import Estimate

POINT_METRICS = tuple(name for name in NAMES if name in ("mase", "rmsse", "smape", "mae", "rmse"))


@dataclass(frozen=True)
class ForecastScorer:
    """Scorer of point forecasts; implements `glassbox.families.protocol.Scorer`."""

    dataset: BacktestDataset
    metric: str
    resamples: int
    seed: int

    @property
    def units(self) -> int:
        return len(self.dataset.origins) * len(self.dataset.panel.names)

    @property
    def n(self) -> int:
        return self.dataset.evaluated_steps

    def assemble(self, folds: Sequence[Mapping[str, Any]]) -> Forecasts:
        points = {origin: result["point"] for origin, result in zip(self.dataset.origins, folds, strict=True)}
        forecasts = self.dataset.frame(points)
        if missing := int((~np.isfinite(forecasts.point)).any(axis=1).sum()):
            raise ValueError(f"{missing} windows have no forecast")
        return forecasts

    def value(self, forecasts: Forecasts) -> float:
        return score(forecasts, self.metric)

    def estimates(self, forecasts: Forecasts) -> dict[str, Estimate]:
        return {name: estimate(forecasts, name, resamples=self.resamples, seed=self.seed) for name in POINT_METRICS}

    def gain(self, better: Forecasts, worse: Forecasts) -> Estimate:
        return paired_gain(better, worse, self.metric, resamples=self.resamples, seed=self.seed)

    def to_frame(self, forecasts: Forecasts) -> pd.DataFrame:
        return oof_frame(forecasts, self.dataset)

    def from_frame(self, frame: pd.DataFrame) -> Forecasts:
        return read_oof(frame, self.dataset)
