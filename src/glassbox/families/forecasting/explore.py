"""Exploratory findings of a panel, from train alone: seasonality, stationarity, change points, intermittency, correlations."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.forecasting.panel import Floats, Panel, filled, trimmed
from glassbox.findings.model import Cell, Facts, Note, Table
from glassbox.findings.wording import number

TOP_PAIRS = 10
MAX_TESTED = 200  # series; with more, every n-th one is tested
# Syntetos, Boylan and Croston (2005), section 3: intermittent above this mean interval, lumpy above this squared variation.
INTERVAL, VARIATION = 1.32, 0.49


def longest(panel: Panel) -> int:
    """Return the row of the series with the most values; ties go to the largest absolute sum."""
    observed = (~np.isnan(panel.values)).sum(axis=1)
    size = np.nansum(np.abs(panel.values), axis=1)
    return int(np.lexsort((-size, -observed))[0])


def filled_series(panel: Panel, row: int, season: int) -> tuple[Floats, pd.DatetimeIndex]:
    """Return one series from its first value on, with gaps filled, and its time steps."""
    values = filled(panel.values[row : row + 1], season)[0]
    known = trimmed(values)
    return known, panel.times[len(values) - len(known) :]


def target_facts(panel: Panel) -> Facts:
    """Summarise the target: range, zeros, negative values and missing values."""
    values = panel.values[~np.isnan(panel.values)]
    since_start = (np.cumsum(~np.isnan(panel.values), axis=1) > 0).sum()
    zeros, lowest = float(np.mean(values == 0)), float(values.min())
    facts: dict[str, Cell] = {
        "values": len(values),
        "lowest": lowest,
        "median": float(np.median(values)),
        "highest": float(values.max()),
        "zeros": number(zeros, ".1%"),
        "below zero": int((values < 0).sum()),
        "missing between first and last": number(1 - len(values) / since_start, ".2%"),
    }
    sign = "no value is negative, so forecasts are cut off at zero" if lowest >= 0 else "the values are of both signs"
    return Facts(title="Target distribution", say=f"{number(zeros, '.0%')} of the values are zero; {sign}.", facts=facts)


def strengths(panel: Panel, seasons: Sequence[int]) -> pd.DataFrame:
    """Return the strength of trend and of each season by STL, one row per series.

    .. math:: F = \\max(0, 1 - \\mathrm{Var}(R) / \\mathrm{Var}(R + C))

    with remainder R and component C: Wang, Smith and Hyndman (2006), as in Hyndman and Athanasopoulos, *Forecasting: Principles
    and Practice*, 3rd edition, section 4.3.
    """
    from statsmodels.tsa.seasonal import STL

    rows = []
    for i in _sample(panel):
        known, _ = filled_series(panel, i, seasons[0])
        row: dict[str, Any] = {"series": panel.names[i] or "the series"}
        for season in seasons:
            last = known[-min(len(known), 12 * season) :]
            if season > 1 and len(last) >= 2 * season + 1 and np.ptp(last) > 0:
                parts = STL(last, period=season, robust=False).fit()
                row["trend"] = _strength(parts.resid, parts.trend)
                row[f"season of {season}"] = _strength(parts.resid, parts.seasonal)
        rows.append(row)
    return pd.DataFrame(rows)


def _strength(rest: Floats, part: Floats) -> float:
    total = float(np.var(rest + part))
    return max(0.0, 1 - float(np.var(rest)) / total) if total > 0 else 0.0


def _sample(panel: Panel) -> list[int]:
    step = max(1, len(panel.names) // MAX_TESTED)
    return list(range(0, len(panel.names), step))[:MAX_TESTED]


def strengths_table(strengths: pd.DataFrame) -> Table | Note:
    """Tabulate trend and seasonal strength: median, lowest and highest over the series."""
    columns = [name for name in strengths.columns if name != "series"]
    if not columns:
        return Note(
            title="Trend and seasonal strength", say="The series are too short for a decomposition, or constant.", tone="look"
        )
    frame = pd.DataFrame(
        {
            "part": columns,
            "median": [strengths[c].median() for c in columns],
            "weakest": [strengths[c].min() for c in columns],
            "strongest": [strengths[c].max() for c in columns],
        }
    )
    strongest = frame.sort_values("median", ascending=False, kind="stable").iloc[0]
    say = f"The strongest component is the {strongest['part']}: its median strength over the series is {number(float(strongest['median']))} (at most 1)."
    return Table.of(
        frame,
        "Trend and seasonal strength",
        say=say,
        formats=dict.fromkeys(["median", "weakest", "strongest"], ".3f"),
        note="1: the component explains everything but the other components; 0: it explains nothing. From STL on the last seasons.",
    )


def stationarity(panel: Panel, season: int) -> Table:
    """Test stationarity of the series and of their seasonal differences with two opposite null hypotheses.

    Augmented Dickey-Fuller (null: a unit root) and KPSS (null: stationary), at 5 %. A series counts as stationary only where
    the first test rejects and the second does not.
    """
    from statsmodels.tsa.stattools import adfuller, kpss

    counts: dict[str, list[int]] = {"original": [0, 0, 0], "seasonal differences": [0, 0, 0]}
    tested = 0
    for i in _sample(panel):
        known, _ = filled_series(panel, i, season)
        known = known[-2000:]
        if len(known) < 3 * season + 20 or np.ptp(known) == 0:
            continue
        tested += 1
        for form, row in (("original", known), ("seasonal differences", known[season:] - known[:-season])):
            if np.ptp(row) == 0:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # KPSS warns when its p-value lies outside its lookup table
                unit_root, level = adfuller(row, maxlag=min(24, len(row) // 4))[1] > 0.05, kpss(row, nlags="auto")[1] > 0.05
            counts[form][0 if not unit_root and level else 1 if unit_root and not level else 2] += 1
    frame = pd.DataFrame(
        [{"series": form, "stationary": a, "unit root": b, "tests disagree": c} for form, (a, b, c) in counts.items()]
    )
    say = (
        f"Of {tested:,} series tested, {counts['original'][0]:,} are stationary, "
        f"and {counts['seasonal differences'][0]:,} after seasonal differencing."
        if tested
        else "The series are too short to be tested."
    )
    return Table.of(
        frame,
        "Stationarity",
        say=say,
        note="Augmented Dickey-Fuller and KPSS tests at 5 %. Where they disagree, the result is inconclusive.",
    )


def change_points(panel: Panel, season: int, most: int = 5) -> tuple[Table, list[int]]:
    """Detect level shifts of the longest series: PELT on its season means, with penalty 3 log n (Killick et al. 2012)."""
    import ruptures

    row = longest(panel)
    known, times = filled_series(panel, row, season)
    count = len(known) // max(season, 1)
    steps: list[int] = []
    rows = []
    if count >= 12:
        means = known[len(known) - count * season :].reshape(count, season).mean(axis=1)
        spread = np.std(np.diff(means)) or 1.0
        ends = ruptures.Pelt(model="l2", min_size=3, jump=1).fit(means / spread).predict(pen=3 * np.log(count))[:-1]
        jumps = sorted(ends, key=lambda at: -abs(means[at:][:6].mean() - means[:at][-6:].mean()))[:most]
        for at in sorted(jumps):
            step = len(known) - count * season + at * season
            steps.append(step)
            rows.append(
                {
                    "from": str(times[step].date()),
                    "level before": float(means[:at][-6:].mean()),
                    "level after": float(means[at:][:6].mean()),
                }
            )
    name = panel.names[row] or "the series"
    frame = pd.DataFrame(rows, columns=["from", "level before", "level after"])
    say = (
        f"{len(ends)} change points in the level of {name}; the largest are shown."
        if count >= 12 and rows
        else f"No clear change point in the level of {name}."
    )
    return Table.of(
        frame,
        "Change points",
        say=say,
        formats={"level before": ",.4g", "level after": ",.4g"},
        note="Levels before and after are means of up to six seasons.",
    ), steps


def intermittency(panel: Panel) -> Table:
    """Classify series by demand interval and squared variation of the demand (Syntetos, Boylan and Croston 2005)."""
    kinds: dict[str, int] = {"smooth": 0, "erratic": 0, "intermittent": 0, "lumpy": 0, "never above zero": 0}
    for row in panel.values:
        known = trimmed(row)
        known = known[~np.isnan(known)]
        demand = known[known != 0]
        if not len(demand):
            kinds["never above zero"] += 1
            continue
        interval, variation = len(known) / len(demand), float((demand.std() / demand.mean()) ** 2) if demand.mean() else np.inf
        kinds[
            ("smooth", "erratic")[variation > VARIATION]
            if interval <= INTERVAL
            else ("intermittent", "lumpy")[variation > VARIATION]
        ] += 1
    frame = pd.DataFrame({"kind": list(kinds), "series": list(kinds.values())})
    frame["share"] = frame["series"] / max(1, len(panel.names))
    gaps = kinds["intermittent"] + kinds["lumpy"]
    say = f"{number(gaps / len(panel.names), '.0%')} of the series are intermittent or lumpy: zeros lie between their values."
    note = f"Intermittent and lumpy: more than {INTERVAL} steps per non-zero value. Erratic and lumpy: squared coefficient of variation above {VARIATION}."
    return Table.of(frame, "Demand classification", say=say, formats={"share": ".1%"}, note=note)


def series_correlations(panel: Panel, season: int) -> Table | Note:
    """Tabulate the most correlated pairs of series, by seasonal differences."""
    rows = _sample(panel)
    if len(rows) < 2:
        return Note(title="Correlation between series", say="There is only one series.")
    values = filled(panel.values[rows], season)
    differences = (values[:, season:] - values[:, :-season])[:, -1000:]
    differences = differences[:, ~np.isnan(differences).any(axis=0)]
    varying = np.flatnonzero(differences.std(axis=1) > 0) if differences.shape[1] > 10 else np.array([], dtype=int)
    if len(varying) < 2:
        return Note(title="Correlation between series", say="The series have too few steps in common.")
    correlations = np.corrcoef(differences[varying])
    upper = correlations[np.triu_indices(len(varying), 1)]
    pairs = sorted(((correlations[a, b], a, b) for a in range(len(varying)) for b in range(a)), key=lambda pair: -pair[0])[
        :TOP_PAIRS
    ]
    frame = pd.DataFrame(
        [
            {"series": panel.names[rows[varying[a]]], "and": panel.names[rows[varying[b]]], "correlation": float(c)}
            for c, a, b in pairs
        ]
    )
    middle, close = number(float(np.median(upper))), number(float(np.mean(upper > 0.5)), ".0%")
    say = f"The median correlation between pairs of {len(varying):,} series is {middle}; {close} of the pairs are above 0.5."
    return Table.of(
        frame,
        "Correlation between series",
        say=say,
        formats={"correlation": ".3f"},
        note="Correlations of seasonal differences.",
    )


def covariate_table(panel: Panel, season: int) -> Table | Note:
    """Tabulate the correlation of each covariate with the target, of their values and of their seasonal differences."""
    if not panel.covariates:
        return Note(title="Covariates", say="The data has no covariates.")
    rows = []
    for name, matrix in panel.covariates.items():
        rows.append(
            {
                "covariate": name,
                "with the target": _correlation(panel.values, matrix),
                "differences": _correlation(_seasonal_differences(panel.values, season), _seasonal_differences(matrix, season)),
                "missing": float(np.isnan(matrix).mean()),
            }
        )
    frame = pd.DataFrame(rows).sort_values("differences", key=lambda c: -c.abs().fillna(0.0), kind="stable")
    first = frame.iloc[0]
    say = f"{first['covariate']} has the highest correlation with the target after seasonal differencing: {number(first['differences'])}."
    return Table.of(frame, "Covariates", say=say, formats={"with the target": ".3f", "differences": ".3f", "missing": ".1%"})


def _seasonal_differences(values: Floats, season: int) -> Floats:
    return np.asarray(values[:, season:] - values[:, :-season])


def _correlation(left: Floats, right: Floats) -> float | None:
    observed = ~np.isnan(left) & ~np.isnan(right)
    if observed.sum() < 10 or np.ptp(left[observed]) == 0 or np.ptp(right[observed]) == 0:
        return None
    return float(np.corrcoef(left[observed], right[observed])[0, 1])
