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
# Which data does the request read, and is its quality sufficient?

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
# All cells are read as text. The holdout is split off before anything is inferred from the data. The schema is inferred from the
# training data alone, and both parts are converted to its types.

# %%
raw, unit_findings = read(stage.request, stage.root, family.prepare_rows)
near_duplicates = family.near_duplicate_groups(raw.cells, stage.request)
parts = split(raw.cells, stage.request, near_duplicates, raw.reading)
raw = exclude_left_out(raw, parts)
schema = infer_schema(parts.train, stage.request, raw.reading)
snapshot = conform_parts(parts, schema)

# %% [markdown]
# ## Input data
# The hash identifies this set of rows. It does not depend on the order of the rows or on the names of the files.

# %%
stage.show("data_summary", quality.data_summary(raw, parts), report=True)

# %% [markdown]
# The request may state the expected number of rows. A very different number suggests that a file is wrong or incomplete.

# %%
stage.show("expected_size", quality.size_check(raw, stage.request))

# %% [markdown]
# ## Unit of observation
# One row is one example for the model. These findings describe how rows are built from the files.

# %%
stage.show_all(unit_findings, report=True)

# %% [markdown]
# ## Quarantined rows
# Rows that cannot be parsed or used for training are excluded. The quarantine file lists each of them with its line and the reason.

# %%
stage.show("quarantine", quality.quarantine(raw))

# %% [markdown]
# Some problems are repaired automatically. This list contains every repair.

# %%
stage.show("repairs", quality.repairs(raw, snapshot))

# %% [markdown]
# ## Schema
# Check the kind of each column, such as number, category or date. A wrong kind often results from unusual notation in the file.

# %%
stage.show("types", quality.types(schema))

# %% [markdown]
# ## Missing values
# Values may be missing at random, or the fact that a value is missing may itself be informative.

# %%
stage.show("missing", quality.missing(schema, snapshot))

# %% [markdown]
# The longest bar belongs to the column with the highest share of missing values.

# %%
stage.show("missing_plot", quality.missing_plot(schema))

# %% [markdown]
# ## Duplicates
# Identical rows with different targets limit the score that any model can reach. Rows in both train and holdout would reward
# memorisation.

# %%
stage.show("duplicates", quality.duplicates(parts, schema))

# %% [markdown]
# ## Train-holdout split
# The target should have a similar distribution in both parts. Only the evaluation reads the holdout.

# %%
stage.show("split", quality.split_summary(parts, stage.request, schema), report=True)

# %%
stage.save(
    train=snapshot.train,
    holdout=snapshot.holdout,
    quarantine=raw.quarantine,
    split=parts.table,
    schema=schema,
)

# %% [markdown]
# ## Limits
# - The kind of a column is inferred from the notation of its values: a code of digits is treated as a number.
# - The data alone does not show whether the sample is representative or whether the values are correct.
