import numpy as np
import pandas as pd
import pytest

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.errors import DataError
from glassbox.families.classification.plots import balance
from glassbox.families.tabular import explore, missing, outliers
from glassbox.families.tabular.association import (
    Variable,
    binned,
    categorical_variable,
    correlation_ratio,
    cramers_v,
    mutual_information,
    pair_relation,
    relations_with_target,
    spearman,
    variable,
)
from glassbox.families.tabular.explore import ColumnView
from glassbox.families.tabular.interaction import departure, interaction
from glassbox.families.tabular.plots import columns, patterns
from glassbox.families.tabular.sampling import by_hash
from glassbox.files import hash_value
from glassbox.findings.html import finding_html
from glassbox.findings.model import Finding, Note, Table


def table(columns: dict[str, tuple[str, object]], y: object, name: str = "y") -> tuple[pd.DataFrame, Schema]:
    """Return a frame and its schema for {name: (kind, values)} and a target."""
    target = np.asarray(y, dtype=object)
    frame = pd.DataFrame(
        {"row_id": [f"r{i:05d}" for i in range(len(target))], **{c: v for c, (_, v) in columns.items()}, name: target}
    )
    kinds = [ColumnSchema.model_validate({"name": c, "kind": kind}) for c, (kind, _) in columns.items()]
    classes = sorted(set(target.tolist()))
    label = ColumnSchema(name=name, kind="category", categories=classes)
    return frame, Schema(columns=[*kinds, label], target=name, target_kind="classes", classes=classes)


def mixed(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, Schema]:
    """Return a table in which `strong` and `plan` drive the target, `copy` duplicates `strong`, and `gap` is missing for some yes."""
    rng = np.random.default_rng(seed)
    strong = rng.normal(size=n)
    plan = rng.choice(["a", "b"], n).astype(object)
    y = np.where(strong + (plan == "a") + 0.5 * rng.normal(size=n) > 0.8, "yes", "no")
    gap = rng.normal(size=n)
    gap[(y == "yes") & (rng.random(n) < 0.4)] = np.nan
    when = (np.datetime64("2020-01-01") + rng.integers(0, 700, n).astype("timedelta64[D]")).astype("datetime64[us]")
    return table(
        {
            "strong": ("number", strong), "copy": ("number", 2 * strong + 1), "plan": ("category", plan), "noise": ("number", rng.normal(size=n)),
            "die": ("category", rng.choice(list("123456"), n).astype(object)), "gap": ("number", gap), "when": ("date", when),
        },
        y,
    )  # fmt: skip


@pytest.fixture(scope="module")
def view() -> ColumnView:
    frame, schema = mixed()
    return explore.column_view(frame, schema, "yes")


def everything(frame: pd.DataFrame, schema: Schema, positive: str) -> list[Finding]:
    """Return all findings of the notebook."""
    view = explore.column_view(frame, schema, positive)
    strongest, pairs = explore.relations(view, 42), explore.pairs(view)
    return [
        explore.shape(view), balance.target_balance(explore.balance(view), "y", positive), explore.relations_table(strongest, view),
        columns.distributions(explore.histograms(view, strongest), "y", positive), columns.rates(explore.rates(view, strongest), "y"),
        columns.over_time(explore.over_time(view), "y", positive), patterns.interaction(interaction(view, strongest), "y"),
        explore.pairs_table(pairs, view), patterns.association_heatmap(pairs, strongest), missing.missingness(view),
        patterns.missing_patterns(missing.gap_patterns(view), len(frame)), outliers.outliers_table(outliers.outliers(view), len(frame)),
        patterns.extremes(outliers.extreme_rows(view)),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ measures


def test_spearman_depends_on_ranks_only() -> None:
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 10, 100, 1000])) == 1
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 2, 1])) == -1


def test_spearman_uses_mean_ranks_for_ties() -> None:
    # Ranks 1.5, 1.5, 3 against 1, 2, 3: covariance 1.5, variances 1.5 and 2.
    assert spearman(np.array([5.0, 5, 9]), np.array([1.0, 2, 3])) == pytest.approx(1.5 / np.sqrt(1.5 * 2))


def test_cramers_v_is_bias_corrected() -> None:
    # 2 x 2, counts 6 2 / 2 6: chi2 = 4, phi2 = 1/4; less 1/15 over 1 - 1/15.
    a, b = np.repeat([0, 0, 1, 1], [6, 2, 2, 6]), np.repeat([0, 1, 0, 1], [6, 2, 2, 6])
    assert cramers_v(a, b) == pytest.approx(np.sqrt((1 / 4 - 1 / 15) / (1 - 1 / 15)))


def test_cramers_v_of_independent_columns_is_zero() -> None:
    assert cramers_v(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])) == 0


def test_correlation_ratio_of_many_small_groups_is_bias_corrected() -> None:
    # Without correction, 50 groups of two rows seem to explain half of pure noise: a ratio of 0.7.
    rng = np.random.default_rng(1)
    assert np.mean([correlation_ratio(np.repeat(np.arange(50), 2), rng.normal(size=100)) for _ in range(60)]) < 0.25


def test_correlation_ratio_is_one_when_groups_separate_the_ranks() -> None:
    codes = np.repeat([0, 1], 50)
    ties = np.repeat([1.0, 2.0], 50)
    assert correlation_ratio(codes, ties) == pytest.approx(1)


def test_mutual_information_detects_a_nonmonotonic_relation() -> None:
    x = np.linspace(-1, 1, 400)
    y = (np.abs(x) > 0.5).astype(int)
    assert abs(spearman(x, y.astype(float))) < 0.01
    assert mutual_information(binned(Variable("x", values=x)), y) > 0.6


def test_mutual_information_is_bias_corrected() -> None:
    rng = np.random.default_rng(0)
    plain = [mutual_information(rng.integers(0, 10, 300), rng.integers(0, 3, 300)) for _ in range(40)]
    assert np.mean(plain) < 0.015  # uncorrected: 18 / (2 * 300 * ln 2) = 0.043


def test_rows_with_a_missing_value_are_left_out_of_a_relation() -> None:
    a = Variable("a", values=np.array([1.0, 2, 3, np.nan, 9]))
    b = Variable("b", values=np.array([1.0, 2, 3, 4, np.nan]))
    relation = pair_relation(a, b)
    assert (relation.n, relation.strength) == (3, 1.0)


def test_rare_levels_are_merged() -> None:
    town = categorical_variable("town", pd.Series([f"t{i % 80}" for i in range(800)]))
    assert len(town.levels) == 50
    assert town.levels[-1] == "(rare)"
    assert town.codes is not None
    assert town.codes.max() == 49


def test_a_constant_column_is_not_a_variable() -> None:
    assert variable(pd.Series([1.0, 1.0, np.nan]), ColumnSchema(name="x", kind="number")) is None
    assert variable(pd.Series([None, None]), ColumnSchema(name="x", kind="category")) is None


def test_years_have_no_thousands_separator() -> None:
    assert Variable("year", values=np.array([1999.0, 2024.0])).format(2024.0) == "2024"
    assert Variable("pounds", values=np.array([1999.5, 2024.0])).format(2024.0) == "2,024"


# ----------------------------------------------------------------------------------------------------------- relations


def test_informative_columns_come_first_and_noise_is_not_significant(view: ColumnView) -> None:
    strongest = explore.relations(view, 42)
    assert {strongest[0].first, strongest[1].first} == {"strong", "copy"}
    significant = {relation.first for relation in strongest if relation.beyond_chance}
    assert {"strong", "copy", "plan", "gap"} <= significant
    assert not {"noise", "die"} & significant


def test_noise_is_rarely_significant() -> None:
    rng = np.random.default_rng(3)
    target = Variable("y", codes=rng.integers(0, 2, 300), levels=("no", "yes"))
    noise = [Variable(f"x{i}", values=rng.normal(size=300)) for i in range(100)]
    assert sum(r.beyond_chance for r in relations_with_target(noise, target, "yes", seed=0)) <= 12


def test_a_relation_with_the_target_is_described(view: ColumnView) -> None:
    descriptions = {relation.first: relation.description for relation in explore.relations(view, 42)}
    assert descriptions["plan"].startswith("y is yes in ")
    assert "where plan is a" in descriptions["plan"]


def test_informative_missingness_is_described(view: ColumnView) -> None:
    descriptions = {relation.first: relation.description for relation in explore.relations(view, 42)}
    assert "where gap is missing" in descriptions["gap"]


def test_a_near_copy_is_the_strongest_pair(view: ColumnView) -> None:
    first = explore.pairs(view)[0]
    assert (first.first, first.second) == ("strong", "copy")
    assert first.strength == pytest.approx(1.0, abs=1e-12)
    assert first.description == "strong and copy rank the rows in nearly the same order"


def test_more_than_two_classes_are_compared_by_median() -> None:
    y = np.repeat(["a", "b", "c"], 60)
    frame, schema = table({"x": ("number", np.repeat([1.0, 5.0, 9.0], 60) + np.tile(np.linspace(0, 1, 60), 3))}, y)
    relation = explore.relations(explore.column_view(frame, schema, "c"), 0)[0]
    assert relation.description == "the median of x is 9.5 for y c, and 1.5 for a"


# ------------------------------------------------------------------------------------------------------------- missing


def test_informative_missingness_is_significant(view: ColumnView) -> None:
    missing_table = missing.missingness(view).frame().set_index("column")
    assert list(missing_table.index) == ["gap"]
    assert missing_table.loc["gap", "associated with the target"] == "yes, significant"
    assert missing_table.loc["gap", "yes where missing"] == 1.0


def test_columns_that_are_missing_together_are_listed() -> None:
    values = np.where(np.arange(40) < 10, np.nan, 1.0 * np.arange(40))
    other = np.where((np.arange(40) > 20) & (np.arange(40) < 24), np.nan, 1.0 * np.arange(40))
    frame, schema = table({"a": ("number", values), "b": ("number", values * 2), "c": ("number", other)}, np.tile(["n", "p"], 20))
    view = explore.column_view(frame, schema, "p")
    together = missing.missingness(view).frame().set_index("column")["missing together with"]
    assert together.to_dict() == {"a": "b", "b": "a", "c": "no other column"}
    assert missing.gap_patterns(view)["n"].tolist() == [10, 3]
    assert "a and b missing together: 10 rows (25.0 %)" in patterns.missing_patterns(missing.gap_patterns(view), 40).say


def test_holm_corrects_for_the_number_of_tests() -> None:
    assert missing.holm([0.04, 0.01, 0.03]) == [False, True, False]
    assert missing.holm([0.02, 0.01, 0.03]) == [True, True, True]
    assert missing.holm([]) == []


# --------------------------------------------------------------------------------------------------------------- outliers


def test_robust_z_is_not_affected_by_outliers() -> None:
    z = outliers.robust_z(np.array([1.0, 2, 3, 4, 1e9]))
    assert z[2] == 0
    assert z[4] == pytest.approx(0.6745 * (1e9 - 3))


def test_robust_z_of_a_mostly_constant_column() -> None:
    z = outliers.robust_z(np.array([0.0] * 9 + [10.0]))
    assert z[9] == pytest.approx(10 / 1.2533)
    assert outliers.robust_z(np.zeros(5)).tolist() == [0] * 5


def test_the_most_extreme_value_is_listed_with_its_row() -> None:
    values = np.r_[np.linspace(0, 1, 99), 500.0]
    frame, schema = table({"x": ("number", values)}, np.tile(["n", "p"], 50))
    shown = outliers.outliers(explore.column_view(frame, schema, "p")).iloc[0]
    assert (shown["extreme"], shown["row_id"], shown["outside"], shown["far"]) == (500.0, "r00099", 1, 1)
    rows = outliers.extreme_rows(explore.column_view(frame, schema, "p"))
    assert rows["row_id"].tolist() == ["r00099"]


# ---------------------------------------------------------------------------------------------------------- by column


def test_histograms_of_each_class_sum_to_one(view: ColumnView) -> None:
    for histogram in explore.histograms(view, explore.relations(view, 0)):
        for shares in histogram.shares.values():
            assert shares.sum() == pytest.approx(1, abs=0.03)


def test_a_column_over_several_powers_of_ten_gets_a_logarithmic_axis() -> None:
    rng = np.random.default_rng(0)
    frame, schema = table(
        {"income": ("number", np.exp(rng.normal(8, 1.6, 500))), "age": ("number", rng.normal(40, 9, 500))},
        np.tile(["n", "p"], 250),
    )
    view = explore.column_view(frame, schema, "p")
    by_name = {h.name: h.logarithmic for h in explore.histograms(view, explore.relations(view, 0))}
    assert by_name == {"income": True, "age": False}


def test_rates_are_shares_of_the_positive_class() -> None:
    frame, schema = table(
        {"plan": ("category", np.repeat(["a", "b"], 50).astype(object))}, ["p"] * 10 + ["n"] * 40 + ["p"] * 30 + ["n"] * 20
    )
    view = explore.column_view(frame, schema, "p")
    rates = explore.rates(view, explore.relations(view, 0))
    assert rates[["level", "share", "n", "overall"]].to_numpy().tolist() == [["b", 0.6, 50, 0.4], ["a", 0.2, 50, 0.4]]


@pytest.mark.parametrize(
    ("days", "first", "periods"),
    [(20, "2020-01-01", 20), (90, "2019-12-30", 14), (900, "2020-01-01", 30), (9000, "2020-01-01", 25)],
)
def test_periods_have_the_finest_resolution_that_fits(days: int, first: str, periods: int) -> None:
    when = (np.datetime64("2020-01-01") + np.arange(days).astype("timedelta64[D]")).astype("datetime64[us]")
    frame, schema = table({"when": ("date", when)}, np.resize(["n", "p"], days))
    shown = explore.over_time(explore.column_view(frame, schema, "p"))["when"]
    assert str(shown["period"].iloc[0].date()) == first
    assert len(shown) == periods
    assert shown["n"].sum() == days


# -------------------------------------------------------------------------------------------------------- interaction


def test_multiplicative_odds_have_no_interaction() -> None:
    deviance, freedom = departure(np.array([[30.0, 40.0], [40.0, 48.0]]), np.full((2, 2), 60.0))
    assert (round(deviance, 9), freedom) == (0, 1)


def test_departure_equals_the_likelihood_ratio() -> None:
    # Crossed: 3/4 on the diagonal and 1/4 off it; without interaction all cells have one half.
    deviance, freedom = departure(np.array([[75.0, 25.0], [25.0, 75.0]]), np.full((2, 2), 100.0))
    assert deviance == pytest.approx(2 * 4 * (75 * np.log(1.5) + 25 * np.log(0.5)))
    assert freedom == 1


def test_departure_supports_shares_of_zero_and_one() -> None:
    deviance, _ = departure(np.array([[50.0, 0.0], [0.0, 50.0]]), np.full((2, 2), 50.0))
    assert deviance == pytest.approx(2 * 200 * np.log(2), rel=1e-6)


def test_the_strongest_interaction_is_found() -> None:
    rng = np.random.default_rng(2)
    a, b, c = (rng.choice(["u", "v"], 1200).astype(object) for _ in range(3))
    y = np.where(((a == "u") == (b == "u")) ^ (rng.random(1200) < 0.25), "yes", "no")
    frame, schema = table({"a": ("category", a), "b": ("category", b), "c": ("category", c)}, y)
    view = explore.column_view(frame, schema, "yes")
    grid = interaction(view, explore.relations(view, 0))
    assert grid is not None
    assert {grid.first, grid.second} == {"a", "b"}
    assert grid.p < 1e-6
    assert "depends on" in patterns.interaction(grid, "y").say


def test_levels_of_categories_are_sorted_by_share() -> None:
    a, b = np.repeat(["low", "high"], 200).astype(object), np.tile(["u", "v"], 200).astype(object)
    y = np.where(np.arange(400) % 100 < np.where(a == "high", 70, 20) + np.where(b == "v", 10, 0), "yes", "no")
    view = explore.column_view(*table({"a": ("category", a), "b": ("category", b)}, y), "yes")
    grid = interaction(view, explore.relations(view, 0))
    assert grid is not None
    levels = {grid.first: grid.first_levels, grid.second: grid.second_levels}
    assert levels == {"a": ["high", "low"], "b": ["v", "u"]}
    at = (0, 0)
    assert grid.share[at] == pytest.approx(np.mean(y[(a == "high") & (b == "v")] == "yes"))


def test_no_interaction_is_reported_for_independent_columns() -> None:
    rng = np.random.default_rng(4)
    a, b = (rng.choice(["u", "v"], 500).astype(object) for _ in range(2))
    frame, schema = table({"a": ("category", a), "b": ("category", b)}, rng.choice(["no", "yes"], 500))
    view = explore.column_view(frame, schema, "yes")
    assert patterns.interaction(interaction(view, explore.relations(view, 0)), "y").say.startswith("No significant interaction")


# ------------------------------------------------------------------------------------------------------ always and anywhere


def test_findings_do_not_depend_on_row_order_or_index() -> None:
    frame, schema = mixed(200)
    shuffled = frame.sample(frac=1, random_state=5)
    assert hash_value(everything(frame, schema, "yes")) == hash_value(everything(shuffled, schema, "yes"))


def test_the_frame_is_not_modified() -> None:
    frame, schema = mixed(120)
    before = frame.copy(deep=True)
    everything(frame, schema, "yes")
    pd.testing.assert_frame_equal(frame, before)


def test_a_sample_is_drawn_by_hash_and_reported() -> None:
    frame, schema = mixed(300)
    view = explore.column_view(frame, schema, "yes", most=100)
    assert len(view.sample) == 100
    assert "Computed on a sample of 100 of 300 rows" in explore.relations_table(explore.relations(view, 0), view).note
    more = by_hash(frame.iloc[:299], 100, "sample")
    assert len(set(more["row_id"]) & set(view.sample["row_id"])) >= 99


@pytest.mark.parametrize(
    "columns",
    [
        {"x": ("number", np.arange(60.0))},
        {"c": ("category", np.array(["a", "b", None] * 20, dtype=object))},
        {"empty": ("empty", np.full(60, np.nan)), "one": ("constant", np.full(60, "a", dtype=object))},
        {"gone": ("number", np.full(60, np.nan)), "none": ("category", np.full(60, None, dtype=object))},
        {"inf": ("number", np.r_[np.inf, -np.inf, np.arange(58.0)]), "huge": ("number", np.r_[1e300, -1e300, np.arange(58.0)])},
        {"when": ("date", np.r_[[np.datetime64("NaT", "us")], np.arange(59).astype("datetime64[D]").astype("datetime64[us]")])},
        {"old": ("date", np.array(["1066-10-14", "9999-12-31"] * 30, dtype="datetime64[us]"))},
        {"id": ("identifier", np.array([f"i{i}" for i in range(60)], dtype=object)), "text": ("text", np.full(60, "b b", dtype=object))},
        {"yesno": ("boolean", np.array(["Yes", "No"] * 30, dtype=object)), "twin": ("boolean", np.array(["Yes", "No"] * 30, dtype=object))},
        {"<img src=x onerror=alert(1)>": ("number", np.arange(60.0)), "$x^2$ {{7*7}}": ("category", np.array(["😀", "שלום"] * 30, dtype=object))},
    ],
    ids=["number only", "category only", "nothing", "all missing", "infinite", "dates", "old dates", "names", "booleans", "hostile names"],
)  # fmt: skip
@pytest.mark.parametrize("classes", [["n", "p"], ["a", "b", "c"]])
def test_any_table_can_be_explored(columns: dict[str, tuple[str, object]], classes: list[str]) -> None:
    frame, schema = table(columns, np.resize(classes, 60))
    shown = everything(frame, schema, classes[-1])
    for finding in shown:
        assert finding.say
        assert "<img" not in finding_html(finding)
        assert "nan" not in finding.say.split()


def test_a_table_without_features_can_be_explored() -> None:
    frame, schema = table({}, ["n", "p"] * 10)
    shown = everything(frame, schema, "p")
    assert sum(isinstance(finding, (Note, Table)) for finding in shown) >= 10


def test_a_target_value_outside_the_classes_raises_an_error() -> None:
    frame, schema = table({"x": ("number", np.arange(4.0))}, ["n", "p", "n", "p"])
    frame.loc[0, "y"] = "q"
    with pytest.raises(DataError, match="none of its classes"):
        explore.column_view(frame, schema, "p")


def test_a_schema_without_a_target_raises_an_error() -> None:
    frame, schema = table({"x": ("number", np.arange(4.0))}, ["n", "p", "n", "p"])
    with pytest.raises(DataError, match=r"name one under data\.target"):
        explore.column_view(frame, schema.model_copy(update={"target": None}), "p")
