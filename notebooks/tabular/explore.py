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
# What does the data look like?
#
# All that is shown here is train; the holdout stays sealed. Each section says what to look for. What is found here is a hint
# for the recipe and a warning for the reader, never a choice: choices are made in folds.

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
found = explore.column_view(train, schema, positive)

# %% [markdown]
# ## What there is
# How large the table is, and of what kinds its columns are. Look for a column of the wrong kind: a code that is taken for a
# number, a number that is taken for a category.

# %%
stage.show("shape", explore.shape(found))

# %% [markdown]
# ## The target
# Look at the rarest class. Where one is rare, a model that never names it still looks accurate: any accuracy has to be read
# against that of naming the most frequent class for every row.

# %%
stage.show("target", balance.target_balance(explore.balance(found), schema.target, positive), report=True)

# %% [markdown]
# ## What goes with the target
# Those columns first that tell most of the target. Look at both ends: a column that tells nearly everything may have been
# written down after the fact (the audit in *features* asks that), and one that tells no more than shuffled targets do tells
# nothing by itself. *Told* counts bends and gaps; *strength* is by rank, so that no stray value decides.

# %%
relations = explore.relations(found, stage.request.seed)
stage.show("relations", explore.relations_table(relations, found), report=True)

# %% [markdown]
# ## Numbers by target
# Within each class, all bars add up to the same area, however rare the class is. Look for places where one class stands well
# above the other, for peaks at round numbers or at zero, and for long tails, which a logarithm would shorten.

# %%
histograms = explore.histograms(found, relations)
stage.show("distributions", columns.distributions(histograms, schema.target, positive))

# %% [markdown]
# ## Categories by target
# A dot is the share in one level, its line the 95 % interval: a wide line means few rows, not a strong level. In colour are
# levels whose interval leaves out the share of the whole column.

# %%
stage.show("category_rates", columns.rates(explore.rates(found, relations), schema.target), report=True)

# %% [markdown]
# ## Over time
# Look for a share that drifts: rows of years ago then say little about those to come, and a split by time is the honest one.
# A jump at a date often means that something came to be recorded in another way.

# %%
stage.show("over_time", columns.over_time(explore.over_time(found), schema.target, positive))

# %% [markdown]
# ## Two columns at a time
# Each cell is the share of the target for one pair of values, for the two columns of which each depends most on the other.
# Look for a row that runs another way than the others. A linear model sees none of this unless it is given a column for it.

# %%
stage.show("interaction", patterns.interaction(interaction(found, relations), schema.target))

# %% [markdown]
# ## What goes together
# Pairs of columns that tell much the same: one may stand in for the other, weights of a linear model share out between them
# by chance, and neither seems important on its own.

# %%
pairs = explore.pairs(found)
stage.show("pairs", explore.pairs_table(pairs, found))

# %% [markdown]
# The same at a glance, the target first: darker is stronger, and columns that are alike stand together. Look for dark blocks.

# %%
stage.show("relations_map", patterns.relations_map(pairs, relations))

# %% [markdown]
# ## What is missing
# Look at the last column. Gaps that tell of the target are knowledge, which the recipe keeps as a column of its own; or they
# are a leak, where a value was filled in because of what happened.

# %%
stage.show("missingness", missing.missingness(found))

# %% [markdown]
# Each column of dots is a pattern, and the bar above it is the number of rows that have it. Columns that go missing together
# mostly come from one source.

# %%
stage.show("missing_patterns", patterns.missing_patterns(missing.gap_patterns(found), len(train)))

# %% [markdown]
# ## What stands out
# Values far from the rest of their column. Far is not wrong: amounts always have some. Look for values that cannot be, such as
# codes for *unknown* among numbers.

# %%
stage.show("outliers", outliers.outliers_table(outliers.outliers(found), len(train)))

# %% [markdown]
# The rows to look up, by column; their names are shown where the page can be hovered over.

# %%
stage.show("extremes", patterns.extremes(outliers.extreme_rows(found)))

# %%
stage.save()

# %% [markdown]
# ## Limits of what was shown
# - What goes with the target need not cause it, and need not be known when the prediction is wanted.
# - Columns are looked at one by one and two by two. What three tell together is for the models to find.
# - Strengths by rank see rising and falling, not bends; what is told sees both, in ten groups of like size.
# - Where many columns are looked at, some stand out by chance: shuffles and corrections count that in, the eye does not.
