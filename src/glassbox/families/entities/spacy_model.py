"""spaCy's recogniser: the only importer of spaCy. Loaded, asked, and trained in a process of its own.

Training draws from the process's own random numbers, so two trainings side by side would disturb each other; in processes of their
own, each with its seed, they give the same bytes whatever runs beside them.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glassbox.errors import GlassboxError
from glassbox.families.entities.spans import Span
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.files import read_json, write_json

OTHERS = ("tagger", "parser", "senter", "attribute_ruler", "lemmatizer", "tok2vec", "textcat")
JOB, TRAINED = "job.json", "trained"
AT_ONCE = 256


def load(folder: Path) -> Any:
    """The recogniser in a folder, without the parts of a pipeline that it does not need.

    Raises
    ------
    GlassboxError
        When the folder holds no pipeline with a recogniser of entities.
    """
    try:
        with suppress_warnings():  # that a model was made by another minor version is no fault
            import spacy

            nlp = spacy.load(folder, exclude=OTHERS)
    except (OSError, ValueError) as error:
        raise GlassboxError(f"{folder.name}: is no spaCy pipeline: {str(error).splitlines()[0]}") from error
    if "ner" not in nlp.pipe_names:
        raise GlassboxError(
            f"{folder.name}: this pipeline recognises no entities (it has {', '.join(nlp.pipe_names) or 'no parts'})."
        )
    return nlp


def recognised(nlp: Any, texts: Sequence[str]) -> list[list[Span]]:
    """The entities of each text, under the recogniser's own types."""
    found = nlp.pipe(list(texts), batch_size=AT_ONCE)
    return [[Span(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents] for doc in found]


def tokens(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Where spaCy's English rules begin and end the words of each text."""
    with suppress_warnings():
        import spacy

    tokenizer = spacy.blank("en").tokenizer
    return [[(word.idx, word.idx + len(word)) for word in tokenizer(text) if not word.is_space] for text in texts]


def train(
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    params: Mapping[str, Any],
    folder: Path,
    *,
    seed: int,
    pipeline: Path | None,
) -> Path:
    """Train a recogniser in a process of its own.

    Parameters
    ----------
    params
        ``epochs``, ``dropout``, ``learning_rate``, ``batch`` (the largest).
    folder
        Where job and result are put.
    pipeline
        The pipeline that it starts from; None starts from nothing.

    Returns
    -------
    Path
        The folder of the trained recogniser.

    Raises
    ------
    GlassboxError
        When the training fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = {"texts": list(texts), "spans": [[list(span) for span in row] for row in spans], "params": dict(params), "seed": seed}
    write_json(folder / JOB, {**told, "pipeline": None if pipeline is None else str(pipeline)})
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "glassbox.families.entities.spacy_model", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise GlassboxError(
            f"the training of the recogniser ended with {done.returncode}: {said[-1] if said else 'nothing was said'}"
        )
    (folder / JOB).unlink()
    return folder / TRAINED


def _train(job: Mapping[str, Any], target: Path) -> None:
    """The training itself: minibatches that grow, dropout, averaged weights, as spaCy's own command does."""
    import numpy as np
    import spacy
    from spacy.training import Example
    from spacy.util import compounding, fix_random_seed, minibatch

    params = {"epochs": 3, "dropout": 0.2, "learning_rate": 0.001, "batch": 64, **job["params"]}
    fix_random_seed(int(job["seed"]))
    nlp = load(Path(job["pipeline"])) if job["pipeline"] else spacy.blank("en")
    types = sorted({kind for row in job["spans"] for _, _, kind in row})
    recogniser = nlp.get_pipe("ner") if "ner" in nlp.pipe_names else nlp.add_pipe("ner")
    for kind in types:
        recogniser.add_label(kind)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"entities": [tuple(span) for span in row]})
        for text, row in zip(job["texts"], job["spans"], strict=True)
    ]
    optimiser = nlp.resume_training() if job["pipeline"] else nlp.initialize(lambda: examples)
    optimiser.learn_rate = float(params["learning_rate"])
    rng = np.random.default_rng(int(job["seed"]))
    for _ in range(int(params["epochs"])):
        shuffled = [examples[i] for i in rng.permutation(len(examples))]
        for batch in minibatch(shuffled, size=compounding(16.0, float(params["batch"]), 1.001)):
            nlp.update(batch, sgd=optimiser, drop=float(params["dropout"]))
    with nlp.use_params(optimiser.averages):
        nlp.to_disk(target)


def known_types(nlp: Any) -> list[str]:
    """The types that a recogniser can say."""
    return sorted(nlp.get_pipe("ner").labels)


def main(folder: Path) -> None:
    """Do the job in `folder`."""
    _train(read_json(folder / JOB), folder / TRAINED)


if __name__ == "__main__":
    with suppress_warnings():
        main(Path(sys.argv[1]))
