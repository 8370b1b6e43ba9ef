"""The forecast that sees training losses, companions and the kind of the learner."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from fuelgauge.claims.statistics.extrapolate import extrapolate, extrapolate_together
from fuelgauge.claims.statistics.forecast import ARRAYS, cut, score_cell
from fuelgauge.claims.statistics.observed import Observed
from fuelgauge.errors import TableError

SAMPLE = json.loads(Path(__file__).with_name("lcdb_sample.json").read_text())
N = 2.0 ** np.arange(5, 12)
LOSS = np.array([0.42, 0.36, 0.33, 0.29, 0.27, 0.25, 0.235])
NOISY = LOSS * (1 + 0.02 * np.array([0, 1, -1, 1, -1, 1, 0]))
FITTED = np.zeros(7)
MET = LOSS * 0.98
OTHERS = {
    "a": (N, LOSS * 0.9, LOSS * 0.3),
    "b": (N, LOSS * 1.2, None),
    "c": (N, NOISY * 0.8, LOSS * 0.1),
}
INPUTS = {
    "training": {"train_loss": FITTED},
    "companions": {"companions": OTHERS},
    "kind": {"kind": "forest"},
    "all": {"train_loss": FITTED, "companions": OTHERS, "kind": "forest"},
}


def answer(**inputs):
    return extrapolate(N, LOSS, [4096, 20480], **inputs)


def check(table):
    assert np.isfinite(table).all().all()
    assert (table["loss_lo"] <= table["loss"]).all()
    assert (table["loss"] <= table["loss_hi"]).all()


def test_a_model_that_still_fits_its_rows_has_more_to_gain():
    fits, has_met = answer(train_loss=FITTED), answer(train_loss=MET)
    assert (fits["loss"] < has_met["loss"]).all()


@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
def test_each_input_changes_the_answer(inputs):
    check(answer(**inputs))
    assert not np.allclose(answer(**inputs), answer())


def test_nothing_else_known_is_the_curve_alone():
    assert answer(companions={}).equals(answer())
    assert answer(companions={"a": (N * 100, LOSS)}).equals(answer())


@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("loss", [LOSS, LOSS[::-1], NOISY])
def test_intervals_widen_with_distance_and_level(inputs, loss):
    far = N[-1] * 2.0 ** np.arange(0, 8, 0.25)
    widths = []
    for level in (0.5, 0.8, 0.9, 0.99):
        found = extrapolate(N, loss, far, level, **inputs)
        widths.append(np.log(found["loss_hi"] / found["loss_lo"]))
    assert (np.diff(widths, axis=1) > 0).all()
    assert (np.diff(widths, axis=0) > 0).all()


def test_the_unit_of_the_loss_does_not_matter():
    def times(factor):
        others = {
            name: (n, factor * y, None if t is None else factor * t) for name, (n, y, t) in OTHERS.items()
        }
        return extrapolate(N, factor * NOISY, 1e4, train_loss=factor * MET, companions=others)["loss"].item()

    assert times(0.5) == pytest.approx(0.5 * times(1.0))


def test_the_forecast_leaves_the_last_value_without_a_jump():
    found = extrapolate(N, NOISY, [N[-1], N[-1] * 1.0001], **INPUTS["all"])
    np.testing.assert_allclose(found["loss"], NOISY[-1], rtol=1e-3)


def test_order_and_names_of_companions_do_not_matter():
    renamed = {f"model {name}": OTHERS[name] for name in reversed(OTHERS)}
    np.testing.assert_allclose(answer(companions=renamed), answer(companions=OTHERS))


def test_repeats_are_averaged():
    repeats = np.array([0.9, 1.0, 1.1])
    found = extrapolate(N, NOISY[:, None] * repeats, 1e4, train_loss=MET[:, None] * repeats)
    np.testing.assert_allclose(found, extrapolate(N, NOISY, 1e4, train_loss=MET))


def test_a_companion_counts_as_far_as_the_curve_itself():
    longer = np.append(N, [4096, 8192])
    seen = {"a": (longer, np.append(LOSS * 0.9, [0.01, 0.001]))}
    assert answer(companions=seen).equals(answer(companions={"a": (N, LOSS * 0.9)}))


def test_a_companion_on_other_anchors_is_interpolated():
    curve = Observed(np.array([10.0, 40.0, 160.0]), np.array([0.4, 0.2, 0.1]), np.array([0.0, 0.1, 0.1]))
    between = cut(curve, 80.0)
    np.testing.assert_allclose(between.n, [10, 40, 80])
    np.testing.assert_allclose(between.loss, [0.4, 0.2, np.sqrt(0.02)])
    np.testing.assert_allclose(between.train_loss, [0, 0.1, 0.1])
    assert cut(curve, 320.0) is None
    assert cut(curve, 5.0) is None
    np.testing.assert_allclose(cut(curve, 200.0).n, curve.n)
    check(answer(companions={"a": (N * 1.3, LOSS), "b": (N / 1.3, LOSS)}))


def test_a_companion_without_any_loss_does_not_count():
    assert answer(companions={"perfect": (N, FITTED)}).equals(answer())


@pytest.mark.parametrize(
    "loss",
    [[0, 0, 0.1], [0.1, 0.0, 0.0], [0.3, 0.1, 0.3], [1e-9, 1, 1e9], [0.1, 0.2, 0.4], [0.2, 0.2, 0.2]],
)
def test_odd_curves_have_finite_ordered_answers(loss):
    n = [16, 17, 1000]
    others = {"a": (n, loss[::-1], loss), "constant": ([1000], [0.5])}
    check(extrapolate(n, loss, [1000, 1e4, 1e9], train_loss=[0.5, 0.0, 9.0], companions=others))


def test_a_training_loss_above_the_loss_is_an_answer():
    check(answer(train_loss=3 * LOSS))


@pytest.mark.parametrize("inputs", [{"train_loss": [0.1]}, {"companions": {"a": ([64], [0.3])}}])
def test_one_anchor_is_an_answer_that_does_not_rise(inputs):
    found = extrapolate([64], [0.4], [128, 640], **inputs)
    check(found)
    assert (found["loss"] <= 0.4 + 1e-12).all()


def test_a_rising_curve_does_not_rise_above_its_worst_loss():
    found = extrapolate(N, LOSS[::-1], [1e4, 1e6], train_loss=FITTED, companions=OTHERS)
    assert (found["loss"] <= LOSS[0] + 1e-12).all()


def test_a_curve_of_zeros_stays_there():
    found = extrapolate(N, FITTED, 1e4, train_loss=FITTED, companions=OTHERS)
    assert found["loss"].item() == 0


def test_an_exact_law_is_followed_whatever_else_is_known():
    found = extrapolate(N, 1.5 * N**-0.4, [1e4], train_loss=FITTED, companions=OTHERS)
    assert found["loss"].item() == pytest.approx(1.5 * 1e4**-0.4, rel=0.005)


def test_a_learner_unlike_those_learned_from_has_a_wider_interval():
    known, strange = (answer(train_loss=MET, kind=kind) for kind in (None, "pretrained"))
    np.testing.assert_allclose(strange["loss"], known["loss"])
    assert (strange["loss_hi"] > known["loss_hi"]).all()


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"train_loss": [0.1, 0.1]}, "train_loss needs the shape of loss"),
        ({"train_loss": -LOSS}, "train_loss holds .* negative"),
        ({"train_loss": np.full(7, np.nan)}, "train_loss holds .* missing"),
        ({"train_loss": ["x"] * 7}, "train_loss must hold numbers"),
        ({"companions": {"forest": (N, LOSS[:3])}}, "companion 'forest': .* one loss"),
        ({"companions": {"forest": (N, LOSS, [1.0])}}, "companion 'forest': train_loss needs the shape"),
        ({"companions": {"forest": N}}, "companion 'forest' must be"),
        ({"companions": {"forest": (["x"] * 7, LOSS)}}, "companion 'forest': n_train must hold numbers"),
    ],
)
def test_bad_input_is_one_sentence(inputs, says):
    with pytest.raises(TableError, match=says) as caught:
        answer(**inputs)
    assert "\n" not in str(caught.value)


def test_models_forecast_together_are_each_others_companions():
    curves = {"own": (N, LOSS, FITTED), **OTHERS, "constant": (N, np.full(7, 0.6))}
    found = extrapolate_together(curves, {"own": [4096, 20480], "b": [4096]}, kinds={"own": "forest"})
    others = {name: curve for name, curve in curves.items() if name != "own"}
    alone = extrapolate(N, LOSS, [4096, 20480], train_loss=FITTED, companions=others, kind="forest")
    np.testing.assert_allclose(found["own"], alone)
    assert list(found) == ["own", "b"]


def test_models_with_different_numbers_of_companions_are_forecast_together():
    """The short curve has both others as companions. They have only each other: it ends too far before."""
    curves = {"short": (N[:3], LOSS[:3]), "a": OTHERS["a"], "b": OTHERS["b"]}
    found = extrapolate_together(curves, {"short": [4096], "a": [4096]})
    short = extrapolate(N[:3], LOSS[:3], 4096, companions={name: OTHERS[name] for name in "ab"})
    np.testing.assert_allclose(found["short"], short)
    n, loss, trained = OTHERS["a"]
    np.testing.assert_allclose(
        found["a"], extrapolate(n, loss, 4096, train_loss=trained, companions={"b": OTHERS["b"]})
    )


def test_every_combination_has_scores_of_its_own():
    cells = [
        score_cell(short, training, number, kind)
        for short in (False, True)
        for training in (False, True)
        for number in (0, 1, 4)
        for kind in (False, True)
    ]
    assert sorted(cells) == list(range(24))
    assert score_cell(False, True, 3, True) == score_cell(False, True, 1, True)


def test_the_arrays_are_small_and_ten_models_take_little_time():
    assert ARRAYS.stat().st_size < 2_000_000
    factors = np.linspace(0.5, 1.5, 10)
    curves = {str(factor): (N, NOISY * factor, MET * factor) for factor in factors}
    targets = {name: [4096, 20480] for name in curves}
    times = []
    for _ in range(5):
        start = time.process_time()
        extrapolate_together(curves, targets)
        times.append(time.process_time() - start)
    assert min(times) < 0.2  # 0.05 on an idle machine; the script prints it


def held_out_rows(share):
    """Return errors of the curve alone, errors with companions and hits on held-out published curves."""
    rows = []
    for dataset in sorted({curve["dataset"] for curve in SAMPLE}):
        curves = {
            curve["learner"]: (np.array(curve["n_train"], dtype=float), np.array(curve["loss"]))
            for curve in SAMPLE
            if curve["dataset"] == dataset
        }
        for name, (n, loss) in curves.items():
            shown = n <= share * n[-1]
            if shown.sum() < 3 or loss[-1] == 0:
                continue
            others = {
                other: (rows_of[rows_of <= share * n[-1]], losses[rows_of <= share * n[-1]])
                for other, (rows_of, losses) in curves.items()
                if other != name
            }
            answers = [
                extrapolate(n[shown], loss[shown], n[-1], companions=known).iloc[0]
                for known in (None, others)
            ]
            errors = [abs(np.log(max(found["loss"], 1e-4) / loss[-1])) for found in answers]
            rows.append([*errors, answers[1]["loss_lo"] <= loss[-1] <= answers[1]["loss_hi"]])
    return np.array(rows, dtype=float)


def test_companions_help_on_held_out_published_curves():
    rows = np.concatenate([held_out_rows(share) for share in (0.1, 0.25)])
    alone, with_companions, covered = rows.mean(axis=0)
    assert len(rows) > 300
    assert with_companions < 0.99 * alone
    assert 0.84 < covered < 0.97
