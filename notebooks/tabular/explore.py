# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Explore
# What are the properties of the data, and which columns are related to the target?
#
# This notebook shows the training data only; the holdout is not read. The results inform the recipe, but all choices are made
# by cross-validation.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.dataset import positive_class
from glassbox.families.classification.plots import balance
from glassbox.families.tabular import explore, missing, outliers
from glassbox.families.tabular.interaction import interaction
from glassbox.families.tabular.plots import columns, patterns
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, schema_values = stage.load("train", "schema")
schema = Schema.model_validate(schema_values)
positive = positive_class(schema.classes, train[schema.target], stage.request.data.positive)
view = explore.column_view(train, schema, positive)

# %% [markdown]
# ## Training data
# Check the kinds of the columns for errors, such as a code that is treated as a number or a number that is treated as a
# category.

# %%
stage.show("shape", explore.shape(view))

# %% [markdown]
# ## Class balance
# When one class is rare, a model that never predicts it still has a high accuracy. Compare any accuracy with that of always
# predicting the most frequent class.

# %%
stage.show("target", balance.target_balance(explore.balance(view), schema.target, positive), report=True)

# %% [markdown]
# ## Association with the target
# Columns that explain most of the target come first. A column that explains nearly everything may have been recorded after the
# outcome; the leakage check in *features* tests for that. A column that explains no more than permuted targets is not
# informative on its own. *Uncertainty explained* includes nonlinear effects and missing values; *strength* is rank-based and
# robust to outliers.

# %%
relations = explore.relations(view, stage.request.seed)
stage.show("relations", explore.relations_table(relations, view), report=True)

# %% [markdown]
# ## Distribution by class
# The bars of each class sum to one, however rare the class is. Look for ranges where one class dominates, for peaks at zero or
# at round numbers, and for long tails, which a log transform shortens.

# %%
histograms = explore.histograms(view, relations)
stage.show("distributions", columns.distributions(histograms, schema.target, positive))

# %% [markdown]
# ## Class rates by category
# A dot is the share in one level and its line the 95 % confidence interval; a wide interval means few rows. Levels whose
# interval excludes the overall share of the column are coloured.

# %%
stage.show("category_rates", columns.rates(explore.rates(view, relations), schema.target), report=True)

# %% [markdown]
# ## Target over time
# If the share drifts, old rows say little about future ones, and a split by time gives the more realistic evaluation. A jump at
# a date often means that the recording changed.

# %%
stage.show("over_time", columns.over_time(explore.over_time(view), schema.target, positive))

# %% [markdown]
# ## Interaction
# Each cell is the share of the target for one pair of values, for the pair of columns with the strongest interaction. A linear
# model cannot represent an interaction without an additional feature.

# %%
stage.show("interaction", patterns.interaction(interaction(view, relations), schema.target))

# %% [markdown]
# ## Correlation
# Strongly associated columns are redundant: the coefficients of a linear model are unstable, and neither column seems important
# on its own.

# %%
pairs = explore.pairs(view)
stage.show("pairs", explore.pairs_table(pairs, view))

# %% [markdown]
# The heatmap shows all pairs, with the target first; darker is stronger. Similar columns are adjacent, so redundant groups
# appear as dark blocks.

# %%
stage.show("relations_map", patterns.association_heatmap(pairs, relations))

# %% [markdown]
# ## Missing values
# The last column shows whether missingness is associated with the target. Such missingness is either useful information, for
# which the recipe adds an indicator, or a leak, if values were filled in because of the outcome.

# %%
stage.show("missingness", missing.missingness(view))

# %% [markdown]
# Each column of dots is a pattern, and the bar above it the number of rows. Columns that are missing together often come from
# the same source.

# %%
stage.show("missing_patterns", patterns.missing_patterns(missing.gap_patterns(view), len(train)))

# %% [markdown]
# ## Outliers
# Outliers are not necessarily errors. Look for impossible values, such as codes for *unknown* among numbers.

# %%
stage.show("outliers", outliers.outliers_table(outliers.outliers(view), len(train)))

# %% [markdown]
# The most extreme values by column; hover over a dot to see the row id.

# %%
stage.show("extremes", patterns.extremes(outliers.extreme_rows(view)))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - An association with the target is not a causal effect, and the column need not be known at prediction time.
# - Columns are analysed one or two at a time; interactions of three or more columns are not covered.
# - Rank-based strengths detect monotonic associations only; the uncertainty explained covers others too, in ten quantile bins.
# - Among many columns, some associations arise by chance. Permutations and corrections account for that in the tables, not in
#   the figures.
