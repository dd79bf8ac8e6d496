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
# What arrived, and can it be trusted?

# %% tags=["parameters"]
upstream = {}
product = None
request = "churn"

# %%
from glassbox.data import quality
from glassbox.data.ingest import conform_parts, read
from glassbox.data.schema import infer_schema
from glassbox.data.split import split
from glassbox.families.protocol import arrange_of, looks_of
from glassbox.runtime.stage import Stage

stage = Stage.open("ingest", request, upstream, product)

# %% [markdown]
# The data is read as text, cell by cell, so that nothing is guessed on the way in. Then the holdout is set apart, before
# anything is learned of the data. What each column is gets inferred on train alone, and both parts are brought into that schema.

# %%
arrival, units = read(stage.request, stage.root, arrange_of(stage.request))
parts = split(arrival.cells, stage.request, looks_of(arrival.cells, stage.request))
schema = infer_schema(parts.train, stage.request)
snapshot = conform_parts(parts, schema)

# %% [markdown]
# ## What arrived
# The hash names this very set of rows, in whatever order they stand and whatever the file is called.

# %%
stage.show("arrived", quality.data_summary(arrival, parts), report=True)

# %% [markdown]
# The request may promise a size. Far more or far fewer rows than that would point to the wrong file.

# %%
stage.show("promised", quality.size_check(arrival, stage.request))

# %% [markdown]
# ## What a row is
# What the family learns from, and what had to be done to the file to get there.

# %%
stage.show_all(units, report=True)

# %% [markdown]
# ## What was set aside
# Rows that cannot be read, or that no model can learn from, go to quarantine with their line and the reason.

# %%
stage.show("quarantine", quality.quarantine(arrival))

# %% [markdown]
# What could be mended was mended. Here is all of it, in plain words.

# %%
stage.show("repairs", quality.repairs(arrival, snapshot))

# %% [markdown]
# ## What each column is
# Read the kind first: a number that stands here as a category, or the other way round, is worth a question to whoever wrote the file.

# %%
stage.show("types", quality.types(schema))

# %% [markdown]
# ## What is missing
# A gap may be an accident, or it may say something of its row.

# %%
stage.show("missing", quality.missing(schema, snapshot))

# %% [markdown]
# The longest bar is the column with the most gaps.

# %%
stage.show("missing_drawn", quality.missing_plot(schema))

# %% [markdown]
# ## What repeats
# Rows that look the same to a model but have different targets set a limit on how right it can be. Rows that stand on both
# sides of the split could be learned by heart.

# %%
stage.show("duplicates", quality.duplicates(parts, schema))

# %% [markdown]
# ## The split
# The shares of the classes should be near each other on both sides. The holdout is not looked at again before the evaluation.

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
# ## Limits of what was shown
# Kinds are inferred from how values are written: a code made of digits looks like a number. Whether the rows were sampled
# fairly, and whether what they say is true, cannot be seen in a file.
