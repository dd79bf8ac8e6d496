"""Explanations of text classifiers: Shapley values of words, the most confident errors, and the n-grams with the largest weights."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.classification.baseline_and_ensemble import Ensemble
from glassbox.families.classification.calibration.apply import log_odds
from glassbox.families.classification.class_report import confident_errors
from glassbox.families.classification.dataset import codes_of
from glassbox.families.classification.example_selection import select_examples
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.families.text.corpus import Floats
from glassbox.families.text.explore import clip
from glassbox.families.text.ngram_models import NgramModel
from glassbox.families.text.predictor import TextPredictor
from glassbox.families.text.protocols import Model
from glassbox.findings.model import Mark, Passage, Passages, Table
from glassbox.findings.wording import clean, number

EVALUATIONS = 200  # of the model for one text: more of them split groups of words further
MOST_WORDS = 160  # longer texts are not explained
FAINT = 0.08  # of the largest contribution: words that contribute less are not marked
MAX_ERRORS = 6
EXPLAINED, ERRORS = "Explanations of single predictions", "Error analysis"


def _pieces(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each word of a text, including the space after it."""
    starts = [i for i in range(len(text)) if i == 0 or (text[i - 1] == " " and text[i] != " ")]
    return list(zip(starts, [*starts[1:], len(text)][: len(starts)], strict=True))


def _tokenizer(text: str, return_offsets_mapping: bool = True) -> dict[str, Any]:
    """Tokenise a text into words in the format of SHAP's text masker."""
    spans = _pieces(text)
    tokens: dict[str, Any] = {"input_ids": [text[a:b] for a, b in spans]}
    return {**tokens, "offset_mapping": spans} if return_offsets_mapping else tokens


def attributions(predictor: TextPredictor, texts: Sequence[str]) -> list[Floats]:
    """Return the contribution of each word of each text to the log-odds of each class, of shape (words, classes).

    Contributions are Owen values over a tree of adjacent words (SHAP's partition explainer; Lundberg and Lee 2017). Words that are not
    split within `EVALUATIONS` evaluations of the model share the contribution of their group.
    """
    with suppress_warnings():
        from shap.explainers import Partition
        from shap.maskers import Text

    uncached = replace(predictor, store=None)  # masked texts do not recur, so their embeddings are not cached

    def predict_log_odds(masked: Any) -> Floats:
        return log_odds(uncached.proba_of([str(text) for text in masked]))

    masker = Text(_tokenizer, collapse_mask_token=True)  # a masked word becomes an ellipsis, which no model counts as a word
    explainer = Partition(predict_log_odds, masker, output_names=predictor.classes)
    values = []
    for text in texts:
        explanation = explainer([text], max_evals=EVALUATIONS, batch_size=EVALUATIONS, silent=True)
        values.append(np.asarray(explanation.values[0], dtype=np.float64).reshape(-1, len(predictor.classes)))
    return values


def example_explanations(predictor: TextPredictor, holdout: pd.DataFrame) -> Passages:
    """Explain three predictions: the most confident correct one, the most confident error and the most uncertain one."""
    rows = holdout.sort_values("row_id", kind="stable").reset_index(drop=True)
    texts = predictor.recipe.texts(rows)
    short = np.array([3 <= len(text.split()) <= MOST_WORDS for text in texts], dtype=bool)
    if not short.any():
        return Passages(title=EXPLAINED, say=f"No text has {MOST_WORDS} words or fewer.", passages=[])
    rows, texts = rows[short].reset_index(drop=True), [text for text, fits in zip(texts, short, strict=True) if fits]
    proba, truth = predictor.proba_of(texts), codes_of(rows[predictor.schema.target], predictor.classes)
    examples = select_examples(proba, truth, predictor.positive_at, predictor.threshold)
    passages = []
    for example, values in zip(examples, attributions(predictor, [texts[example.at] for example in examples]), strict=True):
        i, k = example.at, example.label
        probability = number(float(proba[i, k]), ".0%")
        head = f"{example.why}: predicted {clean(predictor.classes[k])} ({probability}), true class {clean(predictor.classes[truth[i]])}"
        passages.append(Passage(head=head, text=texts[i], marks=marks(texts[i], values[:, k])))
    return Passages(
        title=EXPLAINED,
        say="A solid line marks words that support the predicted class, a dashed line words that oppose it; darker means stronger.",
        passages=passages,
        note=f"Shapley values of groups of adjacent words, on the log-odds scale; only texts of at most {MOST_WORDS} words are explained.",
    )


def marks(text: str, values: Floats) -> list[Mark]:
    """Return the words of a text that contribute to a prediction, with their weight from -1 to 1.

    >>> [(m.start, m.end, m.weight) for m in marks("so good", np.array([0.0, 2.0]))]
    [(3, 7, 1.0)]
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0:
        return []
    marked = []
    for (start, end), value in zip(_pieces(text), values, strict=True):
        weight = float(value) / largest
        if abs(weight) >= FAINT:
            marked.append(Mark(start=start, end=start + len(text[start:end].rstrip()), weight=round(weight, 3)))
    return marked


def error_examples(predictor: TextPredictor, holdout: pd.DataFrame, predicted: pd.DataFrame) -> Passages:
    """Return the errors with the highest predicted probability, as texts."""
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    wrong, confidence = confident_errors(predicted, predictor.classes)
    order = wrong[:MAX_ERRORS]
    texts = predictor.recipe.texts(rows.iloc[order])
    passages = [
        Passage(
            head=f"Predicted {clean(predicted['y_pred'].iloc[i])} ({number(float(confidence[i]), '.1%')}), "
            f"labelled {clean(predicted['y_true'].iloc[i])}",
            text=clip(text, 420),
        )
        for i, text in zip(order, texts, strict=True)
    ]
    if not passages:
        return Passages(title=ERRORS, say="The model classifies every text of the holdout correctly.", passages=[])
    say = f"The model misclassifies {len(wrong):,} of {len(predicted):,} texts; these are its most confident errors."
    return Passages(
        title=ERRORS,
        say=say,
        passages=passages,
        note="Check the labels first: some texts may be mislabelled or ambiguous.",
    )


def top_ngrams(predictor: TextPredictor, most: int = 12) -> Table:
    """Return the n-grams with the largest weights for each class, of the model or of its heaviest n-gram member."""
    ngram_model = _ngram_model_of(predictor.model, predictor.params)
    title = "Feature importance"
    if ngram_model is None:
        return Table.of(
            pd.DataFrame(columns=["class", "n-grams"]),
            title,
            say="The model has no weights for n-grams; see the explanations of single predictions below.",
        )
    name, model = ngram_model
    weights = model.head.weights.astype(np.float64)
    binary = weights.shape[1] == 1
    rows = []
    for k, label in enumerate(predictor.classes):
        column = (weights[:, 0] if k == 1 else -weights[:, 0]) if binary else weights[:, k] - weights.mean(axis=1)
        largest = np.lexsort((np.arange(len(column)), -column))[:most]
        rows.append({"class": label, "n-grams": ", ".join(model.vocabulary.terms[i].strip() for i in largest)})
    return Table.of(pd.DataFrame(rows), title, say=f"The n-grams with the largest weights for each class, in {name}.")


def _ngram_model_of(model: Model, params: dict[str, Any]) -> tuple[str, NgramModel] | None:
    if isinstance(model, NgramModel):
        return "the model", model
    if isinstance(model, Ensemble):
        word_members = [
            (weight, description["name"], member)
            for weight, description, member in zip(model.weights, params["members"], model.members, strict=True)
            if isinstance(member, NgramModel) and member.vocabulary.grams.unit == "words"
        ]
        if word_members:
            _, name, member = max(word_members, key=lambda item: (item[0], item[1]))
            return f"{name}, the member with the largest weight among the word models", member
    return None
