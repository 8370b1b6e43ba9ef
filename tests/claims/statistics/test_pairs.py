"""Known answers: ratios, slopes and crossovers are found, and the intervals hold what they say."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fuelgauge.claims.statistics.cube import cubes
from fuelgauge.claims.statistics.pairs import (
    COLUMNS,
    PairBatch,
    compare,
    compare_models,
    is_readable,
    relative_gap,
    shown_orders,
)
from tests.claims.worlds import (
    ANCHORS,
    Noise,
    coverage,
    draw,
    exponential,
    one_row_a_pair,
    power_law,
    sigmoid,
    trial_table,
    true_crossover,
    true_ratios,
    true_slope,
)

REPEATS = [5, pytest.param(10, marks=pytest.mark.slow)]
N_WORLDS = 500
N_WORLDS_SLOW = 4000
STRETCHED = (power_law(1.0, 0.4, 0.05, stretch=2.0), power_law(1.0, 0.4, 0.05))
CROSSING = (power_law(3.0, 0.5, 0.05), power_law(1.0, 0.3, 0.05))
PARALLEL = (lambda n: 1.03 * STRETCHED[1](n), STRETCHED[1])
IDENTICAL = (STRETCHED[1], STRETCHED[1])
WORLDS = {"stretched": STRETCHED, "crossing": CROSSING, "parallel": PARALLEL, "identical": IDENTICAL}
# Strongly bent in log n and log loss; a stretch of 1.5 reads A's curve between its anchors.
BENT = {
    "asymptote": (power_law(20.0, 1.0, 0.05, stretch=1.5), power_law(20.0, 1.0, 0.05)),
    "exponential": (exponential(0.5, 0.05, 300, stretch=1.5), exponential(0.5, 0.05, 300)),
    "sigmoid": (sigmoid(0.5, 0.02, 400, 2, stretch=1.5), sigmoid(0.5, 0.02, 400, 2)),
    "crossing sigmoid": (sigmoid(0.6, 0.03, 300, 2), power_law(1.0, 0.35, 0.05)),
    "crossing exponential": (exponential(0.5, 0.04, 500), power_law(0.9, 0.35, 0.08)),
}
FINE_ANCHORS = np.round(32 * 2 ** (np.arange(17) / 2))
LITTLE_NOISE = Noise(repeat=0.02, rows=0.005, model=0.005, own=0.01)
NO_DATASETS = pd.DataFrame({"test_share": 0.0}, index=["d"])


def tolerated(n_worlds: int) -> tuple[float, float]:
    """The required 93 to 97%, widened by two standard errors of the simulation itself."""
    noise = 2 * np.sqrt(0.95 * 0.05 / n_worlds)
    return 0.93 - noise, 0.97 + noise


def assert_known_answers(world: str, n_repeats: int, n_worlds: int, seed: int = 0) -> None:
    truth_a, truth_b = WORLDS[world]
    pairs = compare(draw(truth_a, truth_b, n_worlds, n_repeats, seed))
    single = one_row_a_pair(pairs)
    least, most = tolerated(n_worlds)
    ratios = true_ratios(truth_a, truth_b)
    readable = ANCHORS[is_readable(ANCHORS)]
    for n, ratio in zip(readable, ratios, strict=True):
        rows = pairs[pairs["n"] == n]
        assert least <= coverage(rows["der_lo"], rows["der_hi"], ratio) <= most, f"DER({n})"
        assert np.median(rows["der"]) == pytest.approx(ratio, rel=0.02), f"DER({n})"
    median = np.exp(np.median(np.log(ratios)))
    assert least <= coverage(single["der_median_lo"], single["der_median_hi"], median) <= most
    assert np.exp(np.log(single["der_median"]).mean()) == pytest.approx(median, rel=0.02)
    slope = true_slope(truth_a, truth_b)
    assert least <= coverage(single["slope_lo"], single["slope_hi"], slope) <= most
    assert single["slope"].mean() == pytest.approx(slope, rel=0.02, abs=5e-4)


@pytest.mark.parametrize("n_repeats", REPEATS)
@pytest.mark.parametrize("world", WORLDS)
def test_ratios_and_slopes_are_known_answers(world: str, n_repeats: int) -> None:
    assert_known_answers(world, n_repeats, N_WORLDS)


@pytest.mark.slow
@pytest.mark.parametrize("n_repeats", [3, 5, 10])
@pytest.mark.parametrize("world", WORLDS)
def test_ratios_and_slopes_are_known_answers_in_many_worlds(world: str, n_repeats: int) -> None:
    assert_known_answers(world, n_repeats, N_WORLDS_SLOW, seed=1)


def assert_unbiased(found: pd.Series, truth: float, name: str) -> None:
    """Assert that the middle of what was found is within 2% of the truth and two standard errors."""
    quarter, middle, three_quarters = np.log(found.quantile([0.25, 0.5, 0.75]))
    error = 1.2533 * (three_quarters - quarter) / 1.349 / np.sqrt(len(found))  # of a median of normal values
    assert abs(middle - np.log(truth)) < 0.02 + 2 * error, name


def assert_known_answers_on_bent_curves(
    world: str, anchors: np.ndarray, noise: Noise, n_repeats: int
) -> None:
    truth_a, truth_b = BENT[world]
    pairs = compare(draw(truth_a, truth_b, N_WORLDS, n_repeats, noise=noise, anchors=anchors))
    least, most = tolerated(N_WORLDS)
    ratios = true_ratios(truth_a, truth_b, anchors)
    for n, ratio in zip(anchors[is_readable(anchors)], ratios, strict=True):
        rows = pairs[pairs["n"] == n]
        assert least <= coverage(rows["der_lo"], rows["der_hi"], ratio) <= most, f"DER({n})"
        assert_unbiased(rows["der"], ratio, f"DER({n})")
    single = one_row_a_pair(pairs)
    median = np.exp(np.median(np.log(ratios)))
    assert least <= coverage(single["der_median_lo"], single["der_median_hi"], median) <= most
    assert_unbiased(single["der_median"], median, "median")
    if world.startswith("crossing"):
        crossover = true_crossover(truth_a, truth_b, anchors)
        assert (single["crossover_above"] == "a").mean() > 0.99
        assert least <= coverage(single["crossover_lo"], single["crossover_hi"], crossover) <= most
        assert_unbiased(single["crossover"], crossover, "crossover")


@pytest.mark.parametrize("n_repeats", REPEATS)
@pytest.mark.parametrize("anchors", [ANCHORS, FINE_ANCHORS], ids=["factor 2", "factor sqrt 2"])
@pytest.mark.parametrize("world", BENT)
def test_ratios_and_crossovers_on_bent_curves_are_known_answers(
    world: str, anchors: np.ndarray, n_repeats: int
) -> None:
    assert_known_answers_on_bent_curves(world, anchors, Noise(), n_repeats)


@pytest.mark.slow
@pytest.mark.parametrize("n_repeats", [5, 10])
@pytest.mark.parametrize("world", BENT)
def test_bent_curves_with_little_noise_are_known_answers_on_fine_anchors(world: str, n_repeats: int) -> None:
    assert_known_answers_on_bent_curves(world, FINE_ANCHORS, LITTLE_NOISE, n_repeats)


def assert_covered_where_repeats_share_rows(world: str, n_repeats: int, n_worlds: int, seed: int = 0) -> None:
    """Repeats correlate as Nadeau and Bengio assume: 2000 rows to draw from, 500 to test on."""
    truth_a, truth_b = WORLDS[world]
    pairs = compare(draw(truth_a, truth_b, n_worlds, n_repeats, seed, test_share=0.25))
    single = one_row_a_pair(pairs)
    least, _ = tolerated(n_worlds)
    ratios = true_ratios(truth_a, truth_b)
    truths = {"der_median": np.exp(np.median(np.log(ratios))), "slope": true_slope(truth_a, truth_b)}
    for name, truth in truths.items():
        assert coverage(single[f"{name}_lo"], single[f"{name}_hi"], truth) >= least, name
    for n, ratio in zip(ANCHORS[is_readable(ANCHORS)], ratios, strict=True):
        rows = pairs[pairs["n"] == n]
        assert coverage(rows["der_lo"], rows["der_hi"], ratio) >= least, f"DER({n})"
    for n, truth in zip(ANCHORS, truth_a(ANCHORS) / truth_b(ANCHORS), strict=True):
        rows = pairs[pairs["n"] == n]
        assert coverage(rows["loss_ratio_lo"], rows["loss_ratio_hi"], truth) >= least, f"loss ratio({n})"


@pytest.mark.parametrize("n_repeats", REPEATS)
def test_intervals_cover_where_repeats_share_rows(n_repeats: int) -> None:
    assert_covered_where_repeats_share_rows("stretched", n_repeats, N_WORLDS)


@pytest.mark.slow
@pytest.mark.parametrize("n_repeats", [3, 5, 10])
@pytest.mark.parametrize("world", WORLDS)
def test_intervals_cover_where_repeats_share_rows_in_many_worlds(world: str, n_repeats: int) -> None:
    assert_covered_where_repeats_share_rows(world, n_repeats, N_WORLDS_SLOW, seed=1)


def test_without_the_correction_repeats_that_share_rows_promise_too_much() -> None:
    single = one_row_a_pair(compare(replace(draw(*STRETCHED, N_WORLDS, 10, test_share=0.25), test_share=0.0)))
    assert coverage(single["slope_lo"], single["slope_hi"], true_slope(*STRETCHED)) < 0.85


def slope_by_hand(batch: PairBatch, repeats: list[int]) -> float:
    """The slope of the first pair of a batch, from some of its repeats."""
    late = batch.anchors >= 64
    loss_a, loss_b = (loss[0][late][:, repeats].mean(axis=1) for loss in (batch.loss_a, batch.loss_b))
    return float(np.polyfit(np.log2(batch.anchors[late]), np.log(loss_a / loss_b), 1)[0])


def test_the_corrected_interval_by_hand() -> None:
    batch = draw(*CROSSING, 1, 5, test_share=0.25)
    left_out = [slope_by_hand(batch, [j for j in range(5) if j != gone]) for gone in range(5)]
    slope, jackknife = slope_by_hand(batch, [0, 1, 2, 3, 4]), np.sqrt(4 / 5 * 5 * np.var(left_out))
    error = jackknife * np.sqrt(1 + 5 * 0.25)
    reach = 2.776445 * error  # t with four degrees of freedom
    row = compare(batch).iloc[0]
    assert [row["slope_lo"], row["slope_hi"]] == pytest.approx([slope - reach, slope + reach])
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(slope) / error, 4))


@pytest.mark.parametrize("test_share", [0.0, 0.25])
def test_the_slope_interval_and_its_p_value_agree(test_share: float) -> None:
    single = one_row_a_pair(compare(draw(*PARALLEL, N_WORLDS, 5, test_share=test_share)))
    leaves_zero_out = (single["slope_lo"] > 0) | (single["slope_hi"] < 0)
    assert 5 < leaves_zero_out.sum() < 100
    assert (leaves_zero_out == (single["p_value"] < 0.05)).all()


def test_the_correction_widens_every_interval_of_losses_and_none_of_times() -> None:
    trials = table_of_two()
    apart, _ = compare_models(cubes(trials), NO_DATASETS)
    sharing, _ = compare_models(cubes(trials), NO_DATASETS.assign(test_share=0.25))
    for name in ("der", "der_median", "crossover", "loss_ratio"):
        found = apart[f"{name}_hi"].notna() & np.isfinite(sharing[f"{name}_hi"])
        assert found.any(), name
        closed = found & (apart[f"{name}_lo"] > 0)
        assert (sharing[f"{name}_lo"][closed] < apart[f"{name}_lo"][closed]).all(), name
        assert (sharing[f"{name}_hi"][found] > apart[f"{name}_hi"][found]).all(), name
    factor = (sharing["slope_hi"] - sharing["slope_lo"]) / (apart["slope_hi"] - apart["slope_lo"])
    assert factor.to_numpy() == pytest.approx(1.5)  # sqrt(1 + 5 / 4)
    times = [column for column in COLUMNS if column.startswith("time_")]
    pd.testing.assert_frame_equal(sharing[times], apart[times])


@pytest.mark.parametrize("test_share", [0.0, 0.25])
@pytest.mark.parametrize("n_repeats", REPEATS)
def test_the_crossover_is_a_known_answer(n_repeats: int, test_share: float) -> None:
    single = one_row_a_pair(compare(draw(*CROSSING, N_WORLDS, n_repeats, test_share=test_share)))
    least, most = tolerated(N_WORLDS)
    truth = true_crossover(*CROSSING)
    assert (single["crossover_above"] == "a").mean() > 0.99
    assert least <= coverage(single["crossover_lo"], single["crossover_hi"], truth) <= most
    assert np.exp(np.log(single["crossover"]).mean()) == pytest.approx(truth, rel=0.02)


def merging(n: np.ndarray) -> np.ndarray:
    return IDENTICAL[0](n) * (1 + 5 * (n / 32) ** -1.5)


@pytest.mark.parametrize("n_repeats", REPEATS)
@pytest.mark.parametrize("noise", [Noise(), Noise(model=0.0, own=0.05)], ids=["shared", "independent"])
@pytest.mark.parametrize(
    "truth_a", [PARALLEL[0], IDENTICAL[0], merging], ids=["parallel", "identical", "merging"]
)
def test_no_crossover_is_claimed_where_there_is_none(truth_a, noise: Noise, n_repeats: int) -> None:
    single = one_row_a_pair(compare(draw(truth_a, IDENTICAL[1], N_WORLDS, n_repeats, noise=noise)))
    assert (single["crossover_kind"] == "not shown").mean() >= 0.95


@pytest.mark.parametrize("n_repeats", REPEATS)
@pytest.mark.parametrize("test_share", [0.0, 0.15])
def test_no_order_is_claimed_at_any_size_where_curves_are_identical(
    n_repeats: int, test_share: float
) -> None:
    noise = Noise(model=0.0, own=0.05)
    pairs = compare(draw(*IDENTICAL, 600, n_repeats, noise=noise, test_share=test_share))
    claims_any = (pairs["better"] != "").groupby(pairs["model_a"]).any()
    assert claims_any.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


@pytest.mark.parametrize("factor", [1.0, 1.03])
@pytest.mark.parametrize("world", ["exponential", "sigmoid"])
def test_no_crossover_is_claimed_between_bent_curves_that_have_none(world: str, factor: float) -> None:
    truth = BENT[world][1]
    single = one_row_a_pair(compare(draw(lambda n: factor * truth(n), truth, N_WORLDS, 5)))
    assert (single["crossover_kind"] == "not shown").mean() >= 0.95


def test_p_values_are_uniform_where_there_is_nothing() -> None:
    single = one_row_a_pair(compare(draw(*IDENTICAL, 2000, 5, anchors=ANCHORS[:5])))
    assert (single["p_value"] < 0.05).mean() == pytest.approx(0.05, abs=0.015)


def test_der_is_read_from_64_rows_to_a_quarter_of_the_largest_anchor() -> None:
    pairs = compare(draw(*STRETCHED, 1, 5))
    assert pairs.loc[pairs["der"].notna(), "n"].tolist() == [64, 128, 256, 512, 1024, 2048]


def test_a_ratio_that_is_not_reached_is_censored_above_and_its_inverse_below() -> None:
    far = power_law(1.0, 0.4, 0.05, stretch=10_000.0)
    batch = draw(far, STRETCHED[1], 1, 5)
    row = compare(batch).iloc[2]
    assert (row["censored"], row["der"], row["der_hi"]) == ("above", 8192 / 128, np.inf)
    assert row["der_median_censored"] == "above" and row["der_median_lo"] >= 4
    inverse = compare(draw(STRETCHED[1], far, 1, 5)).iloc[2]
    assert (inverse["censored"], inverse["der"], inverse["der_lo"]) == ("below", 32 / 128, 0)


def test_a_tie_at_zero_does_not_make_the_other_middle_ratio_certain() -> None:
    worlds = (power_law(1.0, 0.4, 0.05, stretch=1.5), power_law(1.0, 0.4, 0.05))
    batch = draw(*worlds, 100, 5, anchors=ANCHORS[:7])
    # both reach zero at 256 rows, so the ratios are 1.5, some ratio r, 1 and 1: the median is that of 1 and r
    at_zero = (ANCHORS[:7] >= 256)[:, None]
    found = compare(replace(batch, loss_a=batch.loss_a * ~at_zero, loss_b=batch.loss_b * ~at_zero))
    single = one_row_a_pair(found)
    at_128 = found.loc[found["n"] == 128, "der"].to_numpy()
    assert single["der_median"].to_numpy() == pytest.approx(np.sqrt(at_128))
    wide = np.log(single["der_median"] / single["der_median_lo"])
    assert (wide > 0.005).mean() > 0.95


@pytest.mark.parametrize(("stretch", "side"), [(0.2, "below"), (10.0, "above")])
def test_a_median_beyond_the_measured_range_is_a_bound_with_an_open_end(stretch: float, side: str) -> None:
    worlds = power_law(1.0, 0.4, 0.05, stretch), power_law(1.0, 0.4, 0.05)
    pairs = compare(draw(*worlds, 100, 5, anchors=ANCHORS[:7], noise=LITTLE_NOISE))
    # n is 64 to 512; two are censored, since a fifth of 128 is below 32, ten times 256 above 2048
    assert (pairs["censored"] == side).groupby(pairs["model_a"]).sum().eq(2).all()
    single = one_row_a_pair(pairs)
    assert (single["der_median_censored"] == side).all()
    bound = {"below": 32 / 128, "above": 2048 / 256}[side]
    assert single["der_median"].median() == pytest.approx(np.sqrt(bound * stretch), rel=0.02)
    closed, open_end = ("hi", "lo") if side == "below" else ("lo", "hi")
    assert (single[f"der_median_{open_end}"] == {"below": 0, "above": np.inf}[side]).all()
    reach = np.log(single[f"der_median_{closed}"] / single["der_median"]).abs()
    assert (reach > 0).all() and (reach < 0.5).all()


def test_models_that_tie_need_the_same_rows_and_never_cross() -> None:
    trials = trial_table({"d": {"a": ("deep", STRETCHED[0])}})
    twin = trials.assign(model="b")
    pairs, _ = compare_models(cubes(pd.concat([trials, twin]).assign(level="model")), NO_DATASETS)
    assert (pairs["der"].dropna() == 1).all()
    assert (pairs["slope"] == 0).all() and (pairs["p_value"] == 1).all()
    assert (pairs["crossover_kind"] == "not shown").all() and (pairs["better"] == "").all()


def table_of_two(**kwargs) -> pd.DataFrame:
    models = {"a": ("deep", CROSSING[0]), "b": ("linear", CROSSING[1])}
    return trial_table({"d": models}, **kwargs).assign(level="model")


def test_both_orders_are_given_and_mirror_each_other() -> None:
    pairs, warnings = compare_models(cubes(table_of_two()), NO_DATASETS)
    assert list(pairs.columns) == COLUMNS and not warnings
    ab, ba = (pairs[pairs["model_a"] == name].reset_index() for name in "ab")
    assert ab["slope"].to_numpy() == pytest.approx(-ba["slope"].to_numpy())
    assert (ab["crossover_above"][0], ba["crossover_above"][0]) == ("a", "b")
    assert (ab["better"].map({"a": "b", "b": "a", "": ""}) == ba["better"]).all()
    assert ab["crossover"][0] == pytest.approx(ba["crossover"][0])


def test_one_repeat_gives_numbers_without_intervals() -> None:
    pairs, _ = compare_models(cubes(table_of_two(n_repeats=1)), NO_DATASETS)
    assert pairs["slope"].notna().all() and pairs["der"].notna().any()
    for column in ("der_lo", "der_hi", "slope_lo", "slope_hi", "p_value"):
        assert pairs[column].isna().all()


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_one_repeat_has_no_interval_where_the_median_is_censored_either(factor: float) -> None:
    trials = table_of_two(n_repeats=1)
    trials.loc[trials["model"] == "a", "loss"] *= factor
    pairs, _ = compare_models(cubes(trials), NO_DATASETS)
    assert set(pairs["der_median_censored"]) == {"above", "below"}
    assert pairs[["der_median_lo", "der_median_hi"]].isna().all(axis=None)


def test_missing_anchors_and_repeats_leave_what_both_have() -> None:
    trials = table_of_two()
    gone = ((trials["model"] == "a") & (trials["n_train"] == 256)) | (
        (trials["model"] == "b") & (trials["n_train"] == 1024) & (trials["repeat"] == 3)
    )
    pairs, _ = compare_models(cubes(trials[~gone]), NO_DATASETS)
    assert 256 not in set(pairs["n"]) and 1024 in set(pairs["n"])
    full, _ = compare_models(cubes(trials), NO_DATASETS)
    assert pairs["slope"][0] == pytest.approx(full["slope"][0], abs=0.02)


def test_pairs_without_common_anchors_are_left_out_and_said() -> None:
    trials = table_of_two()
    shifted = trials[trials["model"] == "b"].assign(n_train=lambda t: t["n_train"] + 1)
    pairs, warnings = compare_models(cubes(pd.concat([trials[trials["model"] == "a"], shifted])), NO_DATASETS)
    assert pairs.empty and "1 pairs share fewer than two anchors" in warnings[0]


def test_zero_losses_are_borne() -> None:
    trials = table_of_two()
    trials.loc[(trials["model"] == "a") & (trials["n_train"] >= 1024), "loss"] = 0.0
    pairs, _ = compare_models(cubes(trials), NO_DATASETS)
    ab, ba = (pairs[pairs["model_a"] == name].set_index("n") for name in "ab")
    assert np.isfinite(ab["slope"]).all()
    assert (ba.loc[[1024, 2048], "censored"] == "above").all()
    assert (ab.loc[[1024, 2048], "der"] < 1).all()


def test_anchors_at_which_either_loss_is_zero_are_left_out_of_the_slope_without_a_warning() -> None:
    """The losses stay in the ratio 2 up to 512 rows; then A is zero, and at last B is zero, too."""
    exact = Noise(0, 0, 0, 0)
    models = {"a": ("deep", lambda n: 2 * n**-0.5), "b": ("linear", lambda n: n**-0.5)}
    trials = trial_table({"d": models}, noise=exact).assign(level="model")
    trials.loc[(trials["model"] == "a") & (trials["n_train"] >= 1024), "loss"] = 0.0
    trials.loc[trials["n_train"] == 8192, "loss"] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs, _ = compare_models(cubes(trials), NO_DATASETS)
    assert pairs["slope"].to_numpy() == pytest.approx(0.0, abs=1e-12)


def test_relative_gap_bears_zeros() -> None:
    gap = relative_gap(np.array([0.0, 0.0, 0.3]), np.array([0.0, 0.2, 0.1]))
    assert gap == pytest.approx([0, -1, 0.5])


def test_time_ratios() -> None:
    trials = table_of_two(noise=Noise(0, 0, 0, 0))
    trials.loc[trials["model"] == "a", "fit_seconds"] *= 3
    pairs, _ = compare_models(cubes(trials), NO_DATASETS)
    ab = pairs[pairs["model_a"] == "a"]
    assert ab["time_ratio"].to_numpy() == pytest.approx(3)
    assert ab["time_median"].to_numpy() == pytest.approx(3)
    assert ab["time_slope"].to_numpy() == pytest.approx(0, abs=1e-9)
    # fit seconds grow in proportion to n, so the rows needed multiply them
    read = ab.dropna(subset=["der"])
    assert read["time_ratio_at_equal_loss"].to_numpy() == pytest.approx(3 * read["der"].to_numpy())


def test_any_column_is_compared_as_fit_seconds_are() -> None:
    costs = {"a": lambda n: 0.02 * n**1.5, "b": lambda n: 0.01 * n}
    trials = table_of_two(columns={"peak_memory_mb": costs, "fit_seconds": costs}, noise=Noise(own=0.0))
    pairs, _ = compare_models(cubes(trials, ["fit_seconds", "peak_memory_mb"]), NO_DATASETS)
    assert list(pairs.columns) == [*COLUMNS, *(c for c in pairs if c.startswith("peak_memory_mb_"))]
    for column in (c for c in COLUMNS if c.startswith("time_")):
        found = pairs[column.replace("time", "peak_memory_mb")].rename(column)
        pd.testing.assert_series_equal(found, pairs[column])
    ab = pairs[pairs["model_a"] == "a"]
    assert ab["peak_memory_mb_ratio"].to_numpy() == pytest.approx(2 * np.sqrt(ab["n"]))
    middle = 2 * np.exp(np.median(np.log(ANCHORS[ANCHORS >= 64])) / 2)
    assert ab["peak_memory_mb_median"].to_numpy() == pytest.approx(middle)
    assert ab["peak_memory_mb_slope"].to_numpy() == pytest.approx(np.log(2) / 2)


def test_the_interval_of_a_ratio_of_costs_covers_the_truth() -> None:
    costs = {"predict_seconds": (lambda n: 0.3 * n**0.2, lambda n: 0.1 * n**0.1)}
    single = one_row_a_pair(compare(draw(*STRETCHED, N_WORLDS, 5, further=costs)))
    least, most = tolerated(N_WORLDS)
    truth = np.median(3 * ANCHORS[ANCHORS >= 64] ** 0.1)
    found = single["predict_seconds_median_lo"], single["predict_seconds_median_hi"]
    assert least <= coverage(*found, truth) <= most
    found = single["predict_seconds_slope_lo"], single["predict_seconds_slope_hi"]
    assert least <= coverage(*found, 0.1 * np.log(2)) <= most


def test_columns_measured_on_test_rows_have_the_wider_interval() -> None:
    curves = dict.fromkeys(("metric_accuracy", "n_steps"), CROSSING)
    batch = draw(*CROSSING, 1, 5, further=curves)
    apart, sharing = compare(batch).iloc[0], compare(replace(batch, test_share=0.25)).iloc[0]
    for column, factor in (("metric_accuracy", 1.5), ("n_steps", 1.0)):
        wide, narrow = (r[f"{column}_slope_hi"] - r[f"{column}_slope_lo"] for r in (sharing, apart))
        assert wide == pytest.approx(factor * narrow)


def test_a_negative_mean_has_no_ratio() -> None:
    below = {"a": lambda n: -1.0 + 0 * n, "b": lambda n: 1.0 + 0 * n}
    pairs, _ = compare_models(cubes(table_of_two(columns={"gain": below}), ["gain"]), NO_DATASETS)
    assert pairs[["gain_ratio", "gain_median", "gain_slope"]].isna().all(axis=None)
    assert pairs["time_ratio"].isna().all()  # the cubes do not carry fit_seconds


def test_results_do_not_depend_on_the_order_of_rows() -> None:
    trials = table_of_two()
    shuffled = trials.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        compare_models(cubes(trials), NO_DATASETS)[0], compare_models(cubes(shuffled), NO_DATASETS)[0]
    )


def packed(batch: PairBatch) -> PairBatch:
    """Return a batch whose model A was timed alone in repeat 0 only, below 512 rows."""
    base = np.broadcast_to(batch.anchors[:, None] / 1000, batch.loss_a.shape)
    rng = np.random.default_rng(3)
    seconds_a, seconds_b = (base * f * rng.lognormal(0, 0.01, base.shape) for f in (8.0, 2.0))
    together = (batch.anchors < 512)[:, None] & (np.arange(base.shape[2]) > 0)
    return timed(batch, np.where(together, np.nan, seconds_a), seconds_b)


def timed(batch: PairBatch, seconds_a: np.ndarray, seconds_b: np.ndarray) -> PairBatch:
    return replace(batch, further={"fit_seconds": (seconds_a, seconds_b)})


def test_times_are_compared_on_the_repeats_that_were_timed() -> None:
    batch = packed(draw(power_law(1, 0.3, 0.05), power_law(1, 0.3, 0.05), 3, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare(batch)
    first = found.iloc[0]
    seconds_a, seconds_b = batch.further["fit_seconds"]
    both = seconds_a[0, 0, 0] / seconds_b[0, 0, 0]
    assert first["time_ratio"] == pytest.approx(both)
    assert found["time_ratio"].to_numpy() == pytest.approx(4.0, rel=0.05)
    assert found["time_median"].to_numpy() == pytest.approx(4.0, rel=0.05)
    assert np.abs(found["time_slope"]).max() < 0.02
    # the median's interval is from 512 rows up; over anchors with one timed repeat there is none
    assert found["time_median_lo"].iloc[0] < 4.0 < found["time_median_hi"].iloc[0]
    assert found["time_slope_lo"].isna().all()


def test_where_only_one_repeat_was_timed_anywhere_a_ratio_of_times_has_no_interval() -> None:
    batch = packed(draw(power_law(1, 0.3, 0.05), power_law(1, 0.3, 0.05), 1, 5))
    seconds_a, seconds_b = batch.further["fit_seconds"]
    found = compare(timed(batch, np.where(np.arange(5) > 0, np.nan, seconds_a), seconds_b))
    assert found["time_median"].to_numpy() == pytest.approx(4.0, rel=0.05)
    assert found[["time_median_lo", "time_median_hi"]].isna().all(axis=None)


def test_an_anchor_that_nobody_timed_is_left_out_of_times() -> None:
    batch = draw(power_law(1, 0.3, 0.05), power_law(1, 0.3, 0.05), 1, 5)
    rng = np.random.default_rng(4)
    seconds = rng.lognormal(0, 0.01, batch.loss_a.shape)
    unknown = np.where((batch.anchors == 256)[:, None], np.nan, 3 * seconds)
    found = compare(timed(batch, unknown, np.ones_like(seconds)))
    assert found["time_ratio"].isna().sum() == 1
    assert found["time_median"].iloc[0] == pytest.approx(3.0, rel=0.02)
    assert found["time_median_lo"].iloc[0] < 3.0 < found["time_median_hi"].iloc[0]


def table_of_three() -> pd.DataFrame:
    """Return a table whose models b and c take four times and twice as long as model a."""
    models = {name: ("deep", power_law(1, 0.3, 0.05)) for name in "abc"}
    seconds = {"a": lambda n: n / 100, "b": lambda n: n / 25, "c": lambda n: n / 50}
    return trial_table({"d": models}, columns={"fit_seconds": seconds}).assign(level="model")


def test_a_pair_is_compared_on_its_own_anchors_and_repeats() -> None:
    trials = table_of_three()
    gone = (trials["model"] == "c") & ((trials["n_train"] == 256) | (trials["repeat"] == 4))
    pairs, _ = compare_models(cubes(trials[~gone]), NO_DATASETS)
    found = pairs.groupby(["model_a", "model_b"])
    whole, short = ANCHORS.astype(int).tolist(), [int(n) for n in ANCHORS if n != 256]
    assert found["n"].agg(list).to_dict() == {pair: short if "c" in pair else whole for pair in found.groups}
    assert found["repeats"].max().to_dict() == {pair: 4 if "c" in pair else 5 for pair in found.groups}


def test_a_pair_that_was_hardly_timed_has_a_ratio_of_times_beside_one_that_was() -> None:
    trials = table_of_three()
    trials.loc[(trials["model"] == "c") & (trials["repeat"] > 0), "fit_seconds"] = np.nan
    pairs = one_row_a_pair(compare_models(cubes(trials), NO_DATASETS)[0])
    found = pairs.set_index(["model_a", "model_b"])
    assert found["time_median"].loc[[("b", "a"), ("c", "a")]].tolist() == pytest.approx([4, 2], rel=0.05)
    assert found["time_median_lo"].notna().to_dict() == {pair: "c" not in pair for pair in found.index}


def test_no_wanted_pairs_are_a_table_without_rows() -> None:
    found = shown_orders(cubes(table_of_two()), NO_DATASETS, 0.95, lambda cube: [])
    assert found.empty and list(found.columns) == ["dataset", "model_a", "model_b", "n", "better"]
