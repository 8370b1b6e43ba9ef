import numpy as np
import pytest
import torch

from fuelgauge.data.dataset import Examples
from fuelgauge.errors import FuelgaugeError
from fuelgauge.models.base import FitContext, FitError
from fuelgauge.models.charcnn import CharCNN
from fuelgauge.models.dan import DAN, MOST_GRAMS, Pool
from fuelgauge.models.texts import pairs_of, parts_of, words_of
from fuelgauge.models.tfidf import TfIdf
from fuelgauge.models.transformer import TextTransformer

CONTEXT = FitContext(0, 1, "cpu", "accuracy")


def rows(*texts: str) -> Examples:
    return Examples(np.array(texts, dtype=object), np.arange(len(texts)) % 2, "binary", 2)


def test_words_are_in_lower_case_and_signs_between_them_stand_alone():
    assert words_of("Not GOOD, is it?! :-)", 10) == ["not", "good", ",", "is", "it", "?!", ":-)"]
    assert words_of("", 10) == words_of(" \n", 10) == []


def test_a_text_of_any_length_costs_no_more_than_its_first_words():
    assert words_of("word " * 100_000, 3) == ["word"] * 3
    assert words_of("x" * 100_000, 3) == ["x" * 32]


def test_a_word_falls_into_marked_parts():
    assert pairs_of(["so", "very", "good"]) == ["so very", "very good"]
    assert pairs_of(["so"]) == pairs_of([]) == []
    assert parts_of("was", 3, 4) == ["#<wa", "#was", "#as>", "#<was", "#was>"]
    assert parts_of("a", 4, 5) == []


def test_the_vocabulary_is_that_of_the_fit_and_the_most_frequent_of_it():
    model = DAN(vocabulary=2, part_min=9, part_max=9)
    model.fit_encoder(rows("good", "bad good", "good bad and"))
    assert model.numbers == {"good": 1, "bad": 2}
    assert model.encode(rows("never seen", "and bad!", "bad bad good", "")).tolist() == [
        [0, 0, 0],
        [2, 0, 0],
        [2, 2, 1],
        [0, 0, 0],
    ]


def test_a_text_of_many_parts_is_cut():
    model = DAN(words=10_000)
    model.fit_encoder(rows("good"))
    assert model.encode(rows("good " * 10_000)).shape == (1, MOST_GRAMS)


def test_filling_up_changes_no_pooled_vector():
    torch.manual_seed(0)
    pool = Pool(5, 4)
    text = torch.tensor([[3, 1, 3]])
    expected = (2 * pool.vectors.weight[3] + pool.vectors.weight[1]) / 3**0.5
    assert torch.allclose(pool(text)[0], expected)
    assert torch.allclose(pool(torch.tensor([[3, 1, 3, 0, 0]]))[0], expected)
    assert not pool(torch.tensor([[0, 0]])).any()


def test_characters_are_marked_bytes_cut_at_the_limit_and_at_the_longest_of_the_fit():
    model = CharCNN(length=6)
    model.fit_encoder(rows("Bo", "Fido"))
    encoded = model.encode(rows("BO", "", "Rüpel-Rex", "\U0001f600" * 9))
    assert encoded.shape == (4, 6)
    assert encoded[0].tolist() == [2, *b"bo", 3, 0, 0]
    assert encoded[1].tolist() == [2, 3, 0, 0, 0, 0]
    assert encoded[2].tobytes() == b"\x02" + "rüpe".encode()
    model.fit_encoder(rows("a" * 100_000))
    assert model.encode(rows("Bo")).shape == (1, 8)


def test_half_a_character_pair_is_a_text_too():
    model = CharCNN()
    model.fit_encoder(rows("\ud83d"))
    assert model.encode(rows("\ud83d")).tolist() == [[2, *b"?", 3]]


def test_texts_without_a_word_are_a_failure_of_tf_idf_that_says_so():
    with pytest.raises(FitError, match="none of the 2 training texts holds a word or a sign") as caught:
        TfIdf().fit(rows("", "  "), rows("a"), CONTEXT)
    assert isinstance(caught.value, FuelgaugeError)


def test_tf_idf_counts_only_the_n_grams_of_the_fit():
    model = TfIdf(max_features=3)
    model.fit(rows("good film", "bad film", "good tea"), rows("a"), CONTEXT)
    assert model.count_parameters() == 3 + 3 + 1
    unseen = model.predict(rows("qwx", "zzz"))
    assert np.array_equal(unseen[0], unseen[1])


def text_transformer() -> TextTransformer:
    model = TextTransformer(vocabulary=3, words=4)
    model.fit_encoder(rows("good film", "a good film", "good tea"))
    return model


def test_the_words_of_a_transformer_are_the_most_frequent_of_the_fit_in_their_order():
    model = text_transformer()
    assert model.numbers == {"good": 1, "film": 2, "a": 3}
    assert model.encode(rows("a never seen film", "", "good good good good good")).tolist() == [
        [3, 2, 0, 0],
        [0, 0, 0, 0],
        [1, 1, 1, 1],
    ]


def test_a_transformer_reads_words_in_order_and_takes_a_batch_of_empty_texts():
    model = text_transformer()
    torch.manual_seed(0)
    net = model.network(torch.zeros(1, 4, dtype=torch.int32), 2).eval()
    net[0].vectors.weight.data *= 100  # as large as learned ones
    one, other = net(torch.tensor([[1, 2, 0, 0], [2, 1, 0, 0]]))
    assert not torch.allclose(one, other)
    alone = net(torch.tensor([[1, 2, 0, 0]]))
    among = net(torch.tensor([[1, 2, 0, 0], [1, 2, 3, 3]]))[:1]
    assert torch.allclose(among, alone, atol=1e-5)
    assert torch.isfinite(net(torch.zeros(3, 4, dtype=torch.int32))).all()
