"""The forecasting family: one series or thousands, with a regular step in time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.predictor_protocol import Predictor
from glassbox.families.protocol import BatchMetric, Effort, Family, Reference, Scorer, Space
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.data.sources import RawData
    from glassbox.families.forecasting.backtest import BacktestDataset
    from glassbox.families.forecasting.metrics import Forecasts
    from glassbox.families.forecasting.predictor import ForecastPredictor
    from glassbox.families.forecasting.scorer import ForecastScorer
    from glassbox.findings.model import Finding
    from glassbox.request.model import Cost, Request


class ForecastingFamily(Family["BacktestDataset", "Forecasts"]):
    """Family of forecasters. The best simple forecast of the backtest is the baseline; if nothing beats it, it is selected."""

    unit: ClassVar[str] = "windows"
    leaderboard_metrics: ClassVar[tuple[str, ...]] = ("mase", "rmsse", "smape")
    leaderboard_note: ClassVar[str] = (
        "Means over windows (a series from an origin); intervals are 95 % bootstrap over series, or over origins where series are few."
    )
    limits: ClassVar[tuple[str, ...]] = (
        "Consecutive origins share most of their history, so intervals over few origins are imprecise.",
        "Local models are fitted on a limited history (the hyperparameter `history`), so that fits finish in reasonable time.",
        "The members of an ensemble are not tuned individually.",
    )

    def prepare_rows(self, raw: "RawData", request: "Request") -> "tuple[RawData, dict[str, Finding]]":
        from glassbox.families.forecasting.prepare_rows import prepare_rows

        return prepare_rows(raw, request)

    def effort(self, cost: "Cost") -> Effort:
        from glassbox.families.forecasting.effort import EFFORT

        return EFFORT[cost]

    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        from glassbox.families.forecasting.models import KINDS

        return KINDS

    def primary_metric(self, requirements: Mapping[str, Any]) -> str:
        from glassbox.families.forecasting.metrics import leading_metric

        return leading_metric(requirements)

    def dataset(
        self,
        train: pd.DataFrame,
        schema: Schema,
        recipe: Mapping[str, Any],
        folds: pd.DataFrame,
        request: "Request",
        resources: Resources,
    ) -> "BacktestDataset":
        from glassbox.families.forecasting.backtest import BacktestDataset
        from glassbox.families.forecasting.dataset import open_panel
        from glassbox.families.forecasting.recipe import Recipe

        parsed = Recipe.model_validate(recipe)
        return BacktestDataset.of(open_panel(train, schema, request, parsed.step), parsed, folds["origin"].tolist())

    def candidates(self, dataset: "BacktestDataset", cost: "Cost") -> list[Candidate]:
        from glassbox.families.forecasting.candidates import candidates

        return candidates(
            cost,
            self.effort(cost),
            dataset.recipe,
            len(dataset.panel.names),
            dataset.zeros,
            folds=len(dataset.origins),
            steps=dataset.panel.steps,
        )

    def search_space(self, dataset: "BacktestDataset", candidate: Candidate, cost: "Cost") -> Space:
        from glassbox.families.forecasting.candidates import search_space

        fits = len(dataset.panel.names) * len(dataset.origins)
        return search_space(candidate.kind, cost, self.effort(cost), dataset.recipe, fits)

    def baseline(self, runs: "Sequence[CandidateRun[Forecasts]]", scorer: "Scorer[Forecasts]") -> str | None:
        from glassbox.families.forecasting.metrics import more_is_better
        from glassbox.families.forecasting.models import KINDS

        sign = -1.0 if more_is_better(scorer.metric) else 1.0
        simple = [run for run in runs if not run.reason and run.candidate.kind in KINDS and not KINDS[run.candidate.kind].learns]
        if not simple:
            raise GlassboxError(
                "The candidates lack a simple forecast, such as the last value, which every other one has to beat."
            )
        return min(simple, key=lambda run: (sign * scorer.value(run.oof), run.candidate.name)).candidate.name

    def scorer(self, dataset: "BacktestDataset", metric: str, effort: Effort, seed: int) -> "ForecastScorer":
        from glassbox.families.forecasting.scorer import ForecastScorer

        return ForecastScorer(dataset, metric, effort.resamples, seed)

    def fit_fold(self, dataset: "BacktestDataset", candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        from glassbox.families.forecasting.backtest import forecast_from

        return forecast_from(dataset, fold, candidate.kind, candidate.params, resources)

    def ensembles(
        self, dataset: "BacktestDataset", runs: "Sequence[CandidateRun[Forecasts]]", scorer: "Scorer[Forecasts]"
    ) -> "list[CandidateRun[Forecasts]]":
        from glassbox.families.forecasting.ensemble import ensembles

        return ensembles(runs, dataset.panel.names, dataset.origins, scorer.metric)

    def batch_metric(self, predictor: Predictor, truth: pd.Series, request: "Request") -> BatchMetric:
        from glassbox.families.forecasting.monitoring import batch_metric

        return batch_metric()

    def reference(
        self, predictor: "ForecastPredictor", train: pd.DataFrame, oof: pd.DataFrame, resources: Resources
    ) -> Reference:
        from glassbox.families.forecasting.monitoring import reference

        return reference(predictor, oof)


FAMILY = ForecastingFamily()
