import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from glassbox.families.classification.plots import balance, curves, outcomes
from glassbox.families.classification.plots.curves import gains
from glassbox.families.classification.plots.outcomes import calibration_bins
from glassbox.families.shared import selection_plots
from glassbox.families.shared.plotting import subsample_curve, wilson
from glassbox.families.tabular.association import Relation
from glassbox.families.tabular.interaction import Grid
from glassbox.families.tabular.plots import columns, explanations, patterns
from glassbox.families.tabular.plots.columns import date_ticks
from glassbox.files import hash_value
from glassbox.findings.html import finding_html
from glassbox.findings.model import Estimate, Figure, Finding, Note
from glassbox.findings.svg import COLOURS
from glassbox.findings.wording import clean, label, percent

MARKUP = "<img src=x onerror=alert(1)>"
NAMES = [
    MARKUP,
    "$x^2$",
    "{{7*7}}",
    "مرحبا بالعالم",
    "😀 emoji",
    "顧客",
    "a\nb\x00c",
    "",
    "_hidden",
    "#0b6e6e",
    "%{x}",
    "x" * 300,
    "\u202eevil",
]


def board(names: list[str]) -> pd.DataFrame:
    value = np.linspace(0.9, 0.6, len(names))
    return pd.DataFrame({"candidate": names, "value": value, "low": value - 0.01, "high": value + 0.01})


def scored(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(int)
    return y, 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * y - 1)))


def several(names: list[str], n: int = 300) -> tuple[np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(1)
    y = rng.integers(len(names), size=n)
    proba = rng.dirichlet(np.ones(len(names)), n)
    proba[np.arange(n), y] += 0.5
    frame = pd.DataFrame(proba / proba.sum(axis=1, keepdims=True), columns=[f"proba_{name}" for name in names])
    return np.array(names, dtype=object)[y], frame


def relations(names: list[str]) -> tuple[list[Relation], list[Relation]]:
    pairs = [Relation(a, b, "Spearman +0.50", 0.5, 100, f"{a} with {b}") for i, a in enumerate(names) for b in names[i + 1 :]]
    return pairs, [Relation(name, "the target", "Cramér's V", 0.4, 100, "words", uncertainty_explained=0.1) for name in names]


def all_figures(names: list[str]) -> dict[str, Finding]:
    """Return one of each figure, with all names taken from data."""
    first, second = names[0], names[1]
    y, score = scored()
    truth, proba = several(names)
    levels = pd.DataFrame(
        {"column": first, "level": names, "class": second, "share": 0.4, "low": 0.3, "high": 0.5, "n": 50, "overall": 0.2}
    )
    slices = pd.DataFrame({"slice": names, "value": 0.7, "low": 0.6, "high": 0.8, "n": 50})
    shares = pd.DataFrame({"class": names, "n": 10, "share": 1 / len(names), "low": 0.0, "high": 0.2})
    gaps = pd.DataFrame({**{name: [True, i % 2 == 0] for i, name in enumerate(names)}, "n": [5, 3]})
    far = pd.DataFrame({"column": names, "row_id": names, "value": 9.0, "z": np.linspace(-9, 99, len(names))})
    time = pd.DataFrame({"period": pd.to_datetime(["2020-01-01", "2020-02-01"]), "n": 50, "share": 0.5, "low": 0.4, "high": 0.6})
    grid = Grid(first, second, names, [*names], np.full((len(names),) * 2, 0.4), np.full((len(names),) * 2, 50.0), first, 0.01, 3)
    contributions = np.random.default_rng(0).normal(size=(40, len(names)))
    rows = pd.DataFrame({name: np.arange(40.0) if i % 2 else np.array(["a", None] * 20) for i, name in enumerate(names)})
    row = explanations.Waterfall(first, second, first, second, 0.7, 0.1, [(name, name, 0.1) for name in names])
    pairs, target = relations(names)
    return {
        "leaderboard": selection_plots.leaderboard_plot(board(names), "roc_auc", 0.7),
        "tuning_history": selection_plots.tuning_plot(pd.DataFrame({"number": [0, 1], "value": [0.5, 0.6], "best": [0.5, 0.6]})),
        "param_importances": selection_plots.importances_plot({name: 1 / len(names) for name in names}),
        "roc": curves.roc(y, score, Estimate(value=0.8, low=0.7, high=0.9, n=400)),
        "roc of classes": curves.roc(truth, proba),
        "precision_recall": curves.precision_recall(y, score),
        "precision_recall of classes": curves.precision_recall(truth, proba),
        "calibration": outcomes.calibration(y, score),
        "calibration of classes": outcomes.calibration(truth, proba),
        "confusion": outcomes.confusion(truth, truth[::-1], names),
        "threshold": curves.threshold(pd.DataFrame({"threshold": [0.1, 0.5], **{n: [0.2, 0.9] for n in names}}), 0.3),
        "gain_curve": curves.gain_curve(y, score, rows=first, positives=second),
        "slices": outcomes.slices(slices, "roc_auc", 0.75),
        "target_balance": balance.target_balance(shares, first, second),
        "rates": columns.rates(levels, first),
        "over_time": columns.over_time({first: time, second: time}, first, second),
        "missing_patterns": patterns.missing_patterns(gaps, 100),
        "relations_map": patterns.association_heatmap(pairs, target),
        "extremes": patterns.extremes(far),
        "interaction": patterns.interaction(grid, first),
        "importances": explanations.importances(
            pd.DataFrame({"column": names, "value": 0.1, "low": 0.05, "high": 0.2}), "log_loss", rows=10, repeats=2
        ),
        "strengths": explanations.mean_absolute(names, np.ones(len(names)), "log score", rows=10),
        "pushes": explanations.beeswarm(names, contributions, rows, "log-odds", second),
        "walks": explanations.waterfalls([row, row], "log-odds"),
    }


@pytest.fixture(scope="module")
def hostile() -> dict[str, Finding]:
    return all_figures(NAMES)


def svg_of(finding: Finding) -> str:
    assert isinstance(finding, Figure)
    assert finding.svg is not None
    return finding.svg


def test_names_from_data_are_escaped(hostile: dict[str, Finding]) -> None:
    for name, figure in hostile.items():
        page = finding_html(figure, hover=True)
        assert "<img" not in page, name
        assert "onerror" not in re.sub(r">[^<]*<|\"[^\"]*\"", "", page), name
        ElementTree.fromstring(svg_of(figure))


def test_a_name_that_looks_like_a_formula_or_a_colour_is_drawn_verbatim() -> None:
    page = finding_html(selection_plots.importances_plot({"$x^2$": 0.6, "{{7*7}}": 0.3, "#0b6e6e": 0.1}))
    assert page.count(">$x^2$<") == page.count(">{{7*7}}<") == page.count(">#0b6e6e<") == 1


def test_every_figure_has_a_summary_and_an_alternative_text(hostile: dict[str, Finding]) -> None:
    for name, figure in hostile.items():
        assert isinstance(figure, Figure)
        assert figure.say.endswith("."), name
        assert re.search(r"\d", figure.alt), name
        assert not re.search(r"\bnan\b|None", figure.say + figure.alt), name


def test_figures_are_small_and_contain_no_raster_images(hostile: dict[str, Finding]) -> None:
    for name, figure in hostile.items():
        assert len(svg_of(figure)) < 150_000, name
        assert "<image" not in svg_of(figure), name
        assert "<style" not in svg_of(figure), name


def test_curves_of_many_rows_stay_small() -> None:
    y, score = scored(100_000)
    for figure in (curves.roc(y, score), curves.precision_recall(y, score), curves.gain_curve(y, score)):
        assert len(svg_of(figure)) < 40_000


def test_same_input_gives_same_bytes_in_another_process() -> None:
    code = (
        "from test_plots import all_figures\n"
        "from glassbox.files import hash_value\n"
        "print(hash_value({k: v.model_dump() for k, v in all_figures(['a', 'b', 'c']).items()}))"
    )
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    assert done.stdout.strip() == hash_value({k: v.model_dump() for k, v in all_figures(["a", "b", "c"]).items()})


def test_hover_data_contains_no_script_and_no_markup(hostile: dict[str, Finding]) -> None:
    for name in ("relations_map", "extremes"):
        figure = hostile[name]
        assert isinstance(figure, Figure)
        assert figure.plotly is not None
        assert set(figure.plotly) == {"data", "layout"}
        assert "<img" not in str(figure.plotly)
        assert "template" not in figure.plotly["layout"]


def test_leaderboard_puts_the_best_first_and_names_ties() -> None:
    table = pd.DataFrame(
        {"candidate": ["far", "best", "near"], "value": [0.6, 0.85, 0.84], "low": [0.59, 0.83, 0.82], "high": [0.61, 0.87, 0.86]}
    )
    say = selection_plots.leaderboard_plot(table, "roc_auc", 0.7).say
    assert say.startswith("best leads with ROC-AUC 0.850")
    assert "the interval of near overlaps" in say
    assert "2 of 3 reach the requirement" in say


def test_leaderboard_of_a_loss_puts_the_lowest_first() -> None:
    table = pd.DataFrame({"candidate": ["a", "b"], "value": [0.5, 0.3], "low": [0.49, 0.29], "high": [0.51, 0.31]})
    assert selection_plots.leaderboard_plot(table, "log_loss").say.startswith("b leads with log loss 0.300")


def test_a_failed_candidate_is_shown_as_failed() -> None:
    table = pd.DataFrame({"candidate": ["a", "b"], "value": [0.5, np.nan], "low": [0.4, np.nan], "high": [0.6, np.nan]})
    figure = selection_plots.leaderboard_plot(table, "roc_auc")
    assert "b failed" in figure.alt
    assert "1 failed" in figure.say
    assert ">failed<" in svg_of(figure)


def test_a_leaderboard_of_failures_is_reported() -> None:
    table = pd.DataFrame({"candidate": ["a"], "value": [np.nan], "low": [np.nan], "high": [np.nan]})
    assert selection_plots.leaderboard_plot(table, "roc_auc").say == "No candidate could be fitted."


def test_tuning_history_reports_the_best_trial_and_the_trials_after_it() -> None:
    trials = pd.DataFrame({"number": [0, 1, 2, 3], "value": [0.5, 0.7, np.nan, 0.6], "best": [0.5, 0.7, 0.7, 0.7]})
    say = selection_plots.tuning_plot(trials, "roc_auc", 0.65).say
    assert say.startswith("The best of 3 trials was number 2, with ROC-AUC 0.700; the 2 after it found nothing better.")
    assert "1 failed" in say


def test_gain_curve_reports_the_share_to_select() -> None:
    # Ten rows, the four positives on top: reaching half of them takes the first two.
    y, score = np.array([1] * 4 + [0] * 6), np.arange(10, 0, -1) / 10
    say = curves.gain_curve(y, score, reach=0.5, rows="customers", positives="leavers").say
    assert say == (
        "Calling the 20 % of customers with the highest scores reaches 50 % of leavers. "
        "Chosen at random, it would take 50 % of customers."
    )


def test_gain_of_a_constant_score_is_chance() -> None:
    y = np.array([1, 0, 0, 0])
    called, got = gains(y, np.ones(4))
    assert called.tolist() == got.tolist() == [0.0, 1.0]
    assert curves.gain_curve(y, np.ones(4)).say.startswith("The ranking does not help")


def test_gain_does_not_depend_on_the_order_of_equal_scores() -> None:
    y, score = np.array([1, 0, 1, 0, 1]), np.array([0.5, 0.5, 0.2, 0.2, 0.9])
    assert curves.gain_curve(y, score) == curves.gain_curve(y[::-1], score[::-1])


def test_calibration_bins_hold_predicted_and_observed_frequencies() -> None:
    table = calibration_bins(np.array([0, 1, 1, 1]), np.array([0.2, 0.2, 0.8, 0.8]), bins=2)
    assert table[["predicted", "observed", "n"]].to_numpy().tolist() == [[0.2, 0.5, 2], [0.8, 1.0, 2]]


def test_equal_probabilities_stay_in_one_bin() -> None:
    table = calibration_bins(np.array([0, 0, 1, 1]), np.array([0.2, 0.2, 0.2, 0.8]), bins=2)
    assert table["n"].tolist() == [3, 1]


def test_calibration_error_is_reported_in_percentage_points() -> None:
    y, p = np.array([0, 1] * 50), np.array([0.2, 0.9] * 50)
    assert "off by 15.0 percentage points on average" in outcomes.calibration(y, p, bins=2).say


def test_calibration_of_several_classes_uses_the_most_probable_one() -> None:
    proba = pd.DataFrame({"proba_a": [0.9, 0.9], "proba_b": [0.1, 0.1]})
    assert "off by 40.0 percentage points" in outcomes.calibration(["a", "b"], proba, bins=1).say


def test_confusion_counts_rows_by_actual_class() -> None:
    figure = outcomes.confusion(["a", "a", "a", "a", "b"], ["a", "b", "b", "b", "b"], ["a", "b"])
    assert "actual a predicted b: 3 (75 %)" in figure.alt
    assert "actual b predicted b: 1 (100 %)" in figure.alt
    assert figure.say == "2 of 5 predictions are correct (40.0 %). The most frequent confusion: 75 % of a are predicted as b."


def test_confusion_without_errors_is_reported() -> None:
    assert outcomes.confusion(["a", "b"], ["a", "b"], ["a", "b"]).say.endswith("there are no errors.")


def test_roc_of_several_classes_reports_the_weakest() -> None:
    truth = np.array(["a", "b", "c"] * 20)
    proba = pd.DataFrame({f"proba_{c}": (truth == c) * 1.0 for c in "abc"})
    proba["proba_b"] = np.tile([0.5, 0.4], 30)
    assert curves.roc(truth, proba).say.startswith("One-vs-rest ROC-AUC is lowest for b")


def test_roc_of_one_class_is_reported_as_undefined() -> None:
    proba = pd.DataFrame({"proba_a": [0.5, 0.6], "proba_b": [0.5, 0.4]})
    assert "only one class" in curves.roc(["a", "a"], proba).say


def test_threshold_leaves_out_columns_that_are_not_shares() -> None:
    curve = pd.DataFrame({"threshold": [0.0, 0.5, 1.0], "recall": [1.0, 0.6, 0.0], "rows": [100, 40, 0]})
    say = curves.threshold(curve, 0.25).say
    assert "recall 80 %" in say
    assert "rows" not in say


def test_slices_report_the_weakest_and_the_number_of_weak_ones() -> None:
    table = pd.DataFrame(
        {
            "slice": ["x: a", "x: b"],
            "value": [0.9, 0.6],
            "low": [0.8, 0.5],
            "high": [1, 0.7],
            "n": [50, 60],
            "weak": [False, True],
        }
    )
    say = outcomes.slices(table, "roc_auc", 0.85).say
    assert say.startswith("The weakest slice is x: b: ROC-AUC 0.600")
    assert "on 60 rows, against 0.850 on all. 1 of 2 slices" in say


def test_balance_reports_the_accuracy_of_the_majority_class() -> None:
    table = pd.DataFrame(
        {"class": ["no", "yes"], "n": [75, 25], "share": [0.75, 0.25], "low": [0.66, 0.17], "high": [0.83, 0.34]}
    )
    say = balance.target_balance(table, "left", "yes").say
    assert say.startswith("left is yes in 25.0 % of 100 rows")
    assert "predicting no for every row would be correct for 75.0 % of them" in say


@pytest.mark.parametrize(
    "finding",
    [
        columns.distributions([], "y", "yes"), columns.rates(pd.DataFrame({"column": []}), "y"), columns.over_time({}, "y", "yes"),
        patterns.missing_patterns(pd.DataFrame({"n": []}), 5), patterns.association_heatmap([], []), patterns.interaction(None, "y"),
        patterns.extremes(pd.DataFrame({"column": []})),
    ],
)  # fmt: skip
def test_an_empty_figure_is_a_note(finding: Finding) -> None:
    assert isinstance(finding, Note)
    assert finding.say.endswith(".")


def test_similar_columns_are_adjacent_in_the_heatmap() -> None:
    names = ["a", "b", "c", "d"]
    close = {("a", "c"), ("b", "d")}
    pairs = [Relation(x, y, "m", 0.9 if (x, y) in close else 0.1, 9, "w") for i, x in enumerate(names) for y in names[i + 1 :]]
    figure = patterns.association_heatmap(pairs, relations(names)[1])
    assert isinstance(figure, Figure)
    assert figure.plotly is not None
    shown = figure.plotly["layout"]["yaxis"]["ticktext"]
    assert {frozenset(shown[:2]), frozenset(shown[2:])} == {frozenset("ac"), frozenset("bd")}


# ---------------------------------------------------------------------------------------------------------- small parts


def test_wilson_interval_without_rows_is_zero_to_one() -> None:
    low, high = wilson([0, 5], [0, 10])
    assert (low[0], high[0]) == (0.0, 1.0)
    assert (round(float(low[1]), 4), round(float(high[1]), 4)) == (0.2366, 0.7634)


def test_thinning_keeps_both_ends_and_the_corner() -> None:
    x = np.concatenate([np.zeros(5000), np.linspace(0, 1, 5000)])
    y = np.concatenate([np.linspace(0, 1, 5000), np.ones(5000)])
    a, b = subsample_curve(x, y, 100)
    assert len(a) <= 102
    assert (a[0], b[0], a[-1], b[-1]) == (0, 0, 1, 1)
    assert np.abs(np.interp(0.001, a, b) - 1) < 0.02


def test_a_share_is_never_rounded_to_nothing_or_all() -> None:
    assert [percent(0), percent(0.001), percent(0.999), percent(1)] == ["0 %", "under 1 %", "over 99 %", "100 %"]


def test_date_ticks_are_whole_months_or_years_for_any_year() -> None:
    def words(first: str, last: str) -> list[str]:
        return date_ticks(float(np.datetime64(first).astype(int)), float(np.datetime64(last).astype(int)))[1]

    assert words("2020-01-01", "2020-05-20") == ["2020-01", "2020-02", "2020-03", "2020-04", "2020-05"]
    assert words("1066-10-14", "9999-12-31") == ["2000", "4000", "6000", "8000"]
    assert words("2020-01-01", "2020-01-01") == ["2020-01-01"]


def test_labels_are_short_and_on_one_line() -> None:
    assert len(label("x" * 300, 26)) == 26
    assert clean("a\nb") == "a b"
    assert clean("\u202eevil") == "evil"


def test_empty_bars_and_an_empty_confusion_matrix_are_drawn() -> None:
    assert selection_plots.importances_plot({}).alt == "Bars of the share of each hyperparameter: none."
    assert outcomes.confusion([], [], ["a", "b"]).say == "There are no rows to evaluate."


def test_cells_have_text_in_the_colours_of_a_theme() -> None:
    svg = svg_of(outcomes.confusion(["a"] * 10 + ["b"] * 10, ["a"] * 9 + ["b"] * 11, ["a", "b"]))
    assert set(re.findall(r"fill: (#\w+)", svg)) <= set(COLOURS)
