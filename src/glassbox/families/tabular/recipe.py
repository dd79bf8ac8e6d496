"""The feature recipe: the treatment of every column, and the scikit-learn transformer that implements it.

A recipe lists every column once, with its treatment or with the reason why it is left out. Transformers are fitted inside the folds only;
the recipe itself does not depend on the data.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.utils.extmath import randomized_svd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError

Treatment = Literal["number", "log", "one-hot", "target mean", "dates", "times", "text", "length"]
Floats = npt.NDArray[np.float64]

TREATMENTS: dict[str, str] = {
    "number": "median imputation with a missing-value indicator, standardised",
    "log": "signed log(1 + |x|), then as a number",
    "one-hot": "one-hot encoding of frequent values; rare and unseen values share a column",
    "target mean": "cross-fitted target encoding with shrinkage",
    "dates": "year, month, weekday and days since the start of 2000",
    "times": "hour of the day, besides the parts of a date",
    "text": "TF-IDF of the words, reduced to 16 components by singular value decomposition, and the number of characters",
    "length": "number of characters of the text",
}
DATE_PARTS = ("year", "month", "weekday", "days")
TIME_PARTS = (*DATE_PARTS, "hour")
TEXT_COMPONENTS = 16
WORD_HASHES = 2**12  # features that words are hashed to, so that a fold without a word still has all features
TOKENS = r"(?u)\w+|[^\w\s]"  # words, and single symbols such as emoji
LARGEST = 1e30  # the square of a larger number could overflow
MISSING = "(missing)"
# Types that `skops_io.load` accepts in addition to those that skops trusts by default.
TRUSTED = [
    *(
        f"glassbox.families.tabular.recipe.{name}"
        for name in ("finite", "logs", "words", "date_parts", "time_parts", "word_counts", "lengths", "TextComponents")
    ),
    "sklearn.model_selection._split.StratifiedKFold",
]


class Recipe(BaseModel):
    """The treatments of columns, the reasons for columns that are left out, and the settings of the encoders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, Treatment]
    left_out: dict[str, str] = {}
    min_frequency: float = Field(default=0.005, gt=0, lt=1)  # values below this share of the rows are rare
    max_categories: int = Field(
        default=30, ge=2
    )  # maximum number of one-hot columns per column, including the one for rare values

    def edited(self, edits: Mapping[str, str]) -> Self:
        """Return the recipe with some treatments replaced, such as `{"income": "log", "street": "left out"}`.

        Raises
        ------
        GlassboxError
            When a column or a treatment is unknown.
        """
        known = [*self.columns, *self.left_out]
        problems = [f"unknown column {name!r}; expected one of {', '.join(sorted(known))}" for name in edits if name not in known]
        problems += [
            f"{name}: unknown treatment {how!r}; expected one of {', '.join(TREATMENTS)}, left out"
            for name, how in edits.items()
            if how not in TREATMENTS and how != "left out"
        ]
        if problems:
            raise GlassboxError("The edits of the recipe are invalid: " + "; ".join(problems) + ".")
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
        """Return the columns with a treatment, in order."""
        return [name for name, how in self.columns.items() if how == treatment]


def default_recipe(
    schema: Schema,
    leaks: Sequence[Mapping[str, Any]] = (),
    allow: Sequence[str] = (),
    *,
    one_hot_up_to: int = 30,
    min_frequency: float = 0.005,
) -> Recipe:
    """Return the default recipe for the columns of a schema.

    Parameters
    ----------
    schema
        The schema with the kind of each column.
    leaks
        The rows of the leakage check (`leakage.audit`); columns that it left out are left out.
    allow
        Columns that the request allows, regardless of the leakage check.
    one_hot_up_to
        Categories with more values than this are target-encoded instead of one-hot encoded.
    min_frequency
        Values below this share of the rows are rare.
    """
    audited = {str(row["column"]): row for row in leaks}
    columns: dict[str, str] = {}
    left_out: dict[str, str] = {}
    if not schema.features:
        raise GlassboxError("The data has no features: every column is the target, an identifier, empty or constant.")
    for column in schema.features:
        suspect = audited.get(column.name)
        if suspect is not None and suspect["left_out"] and column.name not in allow:
            left_out[column.name] = f"{suspect['verdict']}: {suspect['evidence']}"
        elif column.kind in ("identifier", "constant", "empty"):
            left_out[column.name] = UNUSABLE[column.kind]
        else:
            many = column.categories is None or len(column.categories) > one_hot_up_to
            columns[column.name] = {
                "number": "number",
                "date": "times" if column.with_time else "dates",
                "text": "text",
                "boolean": "one-hot",
            }.get(column.kind, "target mean" if many else "one-hot")
    if not columns:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise GlassboxError(f"No feature is left. List the columns to use under data.allow. {reasons}")
    return Recipe.model_validate(
        {"columns": columns, "left_out": left_out, "min_frequency": min_frequency, "max_categories": one_hot_up_to}
    )


UNUSABLE = {
    "identifier": "identifier: identifies the row and does not generalise",
    "constant": "constant: has only one value",
    "empty": "empty: has no values",
}


def build(recipe: Recipe, *, seed: int = 0) -> ColumnTransformer:
    """Build the unfitted transformer of a recipe, from a conformed frame to a matrix of floats without missing values.

    Parameters
    ----------
    recipe
        The columns and their treatments.
    seed
        The seed of the cross-fitting in the target encoder.
    """
    one_hot = OneHotEncoder(
        min_frequency=recipe.min_frequency,
        max_categories=recipe.max_categories,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )
    steps: list[tuple[str, Treatment, list[tuple[str, Any]]]] = [
        ("numbers", "number", [("finite", FunctionTransformer(finite)), *_numbers()]),
        ("logs", "log", [("logs", FunctionTransformer(logs)), *_numbers()]),
        ("categories", "one-hot", [("words", FunctionTransformer(words)), ("one_hot", one_hot)]),
        (
            "means",
            "target mean",
            [("words", FunctionTransformer(words)), ("mean", _target_mean(seed)), ("scale", StandardScaler())],
        ),
        ("dates", "dates", [("parts", FunctionTransformer(date_parts)), *_numbers()]),
        ("times", "times", [("parts", FunctionTransformer(time_parts)), *_numbers()]),
        ("lengths", "length", [("lengths", FunctionTransformer(lengths)), *_numbers()]),
    ]
    parts = [(name, Pipeline(pipeline), recipe.of(treatment)) for name, treatment, pipeline in steps if recipe.of(treatment)]
    for i, column in enumerate(recipe.of("text")):
        parts.append((f"text_{i}", Pipeline(_components(seed)), [column]))
        parts.append((f"text_length_{i}", Pipeline([("lengths", FunctionTransformer(lengths)), *_numbers()]), [column]))
    return ColumnTransformer(parts, remainder="drop", sparse_threshold=0.0, verbose_feature_names_out=False)


def _numbers() -> list[tuple[str, Any]]:
    return [("fill", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)), ("scale", StandardScaler())]


def _components(seed: int) -> list[tuple[str, Any]]:
    """Return latent semantic analysis (Deerwester et al. 1990): the truncated singular value decomposition of a TF-IDF matrix."""
    return [
        ("words", FunctionTransformer(word_counts)),
        ("tf_idf", TfidfTransformer(sublinear_tf=True)),
        ("components", TextComponents(seed)),
        ("scale", StandardScaler()),
    ]


def _target_mean(seed: int) -> TargetEncoder:
    """Return a target encoder with empirical Bayes shrinkage (Micci-Barreca 2001), cross-fitted so that no row uses its own target."""
    return TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=seed))


def finite(frame: pd.DataFrame) -> Floats:
    """Convert numbers to floats, with infinite values as missing and the rest clipped to ±1e30."""
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    values[np.isinf(values)] = np.nan
    return cast(Floats, np.clip(values, -LARGEST, LARGEST))


def logs(frame: pd.DataFrame) -> Floats:
    """Return signed logarithms, sign(x) · log(1 + |x|), for columns that span several powers of ten."""
    values = finite(frame)
    return cast(Floats, np.sign(values) * np.log1p(np.abs(values)))


def words(frame: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Convert categories to text, with missing values as a category of their own."""
    values = frame.to_numpy(dtype=object, copy=True)
    values[frame.isna().to_numpy()] = MISSING
    return values


def date_parts(frame: pd.DataFrame) -> Floats:
    """Return year, month, weekday (Monday is 0) and days since 2000-01-01 of each column; NaN where the date is missing."""
    start = np.datetime64("2000-01-01", "us")
    parts: list[Floats] = []
    for name in frame.columns:
        dates = frame[name].astype("datetime64[us]")
        calendar = (dates.dt.year, dates.dt.month, dates.dt.weekday)
        parts += [cast(Floats, part.astype(np.float64).to_numpy()) for part in calendar]
        parts.append((dates.to_numpy() - start) / np.timedelta64(1, "D"))
    return np.column_stack(parts)


def time_parts(frame: pd.DataFrame) -> Floats:
    """Return the parts of `date_parts` and the hour of the day, with minutes as a fraction, of each column."""
    parts: list[Floats] = []
    for name in frame.columns:
        time = frame[name].astype("datetime64[us]").dt
        hour = time.hour.astype(np.float64) + time.minute.astype(np.float64) / 60
        parts += [date_parts(frame[[name]]), cast(Floats, hour.to_numpy()[:, None])]
    return np.column_stack(parts)


def word_counts(frame: pd.DataFrame) -> Any:
    """Return the sparse counts of hashed words in the texts of the only column, of shape (rows, `WORD_HASHES`)."""
    texts = ["" if pd.isna(text) else str(text) for text in frame.iloc[:, 0]]
    # A vectorizer that is saved would hold memory addresses.
    return HashingVectorizer(n_features=WORD_HASHES, alternate_sign=False, norm=None, token_pattern=TOKENS).transform(texts)


def lengths(frame: pd.DataFrame) -> Floats:
    """Return the number of characters of each text; NaN where the text is missing."""
    return np.column_stack([frame[name].str.len().to_numpy(float) for name in frame.columns]).astype(np.float64)


class TextComponents(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # the base classes are untyped
    """The projection of a sparse matrix on its first `TEXT_COMPONENTS` right singular vectors.

    Vectors of singular values that are zero up to rounding are zero, and all numbers are rounded, so that rounding errors, which differ
    between machines, are not scaled up to features.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, matrix: Any, y: Any = None) -> Self:
        count = min(TEXT_COMPONENTS, *matrix.shape)
        _, sizes, vectors = randomized_svd(matrix, n_components=count, random_state=self.seed)
        self.components_ = np.zeros((TEXT_COMPONENTS, matrix.shape[1]))
        self.components_[:count] = np.where((sizes > 1e-9 * max(1.0, sizes.max()))[:, None], vectors.round(9), 0.0)
        return self

    def transform(self, matrix: Any) -> Floats:
        return cast(Floats, np.round(matrix @ self.components_.T, 9))


class Feature(BaseModel):
    """The name of one column of the feature matrix, and the data column that it is derived from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    column: str


def features_of(transformer: ColumnTransformer, classes: Sequence[str]) -> list[Feature]:
    """Return the features of a fitted transformer, in the order of its columns."""
    features: list[Feature] = []
    for name, part, columns in transformer.transformers_:
        if name != "remainder":
            features += _features(part, [str(column) for column in columns], classes)
    return features


def _features(part: Pipeline, columns: list[str], classes: Sequence[str]) -> list[Feature]:
    steps = part.named_steps
    if "one_hot" in steps:
        return list(_one_hot_features(steps["one_hot"], columns))
    if "mean" in steps:
        means = [""] if len(classes) <= 2 else [f" of {name}" for name in classes]
        return [Feature(name=f"{column}: target mean{mean}", column=column) for column in columns for mean in means]
    if "components" in steps:
        return [Feature(name=f"{column}: component {i + 1}", column=column) for column in columns for i in range(TEXT_COMPONENTS)]
    if "parts" in steps:
        names = TIME_PARTS if steps["parts"].func is time_parts else DATE_PARTS
        inputs = [Feature(name=f"{column}: {part}", column=column) for column in columns for part in names]
    else:
        suffix = {"logs": ": log", "lengths": ": length"}.get(part.steps[0][0], "")
        inputs = [Feature(name=f"{column}{suffix}", column=column) for column in columns]
    indicator = steps["fill"].indicator_
    indicated = [] if indicator is None else [inputs[i] for i in indicator.features_]
    return inputs + [Feature(name=f"{feature.name} is missing", column=feature.column) for feature in indicated]


def _one_hot_features(encoder: OneHotEncoder, columns: Sequence[str]) -> Iterable[Feature]:
    for column, values, rare in zip(columns, encoder.categories_, encoder.infrequent_categories_, strict=True):
        merged = set() if rare is None else set(rare.tolist())
        yield from (Feature(name=f"{column} = {value}", column=column) for value in values.tolist() if value not in merged)
        if merged:
            yield Feature(name=f"{column} = (rare)", column=column)
