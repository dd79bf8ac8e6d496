"""Why a text is called what it is called: what each of its words adds (Shapley values), the surest mistakes, the weightiest words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.classification.baseline_and_ensemble import Ensemble
from glassbox.families.classification.calibration.apply import log_odds
from glassbox.families.classification.class_report import surest_mistakes
from glassbox.families.classification.dataset import codes_of
from glassbox.families.classification.example_selection import worth_a_look
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.families.text.corpus import Floats
from glassbox.families.text.explore import clip
from glassbox.families.text.ngram_models import TermModel
from glassbox.families.text.predictor import TextPredictor
from glassbox.families.text.protocols import Model
from glassbox.findings.model import Mark, Passage, Passages, Table
from glassbox.findings.wording import clean, number

EVALUATIONS = 200  # of the model for one text: as far as groups of words are taken apart
MOST_WORDS = 160  # texts up to this length are explained
FAINT = 0.08  # of the strongest: what adds less is not marked
MISTAKES = 6


def _pieces(text: str) -> list[tuple[int, int]]:
    """Where the words of a text are, each with the space after it."""
    starts = [i for i in range(len(text)) if i == 0 or (text[i - 1] == " " and text[i] != " ")]
    return list(zip(starts, [*starts[1:], len(text)][: len(starts)], strict=True))


def _tokenizer(text: str, return_offsets_mapping: bool = True) -> dict[str, Any]:
    """Words as SHAP's masker of texts takes them."""
    spans = _pieces(text)
    found: dict[str, Any] = {"input_ids": [text[a:b] for a, b in spans]}
    return {**found, "offset_mapping": spans} if return_offsets_mapping else found


def attributions(predictor: TextPredictor, texts: Sequence[str]) -> list[Floats]:
    """For each text what its words add to the log-odds of each class, (words, classes).

    Owen values over a tree of neighbouring words (SHAP's partition explainer; Lundberg and Lee 2017): within `EVALUATIONS` asks, words
    that were not taken apart share what they add together.
    """
    with suppress_warnings():
        from shap.explainers import Partition
        from shap.maskers import Text

    asked = replace(predictor, store=None)  # texts with words left out are not worth keeping

    def ask(varied: Any) -> Floats:
        return log_odds(asked.proba_of([str(text) for text in varied]))

    masker = Text(_tokenizer, collapse_mask_token=True)  # what is left out becomes an ellipsis, which no model counts as a word
    explainer = Partition(ask, masker, output_names=predictor.classes)
    found = []
    for text in texts:
        value = explainer([text], max_evals=EVALUATIONS, batch_size=EVALUATIONS, silent=True)
        found.append(np.asarray(value.values[0], dtype=np.float64).reshape(-1, len(predictor.classes)))
    return found


def explained(predictor: TextPredictor, holdout: pd.DataFrame) -> Passages:
    """Three texts that are worth a look, with what spoke for and against what the model said of them."""
    rows = holdout.sort_values("row_id", kind="stable").reset_index(drop=True)
    texts = predictor.recipe.texts(rows)
    able = np.array([3 <= len(text.split()) <= MOST_WORDS for text in texts], dtype=bool)
    if not able.any():
        return Passages(title="Why", say=f"No text has {MOST_WORDS} words or fewer.", passages=[])
    rows, texts = rows[able].reset_index(drop=True), [text for text, kept in zip(texts, able, strict=True) if kept]
    proba, truth = predictor.proba_of(texts), codes_of(rows[predictor.schema.target], predictor.classes)
    cases = worth_a_look(proba, truth, predictor.positive_at, predictor.threshold)
    passages = []
    for case, found in zip(cases, attributions(predictor, [texts[case.at] for case in cases]), strict=True):
        said, right = predictor.classes[case.label], predictor.classes[truth[case.at]]
        head = f"{case.why}: {clean(said)} with a probability of {number(float(proba[case.at, case.label]), '.0%')}; it is {clean(right)}"
        passages.append(Passage(head=head, text=texts[case.at], marks=marks(texts[case.at], found[:, case.label])))
    return Passages(
        title="Why, in single texts",
        say="Marked is what speaks for what the model said (solid line) and against it (dashed), the more strongly the darker.",
        passages=passages,
        note=f"Shapley values of groups of neighbouring words, on log-odds; of texts with {MOST_WORDS} words or fewer.",
    )


def marks(text: str, values: Floats) -> list[Mark]:
    """The words of a text that add something, with their weight from -1 to 1.

    >>> [(m.start, m.end, m.weight) for m in marks("so good", np.array([0.0, 2.0]))]
    [(3, 7, 1.0)]
    """
    strongest = float(np.abs(values).max(initial=0.0))
    if strongest == 0:
        return []
    found = []
    for (start, end), value in zip(_pieces(text), values, strict=True):
        weight = float(value) / strongest
        if abs(weight) >= FAINT:
            found.append(Mark(start=start, end=start + len(text[start:end].rstrip()), weight=round(weight, 3)))
    return found


def mistakes(predictor: TextPredictor, holdout: pd.DataFrame, predicted: pd.DataFrame) -> Passages:
    """The mistakes that the model was surest of, as texts."""
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    wrong, sure = surest_mistakes(predicted, predictor.classes)
    order = wrong[:MISTAKES]
    texts = predictor.recipe.texts(rows.iloc[order])
    passages = [
        Passage(
            head=f"Called {clean(predicted['y_pred'].iloc[i])} with {number(float(sure[i]), '.1%')}, labelled {clean(predicted['y_true'].iloc[i])}",
            text=clip(text, 420),
        )
        for i, text in zip(order, texts, strict=True)
    ]
    if not passages:
        return Passages(title="The surest mistakes", say="No text of the holdout was called wrong.", passages=[])
    say = f"{len(wrong):,} of {len(predicted):,} texts are called wrong; of these the model was surest."
    return Passages(
        title="The surest mistakes",
        say=say,
        passages=passages,
        note="Read them before the model: some are labelled wrong, or say both.",
    )


def weighty_words(predictor: TextPredictor, most: int = 12) -> Table:
    """The n-grams that weigh most in the strongest part of the model that is made of words."""
    found = _of_words(predictor.model, predictor.params)
    title = "What weighs most"
    if found is None:
        return Table.of(
            pd.DataFrame(columns=["class", "n-grams"]), title, say="The model is not made of words; the texts below say more."
        )
    name, model = found
    weights = model.head.weights.astype(np.float64)
    binary = weights.shape[1] == 1
    rows = []
    for k, label in enumerate(predictor.classes):
        column = (weights[:, 0] if k == 1 else -weights[:, 0]) if binary else weights[:, k] - weights.mean(axis=1)
        best = np.lexsort((np.arange(len(column)), -column))[:most]
        rows.append({"class": label, "n-grams": ", ".join(model.vocabulary.terms[i].strip() for i in best)})
    return Table.of(pd.DataFrame(rows), title, say=f"The n-grams with the largest weights for each class, of {name}.")


def _of_words(model: Model, params: dict[str, Any]) -> tuple[str, TermModel] | None:
    if isinstance(model, TermModel):
        return "the model", model
    if isinstance(model, Ensemble):
        able = [
            (weight, told["name"], member)
            for weight, told, member in zip(model.weights, params["members"], model.members, strict=True)
            if isinstance(member, TermModel) and member.vocabulary.grams.unit == "words"
        ]
        if able:
            _, name, member = max(able, key=lambda item: (item[0], item[1]))
            return f"{name}, the heaviest member that reads words", member
    return None
