"""The evaluation: the procedure that tuning kept, from every origin of the holdout, and the forecaster that comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.forecasting.backtest import Problem, forecast_from, oof_frame, read_oof
from glassbox.families.forecasting.boosting import with_lags
from glassbox.families.forecasting.conformal import Offsets, fit_offsets
from glassbox.families.forecasting.dataset import open_panel
from glassbox.families.forecasting.metrics import (
    LEVEL,
    NAMES,
    Forecasts,
    by_step,
    by_window,
    covered,
    estimates,
    more_is_better,
    score,
)
from glassbox.families.forecasting.models import kind_of
from glassbox.families.forecasting.panel import Floats, Panel, scales
from glassbox.families.forecasting.predictor import QUANTILE_NAMES, Columns, ForecastPredictor
from glassbox.families.forecasting.prepare_rows import series_column, time_column
from glassbox.families.forecasting.protocols import Fitting
from glassbox.families.forecasting.recipe import Recipe, future_of, is_holiday
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.findings.evidence import GeneralizationEvidence, SliceEvidence
from glassbox.findings.model import Cell, Estimates, Facts, Note, Table
from glassbox.findings.wording import metric_label, number
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.request.model import Request

WORST = 10


def columns_of(request: "Request", columns: Sequence[str]) -> Columns:
    """What the columns of a row are called."""
    return Columns(time_column(request), str(request.data.target), series_column(request, columns))


def refit(
    best: Mapping[str, Any], panel: Panel, schema: Schema, columns: Columns, offsets: Offsets, *, seed: int, threads: int = 1
) -> ForecastPredictor:
    """What tuning kept, fitted on all of train."""
    recipe = Recipe.model_validate(best["recipe"])
    how = Fitting(dict(best["params"]), recipe, seed, threads)
    with limit_threads(threads):
        model = kind_of(best["kind"]).fit(panel, how)
    return ForecastPredictor(
        schema=schema,
        columns=columns,
        recipe=recipe,
        kind=best["kind"],
        params=dict(best["params"]),
        model=model,
        offsets=offsets,
        history=panel,
        scale=scales(panel.values, recipe.seasons[0]),
        nonnegative=bool(np.nanmin(panel.values) >= 0),
        seed=seed,
        threads=threads,
    )


def bring_up_to_date(predictor: ForecastPredictor, later: Panel) -> ForecastPredictor:
    """The same recipe and parameters, fitted once more on all of the history: what is served.

    It is what the backtest and the evaluation did at each of their origins, one time more.
    """
    whole = predictor.history.joined(later)
    how = Fitting(predictor.params, predictor.recipe, predictor.seed, predictor.threads)
    with limit_threads(predictor.threads):
        model = kind_of(predictor.kind).fit(whole, how)
    said = (
        f"The same recipe and parameters, fitted again on all history: to {whole.times[-1]} rather than to {predictor.history.times[-1]}. "
        "The evaluation did the same at each of its origins."
    )
    return predictor.refreshed(later, model, said)


def intervals(tuned_oof: pd.DataFrame, problem: Problem) -> tuple[Offsets, Forecasts]:
    """Conformal offsets from the backtest of what tuning kept, and that backtest with quantiles around it.

    The quantiles shown for each origin are made of the errors from all the other origins.
    """
    found = read_oof(tuned_oof, problem)
    made = np.full((*found.point.shape, len(QUANTILE_NAMES)), np.nan)
    for origin in problem.origins:
        inside, others = found.origin == origin, found.origin != origin
        if others.any():
            offsets = fit_offsets(found.take(others))
            made[inside] = offsets.quantiles(found.point[inside], found.scale[inside])
    return fit_offsets(found), with_quantiles(found, made, problem.nonnegative)


def with_quantiles(found: Forecasts, quantiles: Floats, nonnegative: bool) -> Forecasts:
    """Forecasts with quantiles, kept from falling below zero where they may not."""
    made = np.maximum(quantiles, 0.0) if nonnegative else quantiles
    return Forecasts(found.series, found.origin, found.actual, found.point, found.scale, found.scale2, made)


def later_panel(holdout: pd.DataFrame, panel: Panel, schema: Schema, request: "Request") -> Panel:
    """The holdout as a panel of the same series as train; a series that only the holdout has is not forecast."""
    found = open_panel(holdout, schema, request, panel.step)
    place = {name: i for i, name in enumerate(found.names)}

    def rows(matrix: Floats) -> Floats:
        blank = np.full((1, matrix.shape[1]), np.nan)
        return np.vstack([matrix[place[name]][None] if name in place else blank for name in panel.names])

    covariates = {name: rows(matrix) for name, matrix in found.covariates.items()}
    return Panel(panel.step, panel.names, found.times, rows(found.values), covariates)


def holdout_problem(problem: Problem, later: Panel, origins: int) -> Problem:
    """Train and holdout as one panel, judged from the origins that end with it."""
    whole, horizon = problem.panel.joined(later), problem.recipe.horizon
    first = problem.panel.steps
    found = [first + horizon * k for k in range(origins) if first + horizon * k < whole.steps]
    return Problem(whole, problem.recipe, found, whole.digest, problem.nonnegative)


def forecast_holdout(
    problem: Problem,
    predictor: ForecastPredictor,
    resources: Resources,
) -> Forecasts:
    """Forecasts from every origin of the holdout: by the model itself from the first, which is the end of train, and brought up
    to date from each later one; with intervals from train alone."""
    points = {}
    kind, params = predictor.kind, predictor.params
    resources = replace(resources, seed=predictor.seed, threads=predictor.threads)
    with limit_threads(predictor.threads):
        for i, origin in enumerate(problem.origins):
            if origin == predictor.history.steps:
                found = predictor.model.forecast(predictor.history, future_of(problem.panel, origin, problem.recipe))
                points[origin] = np.maximum(found, 0.0) if problem.nonnegative else found
            else:
                points[origin] = forecast_from(problem, origin, kind, params, resources)["point"]
            resources.progress(i + 1, len(problem.origins), f"origin {i + 1} of {len(problem.origins)}")
    judged = problem.frame(points)
    return with_quantiles(judged, predictor.offsets.quantiles(judged.point, judged.scale), problem.nonnegative)


def baseline_holdout(problem: Problem, *, seed: int) -> Forecasts:
    """The seasonal naive forecast from the same origins."""
    points = {
        origin: forecast_from(problem, origin, "seasonal_naive", {}, Resources(seed=seed))["point"] for origin in problem.origins
    }
    return problem.frame(points)


def predictions(found: Forecasts, problem: Problem, holdout: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """``row_id``, ``series``, ``origin``, ``ahead``, ``time``, ``y_true``, ``y_pred`` and one ``q05`` to ``q95`` a quantile.

    Only steps with a row in the holdout; sorted by series, origin and step.
    """
    made = oof_frame(found, problem)
    assert found.quantiles is not None
    for i, name in enumerate(QUANTILE_NAMES):
        made[name] = found.quantiles[:, :, i].ravel()
    labels = holdout[columns.series].astype(str) if columns.series else pd.Series("", index=holdout.index)
    keys = pd.DataFrame(
        {
            "row_id": holdout["row_id"].to_numpy(),
            "series": labels.to_numpy(),
            "time": pd.DatetimeIndex(holdout[columns.time]).as_unit("us"),
        }
    )
    joined = made.dropna(subset=["y_true"]).merge(keys, on=["series", "time"], how="inner")
    return joined[["row_id", *made.columns]].sort_values(["series", "origin", "ahead"], kind="stable").reset_index(drop=True)


# ----------------------------------------------------------------------------------------------------------- findings


def holdout_metrics(found: Forecasts, *, leading: str, resamples: int, seed: int) -> Estimates:
    """Every metric on the holdout with its 95 % bootstrap interval; `leading` first."""
    names = [leading, *[name for name in NAMES if name != leading]]
    values = estimates(found, names, resamples=resamples, seed=seed)
    lead = values[leading]
    origins = len(np.unique(found.origin))
    between = f" ({number(lead.low)} to {number(lead.high)})" if lead.low is not None else ""
    many = "1 origin" if origins == 1 else f"{origins} origins"
    say = f"{metric_label(leading)} {number(lead.value)}{between} from {many} never seen before, {lead.n or 0:,d} steps in all."
    return Estimates(title="On the holdout", say=say, values=values)


def headline(found: Forecasts, base: Forecasts, leading: str, recipe: Recipe) -> Note:
    """What the forecasts are good for, in a sentence that a stakeholder can act on."""
    mine, theirs = score(found, leading), score(base, leading)
    season = recipe.step.season_words(recipe.season).removeprefix("a ")
    gain = 1 - mine / theirs if theirs > 0 else 0.0
    typical = _typical_error(found)
    size = (
        f"A forecast is off by {number(typical, '.1%')} of the value in the middle case"
        if typical is not None
        else "Many values are zero, so errors in percent mean little"
    )
    better = (
        "about as much error as"
        if abs(gain) < 0.005
        else f"{number(abs(gain), '.0%')} {'less' if gain > 0 else 'more'} error than"
    )
    inside = np.nanmean(covered(found))
    lines = [
        f"Of the values that came, {number(float(inside), '.0%')} lay within the intervals that promise {number(LEVEL, '.0%')}."
    ]
    return Note(
        title="What it is good for",
        say=f"{size}; that is {better} taking the last {season} again.",
        lines=lines,
        tone="good" if gain > 0.05 else "look",
    )


def _typical_error(found: Forecasts) -> float | None:
    """The median of absolute errors in shares of the value; None where more than a tenth of the values are zero."""
    actual = found.actual[~np.isnan(found.actual)]
    if not len(actual) or float(np.mean(actual == 0)) > 0.1:
        return None
    shares = np.abs(found.actual - found.point) / np.where(found.actual == 0, np.nan, np.abs(found.actual))
    return float(np.nanmedian(shares))


def gap(oof: Forecasts, found: Forecasts, metric: str) -> Facts:
    """The leading metric in the backtest and on the holdout: far better in the backtest would mean a search that flattered itself."""
    values = {"out of fold": score(oof, metric), "holdout": score(found, metric)}
    sign = 1.0 if more_is_better(metric) else -1.0
    say = f"{metric_label(metric)} is {number(values['out of fold'])} in the backtest and {number(values['holdout'])} on the holdout."
    facts: dict[str, Cell] = {
        "metric": metric_label(metric),
        **values,
        "out of fold over holdout": sign * (values["out of fold"] - values["holdout"]),
    }
    evidence = GeneralizationEvidence(
        metric=metric,
        higher_is_better=more_is_better(metric),
        train=None,
        out_of_fold=values["out of fold"],
        holdout=values["holdout"],
    )
    return Facts(title="Gap", say=say, facts=facts, evidence=evidence)


def versus_baseline(found: Forecasts, base: Forecasts, names: Sequence[str] = ("mase", "rmsse", "smape")) -> Table:
    """The model and the seasonal naive forecast on the holdout, side by side."""
    rows = [{"metric": metric_label(name), "model": score(found, name), "seasonal naive": score(base, name)} for name in names]
    frame = pd.DataFrame(rows)
    frame["model / seasonal naive"] = frame["model"] / frame["seasonal naive"]
    wins = float(np.nanmean(by_window(found, "mase") < by_window(base, "mase")))
    say = f"In {number(wins, '.0%')} of the windows the model is nearer than the season before."
    return Table.of(
        frame,
        "Against the last season, again",
        say=say,
        formats=dict.fromkeys(["model", "seasonal naive"], ".4f") | {"model / seasonal naive": ".3f"},
    )


def coverage_table(found: Forecasts, oof: Forecasts) -> Table:
    """How often intervals held what came, in the backtest and on the holdout."""
    rows = []
    for low, high in ((0, 4), (1, 3)):
        for what, part in (("backtest", oof), ("holdout", found)):
            assert part.quantiles is not None
            inside = (part.actual >= part.quantiles[:, :, low]) & (part.actual <= part.quantiles[:, :, high])
            there = ~np.isnan(part.actual) & ~np.isnan(part.quantiles[:, :, low])
            rows.append(
                {
                    "interval": "90 %" if low == 0 else "50 %",
                    "on": what,
                    "covered": float(inside[there].mean()),
                    "steps": int(there.sum()),
                }
            )
    frame = pd.DataFrame(rows)
    held = frame[(frame["on"] == "holdout") & (frame["interval"] == "90 %")]["covered"].iloc[0]
    say = f"Intervals that promise 90 % held {number(float(held), '.1%')} of what came on the holdout."
    note = "Widths are conformal: from what the backtest missed by. In the backtest each origin's come from the other origins."
    return Table.of(frame, "Do the intervals cover what they say?", say=say, formats={"covered": ".1%", "steps": ",d"}, note=note)


def by_step_frame(found: Forecasts, base: Forecasts, metric: str = "mase") -> pd.DataFrame:
    """``ahead``, and the metric of the model and of the seasonal naive forecast at each step."""
    mine, theirs = by_step(found, metric), by_step(base, metric)
    return pd.DataFrame({"ahead": np.arange(1, len(mine) + 1), "model": mine, "seasonal naive": theirs})


def slices(found: Forecasts, problem: Problem, *, metric: str, country: str | None) -> pd.DataFrame:
    """The scaled absolute error on parts of the holdout: weekdays, hours or months, days off, steps near and far, the weakest first.

    Returns
    -------
    DataFrame
        ``slice``, ``value``, ``n``, ``weak``: whether its error is half as large again as on the whole.
    """
    steps = found.origin[:, None] + np.arange(found.point.shape[1])[None, :]
    times = problem.panel.times
    inside = ~np.isnan(found.actual)
    errors = (np.abs(found.actual - found.point) / found.scale[:, None])[inside]
    moments = times[np.minimum(steps, len(times) - 1)[inside]]
    ahead = np.broadcast_to(np.arange(found.point.shape[1]), found.point.shape)[inside]
    quarter = np.minimum(4 * ahead // found.point.shape[1], 3)
    parts: dict[str, Any] = {"weekday": moments.day_name(), "month": moments.month_name(), "quarter of the horizon": quarter + 1}
    if problem.recipe.step.seconds and problem.recipe.step.seconds < 86_400:
        parts["hour"] = moments.hour
    if problem.recipe.step.months or problem.recipe.step.seconds > 86_400:
        parts.pop("weekday")
    if country and problem.recipe.holidays:
        parts["day"] = np.where(is_holiday(moments, country) > 0, "public holiday", "any other")
    whole = float(errors.mean()) if len(errors) else 0.0
    rows = []
    for what, labels in parts.items():
        grouped = pd.Series(errors).groupby(np.asarray(labels))
        rows += [
            {"slice": f"{what}: {label}", "value": float(part.mean()), "n": len(part)}
            for label, part in grouped
            if len(part) >= 5
        ]
    table = pd.DataFrame(rows, columns=["slice", "value", "n"])
    table["weak"] = table["value"] > 1.5 * whole
    return table.sort_values(["value", "slice"], ascending=[False, True], ignore_index=True)


def slices_table(table: pd.DataFrame) -> Table:
    """Where forecasts fail, and what these steps have in common."""
    weak = table.loc[table["weak"], "slice"].tolist()
    say = (
        f"Errors are half as large again, or more, at {', '.join(weak[:4])}{' and more' if len(weak) > 4 else ''}."
        if weak
        else "No part of the holdout is forecast much worse than the whole."
    )
    shown = (
        table.head(WORST + 2)
        .assign(weak=lambda t: np.where(t["weak"], "weaker", ""))
        .rename(columns={"value": "MASE", "weak": "beyond chance"})
    )
    return Table.of(
        shown,
        "Where it is weak",
        say=say,
        formats={"MASE": ".3f", "n": ",d"},
        note="Absolute errors in units of the seasonal naive forecast's.",
        evidence=SliceEvidence(weak=weak),
    )


def worst_days(found: Forecasts, problem: Problem, country: str | None) -> Table:
    """The days (or steps) on which forecasts failed most, with what is known of each."""
    made = oof_frame(found, problem).dropna(subset=["y_true"])
    by = pd.Series(found.scale, index=pd.MultiIndex.from_arrays([found.series, found.origin]))
    names = {name: i for i, name in enumerate(problem.panel.names)}
    scale = by.loc[list(zip(made["series"].map(names), made["origin"], strict=True))].to_numpy()
    made["error"] = (made["y_true"] - made["y_pred"]) / scale
    made["day"] = made["time"].dt.floor("D")
    grouped = made.groupby("day").agg(
        error=("error", lambda e: float(np.abs(e).mean())), bias=("error", "mean"), steps=("error", "size")
    )
    worst = grouped.sort_values(["error"], ascending=False, kind="stable").head(WORST)
    days = pd.DatetimeIndex(worst.index)
    holiday = is_holiday(days, country) > 0 if country else np.zeros(len(days), dtype=bool)
    frame = pd.DataFrame(
        {
            "day": days.strftime("%Y-%m-%d"),
            "weekday": days.day_name(),
            "public holiday": np.where(holiday, "yes", ""),
            "MASE": worst["error"].to_numpy(),
            "actual was": np.where(worst["bias"].to_numpy() > 0, "higher", "lower"),
        }
    )
    lower = int((frame["actual was"] == "lower").sum())
    off = int(frame["weekday"].isin(["Saturday", "Sunday"]).sum())
    common = [f"{lower} of {len(frame)} came lower than forecast", f"{off} are on a weekend"]
    if country:
        common.append(f"{int(holiday.sum())} are public holidays")
    return Table.of(frame, "The days it failed", say=f"What they have in common: {', '.join(common)}.", formats={"MASE": ".2f"})


def worst_series(found: Forecasts, base: Forecasts, names: Sequence[str], metric: str = "mase") -> Table:
    """The series that are forecast worst, beside the seasonal naive forecast on them."""
    mine = pd.DataFrame({"series": found.series, "value": by_window(found, metric), "naive": by_window(base, metric)})
    grouped = mine.groupby("series").mean()
    lost = float((grouped["value"] > grouped["naive"]).mean())
    worst = grouped.sort_values(["value"], ascending=False, kind="stable").head(WORST)
    label = metric_label(metric)
    frame = pd.DataFrame(
        {
            "series": [names[i] or "the series" for i in worst.index],
            label: worst["value"].to_numpy(),
            f"{label}, seasonal naive": worst["naive"].to_numpy(),
        }
    )
    say = f"On {number(lost, '.0%')} of {len(grouped):,} series the season before is nearer than the model."
    return Table.of(frame, "The series it forecasts worst", say=say, formats={label: ".3f", f"{label}, seasonal naive": ".3f"})


def components(predictor: ForecastPredictor) -> Note | Table:
    """What the model goes by: the weight of each feature for boosting, the members of an ensemble, the parameters otherwise."""
    booster = getattr(predictor.model, "booster", None)
    if booster is not None:
        names = with_lags(Fitting(predictor.params, predictor.recipe)).recipe.names()
        gains = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
        frame = pd.DataFrame({"feature": names, "share of the gain": gains / max(gains.sum(), 1e-12)})
        frame = frame.sort_values(["share of the gain", "feature"], ascending=[False, True]).head(12)
        say = f"It goes mostly by {', '.join(frame['feature'].head(3))}."
        return Table.of(
            frame,
            "What the model goes by",
            say=say,
            formats={"share of the gain": ".1%"},
            note="Of all that splits on a feature improved the fit by.",
        )
    if "members" in predictor.params:
        frame = pd.DataFrame([{"member": m["name"], "weight": m["weight"]} for m in predictor.params["members"]])
        return Table.of(frame, "What the model is made of", say="A weighted mean of these.", formats={"weight": ".2f"})
    lines = [f"{name}: {value}" for name, value in predictor.params.items()]
    return Note(title="What the model is", say=f"{predictor.kind}, fitted to each series by itself.", lines=lines)


def refit_note(predictor: ForecastPredictor) -> Note:
    """That what is served knows more than what was evaluated, and how."""
    return Note(title="Brought up to date before it is served", say=predictor.refit_note, tone="good")
