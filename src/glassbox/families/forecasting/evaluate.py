"""Holdout evaluation: refit the tuned candidate, forecast from every origin of the holdout, and report the errors."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.forecasting.backtest import BacktestDataset, forecast_from, oof_frame, read_oof
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
from glassbox.families.forecasting.models import KINDS
from glassbox.families.forecasting.panel import Floats, Panel, is_constant, scales
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

TOP_ROWS = 10
COUNTRIES = (
    *(
        "AR",
        "AT",
        "AU",
        "BE",
        "BR",
        "CA",
        "CH",
        "CL",
        "CN",
        "CO",
        "CZ",
        "DE",
        "DK",
        "ES",
        "FI",
        "FR",
        "GB",
        "GR",
        "HU",
        "ID",
        "IE",
        "IL",
    ),
    *(
        "IN",
        "IT",
        "JP",
        "KR",
        "MX",
        "MY",
        "NG",
        "NL",
        "NO",
        "NZ",
        "PH",
        "PL",
        "PT",
        "RO",
        "SE",
        "SG",
        "TH",
        "TR",
        "UA",
        "US",
        "VN",
        "ZA",
    ),
)  # whose public holidays are compared with the days of the largest errors
GROUPS = 5  # of series, by roughness


def columns_of(request: "Request", columns: Sequence[str]) -> Columns:
    """Return the names of the time, target and series columns."""
    return Columns(time_column(request), str(request.data.target), series_column(request, columns))


def refit(
    best: Mapping[str, Any], panel: Panel, schema: Schema, columns: Columns, offsets: Offsets, *, seed: int, threads: int = 1
) -> ForecastPredictor:
    """Fit the tuned candidate on all of train."""
    recipe = Recipe.model_validate(best["recipe"])
    fitting = Fitting(dict(best["params"]), recipe, seed, threads)
    with limit_threads(threads):
        model = KINDS[best["kind"]].fit(panel, fitting)
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


def refit_on_all(
    predictor: ForecastPredictor, later: Panel, backtest: Forecasts | None = None, holdout: Forecasts | None = None
) -> ForecastPredictor:
    """Refit the same recipe and parameters on train and holdout, and return the predictor to serve.

    It knows the series that begin in the holdout, too.
    Its intervals are fitted to the errors of backtest and holdout, if they are given. The backtest and the
    evaluation refit in the same way at each of their origins.
    """
    names = sorted({*predictor.history.names, *later.names})
    history = predictor.history.of_series(names).joined(later.of_series(names))
    fitting = Fitting(predictor.params, predictor.recipe, predictor.seed, predictor.threads)
    with limit_threads(predictor.threads):
        model = KINDS[predictor.kind].fit(history, fitting)
    note = (
        f"The same recipe and parameters are refitted on all history, up to {history.times[-1]} instead of "
        f"{predictor.history.times[-1]}. "
        "The evaluation refits in the same way at each origin."
    )
    refitted = predictor.updated_with(history, model, note)
    if backtest is None or holdout is None:
        return refitted
    return replace(refitted, offsets=fit_offsets(backtest.joined(holdout), predictor.history.names))


def intervals(tuned_oof: pd.DataFrame, dataset: BacktestDataset) -> tuple[Offsets, Forecasts]:
    """Fit conformal offsets to the backtest of the tuned candidate, and add quantiles to that backtest.

    The quantiles at each origin are computed from the errors at all other origins.
    """
    backtest, names = read_oof(tuned_oof, dataset), dataset.panel.names
    quantiles = np.full((*backtest.point.shape, len(QUANTILE_NAMES)), np.nan)
    for origin in dataset.origins:
        at_origin, other_origins = backtest.origin == origin, backtest.origin != origin
        if other_origins.any():
            offsets = fit_offsets(backtest.take(other_origins), names)
            quantiles[at_origin] = quantiles_of(backtest.take(at_origin), offsets, dataset)
    return fit_offsets(backtest, names), with_quantiles(backtest, quantiles, dataset.nonnegative)


def quantiles_of(forecasts: Forecasts, offsets: Offsets, dataset: BacktestDataset) -> Floats:
    """Return the quantiles of windows that start at the same origin; those of a constant series are its forecast."""
    history = dataset.panel.values[:, : int(forecasts.origin[0])]
    constant = is_constant(history, dataset.recipe.seasons[0])[forecasts.series]
    names = [dataset.panel.names[i] for i in forecasts.series]
    return offsets.quantiles(forecasts.point, np.where(constant, 0.0, forecasts.scale), names)


def with_quantiles(forecasts: Forecasts, quantiles: Floats, nonnegative: bool) -> Forecasts:
    """Add quantiles to forecasts, clipped at zero when `nonnegative` is set."""
    clipped = np.maximum(quantiles, 0.0) if nonnegative else quantiles
    return Forecasts(
        forecasts.series, forecasts.origin, forecasts.actual, forecasts.point, forecasts.scale, forecasts.scale2, clipped
    )


def later_panel(holdout: pd.DataFrame, panel: Panel, schema: Schema, request: "Request") -> Panel:
    """Convert the holdout to a panel, including series that begin in it."""
    return open_panel(holdout, schema, request, panel.step)


def holdout_dataset(dataset: BacktestDataset, later: Panel, origins: int) -> BacktestDataset:
    """Join train and holdout into one dataset whose origins lie in the holdout, one horizon apart; without series that begin in it."""
    full, horizon = dataset.panel.joined(later.of_series(dataset.panel.names)), dataset.recipe.horizon
    first = dataset.panel.steps
    starts = [first + horizon * k for k in range(origins) if first + horizon * k < full.steps]
    return BacktestDataset(full, dataset.recipe, starts, full.digest, dataset.nonnegative)


def forecast_holdout(
    dataset: BacktestDataset,
    predictor: ForecastPredictor,
    resources: Resources,
    backtest: Forecasts | None = None,
) -> Forecasts:
    """Forecast from every origin of the holdout.

    The evaluated model forecasts from the first origin, the end of train. At each later origin it is refitted on the history
    up to that origin. Its intervals are fitted to the errors that are known at the origin: those of the backtest, if it is given,
    and of the earlier origins.
    """
    points = {}
    kind, params = predictor.kind, predictor.params
    resources = replace(resources, seed=predictor.seed, threads=predictor.threads)
    with limit_threads(predictor.threads):
        for i, origin in enumerate(dataset.origins):
            if origin == predictor.history.steps:
                point = predictor.model.forecast(predictor.history, future_of(dataset.panel, origin, dataset.recipe))
                points[origin] = np.maximum(point, 0.0) if dataset.nonnegative else point
            else:
                points[origin] = forecast_from(dataset, origin, kind, params, resources)["point"]
            resources.progress(i + 1, len(dataset.origins), f"origin {i + 1} of {len(dataset.origins)}")
    forecasts = dataset.frame(points)
    quantiles = np.full((*forecasts.point.shape, len(QUANTILE_NAMES)), np.nan)
    for origin in dataset.origins:
        offsets, known = predictor.offsets, forecasts.origin + dataset.recipe.horizon <= origin
        if backtest is not None and known.any():
            offsets = fit_offsets(backtest.joined(forecasts.take(known)), dataset.panel.names)
        now = forecasts.origin == origin
        quantiles[now] = quantiles_of(forecasts.take(now), offsets, dataset)
    return with_quantiles(forecasts, quantiles, dataset.nonnegative)


def baseline_holdout(dataset: BacktestDataset, baseline: Mapping[str, Any], *, seed: int) -> Forecasts:
    """Return the forecasts of the baseline, a candidate, from the same origins."""
    kind, params, resources = baseline["kind"], baseline["params"], Resources(seed=seed)
    return dataset.frame({origin: forecast_from(dataset, origin, kind, params, resources)["point"] for origin in dataset.origins})


def predictions(forecasts: Forecasts, dataset: BacktestDataset, holdout: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return the holdout predictions as a table, one row per holdout row, sorted by series, origin and step.

    Columns: ``row_id``, ``series``, ``origin``, ``ahead``, ``time``, ``y_true``, ``y_pred`` and the quantiles ``q05`` to ``q95``.
    """
    table = oof_frame(forecasts, dataset)
    assert forecasts.quantiles is not None
    for i, name in enumerate(QUANTILE_NAMES):
        table[name] = forecasts.quantiles[:, :, i].ravel()
    labels = holdout[columns.series].astype(str) if columns.series else pd.Series("", index=holdout.index)
    keys = pd.DataFrame(
        {
            "row_id": holdout["row_id"].to_numpy(),
            "series": labels.to_numpy(),
            "time": pd.DatetimeIndex(holdout[columns.time]).as_unit("us"),
        }
    )
    joined = table.dropna(subset=["y_true"]).merge(keys, on=["series", "time"], how="inner")
    return joined[["row_id", *table.columns]].sort_values(["series", "origin", "ahead"], kind="stable").reset_index(drop=True)


# ----------------------------------------------------------------------------------------------------------- findings


def holdout_metrics(forecasts: Forecasts, *, leading: str, resamples: int, seed: int) -> Estimates:
    """Estimate all metrics on the holdout with 95 % bootstrap intervals, `leading` first."""
    names = [leading, *[name for name in NAMES if name != leading]]
    values = estimates(forecasts, names, resamples=resamples, seed=seed)
    lead = values[leading]
    origins = len(np.unique(forecasts.origin))
    between = f" ({number(lead.low)} to {number(lead.high)})" if lead.low is not None else ""
    many = "1 origin" if origins == 1 else f"{origins} origins"
    say = f"{metric_label(leading)} {number(lead.value)}{between} over {many} of the holdout, {lead.n or 0:,d} steps in total."
    return Estimates(title="Holdout metrics", say=say, values=values)


def headline(forecasts: Forecasts, base: Forecasts, leading: str, baseline: str) -> Note:
    """Summarise the typical error, the gain over the baseline and the interval coverage for stakeholders."""
    error, baseline_error = score(forecasts, leading), score(base, leading)
    gain = 1 - error / baseline_error if baseline_error > 0 else 0.0
    typical = _typical_error(forecasts)
    size = (
        f"Half of all forecasts are within {number(typical, '.1%')} of the actual value"
        if typical is not None
        else "Many values are zero, so percentage errors are not meaningful"
    )
    better = (
        "about the same error as"
        if abs(gain) < 0.005
        else f"{number(abs(gain), '.0%')} {'less' if gain > 0 else 'more'} error than"
    )
    coverage = np.nanmean(covered(forecasts))
    lines = [f"The {number(LEVEL, '.0%')} intervals contain {number(float(coverage), '.0%')} of the actual values."]
    return Note(
        title="Summary",
        say=f"{size}. The model has {better} the best simple forecast ({baseline}).",
        lines=lines,
        tone="good" if gain > 0.05 else "look",
    )


def _typical_error(forecasts: Forecasts) -> float | None:
    """Return the median absolute percentage error as a share; None if more than 10 % of the values are zero."""
    actual = forecasts.actual[~np.isnan(forecasts.actual)]
    if not len(actual) or float(np.mean(actual == 0)) > 0.1:
        return None
    shares = np.abs(forecasts.actual - forecasts.point) / np.where(forecasts.actual == 0, np.nan, np.abs(forecasts.actual))
    return float(np.nanmedian(shares))


def generalization_gap(oof: Forecasts, forecasts: Forecasts, metric: str) -> Facts:
    """Compare the leading metric in the backtest and on the holdout; a much better backtest indicates overfitting of the search."""
    values = {"out of fold": score(oof, metric), "holdout": score(forecasts, metric)}
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
    return Facts(title="Generalisation gap", say=say, facts=facts, evidence=evidence)


def versus_baseline(
    forecasts: Forecasts, base: Forecasts, baseline: str, names: Sequence[str] = ("mase", "rmsse", "smape")
) -> Table:
    """Tabulate the holdout metrics of the model and of the baseline."""
    rows = [{"metric": metric_label(name), "model": score(forecasts, name), "baseline": score(base, name)} for name in names]
    frame = pd.DataFrame(rows)
    frame["model / baseline"] = frame["model"] / frame["baseline"]
    wins = float(np.nanmean(by_window(forecasts, "mase") < by_window(base, "mase")))
    say = f"The model beats the best simple forecast of the backtest ({baseline}) in {number(wins, '.0%')} of the windows."
    return Table.of(
        frame,
        "Baseline",
        say=say,
        formats=dict.fromkeys(["model", "baseline"], ".4f") | {"model / baseline": ".3f"},
    )


def coverage_table(forecasts: Forecasts, oof: Forecasts) -> Table:
    """Tabulate the interval coverage in the backtest and on the holdout."""
    rows = []
    for low, high in ((0, 4), (1, 3)):
        for data, part in (("backtest", oof), ("holdout", forecasts)):
            assert part.quantiles is not None
            inside = (part.actual >= part.quantiles[:, :, low]) & (part.actual <= part.quantiles[:, :, high])
            scored = ~np.isnan(part.actual) & ~np.isnan(part.quantiles[:, :, low])
            rows.append(
                {
                    "interval": "90 %" if low == 0 else "50 %",
                    "on": data,
                    "covered": float(inside[scored].mean()),
                    "steps": int(scored.sum()),
                }
            )
    frame = pd.DataFrame(rows)
    holdout_coverage = frame[(frame["on"] == "holdout") & (frame["interval"] == "90 %")]["covered"].iloc[0]
    say = f"The 90 % intervals contain {number(float(holdout_coverage), '.1%')} of the actual values of the holdout."
    note = (
        "Conformal intervals in units of each series' own error. In the backtest, each origin uses the errors of the other origins; on the "
        "holdout, those of the backtest and of earlier origins."
    )
    return Table.of(frame, "Interval coverage", say=say, formats={"covered": ".1%", "steps": ",d"}, note=note)


def coverage_by_roughness(forecasts: Forecasts, oof: Forecasts, panel: Panel) -> Table | Note:
    """Tabulate the coverage of the 90 % intervals by fifth of the series, ordered by the mean change between steps over the mean value."""
    title = "Interval coverage by roughness"
    if len(panel.names) < 2 * GROUPS:
        return Note(title=title, say=f"There are too few series to divide into {GROUPS} groups.")
    fifth = groups_by_roughness(panel)
    rows = []
    for group in range(GROUPS):
        row: dict[str, Any] = {"fifth": group + 1, "series": int((fifth == group).sum())}
        for label, part in (("backtest", oof), ("holdout", forecasts)):
            inside = covered(part)[fifth[part.series] == group]
            row[label] = float(np.nanmean(inside)) if np.isfinite(inside).any() else None
        rows.append(row)
    frame = pd.DataFrame(rows)
    shares = frame["holdout"].dropna()
    between = f"{number(shares.min(), '.0%')} to {number(shares.max(), '.0%')}"
    say = f"On the holdout, the 90 % intervals contain {between} of the values of each fifth."
    note = "Fifths of the series from smooth (1) to rough (5): the mean change from step to step, divided by the mean absolute value."
    return Table.of(frame, title, say=say, formats={"backtest": ".1%", "holdout": ".1%"}, note=note)


def groups_by_roughness(panel: Panel) -> Any:
    """Return the group of each series, 0 to `GROUPS` - 1, by the mean change between steps over the mean absolute value."""
    size = np.nanmean(np.abs(np.where(np.isnan(panel.values).all(axis=1, keepdims=True), 0.0, panel.values)), axis=1)
    rough = scales(panel.values, 1) / np.maximum(size, 1e-12)
    return np.argsort(np.argsort(rough, kind="stable"), kind="stable") * GROUPS // len(rough)


def by_step_frame(forecasts: Forecasts, base: Forecasts, metric: str = "mase") -> pd.DataFrame:
    """Return ``ahead``, ``model`` and ``baseline``: the metric of both forecasts at each step ahead."""
    model, baseline = by_step(forecasts, metric), by_step(base, metric)
    return pd.DataFrame({"ahead": np.arange(1, len(model) + 1), "model": model, "baseline": baseline})


def slices(forecasts: Forecasts, dataset: BacktestDataset, *, country: str | None) -> pd.DataFrame:
    """Compute the scaled absolute error by weekday, hour, month, holiday and quarter of the horizon, largest first.

    Returns
    -------
    DataFrame
        ``slice``, ``value``, ``n`` and ``weak``: True if the error is more than 1.5 times the overall error.
    """
    steps = forecasts.origin[:, None] + np.arange(forecasts.point.shape[1])[None, :]
    times = dataset.panel.times
    inside = ~np.isnan(forecasts.actual)
    errors = (np.abs(forecasts.actual - forecasts.point) / forecasts.scale[:, None])[inside]
    moments = times[np.minimum(steps, len(times) - 1)[inside]]
    ahead = np.broadcast_to(np.arange(forecasts.point.shape[1]), forecasts.point.shape)[inside]
    quarter = np.minimum(4 * ahead // forecasts.point.shape[1], 3)
    parts: dict[str, Any] = {"weekday": moments.day_name(), "month": moments.month_name(), "quarter of the horizon": quarter + 1}
    if dataset.recipe.step.seconds and dataset.recipe.step.seconds < 86_400:
        parts["hour"] = moments.hour
    if dataset.recipe.step.months or dataset.recipe.step.seconds > 86_400:
        parts.pop("weekday")
    if country and dataset.recipe.holidays:
        parts["day"] = np.where(is_holiday(moments, country) > 0, "public holiday", "any other")
    overall = float(errors.mean()) if len(errors) else 0.0
    rows = []
    for dimension, labels in parts.items():
        grouped = pd.Series(errors).groupby(np.asarray(labels))
        rows += [
            {"slice": f"{dimension}: {label}", "value": float(part.mean()), "n": len(part)}
            for label, part in grouped
            if len(part) >= 5
        ]
    table = pd.DataFrame(rows, columns=["slice", "value", "n"])
    table["weak"] = table["value"] > 1.5 * overall
    return table.sort_values(["value", "slice"], ascending=[False, True], ignore_index=True)


def slices_table(table: pd.DataFrame) -> Table:
    """Tabulate the slices with the largest error."""
    weak = table.loc[table["weak"], "slice"].tolist()
    say = (
        f"The error is more than 1.5 times the average in {', '.join(weak[:4])}{' and others' if len(weak) > 4 else ''}."
        if weak
        else "No slice of the holdout has more than 1.5 times the average error."
    )
    shown = (
        table.head(TOP_ROWS + 2)
        .assign(weak=lambda t: np.where(t["weak"], "weaker", ""))
        .rename(columns={"value": "MASE", "weak": "beyond chance"})
    )
    return Table.of(
        shown,
        "Error by slice",
        say=say,
        formats={"MASE": ".3f", "n": ",d"},
        note="Absolute errors divided by the in-sample error of the seasonal naive forecast.",
        evidence=SliceEvidence(weak=weak),
    )


def worst_days(forecasts: Forecasts, dataset: BacktestDataset, country: str | None) -> Table:
    """Tabulate the days with the largest errors: weekday, public holiday and direction of the error."""
    steps = oof_frame(forecasts, dataset).dropna(subset=["y_true"])
    scale_of = pd.Series(forecasts.scale, index=pd.MultiIndex.from_arrays([forecasts.series, forecasts.origin]))
    names = {name: i for i, name in enumerate(dataset.panel.names)}
    scale = scale_of.loc[list(zip(steps["series"].map(names), steps["origin"], strict=True))].to_numpy()
    steps["error"] = (steps["y_true"] - steps["y_pred"]) / scale
    steps["day"] = steps["time"].dt.floor("D")
    grouped = steps.groupby("day").agg(
        error=("error", lambda e: float(np.abs(e).mean())), bias=("error", "mean"), steps=("error", "size")
    )
    worst = grouped.sort_values(["error"], ascending=False, kind="stable").head(TOP_ROWS)
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
    by_day = 0 < dataset.recipe.step.seconds <= 86_400
    lines = holiday_hint(grouped["error"]) if by_day and not country else []
    lower = int((frame["actual was"] == "lower").sum())
    off = int(frame["weekday"].isin(["Saturday", "Sunday"]).sum())
    common = [f"On {lower} of {len(frame)} days the actual values were below the forecast", f"{off} are on a weekend"]
    if country:
        common.append(f"{int(holiday.sum())} are public holidays")
    return Table.of(
        frame,
        "Days with the largest errors",
        say=" ".join([f"{common[0]}; {' and '.join(common[1:])}.", *lines]),
        formats={"MASE": ".2f"},
    )


def holiday_hint(errors: pd.Series) -> list[str]:
    """Name the country on whose public holidays the largest errors fall, and the request key that adds them; empty without one.

    The number of holidays among the worst days has to be improbable by chance (hypergeometric distribution), also given the number of
    countries that are tried.

    Parameters
    ----------
    errors
        The error of each day, indexed by day.
    """
    from scipy.stats import hypergeom

    days = pd.DatetimeIndex(errors.index)
    worst = errors.to_numpy() >= np.sort(errors.to_numpy())[-min(2 * TOP_ROWS, max(1, len(errors) // 10))]
    matches = []
    for country in COUNTRIES if len(days) >= 4 * TOP_ROWS else ():
        holiday = is_holiday(days, country) > 0
        hits = int((holiday & worst).sum())
        chance = float(hypergeom.sf(hits - 1, len(days), int(holiday.sum()), int(worst.sum())))
        if hits >= 2 and chance * len(COUNTRIES) < 0.01:
            matches.append((chance, country, hits))
    if not matches:
        return []
    _, country, hits = min(matches)
    return [
        f"{hits} of the {int(worst.sum())} days with the largest errors are public holidays of {country}: `data.holidays: {country}` adds "
        "them to the features, if the data is from there."
    ]


def worst_series(forecasts: Forecasts, base: Forecasts, names: Sequence[str], metric: str = "mase") -> Table:
    """Tabulate the series with the largest errors, with the error of the baseline."""
    errors = pd.DataFrame({"series": forecasts.series, "value": by_window(forecasts, metric), "base": by_window(base, metric)})
    grouped = errors.groupby("series").mean()
    worse = float((grouped["value"] > grouped["base"]).mean())
    worst = grouped.sort_values(["value"], ascending=False, kind="stable").head(TOP_ROWS)
    label = metric_label(metric)
    frame = pd.DataFrame(
        {
            "series": [names[i] or "the series" for i in worst.index],
            label: worst["value"].to_numpy(),
            f"{label}, baseline": worst["base"].to_numpy(),
        }
    )
    say = f"The baseline is better than the model on {number(worse, '.0%')} of {len(grouped):,} series."
    if len(grouped) == 1:
        say = f"There is one series; the {'baseline' if worse else 'model'} is better on it."
    return Table.of(frame, "Series with the largest errors", say=say, formats={label: ".3f", f"{label}, baseline": ".3f"})


def model_components(predictor: ForecastPredictor) -> Note | Table:
    """Describe the model: feature importance for boosting, the members of an ensemble, otherwise its parameters."""
    booster = getattr(predictor.model, "booster", None)
    if booster is not None:
        names = with_lags(Fitting(predictor.params, predictor.recipe)).recipe.names()
        gains = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
        frame = pd.DataFrame({"feature": names, "share of the gain": gains / max(gains.sum(), 1e-12)})
        frame = frame.sort_values(["share of the gain", "feature"], ascending=[False, True]).head(12)
        say = f"The most important features are {', '.join(frame['feature'].head(3))}."
        return Table.of(
            frame,
            "Feature importance",
            say=say,
            formats={"share of the gain": ".1%"},
            note="Share of the total reduction of the training loss by splits on the feature.",
        )
    if "members" in predictor.params:
        frame = pd.DataFrame([{"member": m["name"], "weight": m["weight"]} for m in predictor.params["members"]])
        return Table.of(
            frame,
            "Ensemble members",
            say=f"The forecast is {_combination(predictor.params)} of these models.",
            formats={"weight": ".2f"},
        )
    lines = [f"{name}: {value}" for name, value in predictor.params.items()]
    return Note(title="Model", say=f"{predictor.kind}, fitted to each series separately.", lines=lines)


def _combination(params: Mapping[str, Any]) -> str:
    if params.get("combine") == "median":
        return "the median"
    return (
        "a weighted mean, with weights for each series (the table shows their means),"
        if "weights" in params
        else "a weighted mean"
    )
