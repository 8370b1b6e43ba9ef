import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fuelgauge.claims.statistics.continuation import constants
from fuelgauge.claims.statistics.extrapolate import extrapolate
from fuelgauge.errors import TableError

SAMPLE = json.loads(Path(__file__).with_name("lcdb_sample.json").read_text())
N = 2.0 ** np.arange(5, 12)
LOSS = np.array([0.42, 0.36, 0.33, 0.29, 0.27, 0.25, 0.235])


def width(table):
    return np.log(table["loss_hi"] / table["loss_lo"]).to_numpy()


@pytest.mark.parametrize("anchors_an_octave", [1, 2, 4, 8])
@pytest.mark.parametrize("asymptote", [0.0, 0.05])
def test_a_noise_free_power_law_is_followed(anchors_an_octave, asymptote):
    n = 2.0 ** np.arange(5, 11, 1 / anchors_an_octave)
    answer = extrapolate(n, 1.5 * n**-0.4 + asymptote, [2e3, 1e4, 1e5])
    np.testing.assert_allclose(answer["loss"], 1.5 * answer["n_train"] ** -0.4 + asymptote, rtol=0.005)


@pytest.mark.parametrize("anchors", [1, 2, 3, 5, 20])
def test_a_flat_curve_stays_flat(anchors):
    answer = extrapolate(2.0 ** np.arange(5, 5 + anchors), np.full(anchors, 0.3), [1e7, 1e8])
    np.testing.assert_allclose(answer["loss"], 0.3)
    assert (answer["loss_lo"] < 0.3).all()
    assert (answer["loss_hi"] > 0.3).all()


@pytest.mark.parametrize("loss", [LOSS, LOSS[::-1], np.roll(LOSS, 3)])
def test_intervals_widen_with_distance_and_level(loss):
    far = N[-1] * 2.0 ** np.arange(0, 8, 0.5)
    widths = [width(extrapolate(N, loss, far, level)) for level in (0.5, 0.8, 0.9, 0.99)]
    assert (np.diff(widths, axis=1) > 0).all()
    assert (np.diff(widths, axis=0) > 0).all()


def test_a_short_curve_has_a_wider_interval():
    wide, narrow = extrapolate(N[-1:], LOSS[-1:], 1e4), extrapolate(N, LOSS, 1e4)
    assert wide["loss"].item() == pytest.approx(LOSS[-1])
    assert width(wide) > width(narrow)


def test_a_noisy_curve_has_a_wider_interval():
    noisy = LOSS * np.exp(0.3 * np.array([0, 1, -1, 1, -1, 1, 0]))
    assert width(extrapolate(N, noisy, 1e4)) > 1.3 * width(extrapolate(N, LOSS, 1e4))


def test_repeats_are_averaged():
    repeats = LOSS[:, None] * [0.9, 1.0, 1.1]
    assert extrapolate(N, repeats, [3e3, 1e4]).equals(extrapolate(N, repeats.mean(axis=1), [3e3, 1e4]))


def test_order_and_duplicates_of_anchors_do_not_matter():
    order = np.random.default_rng(0).permutation(len(N))
    expected = extrapolate(N, LOSS, 1e4)
    assert extrapolate(N[order], LOSS[order], 1e4).equals(expected)
    twice = extrapolate(np.repeat(N, 2), np.repeat(LOSS, 2), 1e4)
    np.testing.assert_allclose(twice, expected)


def test_the_unit_of_the_loss_does_not_matter():
    dollars, thousands = extrapolate(N, 5000 * LOSS, 1e4), extrapolate(N, 5 * LOSS, 1e4)
    np.testing.assert_allclose(dollars.drop(columns="n_train"), 1000 * thousands.drop(columns="n_train"))


def test_the_prediction_leaves_the_last_value_without_a_jump():
    answer = extrapolate(N, LOSS, [N[-1], N[-1] * 1.0001])
    np.testing.assert_allclose(answer["loss"], LOSS[-1], rtol=1e-3)


def test_between_anchors_the_curve_is_interpolated():
    answer = extrapolate(N, LOSS, [N[2], np.sqrt(N[2] * N[3])])
    np.testing.assert_allclose(answer["loss"], [LOSS[2], np.sqrt(LOSS[2] * LOSS[3])])


@pytest.mark.parametrize("n_target", [1e4, [1e4], [1e5, 1e4, 1e6]])
def test_one_row_a_target_in_the_given_order(n_target):
    answer = extrapolate(N, LOSS, n_target)
    assert list(answer.columns) == ["n_train", "loss", "loss_lo", "loss_hi"]
    assert answer["n_train"].tolist() == np.atleast_1d(n_target).tolist()


@pytest.mark.parametrize(
    "loss",
    [[0, 0, 0.1], [0.1, 0.0, 0.0], [0.3, 0.1, 0.3], [1e-9, 1, 1e9], [1, 0.001, 0], [0.2, 0.2, 0.2]],
)
def test_odd_short_curves_have_finite_ordered_answers(loss):
    answer = extrapolate([16, 17, 1000], loss, [1000, 1e4, 1e9])
    assert np.isfinite(answer).all().all()
    assert (answer["loss_lo"] <= answer["loss"]).all()
    assert (answer["loss"] <= answer["loss_hi"]).all()


def test_a_curve_that_reached_zero_may_stay_there():
    assert extrapolate([16, 32, 64], [0.2, 0.1, 0.0], 1000)["loss_lo"].item() == 0
    answer = extrapolate([16, 32, 64], [0, 0, 0], 1000).iloc[0]
    assert (answer["n_train"], answer["loss"], answer["loss_lo"]) == (1000, 0, 0)
    assert answer["loss_hi"] == pytest.approx(3 / 64)


@pytest.mark.parametrize(
    ("n", "loss", "target", "level", "says"),
    [
        ([1, 2], [0.1, -0.1], 4, 0.9, "loss holds .* negative"),
        ([1, 2], [0.1, np.nan], 4, 0.9, "loss holds .* missing"),
        ([1, 2], [[0.1, 0.2], [0.1, np.inf]], 4, 0.9, "loss holds .* infinite"),
        ([0, 2], [0.1, 0.1], 4, 0.9, "n_train holds"),
        ([1, np.nan], [0.1, 0.1], 4, 0.9, "n_train holds"),
        ([1, 2, 3], [0.1, 0.1], 4, 0.9, "one loss"),
        ([], [], 4, 0.9, "one loss"),
        ([1, 2], [[], []], 4, 0.9, "one loss"),
        ([10, 20], [0.1, 0.1], 4, 0.9, "below the first anchor"),
        ([1, 2], [0.1, 0.1], np.nan, 0.9, "n_target"),
        ([1, 2], [0.1, 0.1], [[4]], 0.9, "n_target"),
        ([1, 2], [0.1, 0.1], 4, 90, "level is 90"),
        ([1, 2], [0.1, 0.1], 4, 0, "level is 0"),
    ],
)
def test_bad_input_is_one_sentence(n, loss, target, level, says):
    with pytest.raises(TableError, match=says) as caught:
        extrapolate(n, loss, target, level)
    assert "\n" not in str(caught.value)


def held_out_errors(anchors_an_octave):
    """Return log errors of the last value and of ours, and hits, on the sample at four shares."""
    rows = []
    for curve in SAMPLE:
        n, loss = np.array(curve["n_train"], dtype=float), np.array(curve["loss"])
        for share in (0.05, 0.1, 0.25, 0.5):
            shown = regrid(n[n <= share * n[-1]], anchors_an_octave)
            if len(shown) < 3 or loss[-1] == 0:
                continue
            losses = np.interp(np.log(shown), np.log(n), loss)
            answer = extrapolate(shown, losses, n[-1]).iloc[0]
            errors = [np.log(max(value, 1e-4) / loss[-1]) for value in (losses[-1], answer["loss"])]
            rows.append([*np.abs(errors), answer["loss_lo"] <= loss[-1] <= answer["loss_hi"]])
    return np.array(rows, dtype=float)


def regrid(n, anchors_an_octave):
    if len(n) == 0:
        return n
    octaves = np.log2(n[-1] / n[0])
    return n[-1] / 2 ** np.arange(0, octaves + 1e-9, 1 / anchors_an_octave)[::-1]


@pytest.mark.parametrize("anchors_an_octave", [1, 2, 4, 8])
def test_held_out_published_curves(anchors_an_octave):
    rows = held_out_errors(anchors_an_octave)
    last, ours, covered = rows.mean(axis=0)
    assert len(rows) > 300
    assert ours < 0.75 * last
    assert 0.84 < covered < 0.97


def sample_answers():
    """Return the log answers about the sample from a quarter of its rows, shape (curves, 3)."""
    rows = []
    for curve in SAMPLE:
        n, loss = np.array(curve["n_train"], dtype=float), np.array(curve["loss"])
        shown = n <= n[-1] / 4
        if loss[shown].all():
            answer = extrapolate(n[shown], loss[shown], n[-1]).iloc[0]
            rows.append(np.log(answer[["loss", "loss_lo", "loss_hi"]].to_numpy(dtype=float)))
    return np.array(rows)


@pytest.mark.slow
def test_the_script_reproduces_the_answers(tmp_path, monkeypatch):
    # Not the bytes: processors round differently, and training carries that on.
    script = Path(__file__).resolve().parents[3] / "scripts" / "calibrate_extrapolation.py"
    out = tmp_path / "constants.json"
    subprocess.run([sys.executable, script, "--out", out, "--no-tables"], check=True)
    shipped = sample_answers()
    monkeypatch.setattr("fuelgauge.claims.statistics.continuation.CONSTANTS", out)
    constants.cache_clear()
    try:
        difference = np.abs(sample_answers() - shipped).mean(axis=0)
    finally:
        constants.cache_clear()
    assert len(shipped) > 150
    assert (difference < [0.01, 0.03, 0.03]).all()
