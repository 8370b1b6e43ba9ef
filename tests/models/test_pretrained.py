import subprocess
import sys

import numpy as np
import pytest

from fuelgauge.data.dataset import Examples
from fuelgauge.models import wordllama
from fuelgauge.models.base import FitContext, FitError
from fuelgauge.models.wordllama import WordLlama, embedder

CONTEXT = FitContext(0, 1, "cpu", "accuracy")


def rows(texts: list[str], task: str = "binary") -> Examples:
    y = np.arange(len(texts)) % 2
    return Examples(np.array(texts, dtype=object), y if task == "binary" else y.astype(float), task, 2)


def test_an_embedding_is_the_mean_of_the_vectors_of_the_tokens():
    tokens = embedder().tokenizer.encode("good film", add_special_tokens=False).ids
    assert len(tokens) == 2
    expected = (embedder().vectors[tokens[0]] + embedder().vectors[tokens[1]]) / 2
    assert embedder().embed("good film") == pytest.approx(expected)
    assert embedder().vectors.shape == (32_000, 256)


def test_a_text_without_tokens_is_embedded_as_zeros():
    assert not embedder().embed("").any()
    assert embedder().embed("").shape == (256,)


def test_meanings_that_are_near_are_near():
    def alike(one: str, other: str) -> float:
        a, b = embedder().embed(one), embedder().embed(other)
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert alike("an excellent movie", "a wonderful film") > alike(
        "an excellent movie", "a broken washing machine"
    )


def test_the_files_are_read_once_a_process_and_are_no_part_of_the_model():
    assert embedder() is embedder()
    model = WordLlama()
    model.fit(rows(["good", "bad"] * 4), rows(["good"]), CONTEXT)
    assert set(vars(model)) == {"C", "characters", "max_iter", "scaler", "regression"}
    assert model.count_parameters() == 256 + 1


def test_only_the_first_characters_are_read():
    model = WordLlama(characters=4)
    assert np.array_equal(model.embed(rows(["good"])), model.embed(rows(["good film" * 1000])))


def test_half_a_character_pair_is_a_text_too():
    assert np.isfinite(embedder().embed("\ud83d good")).all()


def test_words_that_no_training_text_held_are_understood():
    praise = ["great film", "lovely story", "wonderful actors", "a superb plot"]
    blame = ["awful film", "horrible story", "terrible actors", "a dreadful plot"]
    mixed = [text for pair in zip(praise, blame, strict=True) for text in pair]
    new = rows(["excellent", "horrendous", "fantastic", "abysmal"])
    model = WordLlama()
    model.fit(rows(mixed), rows(["good"]), CONTEXT)
    first = model.predict(new)[:, 0]
    assert min(first[0], first[2]) > max(first[1], first[3])
    model.fit(rows(mixed, "regression"), rows(["good"], "regression"), CONTEXT)
    values = model.predict(rows(list(new.x), "regression"))
    assert max(values[0], values[2]) < min(values[1], values[3])


def test_a_strong_penalty_leaves_the_shares_of_the_classes():
    model = WordLlama(C=1e-9)
    model.fit(rows(["good film", "bad film", "so good", "so bad"]), rows(["good"]), CONTEXT)
    assert model.predict(rows(["bad"])) == pytest.approx(0.5, abs=1e-3)


def test_loading_asks_no_network_and_leaves_the_logs_as_they_were():
    script = (
        "import logging, socket\n"
        "def refuse(*_): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = refuse\n"
        "from fuelgauge.models.wordllama import embedder\n"
        "assert embedder().embed('good').any()\n"
        "assert not logging.getLogger().handlers and logging.getLogger().level == logging.WARNING\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(wordllama, "find_spec", lambda _: None)
    with pytest.raises(FitError, match="the package wordllama is not installed"):
        embedder.__wrapped__()


def test_other_vectors_than_those_meant_are_refused(monkeypatch):
    monkeypatch.setattr(wordllama, "WEIGHTS", (wordllama.WEIGHTS[0], "0" * 64))
    with pytest.raises(FitError, match="is not the file that this model is made for; install wordllama as"):
        embedder.__wrapped__()
