"""Functions called by the forecasting notebooks: folds, comparison, tuning, intervals, evaluation, exploration, figures."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from glassbox.errors import DataError, GlassboxError
from glassbox.families.forecasting import evaluate, explore, plots
from glassbox.families.forecasting.backtest import BacktestDataset, oof_frame, read_oof
from glassbox.families.forecasting.candidates import candidates
from glassbox.families.forecasting.conformal import fit_offsets
from glassbox.families.forecasting.dataset import make_folds, rolling_origins
from glassbox.families.forecasting.effort import EFFORT
from glassbox.families.forecasting.ensemble import weights_of
from glassbox.families.forecasting.family import FAMILY
from glassbox.families.forecasting.leakage import future_leaks
from glassbox.families.forecasting.metrics import Forecasts, score
from glassbox.families.forecasting.monitoring import reference as reference_of
from glassbox.families.forecasting.panel import Panel
from glassbox.families.forecasting.recipe import Recipe, is_holiday
from glassbox.families.forecasting.scorer import ForecastScorer
from glassbox.families.protocol import Effort
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.compare import Comparison, compare, run_candidates, saved_run
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.families.shared.leaderboard import baseline_note, candidate_in
from glassbox.families.shared.tuning import tune
from glassbox.findings.html import finding_html
from glassbox.findings.model import Figure, Note, Table
from glassbox.runtime.resources import Resources
from toy_series import DAY, dataset, panel, recipe, request, schema, shops

SMALL = Effort("For tests.", trials=3, resamples=50)
QUICK = [
    c for c in candidates("low", EFFORT["low"], recipe(), 3) if c.kind in ("naive", "seasonal_naive", "seasonal_mean", "theta")
]
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
    folds = make_folds(panel(), recipe(), 3)
    assert folds["origin"].tolist() == [119, 126, 133]
    assert (folds["known_until"] < folds["from"]).all()
    assert folds["to"].iloc[-1] == panel().times[-1]


def test_a_history_too_short_for_one_fold_is_an_error() -> None:
    with pytest.raises(DataError, match=r"Provide more history, a shorter horizon"):
        rolling_origins(panel(), 70, 2, least=80)


def test_a_feature_that_uses_the_future_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert future_leaks(panel(), recipe(), [126, 133], 0) == []
    from glassbox.families.forecasting import leakage

    original_features = leakage.features

    def leaking(history, values, of_recipe, future, calendar):  # type: ignore[no-untyped-def]
        matrix, level, size = original_features(history, values, of_recipe, future, calendar)
        matrix[:, :, 3] = leaking.panel.values[:, history.steps][:, None]
        return matrix, level, size

    def remember_panel(source, of_recipe, origin):  # type: ignore[no-untyped-def]
        leaking.panel = source
        return original(source, of_recipe, origin)

    original = leakage._features_at
    monkeypatch.setattr(leakage, "features", leaking)
    monkeypatch.setattr(leakage, "_features_at", remember_panel)
    assert [row["column"] for row in future_leaks(panel(), recipe(), [126], 0)] == [recipe().names()[3]]


def test_holidays_are_those_of_the_requested_country() -> None:
    days = pd.DatetimeIndex(["2021-10-02", "2021-10-03", "2021-07-04"])
    assert is_holiday(days, "DE").tolist() == [0.0, 1.0, 0.0]
    assert is_holiday(days, "US").tolist() == [0.0, 0.0, 1.0]
    assert is_holiday(days, "DE", 1).tolist() == [1.0, 0.0, 0.0]


# --------------------------------------------------------------------------------------------------------- comparison


def compare_by_mase(candidates: Sequence[Candidate], backtest: BacktestDataset) -> Comparison:
    return compare(FAMILY, backtest, candidates, "mase", SMALL, Resources())


def run_of(candidate: Candidate, backtest: BacktestDataset) -> CandidateRun[Forecasts]:
    scorer = ForecastScorer(backtest, "mase", resamples=50, seed=0)
    [run] = run_candidates(FAMILY, backtest, [candidate], scorer, Resources())
    return run


def test_the_leaderboard_is_sorted_and_a_failed_candidate_is_a_row_with_its_reason() -> None:
    comparison = compare_by_mase([*QUICK, Candidate(name="odd", kind="nothing")], dataset())
    values = [row["scores"]["mase"]["value"] for row in comparison.leaderboard["rows"] if row["scores"]]
    assert values == sorted(values)
    assert comparison.leaderboard["rows"][-1]["note"].startswith("failed: GlassboxError: Unknown kind of model")
    assert set(comparison.timing["candidate"]) >= {c.name for c in QUICK}
    assert isinstance(baseline_note(comparison.leaderboard), Note)


def test_the_baseline_is_required() -> None:
    with pytest.raises(GlassboxError, match="lack a simple forecast"):
        compare_by_mase([c for c in QUICK if c.kind == "theta"], dataset())


def test_out_of_fold_forecasts_round_trip() -> None:
    backtest = dataset()
    run = run_of(QUICK[-1], backtest)
    shuffled = oof_frame(run.oof, backtest).sample(frac=1, random_state=0)
    assert read_oof(shuffled, backtest).point.tolist() == run.oof.point.tolist()
    assert oof_frame(run.oof, backtest)["y_true"].notna().all()


def test_ensemble_weights_sum_to_one_and_recover_the_mixture() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(10, 3, (40, 7)), rng.normal(10, 3, (40, 7))
    actual = 0.8 * left + 0.2 * right
    runs = [CandidateRun(QUICK[0], scored(left, actual)), CandidateRun(QUICK[1], scored(right, actual))]
    weights = weights_of(runs, np.ones(40, dtype=bool), "mase")
    assert weights.sum() == pytest.approx(1.0)
    assert weights.tolist() == pytest.approx([0.8, 0.2], abs=0.07)


def ensemble_of(backtest: BacktestDataset) -> CandidateRun[Forecasts] | None:
    board = compare_by_mase([*QUICK, BOOSTED], backtest)
    scorer = FAMILY.scorer(backtest, "mase", SMALL, 0)
    runs = [saved_run(candidate_in(row), board.oof, scorer) for row in board.leaderboard["rows"]]
    return next(iter(FAMILY.ensembles(backtest, runs, scorer)), None)


def test_an_ensemble_is_scored_with_weights_from_the_other_origins() -> None:
    backtest = dataset()
    before = ensemble_of(backtest)
    assert before is not None
    assert sum(m["weight"] for m in before.candidate.params["members"]) == pytest.approx(1.0, abs=1e-3)
    values = backtest.panel.values.copy()
    values[:, backtest.origins[-1] :] *= 3  # values after the last origin affect the weights at the other origins, never its own
    after = ensemble_of(
        BacktestDataset(replace(backtest.panel, values=values), backtest.recipe, backtest.origins, "moved", backtest.nonnegative)
    )
    if after is not None and [m["name"] for m in after.candidate.params["members"]] == [
        m["name"] for m in before.candidate.params["members"]
    ]:
        last = before.oof.origin == backtest.origins[-1]
        assert before.oof.point[last].tolist() == after.oof.point[last].tolist()


def test_tuning_runs_the_requested_trials_and_selects_what_beats_the_baseline() -> None:
    backtest = dataset()
    board = compare_by_mase([*QUICK, BOOSTED], backtest)
    tuning = tune(
        FAMILY,
        backtest,
        BOOSTED,
        {"num_leaves": {"low": 3, "high": 15}},
        recipe=backtest.recipe.model_dump(),
        leaderboard=board.leaderboard,
        oof=board.oof,
        effort=SMALL,
        resources=Resources(),
    )
    assert len(tuning.trials) == 3
    assert score(read_oof(tuning.oof, backtest), "mase") <= board.leaderboard["baseline"]
    assert {"weighted ensemble", "boosting"} <= {row["candidate"] for row in tuning.board["rows"]}
    assert tuning.best["cost"] <= tuning.best["margin"]


# ---------------------------------------------------------------------------------------------- intervals, evaluation


def test_conformal_intervals_have_their_nominal_coverage() -> None:
    rng = np.random.default_rng(0)
    past, later = (scored(np.zeros((200, 6)), rng.standard_t(4, (200, 6)) * np.arange(1, 7)) for _ in range(2))
    quantiles = fit_offsets(past).quantiles(later.point, later.scale)
    inside = (later.actual >= quantiles[:, :, 0]) & (later.actual <= quantiles[:, :, -1])
    assert inside.mean() == pytest.approx(0.9, abs=0.025)
    widths = (quantiles[0, :, -1] - quantiles[0, :, 0]).tolist()
    assert widths == sorted(widths)


def test_the_interval_at_an_origin_does_not_use_its_own_errors() -> None:
    backtest = dataset()
    run = run_of(QUICK[-1], backtest)
    oof = oof_frame(run.oof, backtest)
    _, before = evaluate.intervals(oof, backtest)
    last = backtest.origins[-1]
    values = backtest.panel.values.copy()
    values[:, last:] += 500.0
    changed = BacktestDataset(
        replace(backtest.panel, values=values), backtest.recipe, backtest.origins, "moved", backtest.nonnegative
    )
    _, after = evaluate.intervals(oof, changed)
    at_last = before.origin == last
    assert before.quantiles is not None
    assert after.quantiles is not None
    assert before.quantiles[at_last].tolist() == after.quantiles[at_last].tolist()


@pytest.fixture(scope="module")
def evaluated() -> dict[str, object]:
    full, features = panel(days=161), recipe()
    train, later = (
        full.until(140),
        Panel(DAY, full.names, full.times[140:], full.values[:, 140:], {n: m[:, 140:] for n, m in full.covariates.items()}),
    )
    backtest = BacktestDataset.of(train, features, make_folds(train, features, 3)["origin"].tolist())
    best = {"kind": "theta", "params": {}, "recipe": features.model_dump(), "metric": "mase"}
    run = run_of(Candidate(name="Theta", kind="theta"), backtest)
    oof = oof_frame(run.oof, backtest)
    offsets, oof_intervals = evaluate.intervals(oof, backtest)
    holdout_backtest = evaluate.holdout_dataset(backtest, later, 3)
    columns = evaluate.columns_of(request(), list(shops().columns))
    predictor = evaluate.refit(best, train, schema(shops()), columns, offsets, seed=0)
    forecasts = evaluate.forecast_holdout(holdout_backtest, predictor, Resources())
    naive = evaluate.baseline_holdout(holdout_backtest, {"kind": "seasonal_naive", "params": {}}, seed=0)
    return {
        "problem": holdout_backtest,
        "forecasts": forecasts,
        "naive": naive,
        "oof": oof_intervals,
        "table": oof,
        "predictor": predictor,
        "columns": columns,
    }


def test_the_first_holdout_origin_evaluates_the_model_itself(evaluated: dict) -> None:  # type: ignore[type-arg]
    forecasts, holdout_backtest = evaluated["forecasts"], evaluated["problem"]
    from glassbox.families.forecasting.backtest import forecast_from

    expected = forecast_from(holdout_backtest, 140, "theta", {}, Resources())["point"]
    assert forecasts.point[forecasts.origin == 140].tolist() == expected.tolist() == evaluated["predictor"].points.tolist()


def test_the_holdout_is_forecast_from_each_of_its_origins(evaluated: dict) -> None:  # type: ignore[type-arg]
    assert evaluated["problem"].origins == [140, 147, 154]
    frame = shops(days=161)
    holdout = frame[frame["day"] >= frame["day"].unique()[140]]
    predictions = evaluate.predictions(evaluated["forecasts"], evaluated["problem"], holdout, evaluated["columns"])
    assert len(predictions) == len(holdout) == 63
    joined = predictions.merge(holdout, on="row_id")
    assert joined["y_true"].tolist() == joined["sold"].tolist()


@pytest.mark.parametrize("name", ["metrics", "gap", "baseline", "coverage", "slices", "days", "series", "components", "headline"])
def test_findings_have_a_sentence_and_render_their_title(evaluated: dict, name: str) -> None:  # type: ignore[type-arg]
    forecasts, naive, oof, backtest = (evaluated[name] for name in ("forecasts", "naive", "oof", "problem"))
    findings = {
        "metrics": lambda: evaluate.holdout_metrics(forecasts, leading="smape", resamples=50, seed=0),
        "gap": lambda: evaluate.generalization_gap(oof, forecasts, "mase"),
        "baseline": lambda: evaluate.versus_baseline(forecasts, naive, "last week"),
        "coverage": lambda: evaluate.coverage_table(forecasts, oof),
        "slices": lambda: evaluate.slices_table(evaluate.slices(forecasts, backtest, country="DE")),
        "days": lambda: evaluate.worst_days(forecasts, backtest, "DE"),
        "series": lambda: evaluate.worst_series(forecasts, naive, backtest.panel.names),
        "components": lambda: evaluate.model_components(evaluated["predictor"]),
        "headline": lambda: evaluate.headline(forecasts, naive, "mase", "last week"),
    }[name]()
    assert findings.say
    assert findings.title in finding_html(findings)


def test_the_slice_with_added_errors_is_the_weakest(evaluated: dict) -> None:  # type: ignore[type-arg]
    forecasts, backtest = evaluated["forecasts"], evaluated["problem"]
    point = forecasts.point.copy()
    point[:, 5] += 60.0  # the sixth step after a Monday, in each window
    table = evaluate.slices(replace(forecasts, point=point), backtest, country=None)
    weekday = backtest.panel.times[backtest.origins[0] + 5].day_name()
    assert table["slice"].iloc[0] == f"weekday: {weekday}"
    assert table["weak"].iloc[0]


def test_drift_is_measured_in_level_trend_and_season(evaluated: dict) -> None:  # type: ignore[type-arg]
    reference = reference_of(evaluated["predictor"], evaluated["table"])
    assert reference.rows.columns.tolist() == ["level", "trend", "season"]
    assert len(reference.rows) == 9
    higher = evaluated["table"].assign(y_true=lambda t: t["y_true"] + 50)
    moved = reference_of(evaluated["predictor"], higher).rows
    assert (moved["level"] > reference.rows["level"]).all()
    assert moved["trend"].tolist() == pytest.approx(reference.rows["trend"].tolist())
    rising = evaluated["table"].assign(y_true=lambda t: t["y_true"] + 5 * t["ahead"])
    assert (reference_of(evaluated["predictor"], rising).rows["trend"] > reference.rows["trend"]).all()


# -------------------------------------------------------------------------------------------------------- exploration


def test_series_are_classified_by_demand() -> None:
    smooth = 10 + np.sin(np.arange(100))
    rare = np.where(np.arange(100) % 5 == 0, 3.0, 0.0)  # every fifth day, always three: intermittent
    wild = np.where(np.arange(100) % 5 == 0, np.where(np.arange(100) % 10 == 0, 1.0, 40.0), 0.0)
    table = explore.intermittency(series(np.array([smooth, rare, wild, np.zeros(100)]))).frame().set_index("kind")["series"]
    assert table.to_dict() == {"smooth": 1, "erratic": 0, "intermittent": 1, "lumpy": 1, "never above zero": 1}


def test_a_level_shift_is_detected_at_its_position() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(10, 1, 140), rng.normal(30, 1, 140)])
    table, steps = explore.change_points(series(values), 7)
    assert steps == [140]
    assert table.frame()["level after"].iloc[0] == pytest.approx(30, abs=1)


def test_a_random_walk_has_a_unit_root_and_noise_is_stationary() -> None:
    rng = np.random.default_rng(2)
    counts = explore.stationarity(series(np.array([rng.normal(size=400).cumsum(), rng.normal(size=400)])), 7).frame().iloc[0]
    assert (counts["stationary"], counts["unit root"]) == (1, 1)


def test_a_pure_season_has_strength_one() -> None:
    values = 10 + 5 * np.sin(2 * np.pi * np.arange(140) / 7)
    assert explore.strengths(series(values), [7])["season of 7"].iloc[0] == pytest.approx(1.0, abs=1e-3)


def test_correlated_series_are_listed() -> None:
    rng = np.random.default_rng(0)
    walk = rng.normal(size=200).cumsum()
    table = explore.series_correlations(
        series(np.array([walk, walk + rng.normal(0, 0.1, 200), rng.normal(size=200).cumsum()])), 7
    )
    assert isinstance(table, Table)
    assert {table.frame()["series"].iloc[0], table.frame()["and"].iloc[0]} == {"s0", "s1"}


def test_the_relevant_covariate_is_listed_first() -> None:
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
def test_figures_are_reproducible_and_have_alternative_text(evaluated: dict, draw) -> None:  # type: ignore[no-untyped-def, type-arg]
    arguments = evaluated["problem"].panel, evaluated["forecasts"], evaluated["naive"]
    first, second = draw(*arguments), draw(*arguments)
    assert isinstance(first, Figure)
    assert first == second
    assert first.alt
    assert "<svg" in (first.svg or "")


def test_forecast_components_show_the_trend_of_the_next_forecast(evaluated: dict) -> None:  # type: ignore[type-arg]
    steady = evaluated["predictor"]
    figure = plots.forecast_components(steady)
    assert isinstance(figure, Figure)
    assert "within a week the seasonal component varies by" in figure.say
    steeper = replace(steady)
    steeper.__dict__["points"] = steady.points + 10 * np.arange(7)
    steeper_figure = plots.forecast_components(steeper)
    assert isinstance(steeper_figure, Figure)
    trend_ends = [float(figure.say.split(" to ")[1].split(";")[0]) for figure in (figure, steeper_figure)]
    assert trend_ends[1] > trend_ends[0] + 10


def test_a_recipe_for_a_short_history_uses_no_longer_lags_than_the_history() -> None:
    short = panel().until(24)
    short_recipe = recipe(short)
    assert isinstance(short_recipe, Recipe)
    assert max(short_recipe.lags) * 7 + 7 <= 24
    assert all(window <= 12 for window in short_recipe.windows)
