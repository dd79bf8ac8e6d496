"""A tiny sentence encoder with random weights in the real file format, for tests that need no meaningful embeddings."""

import json
from pathlib import Path


def toy_encoder(folder: Path) -> Path:
    """Write the encoder to `folder`, unless it exists already; the bytes are the same every time."""
    if (folder / "modules.json").is_file():
        return folder
    import torch
    from safetensors.torch import save
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = [
        "it",
        "is",
        "broken",
        "does",
        "not",
        "work",
        "still",
        "no",
        "answer",
        "very",
        "slow",
        "service",
        "useless",
        "parcel",
        "rude",
        "and",
        "late",
        "thank",
        "you",
        "so",
        "much",
        "works",
        "well",
        "happy",
        "with",
    ]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys([*words, *"abcdefghijklmnopqrstuvwxyz0123456789.,!?"])]
    pieces += [f"##{character}" for character in "abcdefghijklmnopqrstuvwxyz0123456789"]
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=300,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = BertModel(config).eval()
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(save({k: v.contiguous() for k, v in sorted(network.state_dict().items())}))
    tokenizer.save(str(folder / "tokenizer.json"))
    model_config = {**config.to_dict(), "architectures": ["BertModel"], "model_type": "bert"}
    special_tokens = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    for name, value in {
        "config.json": model_config,
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizerFast", "model_max_length": 256, **special_tokens},
        "special_tokens_map.json": special_tokens,
        "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True},
        "modules.json": modules,
    }.items():
        (folder / name).write_text(json.dumps(value, sort_keys=True), encoding="utf-8")
    return folder
