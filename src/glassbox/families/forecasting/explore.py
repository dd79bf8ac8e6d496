"""What the series look like: decomposition, seasons, memory, stationarity, breaks, intermittency, likeness. Of train alone."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.forecasting.panel import Floats, Panel, filled, trimmed
from glassbox.findings.model import Cell, Facts, Note, Table
from glassbox.findings.wording import number

SHOWN = 10
MOST_TESTED = 200  # series: with more, a sample by their order is tested
# Syntetos, Boylan and Croston (2005), section 3: intermittent above this mean interval, lumpy above this squared variation.
INTERVAL, VARIATION = 1.32, 0.49


def longest(panel: Panel) -> int:
    """The series to draw: the one with the most rows, the larger of equals."""
    there = (~np.isnan(panel.values)).sum(axis=1)
    size = np.nansum(np.abs(panel.values), axis=1)
    return int(np.lexsort((-size, -there))[0])


def whole(panel: Panel, row: int, season: int) -> tuple[Floats, pd.DatetimeIndex]:
    """One series from its first value on, gaps filled, and its steps."""
    values = filled(panel.values[row : row + 1], season)[0]
    known = trimmed(values)
    return known, panel.times[len(values) - len(known) :]


def target_facts(panel: Panel) -> Facts:
    """The values: range, zeros, signs, what is missing."""
    values = panel.values[~np.isnan(panel.values)]
    begun = (np.cumsum(~np.isnan(panel.values), axis=1) > 0).sum()
    zeros, low = float(np.mean(values == 0)), float(values.min())
    facts: dict[str, Cell] = {
        "values": len(values),
        "lowest": low,
        "median": float(np.median(values)),
        "highest": float(values.max()),
        "zeros": number(zeros, ".1%"),
        "below zero": int((values < 0).sum()),
        "missing between first and last": number(1 - len(values) / begun, ".2%"),
    }
    sign = "never below zero, so no forecast will be" if low >= 0 else "of both signs, so nothing is taken that needs a sign"
    return Facts(title="The values", say=f"{number(zeros, '.0%')} of the values are zero; they are {sign}.", facts=facts)


def strengths(panel: Panel, seasons: Sequence[int]) -> pd.DataFrame:
    """Strength of trend and of each season, by STL, a series a row.

    .. math:: F = \\max(0, 1 - \\mathrm{Var}(R) / \\mathrm{Var}(R + C))

    with remainder R and component C: Wang, Smith and Hyndman (2006), as in Hyndman and Athanasopoulos, *Forecasting: Principles
    and Practice*, 3rd edition, section 4.3.
    """
    from statsmodels.tsa.seasonal import STL

    rows = []
    for i in _sample(panel):
        known, _ = whole(panel, i, seasons[0])
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
    whole_ = float(np.var(rest + part))
    return max(0.0, 1 - float(np.var(rest)) / whole_) if whole_ > 0 else 0.0


def _sample(panel: Panel) -> list[int]:
    step = max(1, len(panel.names) // MOST_TESTED)
    return list(range(0, len(panel.names), step))[:MOST_TESTED]


def strengths_table(found: pd.DataFrame) -> Table | Note:
    """Strengths over series: median and spread."""
    columns = [name for name in found.columns if name != "series"]
    if not columns:
        return Note(title="No season can be taken apart", say="The series are too short for it, or do not move.", tone="look")
    frame = pd.DataFrame(
        {
            "part": columns,
            "median": [found[c].median() for c in columns],
            "weakest": [found[c].min() for c in columns],
            "strongest": [found[c].max() for c in columns],
        }
    )
    best = frame.sort_values("median", ascending=False, kind="stable").iloc[0]
    say = f"Most of what can be explained is the {best['part']}: its strength is {number(float(best['median']))} of 1 in the middle series."
    return Table.of(
        frame,
        "How strong trend and seasons are",
        say=say,
        formats=dict.fromkeys(["median", "weakest", "strongest"], ".3f"),
        note="1: nothing else moves the series; 0: none of it is there. From STL on the last seasons.",
    )


def stationarity(panel: Panel, season: int) -> Table:
    """Two tests with opposite null hypotheses, on the level and on seasonal differences.

    Augmented Dickey-Fuller (null: a unit root) and KPSS (null: stationary), at 5 %. Read together: only where the first
    rejects and the second does not, the series keeps to a level.
    """
    from statsmodels.tsa.stattools import adfuller, kpss

    counts: dict[str, list[int]] = {"as it is": [0, 0, 0], "seasonal differences": [0, 0, 0]}
    tested = 0
    for i in _sample(panel):
        known, _ = whole(panel, i, season)
        known = known[-2000:]
        if len(known) < 3 * season + 20 or np.ptp(known) == 0:
            continue
        tested += 1
        for what, row in (("as it is", known), ("seasonal differences", known[season:] - known[:-season])):
            if np.ptp(row) == 0:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # KPSS says when its p-value lies beyond its table
                unit_root, level = adfuller(row, maxlag=min(24, len(row) // 4))[1] > 0.05, kpss(row, nlags="auto")[1] > 0.05
            counts[what][0 if not unit_root and level else 1 if unit_root and not level else 2] += 1
    frame = pd.DataFrame(
        [{"series": what, "keep to a level": a, "wander": b, "tests disagree": c} for what, (a, b, c) in counts.items()]
    )
    say = (
        f"Of {tested:,} series tested, {counts['as it is'][0]:,} keep to a level as they are, "
        f"and {counts['seasonal differences'][0]:,} once the season before is taken off."
        if tested
        else "The series are too short to be tested."
    )
    return Table.of(
        frame,
        "Do the series keep to a level?",
        say=say,
        note="Augmented Dickey-Fuller and KPSS at 5 %. Where they disagree, neither a unit root nor a level is clear.",
    )


def change_points(panel: Panel, season: int, most: int = 5) -> tuple[Table, list[int]]:
    """Where the level of the series broke: on season means, by PELT with a penalty of 3 log n (Killick et al. 2012)."""
    import ruptures

    row = longest(panel)
    known, times = whole(panel, row, season)
    count = len(known) // max(season, 1)
    found: list[int] = []
    rows = []
    if count >= 12:
        means = known[len(known) - count * season :].reshape(count, season).mean(axis=1)
        spread = np.std(np.diff(means)) or 1.0
        ends = ruptures.Pelt(model="l2", min_size=3, jump=1).fit(means / spread).predict(pen=3 * np.log(count))[:-1]
        jumps = sorted(ends, key=lambda at: -abs(means[at:][:6].mean() - means[:at][-6:].mean()))[:most]
        for at in sorted(jumps):
            step = len(known) - count * season + at * season
            found.append(step)
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
        f"{len(ends)} breaks in the level of {name}; the largest are shown."
        if count >= 12 and rows
        else f"No break in the level of {name} is clear."
    )
    return Table.of(
        frame,
        "Where the level broke",
        say=say,
        formats={"level before": ",.4g", "level after": ",.4g"},
        note="A level is the mean of one season; before and after are means of up to six.",
    ), found


def intermittency(panel: Panel) -> Table:
    """Demand by kind: how far apart values above zero are, and how much they vary (Syntetos, Boylan and Croston 2005)."""
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
    say = f"{number(gaps / len(panel.names), '.0%')} of the series come with zeros between (intermittent or lumpy)."
    note = f"Intermittent: more than {INTERVAL} steps from one value to the next; lumpy and erratic: squared variation of the values above {VARIATION}."
    return Table.of(frame, "What kind of series they are", say=say, formats={"share": ".1%"}, note=note)


def likeness(panel: Panel, season: int) -> Table | Note:
    """How the series resemble one another: correlations of what remains once the season before is taken off."""
    rows = _sample(panel)
    if len(rows) < 2:
        return Note(title="There is one series:", say="nothing to compare it with.")
    values = filled(panel.values[rows], season)
    apart = (values[:, season:] - values[:, :-season])[:, -1000:]
    apart = apart[:, ~np.isnan(apart).any(axis=0)]
    moving = np.flatnonzero(apart.std(axis=1) > 0) if apart.shape[1] > 10 else np.array([], dtype=int)
    if len(moving) < 2:
        return Note(title="The series share too few steps", say="to be compared.")
    found = np.corrcoef(apart[moving])
    upper = found[np.triu_indices(len(moving), 1)]
    pairs = sorted(((found[a, b], a, b) for a in range(len(moving)) for b in range(a)), key=lambda pair: -pair[0])[:SHOWN]
    frame = pd.DataFrame(
        [
            {"series": panel.names[rows[moving[a]]], "and": panel.names[rows[moving[b]]], "correlation": float(c)}
            for c, a, b in pairs
        ]
    )
    middle, close = number(float(np.median(upper))), number(float(np.mean(upper > 0.5)), ".0%")
    say = f"The middle correlation between two of {len(moving):,} series is {middle}; {close} of the pairs are above one half."
    return Table.of(
        frame,
        "Which series move together",
        say=say,
        formats={"correlation": ".3f"},
        note="Of differences from the season before.",
    )


def covariate_table(panel: Panel, season: int) -> Table | Note:
    """How each covariate goes with the target: correlation of both, and of their differences from the season before."""
    if not panel.covariates:
        return Note(title="There are no covariates:", say="the series are all there is.")
    rows = []
    for name, matrix in panel.covariates.items():
        rows.append(
            {
                "covariate": name,
                "with the target": _correlation(panel.values, matrix),
                "differences": _correlation(_apart(panel.values, season), _apart(matrix, season)),
                "missing": float(np.isnan(matrix).mean()),
            }
        )
    frame = pd.DataFrame(rows).sort_values("differences", key=lambda c: -c.abs().fillna(0.0), kind="stable")
    first = frame.iloc[0]
    say = f"{first['covariate']} goes with the target most closely once the season is taken off: {number(first['differences'])}."
    return Table.of(frame, "Covariates", say=say, formats={"with the target": ".3f", "differences": ".3f", "missing": ".1%"})


def _apart(values: Floats, season: int) -> Floats:
    return np.asarray(values[:, season:] - values[:, :-season])


def _correlation(left: Floats, right: Floats) -> float | None:
    there = ~np.isnan(left) & ~np.isnan(right)
    if there.sum() < 10 or np.ptp(left[there]) == 0 or np.ptp(right[there]) == 0:
        return None
    return float(np.corrcoef(left[there], right[there])[0, 1])
