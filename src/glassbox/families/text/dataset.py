"""What every stage of texts works on: train as texts in canonical order, with folds, varied twins and the encoder of the request."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.data.weights import locate
from glassbox.families.classification.dataset import problem_of
from glassbox.families.shared.cross_fit import Progress
from glassbox.families.text.augment import synonyms, vary
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.encoder import Encoder, Remembered
from glassbox.families.text.fit import TextDataset
from glassbox.families.text.recipe import Recipe

if TYPE_CHECKING:
    from glassbox.request.model import Request


def texts_of(
    train: pd.DataFrame,
    schema: Schema,
    recipe: Recipe,
    folds: pd.DataFrame | None,
    request: "Request",
    root: Path,
    kept: Path | None,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> TextDataset:
    """The rows of train as texts, sorted by ``row_id``.

    Parameters
    ----------
    kept
        The folder in which embeddings are kept by content (`Stage.kept`).
    """
    assert schema.target is not None, "a schema of classes has a target"
    problem = problem_of(train, schema.target, schema.classes or [], folds, positive=request.data.positive)
    encoder = encoder_of(request, root, recipe)
    encode = None if encoder is None else Remembered(encoder, kept, workers, progress)
    corpus = Corpus(recipe.texts(problem.frame), encode=encode)
    return TextDataset(problem, with_twins(corpus, recipe, request.seed), encoder)


def encoder_of(request: "Request", root: Path, recipe: Recipe) -> Encoder | None:
    """The sentence encoder that the request names, reading as far as the recipe says; None when it names none."""
    address = request.weights.encoder
    return None if address is None else Encoder(locate(address, root), recipe.most_tokens)


def with_twins(corpus: Corpus, recipe: Recipe, seed: int) -> Corpus:
    """A corpus with the varied twins that the recipe asks for."""
    if recipe.variation == "none":
        return corpus
    return Corpus(corpus.texts, vary(corpus.texts, recipe.variation, seed, like_of(corpus)), corpus.encode)


def like_of(corpus: Corpus) -> Mapping[str, str]:
    """Words of like meaning, where there is an encoder to tell them."""
    return {} if corpus.encode is None else synonyms(corpus, corpus.encode)
