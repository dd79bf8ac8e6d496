"""Loading, prediction and training of spaCy's entity recogniser. No other module imports spaCy.

spaCy's training uses the global random state of the process. Each training therefore runs in a process of its own, so that parallel
trainings do not affect each other and equal seeds give equal bytes.
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
from glassbox.files import first_line, read_json, write_json

UNUSED = ("tagger", "parser", "senter", "attribute_ruler", "lemmatizer", "tok2vec", "textcat")
JOB, TRAINED = "job.json", "trained"
BATCH_SIZE = 256


def load(folder: Path) -> Any:
    """Load the pipeline in a folder, without the components that entity recognition does not need.

    Raises
    ------
    GlassboxError
        When the folder holds no spaCy pipeline, one that needs a library that is not installed (some languages do), or one without
        an entity recogniser.
    """
    try:
        with suppress_warnings():  # spaCy warns about models of another minor version, which load correctly
            import spacy

            nlp = spacy.load(folder, exclude=UNUSED)
    except Exception as error:  # of any type: spaCy and the components of the pipeline raise what they like
        raise GlassboxError(f"{folder.name}: the spaCy pipeline cannot be loaded: {first_line(error)}") from error
    if "ner" not in nlp.pipe_names:
        raise GlassboxError(
            f"{folder.name}: the pipeline has no component 'ner' (it has {', '.join(nlp.pipe_names) or 'none'}); "
            "use a pipeline with an entity recogniser."
        )
    return nlp


def recognised(nlp: Any, texts: Sequence[str]) -> list[list[Span]]:
    """Return the entities of each text, with the types of the pipeline."""
    docs = nlp.pipe(list(texts), batch_size=BATCH_SIZE)
    return [[Span(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents] for doc in docs]


def tokens(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Tokenise texts by spaCy's English rules, and return the start and end of each word."""
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
    """Train a recogniser in a separate process.

    Parameters
    ----------
    params
        ``epochs``, ``dropout``, ``learning_rate`` and ``batch`` (the maximum batch size).
    folder
        The folder for the job and its result.
    pipeline
        The pipeline to fine-tune; None trains from scratch.

    Returns
    -------
    Path
        The folder of the trained pipeline.

    Raises
    ------
    GlassboxError
        When the training process fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    job = {"texts": list(texts), "spans": [[list(span) for span in row] for row in spans], "params": dict(params), "seed": seed}
    write_json(folder / JOB, {**job, "pipeline": None if pipeline is None else str(pipeline)})
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "glassbox.families.entities.spacy_model", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise GlassboxError(
            f"training the spaCy recogniser failed with exit status {done.returncode}: {errors[-1] if errors else 'no error message'}"
        )
    (folder / JOB).unlink()
    return folder / TRAINED


def _train(job: Mapping[str, Any], target: Path) -> None:
    """Train with growing minibatches, dropout and averaged weights, as the ``spacy train`` command does."""
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


def main(folder: Path) -> None:
    """Run the training job in `folder`, in a separate process."""
    _train(read_json(folder / JOB), folder / TRAINED)


if __name__ == "__main__":
    with suppress_warnings():
        main(Path(sys.argv[1]))
