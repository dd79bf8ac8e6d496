"""What the notebooks of forecasting call: folds, comparison, tuning, intervals, evaluation, exploration and figures."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from glassbox.errors import DataError, GlassboxError
from glassbox.families.forecasting import evaluate, explore, plots
from glassbox.families.forecasting.backtest import Problem, oof_frame, read_oof
from glassbox.families.forecasting.candidates import candidates
from glassbox.families.forecasting.compare import Run, against_baseline, compare, run_candidates, strongest, weights_of
from glassbox.families.forecasting.conformal import fit_offsets
from glassbox.families.forecasting.dataset import make_folds, rolling_origins
from glassbox.families.forecasting.leakage import future_leaks
from glassbox.families.forecasting.metrics import Forecasts, score
from glassbox.families.forecasting.panel import Panel
from glassbox.families.forecasting.recipe import Recipe, is_holiday
from glassbox.families.forecasting.scoring import watched
from glassbox.families.forecasting.tune import tune
from glassbox.families.shared.candidates import Candidate
from glassbox.findings.html import finding_html
from glassbox.findings.model import Figure, Note, Table
from toy_series import DAY, panel, problem, recipe, request, schema, shops

QUICK = [c for c in candidates("low", recipe(), 3) if c.kind in ("naive", "seasonal_naive", "seasonal_mean", "theta")]
BOOSTED = Candidate(name="boosting", kind="boosting", params={"n_estimators": 20, "rows": 2000, "min_data_in_leaf": 5})


def series(values: np.ndarray) -> Panel:
    rows = np.atleast_2d(values)
    return Panel(DAY, [f"s{i}" for i in range(len(rows))], pd.date_range("2021-01-04", periods=rows.shape[1]).as_unit("us"), rows)


def scored(point: np.ndarray, actual: np.ndarray, origin: np.ndarray | None = None) -> Forecasts:
    windows = len(point)
    return Forecasts(
        np.arange(windows),
        np.zeros(windows, dtype=int) if origin is None else origin,
        actual,
        point,
        np.ones(windows),
        np.ones(windows),
    )


# -------------------------------------------------------------------------------------------------------------- folds


def test_folds_roll_forward_and_the_last_ends_with_train() -> None:
    found = make_folds(panel(), recipe(), 3)
    assert found["origin"].tolist() == [119, 126, 133]
    assert (found["known_until"] < found["from"]).all()
    assert found["to"].iloc[-1] == panel().times[-1]


def test_no_room_for_one_fold_is_an_error_in_words() -> None:
    with pytest.raises(DataError, match=r"do not fit\. More history is needed, a shorter horizon"):
        rolling_origins(panel(), 70, 2, least=80)


def test_a_feature_that_sees_the_future_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert future_leaks(panel(), recipe(), [126, 133], 0) == []
    from glassbox.families.forecasting import leakage

    honest = leakage.features

    def peeking(history, values, made, future, calendar):  # type: ignore[no-untyped-def]
        matrix, level, size = honest(history, values, made, future, calendar)
        matrix[:, :, 3] = peeking.panel.values[:, history.steps][:, None]
        return matrix, level, size

    def get_or_compute(of, made, origin):  # type: ignore[no-untyped-def]
        peeking.panel = of
        return original(of, made, origin)

    original = leakage._made
    monkeypatch.setattr(leakage, "features", peeking)
    monkeypatch.setattr(leakage, "_made", get_or_compute)
    assert [row["column"] for row in future_leaks(panel(), recipe(), [126], 0)] == [recipe().names()[3]]


def test_holidays_are_those_of_the_country() -> None:
    days = pd.DatetimeIndex(["2021-10-02", "2021-10-03", "2021-07-04"])
    assert is_holiday(days, "DE").tolist() == [0.0, 1.0, 0.0]
    assert is_holiday(days, "US").tolist() == [0.0, 0.0, 1.0]
    assert is_holiday(days, "DE", 1).tolist() == [1.0, 0.0, 0.0]


# --------------------------------------------------------------------------------------------------------- comparison


def test_the_leaderboard_is_best_first_and_what_fails_is_a_row_with_its_reason() -> None:
    found = compare([*QUICK, Candidate(name="odd", kind="nothing")], problem(), metric="mase", resamples=50)
    values = [row["scores"]["mase"]["value"] for row in found.leaderboard["rows"] if row["scores"]]
    assert values == sorted(values)
    assert found.leaderboard["rows"][-1]["note"].startswith("failed: GlassboxError: No kind of model")
    assert set(found.timing["candidate"]) >= {c.name for c in QUICK}
    assert isinstance(against_baseline(found.leaderboard), Note)


def test_the_baseline_cannot_be_left_out() -> None:
    with pytest.raises(GlassboxError, match="lack 'seasonal naive'"):
        compare([c for c in QUICK if c.kind != "seasonal_naive"], problem())


def test_forecasts_written_and_read_back_are_the_same() -> None:
    asked = problem()
    [run] = run_candidates(QUICK[-1:], asked, seed=0)
    assert run.found is not None
    shuffled = oof_frame(run.found, asked).sample(frac=1, random_state=0)
    assert read_oof(shuffled, asked).point.tolist() == run.found.point.tolist()
    assert oof_frame(run.found, asked)["y_true"].notna().all()


def test_weights_add_up_to_one_and_find_the_mixture() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(10, 3, (40, 7)), rng.normal(10, 3, (40, 7))
    actual = 0.8 * left + 0.2 * right
    runs = [Run(QUICK[0], scored(left, actual)), Run(QUICK[1], scored(right, actual))]
    found = weights_of(runs, np.ones(40, dtype=bool), "mase")
    assert found.sum() == pytest.approx(1.0)
    assert found.tolist() == pytest.approx([0.8, 0.2], abs=0.07)


def test_an_ensemble_is_judged_with_weights_from_the_other_origins() -> None:
    asked = problem()
    board = compare([*QUICK, BOOSTED], asked, metric="mase", resamples=50)
    member = next(row for row in board.leaderboard["rows"] if row["kind"] == "ensemble")
    assert sum(m["weight"] for m in member["params"]["members"]) == pytest.approx(1.0, abs=1e-3)
    moved = asked.panel.values.copy()
    moved[:, asked.origins[-1] :] *= 3  # what came after the last origin decides about the others' weights, never about its own
    other = Problem(replace(asked.panel, values=moved), asked.recipe, asked.origins, "moved", asked.nonnegative)
    name = member["candidate"]
    here, there = (
        f.oof[f.oof["candidate"] == name] for f in (board, compare([*QUICK, BOOSTED], other, metric="mase", resamples=50))
    )
    if name in set(there["candidate"]):
        last = asked.origins[-1]
        assert here[here["origin"] == last]["y_pred"].tolist() == there[there["origin"] == last]["y_pred"].tolist()


def test_a_search_counts_trials_and_takes_only_what_beats_the_leader() -> None:
    asked = problem()
    board = compare([*QUICK, BOOSTED], asked, metric="mase", resamples=50)
    leader = strongest(board.leaderboard, board.oof, asked)
    found = tune(BOOSTED, {"num_leaves": {"low": 3, "high": 15}}, asked, trials=3, strongest=leader, resamples=50)
    assert len(found.trials) == 3
    assert found.best["candidate"] in {"boosting", leader.candidate.name}
    assert score(read_oof(found.oof, asked), "mase") <= board.leaderboard["baseline"]


# ---------------------------------------------------------------------------------------------- intervals, evaluation


def test_conformal_intervals_cover_what_they_say() -> None:
    rng = np.random.default_rng(0)
    past, later = (scored(np.zeros((200, 6)), rng.standard_t(4, (200, 6)) * np.arange(1, 7)) for _ in range(2))
    found = fit_offsets(past).quantiles(later.point, later.scale)
    inside = (later.actual >= found[:, :, 0]) & (later.actual <= found[:, :, -1])
    assert inside.mean() == pytest.approx(0.9, abs=0.025)
    widths = (found[0, :, -1] - found[0, :, 0]).tolist()
    assert widths == sorted(widths)


def test_the_interval_at_an_origin_is_not_made_of_its_own_errors() -> None:
    asked = problem()
    [run] = run_candidates(QUICK[-1:], asked, seed=0)
    assert run.found is not None
    moved = oof_frame(run.found, asked)
    _, before = evaluate.intervals(moved, asked)
    last = asked.origins[-1]
    values = asked.panel.values.copy()
    values[:, last:] += 500.0
    other = Problem(replace(asked.panel, values=values), asked.recipe, asked.origins, "moved", asked.nonnegative)
    _, after = evaluate.intervals(moved, other)
    mine = before.origin == last
    assert before.quantiles is not None
    assert after.quantiles is not None
    assert before.quantiles[mine].tolist() == after.quantiles[mine].tolist()


@pytest.fixture(scope="module")
def evaluated() -> dict[str, object]:
    whole, made = panel(days=161), recipe()
    train, later = (
        whole.until(140),
        Panel(DAY, whole.names, whole.times[140:], whole.values[:, 140:], {n: m[:, 140:] for n, m in whole.covariates.items()}),
    )
    asked = Problem.of(train, made, make_folds(train, made, 3)["origin"].tolist())
    best = {"kind": "theta", "params": {}, "recipe": made.model_dump(), "metric": "mase"}
    [run] = run_candidates([Candidate(name="Theta", kind="theta")], asked, seed=0)
    assert run.found is not None
    oof = oof_frame(run.found, asked)
    offsets, shown = evaluate.intervals(oof, asked)
    sealed = evaluate.holdout_problem(asked, later, 3)
    columns = evaluate.columns_of(request(), list(shops().columns))
    predictor = evaluate.refit(best, train, schema(shops()), columns, offsets, seed=0)
    found = evaluate.forecast_holdout(sealed, predictor)
    naive = evaluate.baseline_holdout(sealed, seed=0)
    return {
        "problem": sealed,
        "found": found,
        "naive": naive,
        "oof": shown,
        "table": oof,
        "predictor": predictor,
        "columns": columns,
    }


def test_the_model_itself_is_judged_from_the_end_of_train(evaluated: dict) -> None:  # type: ignore[type-arg]
    found, sealed = evaluated["found"], evaluated["problem"]
    from glassbox.families.forecasting.backtest import forecast_from

    fitted_there = forecast_from(sealed, 140, "theta", {}, seed=0)["point"]
    assert found.point[found.origin == 140].tolist() == fitted_there.tolist() == evaluated["predictor"].points.tolist()


def test_the_holdout_is_forecast_from_each_of_its_origins(evaluated: dict) -> None:  # type: ignore[type-arg]
    assert evaluated["problem"].origins == [140, 147, 154]
    frame = shops(days=161)
    holdout = frame[frame["day"] >= frame["day"].unique()[140]]
    made = evaluate.predictions(evaluated["found"], evaluated["problem"], holdout, evaluated["columns"])
    assert len(made) == len(holdout) == 63
    joined = made.merge(holdout, on="row_id")
    assert joined["y_true"].tolist() == joined["sold"].tolist()


@pytest.mark.parametrize("what", ["metrics", "gap", "baseline", "coverage", "slices", "days", "series", "components", "headline"])
def test_what_is_shown_says_something(evaluated: dict, what: str) -> None:  # type: ignore[type-arg]
    found, naive, oof, asked = (evaluated[name] for name in ("found", "naive", "oof", "problem"))
    shown = {
        "metrics": lambda: evaluate.holdout_metrics(found, leading="smape", resamples=50, seed=0),
        "gap": lambda: evaluate.gap(oof, found, "mase"),
        "baseline": lambda: evaluate.versus_baseline(found, naive),
        "coverage": lambda: evaluate.coverage_table(found, oof),
        "slices": lambda: evaluate.slices_table(evaluate.slices(found, asked, metric="mase", country="DE")),
        "days": lambda: evaluate.worst_days(found, asked, "DE"),
        "series": lambda: evaluate.worst_series(found, naive, asked.panel.names),
        "components": lambda: evaluate.components(evaluated["predictor"]),
        "headline": lambda: evaluate.headline(found, naive, "mase", asked.recipe),
    }[what]()
    assert shown.say
    assert shown.title in finding_html(shown)


def test_the_weakest_slice_is_the_one_that_was_made_weak(evaluated: dict) -> None:  # type: ignore[type-arg]
    found, asked = evaluated["found"], evaluated["problem"]
    point = found.point.copy()
    point[:, 5] += 60.0  # the sixth step after a Monday, in each window
    table = evaluate.slices(replace(found, point=point), asked, metric="mase", country=None)
    weekday = asked.panel.times[asked.origins[0] + 5].day_name()
    assert table["slice"].iloc[0] == f"weekday: {weekday}"
    assert table["weak"].iloc[0]


def test_drift_is_told_in_level_trend_and_season(evaluated: dict) -> None:  # type: ignore[type-arg]
    seen = watched(evaluated["predictor"], pd.DataFrame(), evaluated["table"])
    assert seen.rows.columns.tolist() == ["level", "trend", "season"]
    assert len(seen.rows) == 9
    higher = evaluated["table"].assign(y_true=lambda t: t["y_true"] + 50)
    moved = watched(evaluated["predictor"], pd.DataFrame(), higher).rows
    assert (moved["level"] > seen.rows["level"]).all()
    assert moved["trend"].tolist() == pytest.approx(seen.rows["trend"].tolist())
    rising = evaluated["table"].assign(y_true=lambda t: t["y_true"] + 5 * t["ahead"])
    assert (watched(evaluated["predictor"], pd.DataFrame(), rising).rows["trend"] > seen.rows["trend"]).all()


# -------------------------------------------------------------------------------------------------------- exploration


def test_series_are_called_by_their_kind() -> None:
    smooth = 10 + np.sin(np.arange(100))
    rare = np.where(np.arange(100) % 5 == 0, 3.0, 0.0)  # every fifth day, always three: intermittent
    wild = np.where(np.arange(100) % 5 == 0, np.where(np.arange(100) % 10 == 0, 1.0, 40.0), 0.0)
    table = explore.intermittency(series(np.array([smooth, rare, wild, np.zeros(100)]))).frame().set_index("kind")["series"]
    assert table.to_dict() == {"smooth": 1, "erratic": 0, "intermittent": 1, "lumpy": 1, "never above zero": 1}


def test_a_break_in_the_level_is_found_where_it_is() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(10, 1, 140), rng.normal(30, 1, 140)])
    table, steps = explore.change_points(series(values), 7)
    assert steps == [140]
    assert table.frame()["level after"].iloc[0] == pytest.approx(30, abs=1)


def test_a_random_walk_wanders_and_noise_keeps_to_its_level() -> None:
    rng = np.random.default_rng(2)
    found = explore.stationarity(series(np.array([rng.normal(size=400).cumsum(), rng.normal(size=400)])), 7).frame().iloc[0]
    assert (found["keep to a level"], found["wander"]) == (1, 1)


def test_a_pure_season_has_the_strength_of_one() -> None:
    values = 10 + 5 * np.sin(2 * np.pi * np.arange(140) / 7)
    assert explore.strengths(series(values), [7])["season of 7"].iloc[0] == pytest.approx(1.0, abs=1e-3)


def test_series_that_move_together_are_named() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=200).cumsum()
    table = explore.likeness(series(np.array([one, one + rng.normal(0, 0.1, 200), rng.normal(size=200).cumsum()])), 7)
    assert isinstance(table, Table)
    assert {table.frame()["series"].iloc[0], table.frame()["and"].iloc[0]} == {"s0", "s1"}


def test_the_covariate_that_matters_is_named_first() -> None:
    table = explore.covariate_table(panel(), 7)
    assert isinstance(table, Table)
    assert table.frame()["covariate"].iloc[0] == "rain"


@pytest.mark.parametrize(
    "draw",
    [
        lambda p, f, n: plots.series(p, "sold", [70], 7),
        lambda p, f, n: plots.decomposition(p, 7, "sold"),
        lambda p, f, n: plots.seasonal(p, [7], "sold"),
        lambda p, f, n: plots.autocorrelation(p, [7]),
        lambda p, f, n: plots.forecasts(f, p, "sold"),
        lambda p, f, n: plots.by_step(evaluate.by_step_frame(f, n), "MASE"),
    ],
)
def test_figures_are_drawn_alike_twice_and_say_what_they_show(evaluated: dict, draw) -> None:  # type: ignore[no-untyped-def, type-arg]
    arguments = evaluated["problem"].panel, evaluated["found"], evaluated["naive"]
    one, two = draw(*arguments), draw(*arguments)
    assert isinstance(one, Figure)
    assert one == two
    assert one.alt
    assert "<svg" in (one.svg or "")


def test_the_next_forecast_is_taken_apart_into_the_trend_that_it_goes_on_with(evaluated: dict) -> None:  # type: ignore[type-arg]
    steady = evaluated["predictor"]
    found = plots.forecast_components(steady)
    assert isinstance(found, Figure)
    assert "within a week the season swings by" in found.say
    steeper = replace(steady)
    steeper.__dict__["points"] = steady.points + 10 * np.arange(7)
    moved = plots.forecast_components(steeper)
    assert isinstance(moved, Figure)
    goes = [float(figure.say.split(" to ")[1].split(";")[0]) for figure in (found, moved)]
    assert goes[1] > goes[0] + 10


def test_a_recipe_for_a_short_history_looks_no_further_back_than_there_is() -> None:
    short = panel().until(24)
    made = recipe(short)
    assert isinstance(made, Recipe)
    assert max(made.lags) * 7 + 7 <= 24
    assert all(window <= 12 for window in made.windows)
