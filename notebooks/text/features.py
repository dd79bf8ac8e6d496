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
request = "reviews"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import metrics
from glassbox.families.classification.folds import duplicates_across, folds_table, make_folds
from glassbox.families.text import leakage
from glassbox.families.text.augment import worth_varying
from glassbox.families.text.dataset import like_of, texts_of
from glassbox.families.text.recipe import default_recipe, recipe_table
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
asked = stage.request

# %% [markdown]
# ## Folds
# All choices are made on these. Texts that share nearly all their words are kept in one fold.

# %%
groups = split.set_index("row_id")["content"].reindex(train["row_id"]).tolist()
folds = make_folds(train["row_id"], train[schema.target], asked.folds, seed=asked.seed, groups=groups)
stage.show("folds", folds_table(folds, train, schema.target, schema.classes))

# %% [markdown]
# ## The recipe
# What is done to a text before any model sees it, here and in the service alike. These settings can be changed.

# %%
most_tokens = {"low": 48, "medium": 96, "high": 256}[asked.cost]  # half from the beginning, half from the end of a text
settings = {"markup": True, "encoding": True, "most_characters": 20_000, "most_tokens": most_tokens}

# %%
recipe = default_recipe(schema, asked.data.features, **settings)
texts = texts_of(
    train, schema, recipe, folds, asked, stage.root, stage.vector_cache_dir, workers=stage.workers, progress=stage.progress
)

# %% [markdown]
# ## Leaks
# A word that alone decides the class is rarely what a text is about: more often it is a signature, a header, or the label itself.

# %%
suspects = leakage.audit(texts.corpus, texts.problem)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %%
stage.show("not_read", leakage.not_read(recipe.columns, [column.name for column in schema.features]))

# %% [markdown]
# A text of the holdout that stands in train as well, but for a few words, would be judged by heart. The holdout itself stays closed:
# only the names of its rows, and of the groups of texts that are alike, are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %% [markdown]
# ## Augmentation
# Each text of a fold's train once more, with words left out, swapped, or replaced by near ones. It is kept only if folds say that it helps.

# %%
variations = {"low": ["dropout"], "medium": ["dropout", "swap"], "high": ["dropout", "swap", "synonyms"]}[asked.cost]
leading = metrics.leading_metric(asked.requirements)
kept, tested = worth_varying(
    texts,
    variations,
    metric=leading,
    seed=asked.seed,
    resamples=metrics.RESAMPLES[asked.cost],
    memo=stage.cache,
    threads=stage.threads,
    workers=stage.workers,
    like=like_of(texts.corpus) if "synonyms" in variations else None,
)
stage.show("augmentation", tested)

# %%
recipe = recipe.model_copy(update={"variation": kept})
stage.show("recipe", recipe_table(recipe, schema), report=True)

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits of what was shown
# - The test of augmentation is made with a cheap model; a dear one may gain where that does not.
# - A mark of the source that is spread over several words is not found here.
# - Folds judge on texts of the same time and place as those that teach. If the talk of the day changes, all folds change together.
