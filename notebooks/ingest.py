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
# # Ingest
# Which data does the request read, and is their quality sufficient?

# %% tags=["parameters"]
upstream = {}
product = None
request = "churn"

# %%
from glassbox.data import quality
from glassbox.data.ingest import conform_parts, exclude_left_out, read
from glassbox.data.schema import infer_schema
from glassbox.data.split import split
from glassbox.families.protocol import family_of
from glassbox.runtime.stage import Stage

stage = Stage.open("ingest", request, upstream, product)
family = family_of(stage.request)

# %% [markdown]
# All cells are read as text, so that no type is guessed while reading. The holdout is split off before anything is inferred from the
# data. The schema is then inferred from the training data alone, and both parts are converted to it.

# %%
arrival, units = read(stage.request, stage.root, family.prepare_rows)
near_duplicates = family.near_duplicate_groups(arrival.cells, stage.request)
parts = split(arrival.cells, stage.request, near_duplicates, arrival.reading)
arrival = exclude_left_out(arrival, parts)
schema = infer_schema(parts.train, stage.request, arrival.reading)
snapshot = conform_parts(parts, schema)

# %% [markdown]
# ## Input data
# The hash identifies this set of rows. It does not depend on the order of the rows or on the names of the files.

# %%
stage.show("data_summary", quality.data_summary(arrival, parts), report=True)

# %% [markdown]
# The request may state the expected number of rows. A very different number suggests a wrong or incomplete file.

# %%
stage.show("expected_size", quality.size_check(arrival, stage.request))

# %% [markdown]
# ## Unit of observation
# A row of the data is one example for the model. These findings describe how the examples are built from the files.

# %%
stage.show_all(units, report=True)

# %% [markdown]
# ## Quarantined rows
# Rows that cannot be parsed or used for training are excluded. The quarantine file lists each of them with its line and the reason.

# %%
stage.show("quarantine", quality.quarantine(arrival))

# %% [markdown]
# Repairable problems are repaired automatically. This list contains every repair.

# %%
stage.show("repairs", quality.repairs(arrival, snapshot))

# %% [markdown]
# ## Schema
# Check the kind of each column first: ask the provider of the data if a numeric column is listed as a category, or vice versa.

# %%
stage.show("types", quality.types(schema))

# %% [markdown]
# ## Missing values
# Values may be missing at random, or the gap itself may be informative.

# %%
stage.show("missing", quality.missing(schema, snapshot))

# %% [markdown]
# The longest bar belongs to the column with the highest share of missing values.

# %%
stage.show("missing_plot", quality.missing_plot(schema))

# %% [markdown]
# ## Duplicates
# Identical rows with different targets limit the score that any model can reach. Rows that are in both training data and holdout
# reward memorisation.

# %%
stage.show("duplicates", quality.duplicates(parts, schema))

# %% [markdown]
# ## Train-holdout split
# The class shares should be similar in both parts. The holdout is not used again before the evaluation.

# %%
stage.show("split", quality.split_summary(parts, stage.request, schema), report=True)

# %%
stage.save(
    train=snapshot.train,
    holdout=snapshot.holdout,
    quarantine=arrival.quarantine,
    split=parts.table,
    schema=schema,
)

# %% [markdown]
# ## Limits
# - Kinds are inferred from the format of the values: a code that consists of digits looks like a number.
# - The data alone do not show whether the sample is representative or whether the values are correct.
