import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuelgauge.errors import ConfigError
from fuelgauge.features._text import engineered, statistics
from fuelgauge.spec.features import TextSettings

SETTINGS = TextSettings()
N_STATISTICS = len(statistics(""))


def featurize(*texts: str) -> np.ndarray:
    """Return the engineered features of texts."""
    return engineered(np.array(texts, dtype=object), SETTINGS)


def test_statistics_of_a_known_text():
    found = statistics("Good GOOD food!! Is it 42?\nNaïve...")
    assert found == {
        "log_characters": math.log1p(35),
        "log_words": math.log1p(7),
        "log_sentences": math.log1p(3),
        "log_lines": math.log1p(1),
        "mean_word_length": pytest.approx((4 + 4 + 4 + 2 + 2 + 2 + 5) / 7),
        "log_longest_word": math.log1p(5),
        "log_longest_run": math.log1p(3),
        "distinct_words": pytest.approx(6 / 7),
        "words_in_capitals": pytest.approx(1 / 7),
        "words_with_capital": pytest.approx(4 / 7),
        "upper_case": pytest.approx(7 / 35),
        "digits": pytest.approx(2 / 35),
        "spaces": pytest.approx(6 / 35),
        "punctuation": pytest.approx(6 / 35),
        "exclamation_marks": pytest.approx(2 / 35),
        "question_marks": pytest.approx(1 / 35),
        "non_ascii": pytest.approx(1 / 35),
    }


def test_an_empty_text_is_all_zeros():
    assert not featurize("").any()
    assert featurize("").shape == (1, 1024 + N_STATISTICS)


def test_equal_texts_have_equal_features_and_case_is_told_by_statistics_alone():
    first, again, shouted, other = featurize("a fine film", "a fine film", "A FINE FILM", "a dull film")
    assert np.array_equal(first, again)
    assert np.array_equal(first[:1024], shouted[:1024])
    assert not np.array_equal(first[1024:], shouted[1024:])
    assert not np.array_equal(first[:512], other[:512])
    assert not np.array_equal(first[512:1024], other[512:1024])


def test_hashed_parts_have_length_one_and_grow_slower_than_counts():
    once, often = featurize("dull", "dull " * 100)
    assert np.linalg.norm(once[:512]) == pytest.approx(1)
    assert np.linalg.norm(once[512:1024]) == pytest.approx(1)
    assert np.count_nonzero(once[:512]) == 1
    counted = np.sort(np.abs(often[:512][often[:512] != 0]))  # "dull" 100 times, "dull dull" 99 times
    assert counted[1] / counted[0] == pytest.approx(math.log1p(100) / math.log1p(99))


def test_words_and_signs_are_told_apart():
    hashed = featurize("don't", "dont", ":)", ":(")[:, :512]
    assert len({row.tobytes() for row in hashed}) == 4
    assert np.count_nonzero(hashed, axis=1).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("text", ["x" * 100_000, "so good! " * 11_112, "\n" * 100_000, "é" * 100_000])
def test_a_very_long_text_works(text):
    assert np.isfinite(featurize(text)).all()


@given(st.lists(st.text(max_size=60), min_size=1, max_size=6), st.data())
@settings(max_examples=50, deadline=None)
def test_features_of_a_text_depend_on_that_text_alone(texts, data):
    together = featurize(*texts)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    order = data.draw(st.permutations(range(len(texts))))
    assert np.array_equal(featurize(*(texts[row] for row in order)), together[order])
    for row, text in enumerate(texts):
        assert np.array_equal(featurize(text)[0], together[row])


def test_no_rows_have_as_many_features():
    assert featurize().shape == (0, 1024 + N_STATISTICS)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"word_buckets": 0}, "feature_set.text.word_buckets is 0; it must be at least 1"),
        (
            {"character_ngrams": [3, 2]},
            r"feature_set.text.character_ngrams is \[3, 2\]; write the least and the greatest length",
        ),
        ({"word_ngrams": [1]}, r"feature_set.text.word_ngrams is \[1\]"),
    ],
)
def test_a_wrong_setting_is_said(wrong, sentence):
    with pytest.raises(ConfigError, match=sentence):
        TextSettings(**wrong)
