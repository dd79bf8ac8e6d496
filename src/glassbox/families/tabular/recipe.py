"""What the model sees: the recipe as plain values, and the scikit-learn transformer that it says.

A recipe names every column once: with the treatment it gets, or with the reason why it is left out. It is fitted inside
folds only; what stands here knows no data.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, TargetEncoder

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError

Treatment = Literal["number", "log", "one-hot", "target mean", "dates", "length"]
Floats = npt.NDArray[np.float64]

TREATMENTS: dict[str, str] = {
    "number": "median where missing, and a column that says so; scaled for linear models",
    "log": "signed log(1 + |x|), then as a number",
    "one-hot": "a column of 0 and 1 for each frequent value; rare and unseen values share one",
    "target mean": "the cross-fitted, shrunken mean of the target for each value",
    "dates": "year, month, weekday and days since the start of 2000",
    "length": "how many characters the text has",
}
DATE_PARTS = ("year", "month", "weekday", "days")
LARGEST = 1e30  # beyond it the square of a number leaves the range of a float
MISSING = "(missing)"
# What `persist.load` may make besides what skops trusts by itself.
TRUSTED = [
    *(f"glassbox.families.tabular.recipe.{name}" for name in ("finite", "logs", "words", "date_parts", "lengths")),
    "sklearn.model_selection._split.StratifiedKFold",
]


class Recipe(BaseModel):
    """Columns with their treatment, columns left out with their reason, and the settings of the encoders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, Treatment]
    left_out: dict[str, str] = {}
    min_frequency: float = Field(default=0.005, gt=0, lt=1)  # values rarer than this share of the rows count as rare
    max_categories: int = Field(default=30, ge=2)  # most columns that one column becomes, the rare ones' included

    def edited(self, edits: Mapping[str, str]) -> Self:
        """The recipe with other treatments: `{"income": "log", "street": "left out"}`.

        Raises
        ------
        GlassboxError
            When a column or a treatment is not known.
        """
        known = [*self.columns, *self.left_out]
        problems = [f"no column {name!r}; there are {', '.join(sorted(known))}" for name in edits if name not in known]
        problems += [
            f"{name}: no treatment {how!r}; there are {', '.join(TREATMENTS)}, left out"
            for name, how in edits.items()
            if how not in TREATMENTS and how != "left out"
        ]
        if problems:
            raise GlassboxError("The recipe's edits: " + "; ".join(problems) + ".")
        dropped = [name for name, how in edits.items() if how == "left out"]
        columns = {**self.columns, **{name: how for name, how in edits.items() if how != "left out"}}
        left_out = {name: why for name, why in self.left_out.items() if name not in edits}
        return self.model_validate(
            {
                **self.model_dump(),
                "columns": {name: how for name, how in columns.items() if name not in dropped},
                "left_out": {**left_out, **{name: "left out by hand" for name in dropped}},
            }
        )

    def of(self, treatment: Treatment) -> list[str]:
        """The columns that get `treatment`, in order."""
        return [name for name, how in self.columns.items() if how == treatment]


def default_recipe(
    schema: Schema,
    leaks: Sequence[Mapping[str, Any]] = (),
    allow: Sequence[str] = (),
    *,
    one_hot_up_to: int = 30,
    min_frequency: float = 0.005,
) -> Recipe:
    """A sound recipe for the columns of a schema.

    Parameters
    ----------
    schema
        What kind each column is of.
    leaks
        The rows of the leakage audit (`leaks.audit`): what it left out stays out.
    allow
        Columns that the user vouches for: kept whatever the audit says.
    one_hot_up_to
        Columns with more values than this get the target's mean instead.
    min_frequency
        Values rarer than this share of the rows count as rare.
    """
    audited = {str(row["column"]): row for row in leaks}
    columns: dict[str, str] = {}
    left_out: dict[str, str] = {}
    if not schema.features:
        raise GlassboxError("There is no column to predict from: every column is the target, an identifier, empty or constant.")
    for column in schema.features:
        found = audited.get(column.name)
        if found is not None and found["left_out"] and column.name not in allow:
            left_out[column.name] = f"{found['verdict']}: {found['evidence']}"
        elif column.kind in ("identifier", "constant", "empty"):
            left_out[column.name] = UNUSABLE[column.kind]
        else:
            many = column.categories is None or len(column.categories) > one_hot_up_to
            columns[column.name] = {"number": "number", "date": "dates", "text": "length", "boolean": "one-hot"}.get(
                column.kind, "target mean" if many else "one-hot"
            )
    if not columns:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise GlassboxError(f"No column is left to predict from. Vouch for those that are sound under data.allow. {reasons}")
    return Recipe.model_validate(
        {"columns": columns, "left_out": left_out, "min_frequency": min_frequency, "max_categories": one_hot_up_to}
    )


UNUSABLE = {
    "identifier": "identifier: it names the row and says nothing about the next one",
    "constant": "constant: it has one value only",
    "empty": "empty: it has no values",
}


def build(recipe: Recipe, *, linear: bool = False, seed: int = 0) -> ColumnTransformer:
    """The unfitted transformer that a recipe says: a conformed frame in, a matrix of floats without gaps out.

    Parameters
    ----------
    recipe
        Columns and treatments.
    linear
        For a linear model: numbers are scaled to mean 0 and standard deviation 1.
    seed
        Of the cross-fitting inside the target's mean.
    """
    one_hot = OneHotEncoder(
        min_frequency=recipe.min_frequency,
        max_categories=recipe.max_categories,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )
    steps: list[tuple[str, Treatment, list[tuple[str, Any]]]] = [
        ("numbers", "number", [("finite", FunctionTransformer(finite)), *_numbers(linear)]),
        ("logs", "log", [("logs", FunctionTransformer(logs)), *_numbers(linear)]),
        ("categories", "one-hot", [("words", FunctionTransformer(words)), ("one_hot", one_hot)]),
        ("means", "target mean", [("words", FunctionTransformer(words)), ("mean", _target_mean(seed)), *_scaled(linear)]),
        ("dates", "dates", [("parts", FunctionTransformer(date_parts)), *_numbers(linear)]),
        ("lengths", "length", [("lengths", FunctionTransformer(lengths)), *_numbers(linear)]),
    ]
    parts = [(name, Pipeline(pipeline), recipe.of(treatment)) for name, treatment, pipeline in steps if recipe.of(treatment)]
    return ColumnTransformer(parts, remainder="drop", sparse_threshold=0.0, verbose_feature_names_out=False)


def _numbers(linear: bool) -> list[tuple[str, Any]]:
    return [("fill", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)), *_scaled(linear)]


def _scaled(linear: bool) -> list[tuple[str, Any]]:
    return [("scale", StandardScaler())] if linear else []


def _target_mean(seed: int) -> TargetEncoder:
    """Shrunken means by empirical Bayes (Micci-Barreca 2001), cross-fitted while fitting so that no row sees itself."""
    return TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=seed))


def finite(frame: pd.DataFrame) -> Floats:
    """Numbers as floats; infinite ones as missing, ones beyond ±1e30 at the edge."""
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    values[np.isinf(values)] = np.nan
    return cast(Floats, np.clip(values, -LARGEST, LARGEST))


def logs(frame: pd.DataFrame) -> Floats:
    """Signed logarithms, for what spans several powers of ten: sign(x) · log(1 + |x|)."""
    values = finite(frame)
    return cast(Floats, np.sign(values) * np.log1p(np.abs(values)))


def words(frame: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Categories as text; what is missing is a category of its own."""
    values = frame.to_numpy(dtype=object, copy=True)
    values[frame.isna().to_numpy()] = MISSING
    return values


def date_parts(frame: pd.DataFrame) -> Floats:
    """Year, month, weekday (Monday 0) and days since 2000-01-01 of each column, missing where the date is."""
    start = np.datetime64("2000-01-01", "us")
    parts: list[Floats] = []
    for name in frame.columns:
        dates = frame[name].astype("datetime64[us]")
        calendar = (dates.dt.year, dates.dt.month, dates.dt.weekday)
        parts += [cast(Floats, part.astype(np.float64).to_numpy()) for part in calendar]
        parts.append((dates.to_numpy() - start) / np.timedelta64(1, "D"))
    return np.column_stack(parts)


def lengths(frame: pd.DataFrame) -> Floats:
    """How many characters each text has; missing where the text is."""
    return np.column_stack([frame[name].str.len().to_numpy(float) for name in frame.columns]).astype(np.float64)


class Feature(BaseModel):
    """One column of the matrix that the model sees: its name, and the column of the data that it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    column: str


def features_of(transformer: ColumnTransformer, classes: Sequence[str]) -> list[Feature]:
    """What the columns of a fitted transformer's matrix mean, in order."""
    found: list[Feature] = []
    for name, part, columns in transformer.transformers_:
        if name != "remainder":
            found += _features(part, [str(column) for column in columns], classes)
    return found


def _features(part: Pipeline, columns: list[str], classes: Sequence[str]) -> list[Feature]:
    steps = part.named_steps
    if "one_hot" in steps:
        return list(_one_hot_features(steps["one_hot"], columns))
    if "mean" in steps:
        means = [""] if len(classes) <= 2 else [f" of {name}" for name in classes]
        return [Feature(name=f"{column}: target mean{mean}", column=column) for column in columns for mean in means]
    if "parts" in steps:
        entering = [Feature(name=f"{column}: {what}", column=column) for column in columns for what in DATE_PARTS]
    else:
        what = {"logs": ": log", "lengths": ": length"}.get(part.steps[0][0], "")
        entering = [Feature(name=f"{column}{what}", column=column) for column in columns]
    indicator = steps["fill"].indicator_
    gaps = [] if indicator is None else [entering[i] for i in indicator.features_]
    return entering + [Feature(name=f"{feature.name} is missing", column=feature.column) for feature in gaps]


def _one_hot_features(encoder: OneHotEncoder, columns: Sequence[str]) -> Iterable[Feature]:
    for column, values, rare in zip(columns, encoder.categories_, encoder.infrequent_categories_, strict=True):
        unusual = set() if rare is None else set(rare.tolist())
        yield from (Feature(name=f"{column} = {value}", column=column) for value in values.tolist() if value not in unusual)
        if unusual:
            yield Feature(name=f"{column} = (rare)", column=column)
