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

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.tabular import explore
from glassbox.families.tabular.fit import positive_class
from glassbox.findings import Table
from glassbox.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, schema_values = stage.load("train", "schema")
schema = Schema.model_validate(schema_values)
target = train[schema.target]
positive = positive_class(schema.classes, target, stage.request.data.positive)
found = explore.look(train, schema, positive)

# %% [markdown]
# ## What there is
# How large the table is, and of what kinds its columns are. All of this is train; the holdout stays sealed.

# %%
stage.show("shape", explore.shape(found))

# %% [markdown]
# ## The target
# How often each class is there. Accuracy means little where one class is rare.

# %%
balance = explore.balance(found)
formats = {"n": ",d", "share": ".1%", "low": ".1%", "high": ".1%"}
stage.show("target", Table.of(balance, "Classes of the target", formats=formats), report=True)

# %% [markdown]
# ## What goes with the target
# Strongest first. A column that tells no more than shuffled targets do tells nothing.

# %%
relations = explore.relations(found, stage.request.seed)
stage.show("relations", explore.relations_table(relations, found), report=True)

# %% [markdown]
# ## What goes together
# Pairs of columns that tell much the same: one of them may stand in for the other.

# %%
stage.show("pairs", explore.pairs_table(explore.pairs(found), found))

# %% [markdown]
# ## What is missing
# Which columns have gaps, which go missing together, and whether a gap says something about the target.

# %%
stage.show("missingness", explore.missingness(found))

# %% [markdown]
# ## What stands out
# Values far from the rest of their column. Far is not wrong; it is worth a look.

# %%
stage.show("outliers", explore.outliers_table(explore.outliers(found), len(train)))

# %%
stage.save()

# %% [markdown]
# ## Limits of what was shown
# - A relation with the target is no cause of it.
# - Pairs are looked at two by two; what three columns tell together is for the models to find.
