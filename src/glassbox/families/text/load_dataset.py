"""Construction of text datasets from the inputs of a stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.data.weights import locate
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.text.augment import augment_texts, synonyms
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.dataset import TextDataset
from glassbox.families.text.encoder import CachedEncoder, Encoder
from glassbox.families.text.recipe import Recipe
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.request.model import Request


def text_dataset(
    train: pd.DataFrame,
    schema: Schema,
    recipe: Recipe,
    folds: pd.DataFrame | None,
    request: "Request",
    resources: Resources,
) -> TextDataset:
    """Return the dataset of the training texts, sorted by ``row_id``."""
    assert schema.target is not None, "a schema with classes has a target"
    data = labelled_rows(train, schema.target, schema.classes or [], folds, positive=request.data.positive)
    encoder = encoder_of(request, resources.root, recipe)
    encode = (
        None if encoder is None else CachedEncoder(encoder, resources.vector_cache_dir, resources.workers, resources.progress)
    )
    corpus = Corpus(recipe.texts(data.frame), encode=encode)
    return TextDataset(data, augmented(corpus, recipe, request.seed), encoder)


def encoder_of(request: "Request", root: Path, recipe: Recipe) -> Encoder | None:
    """Return the sentence encoder of the request, limited to the recipe's number of tokens; None if the request names none."""
    address = request.weights.encoder
    return None if address is None else Encoder(locate(address, root), recipe.most_tokens)


def augmented(corpus: Corpus, recipe: Recipe, seed: int) -> Corpus:
    """Return a corpus with the augmented copies of the recipe."""
    if recipe.variation == "none":
        return corpus
    return Corpus(corpus.texts, augment_texts(corpus.texts, recipe.variation, seed, synonyms_of(corpus)), corpus.encode)


def synonyms_of(corpus: Corpus) -> Mapping[str, str]:
    """Return synonyms by embedding similarity; empty without an encoder."""
    return {} if corpus.encode is None else synonyms(corpus, corpus.encode)
