import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.preprocessing import StandardScaler

from fuelgauge.data.dataset import Examples
from fuelgauge.models.preprocessing import (
    MAX_CATEGORIES,
    ChannelScaler,
    ColumnsEncoder,
    DenseEncoder,
    RankScaler,
    RobustScaler,
    bin_edges,
)


def rows(x) -> Examples:
    categorical = ("kind",) if isinstance(x, pd.DataFrame) and "kind" in x else ()
    return Examples(x, np.zeros(len(x)), "regression", 0, categorical)


def encoded(train, test) -> np.ndarray:
    return DenseEncoder().fit(rows(train)).transform(rows(test))


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, 2, shape).astype(np.float32)


def test_a_sequence_without_gaps_is_flattened_and_scaled_bit_for_bit_as_by_scikit_learn():
    x = noise(50, 6, 2)
    assert np.array_equal(encoded(x, x), StandardScaler().fit_transform(x.reshape(50, 12)))


def test_a_missing_value_becomes_the_median_of_the_fit_with_a_column_that_says_so():
    train = noise(101, 3)
    train[::4, 1] = np.nan
    matrix = encoded(train, np.array([[3, np.nan, 3], [3, np.nanmedian(train[:, 1]), 3]], dtype=np.float32))
    assert matrix.shape == (2, 4)
    assert matrix[0, 1] == pytest.approx(matrix[1, 1])
    assert matrix[0, 3] > 0 > matrix[1, 3]


def test_a_value_missing_only_after_the_fit_becomes_the_mean():
    test = noise(5, 4, 1)
    test[2, 3] = np.nan
    matrix = encoded(noise(30, 4, 1), test)
    assert matrix.shape == (5, 4)
    assert matrix[2, 3] == 0


@pytest.mark.parametrize("constant", [7.0, 0.1, np.nan])
def test_what_never_varied_in_the_fit_is_nothing_ever_after(constant):
    train, test = noise(30, 3), noise(4, 3, seed=1)
    train[:, 1] = constant
    assert not encoded(train, test)[:, 1].any()
    assert not encoded(pd.DataFrame(train), pd.DataFrame(test))[:, 1].any()


def test_the_pixels_of_an_image_share_a_scale():
    train = np.random.default_rng(0).integers(0, 100, (20, 4, 4, 1)).astype(np.uint8)
    train[:, 0, 0] = 0  # a border that is dark in every row of the fit
    test = np.full((1, 4, 4, 1), 255, dtype=np.uint8)
    matrix = encoded(train, test)
    assert matrix.shape == (1, 16)
    assert matrix.dtype == np.float32
    assert np.unique(matrix) == pytest.approx((255 - train.mean()) / train.std())


def test_an_outlier_is_clipped():
    test = noise(2, 3)
    test[0, 0] = 1e30
    assert encoded(noise(30, 3), test).max() == 10


def test_rare_categories_share_a_column_and_so_does_an_unseen_one():
    counts = [3] * (MAX_CATEGORIES - 1) + [1] * 1000
    train = pd.DataFrame({"kind": np.repeat([f"c{i}" for i in range(len(counts))], counts).astype(object)})
    test = pd.DataFrame({"kind": np.array(["c0", "c999", "never seen"], dtype=object)})
    matrix = encoded(train, test)
    assert matrix.shape == (3, MAX_CATEGORIES)
    assert matrix.sum(axis=1).tolist() == [1, 1, 1]
    assert np.array_equal(matrix[1], matrix[2])


def test_few_categories_have_a_column_each_and_an_unseen_one_has_none():
    train = pd.DataFrame({"kind": np.array(["a", "b", None], dtype=object)})
    assert encoded(train, pd.DataFrame({"kind": np.array(["never seen"], dtype=object)})).tolist() == [
        [0, 0, 0]
    ]


def test_a_channel_is_scaled_by_what_is_known_of_it():
    x = noise(40, 5, 3)
    x[:, :, 1] *= 1000
    x[:, :, 2] = np.nan
    x[3, 2, 0] = np.nan
    scaled = ChannelScaler().fit(x).transform(x)
    assert scaled.shape == x.shape
    assert np.isfinite(scaled).all()
    assert scaled[:, :, :2].std(axis=(0, 1)) == pytest.approx(1, abs=0.01)
    assert scaled[3, 2, 0] == 0
    assert not scaled[:, :, 2].any()


@pytest.mark.parametrize("value", [0.1, 0.3, 1.7, 1000.1, np.nan])
def test_a_channel_that_does_not_vary_in_the_fit_is_0_ever_after(value):
    fitted = noise(97, 40, 2)
    fitted[..., 1] = value
    scaler, seen = ChannelScaler().fit(fitted), noise(20, 40, 2)
    assert not scaler.transform(fitted)[..., 1].any()
    assert not scaler.transform(seen)[..., 1].any()
    assert scaler.transform(seen)[..., 0].std() > 0.5


def test_one_channel_is_scaled_bit_for_bit_by_the_mean_and_deviation_of_all_its_values():
    x = noise(97, 40, 1)
    expected = (x - float(x.mean())) / float(x.std())
    assert np.array_equal(ChannelScaler().fit(x).transform(x), expected)


def test_what_is_encoded_is_left_as_it_was():
    x = noise(10, 4, 2)
    x[0, 0, 0] = np.nan
    before = x.copy()
    encoded(x, x)
    ChannelScaler().fit(x).transform(x)
    assert np.array_equal(x, before, equal_nan=True)


def test_the_robust_scale_has_median_0_and_quartiles_1_apart_and_ends_smoothly():
    column = np.arange(9.0)[:, None]  # median 4, quartiles 2 and 6
    scaler = RobustScaler().fit(column)
    linear = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    expected = linear / np.sqrt(1 + (linear / 3) ** 2)
    assert scaler.transform(np.array([[0.0], [2], [4], [6], [8]])).ravel() == pytest.approx(expected)
    assert scaler.transform(np.array([[1e9], [-1e9]])).ravel() == pytest.approx([3, -3])


def test_a_column_of_equal_quartiles_is_scaled_by_its_range_and_a_constant_one_is_0():
    x = np.zeros((20, 2))
    x[0, 0], x[1, 0] = 4.0, -4.0
    assert RobustScaler().fit(x).transform(np.array([[4.0, 7.0]])) == pytest.approx(
        np.array([[1 / np.sqrt(1 + 1 / 9), 0]])
    )


def test_ranks_become_normal_deviates_and_a_constant_column_is_0():
    x = np.column_stack([np.exp(np.arange(1001.0) / 100), np.full(1001, 5.0)])
    scaled = RankScaler(1001).fit(x).transform(np.array([[np.exp(5.0), 5], [np.exp(8.41), 6], [1e9, 5]]))
    assert scaled[0, 0] == pytest.approx(0, abs=0.05)
    assert scaled[1, 0] == pytest.approx(1, abs=0.05)  # 84% of the rows lie below
    assert 4 < scaled[2, 0] < 6
    assert not scaled[:, 1].any()


def test_many_rows_at_an_end_share_the_middle_of_their_ranks():
    x = np.concatenate([np.zeros(400), np.linspace(1, 2, 600)])[:, None]
    at_end, inside = RankScaler(1000).fit(x).transform(np.array([[0.0], [1.5]]))[:, 0]
    assert at_end == pytest.approx(stats.norm.ppf(0.2), abs=0.1)
    assert inside == pytest.approx(stats.norm.ppf(0.7), abs=0.02)


@pytest.mark.parametrize("scaling", ["robust", "quantile"])
def test_columns_are_numbers_then_marks_of_missing_ones_then_codes(scaling):
    train = pd.DataFrame({"a": [1.0, 2, 3, np.nan, 5], "b": np.arange(5.0), "kind": [*"xyxy", None]})
    encoder = ColumnsEncoder(scaling).fit(rows(train))
    assert (encoder.n_numbers, encoder.cardinalities) == (3, (3,))
    test = pd.DataFrame({"a": [np.nan, 2.5], "b": [2.0, np.nan], "kind": ["new", "y"]})
    matrix = encoder.transform(rows(test))
    assert matrix.dtype == np.float32
    assert matrix[0, 0] == pytest.approx(matrix[1, 0], abs=1e-6)  # the median of 1, 2, 3, 5 is 2.5
    assert matrix[:, 1] == pytest.approx([0, 0], abs=1e-4)
    assert matrix[:, 2].tolist() == [1, 0]
    assert matrix[:, 3].tolist() == [0, 2]
    assert encoder.transform(rows(train))[:, 3].tolist() == [1, 2, 1, 2, 0]


def test_the_rarest_of_many_categories_share_a_code():
    names = [*(f"c{i:03d}" for i in range(MAX_CATEGORIES + 50)), *["c000"] * 9]
    encoder = ColumnsEncoder("robust").fit(rows(pd.DataFrame({"kind": names})))
    assert (encoder.n_numbers, encoder.cardinalities) == (0, (MAX_CATEGORIES + 1,))
    codes = encoder.transform(rows(pd.DataFrame({"kind": ["c000", *names[1:306], "other"]}))).ravel()
    together = [code for code in set(codes) if (codes == code).sum() > 1]
    assert [(codes == code).sum() for code in together] == [51]  # 255 have their own code
    assert codes[0] not in together
    assert codes[-1] == 0


def test_bins_lie_between_distinct_quantiles_and_a_constant_column_has_one():
    numbers = np.stack([np.arange(5.0), np.array([0, 0, 0, 0, 8.0]), np.full(5, 7.0)], axis=1)
    assert [column.tolist() for column in bin_edges(numbers, 2)] == [[0, 2, 4], [0, 8], [0, 1]]
    assert bin_edges(numbers, 64)[0].tolist() == [0, 1, 2, 3, 4], "bins are fewer than the rows"


@pytest.mark.parametrize(("rows", "edges"), [([[3.0]], [0, 1]), ([[1.0], [2.0]], [1, 2])])
def test_one_and_two_rows_have_bins_too(rows, edges):
    assert bin_edges(np.array(rows), 8)[0].tolist() == edges
