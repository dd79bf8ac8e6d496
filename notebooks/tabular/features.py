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
# # Features
# What will the model see, and what must it never see?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import metrics
from glassbox.families.classification.dataset import problem_of
from glassbox.families.classification.folds import duplicates_across, folds_table, groups_of, make_folds
from glassbox.families.tabular.imbalance import imbalance
from glassbox.families.tabular.leakage import audit, identifiers, leaks_table
from glassbox.families.tabular.recipe import default_recipe
from glassbox.families.tabular.recipe_table import recipe_table
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
asked = stage.request

# %% [markdown]
# ## Folds
# Every model is judged on rows that it did not learn from. Which rows these are is decided by a hash of each row's name, so
# neither the order of the rows nor a new column moves one. Rows that belong together stay together.

# %%
grouped_by = asked.split.column if asked.split.by == "group" else None
groups = groups_of(train, group=grouped_by, row_name=asked.data.id)
folds = make_folds(train["row_id"], train[schema.target], asked.folds, seed=asked.seed, groups=groups)
problem = problem_of(train, schema.target, schema.classes, folds, positive=asked.data.positive)
stage.show("folds", folds_table(folds, train, schema.target, schema.classes))

# %% [markdown]
# ## Does anything give the answer away?
# Each column is asked alone, out of fold: a column that predicts the target by itself was often written down after the fact.
# What is suspected is left out, unless the request allows it by name.

# %%
timed_by = asked.split.column if asked.split.by == "time" else None
cutoff = asked.split.cutoff if timed_by else None
leaks = audit(problem, schema, allow=asked.data.allow, time=timed_by, cutoff=cutoff)
stage.show("leaks", leaks_table(leaks), report=True)

# %% [markdown]
# Columns that name the row help on rows already seen and on no others.

# %%
stage.show("identifiers", identifiers(leaks, schema.id))

# %% [markdown]
# The same row in train and in the holdout would be judged by heart. The holdout itself stays closed: only the names and
# hashes of its rows are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %% [markdown]
# ## The recipe
# What is done with each column. Medians, scales and categories are learnt inside folds only, from the rows that teach.
# These settings, and the treatment of any column, can be changed here.

# %%
settings = {"one_hot_up_to": 30, "min_frequency": 0.005}
edits = {}  # such as {"income": "log", "street": "left out"}

# %%
recipe = default_recipe(schema, leaks, asked.data.allow, **settings).edited(edits)
stage.show("recipe", recipe_table(recipe, schema), report=True)

# %% [markdown]
# ## Is the rarer class overlooked?
# A model that never names the rare class can still look accurate. Here one cheap model is fitted with classes as they are
# and with classes weighed evenly: weights are worth having only if the ranking of rows gets better.

# %%
leading = metrics.leading_metric(asked.requirements)
resamples = metrics.RESAMPLES[asked.cost]
test_of_weights = imbalance(
    problem,
    recipe,
    metric=leading,
    seed=asked.seed,
    resamples=resamples,
    memo=stage.cache,
    threads=stage.threads,
    workers=stage.workers,
)
stage.show("imbalance", test_of_weights)

# %%
stage.save(recipe=recipe, folds=folds, leaks=leaks)

# %% [markdown]
# ## Limits of what was shown
# - A leak that hides in two columns together, each harmless alone, is not found here.
# - A column that was honest when this data was written down may be filled in later in daily use: only someone who knows how
#   it comes about can tell.
# - Folds judge on rows of the same time and place as those that teach. If the world drifts, all folds drift together.
