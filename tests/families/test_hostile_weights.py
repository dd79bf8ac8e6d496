"""Tests of folders of pretrained models that cannot be loaded: one sentence that names the folder, and no code is run."""

import contextlib
import json
import pickle
import shutil
from pathlib import Path

import pytest

from glassbox.errors import GlassboxError
from glassbox.families.entities import spacy_model
from glassbox.families.entities.tokens import Tokens
from glassbox.families.text.encoder import Encoder
from glassbox.families.text.network import pretrained
from toy_encoder import toy_encoder


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy_encoder(tmp_path / "encoder")


def _add_dense(folder: Path) -> Path:
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir()
    settings = {"in_features": 16, "out_features": 8, "bias": True, "activation_function": "torch.nn.modules.linear.Identity"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(settings))
    return folder / "2_Dense"


def test_a_dense_part_that_is_a_pickle_is_refused(folder: Path, tmp_path: Path) -> None:
    (_add_dense(folder) / "pytorch_model.bin").write_bytes(pickle.dumps(_Touch(tmp_path / "executed")))
    with pytest.raises(GlassboxError, match=r"encoder: 2_Dense/pytorch_model\.bin is not a safetensors file.*convert"):
        _ = Encoder(folder).model
    assert not (tmp_path / "executed").exists()


def test_a_pickle_beside_safetensors_or_outside_the_parts_is_ignored(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"ignored")
    (folder / "openvino").mkdir()
    (folder / "openvino" / "openvino_model.bin").write_bytes(b"ignored")
    assert Encoder(folder).encode_one("it works").shape == (2, 16)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model_type": "none"}'])
def test_a_damaged_encoder_raises_no_other_error(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with contextlib.suppress(GlassboxError):  # some damages leave a usable encoder; no other error may be raised
        Encoder(folder).encode_one("it works")


def test_a_missing_dense_part_is_named(folder: Path) -> None:
    shutil.rmtree(_add_dense(folder))
    with pytest.raises(GlassboxError, match="encoder is not a sentence encoder: "):
        _ = Encoder(folder).model


def test_a_damaged_network_is_named(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(GlassboxError, match="encoder is not a pretrained network: "):
        _ = Tokens(folder).parts
    with pytest.raises(GlassboxError, match="encoder is not a pretrained network: "):
        pretrained(folder, "AutoModelForTokenClassification", 2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"spacy.Tokenizer.v1"', '"spacy.ja.JapaneseTokenizer"'),  # needs a library that is not installed
        ('"spacy.Tokenizer.v1"', '"no.such.tokenizer"'),
        ('lang = "en"', 'lang = "no-such-language"'),
        ("[nlp]", "[nlp"),
    ],
)
def test_a_spacy_pipeline_that_cannot_be_loaded_is_named(tmp_path: Path, old: str, new: str) -> None:
    import spacy

    folder = tmp_path / "pipeline"
    spacy.blank("en").to_disk(folder)
    text = (folder / "config.cfg").read_text()
    assert old in text
    (folder / "config.cfg").write_text(text.replace(old, new))
    with pytest.raises(GlassboxError, match=r"^pipeline: the spaCy pipeline cannot be loaded: "):
        spacy_model.load(folder)
