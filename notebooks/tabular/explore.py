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
# Only the training data is read here, not the holdout. The results inform the feature recipe, but every choice is made by
# cross-validation.

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
# Check the kind of each column for errors, such as a code that is treated as a number.

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
# The columns with the strongest association come first. A column that explains the target almost completely may have been recorded
# after the outcome; the leakage check in *features* tests for that. A column that explains no more than it does for a permuted target
# is not informative on its own. *Uncertainty explained* includes nonlinear effects and missing values; *strength* is rank-based and
# robust to outliers.

# %%
associations = explore.relations(view, stage.request.seed)
stage.show("relations", explore.relations_table(associations, view), report=True)

# %% [markdown]
# ## Distribution by class
# The bars of each class sum to one, however rare the class is. Look for ranges where one class dominates, for peaks at zero or
# at round numbers, and for long tails, which a log transform shortens.

# %%
histograms = explore.histograms(view, associations)
stage.show("distributions", columns.distributions(histograms, schema.target, positive))

# %% [markdown]
# ## Class rates by category
# A dot is the class rate of one category, and its line the confidence interval; a wide interval means few rows. Categories are coloured
# if the interval excludes the overall rate.

# %%
stage.show("category_rates", columns.rates(explore.rates(view, associations), schema.target), report=True)

# %% [markdown]
# ## Target over time
# If the share of the classes changes over time, a split by time gives a more realistic evaluation. A sudden jump often means that the
# way of recording changed.

# %%
stage.show("over_time", columns.over_time(explore.over_time(view), schema.target, positive))

# %% [markdown]
# ## Interaction
# For the pair of columns with the strongest interaction, each cell shows the share of the class for one pair of values. A linear model
# cannot represent an interaction without an additional feature.

# %%
stage.show("interaction", patterns.interaction(interaction(view, associations), schema.target))

# %% [markdown]
# ## Correlation
# Strongly associated columns are redundant. They make the coefficients of a linear model unstable and share their feature importance.

# %%
column_pairs = explore.pairs(view)
stage.show("pairs", explore.pairs_table(column_pairs, view))

# %% [markdown]
# The heatmap shows all pairs, with the target first; darker is stronger. Similar columns are adjacent, so redundant groups
# appear as dark blocks.

# %%
stage.show("relations_map", patterns.association_heatmap(column_pairs, associations))

# %% [markdown]
# ## Missing values
# The last column shows whether missingness is associated with the target. The association is either useful information, for which the
# recipe adds an indicator feature, or a leak, if values were recorded because of the outcome.

# %%
stage.show("missingness", missing.missingness(view))

# %% [markdown]
# Each column of dots is a pattern of missing values, and the bar above it shows the number of rows. Columns that are missing together
# often come from the same source.

# %%
stage.show("missing_patterns", patterns.missing_patterns(missing.gap_patterns(view), len(train)))

# %% [markdown]
# ## Outliers
# Outliers are not necessarily errors. Look for impossible values, such as codes for *unknown* among numbers.

# %%
stage.show("outliers", outliers.outliers_table(outliers.outliers(view), len(train)))

# %% [markdown]
# The most extreme values of each column. Hover over a dot to see the row id.

# %%
stage.show("extremes", patterns.extremes(outliers.extreme_rows(view)))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - An association with the target is not a causal effect, and the column may not be known at prediction time.
# - Columns are analysed individually or in pairs; higher-order interactions are not covered.
# - Rank-based strengths detect monotonic associations only; the uncertainty explained also covers others, in quantile bins.
# - Among many columns, some associations arise by chance. The tables account for that by permutation tests and corrections, the figures
#   do not.
