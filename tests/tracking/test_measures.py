import pytest

from fuelgauge.tracking._measures import anchor_metrics, summary_metrics


def result(loss: float, seconds: float = 1.0, score: float | None = None) -> dict:
    score = 1 - loss if score is None else score
    return {"loss": loss, "score": score, "fit_seconds": seconds, "constant_loss": 0.5, "n_test": 5}


def test_the_intervals_are_students_t_corrected_for_the_common_pool():
    found = anchor_metrics([result(loss, loss) for loss in (0.1, 0.2, 0.3)], n_pool=20)
    plain = 4.302653 * 0.1 / 3**0.5
    assert found["curve/loss"] == pytest.approx(0.2)
    assert found["curve/vs_constant"] == pytest.approx(0.4)
    assert found["detail/cost/fit_seconds_hi"] - 0.2 == pytest.approx(plain, rel=1e-5)
    assert found["detail/loss_hi"] - 0.2 == pytest.approx(plain * (1 + 3 * 5 / 20) ** 0.5, rel=1e-5)
    assert found["detail/score_lo"] == pytest.approx(1 - found["detail/loss_hi"])
    assert not [name for name in found if "n_test" in name]


def test_no_bound_leaves_the_range_of_its_quantity():
    found = anchor_metrics([result(0.1, 0.1), result(0.9, 9.0)], n_pool=20)
    assert found["detail/loss_lo"] == found["detail/cost/fit_seconds_lo"] == found["detail/score_lo"] == 0
    assert found["detail/loss_hi"] == found["detail/score_hi"] == 1
    errors = anchor_metrics([result(10.0, score=-10.0), result(90.0, score=-90.0)], n_pool=20)
    assert errors["detail/loss_lo"] == errors["detail/score_hi"] == 0
    assert errors["detail/loss_hi"] > 90


def test_curves_come_first():
    assert list(anchor_metrics([result(0.1), result(0.2)], n_pool=20))[:2] == ["curve/loss", "curve/score"]


def test_a_packed_anchor_without_seconds_has_none():
    packed = {**result(0.2), "fit_seconds": None}
    assert "curve/seconds" not in anchor_metrics([packed, packed], n_pool=20)


def test_the_summary_has_the_exponents_of_loss_and_seconds():
    points = {n: [result(n**-0.5, n**1.5), result(n**-0.5, n**1.5)] for n in (16, 64, 256)}
    found = summary_metrics(points, n_pool=1000)
    assert found["n_train"] == 256
    assert found["loss"] == 0.0625
    assert found["loss_vs_constant"] == 0.125
    assert found["loss_exponent"] == found["loss_exponent_lo"] == -0.5
    assert found["seconds_exponent_hi"] == 1.5
    assert "loss_exponent" not in summary_metrics({16: points[16]}, n_pool=1000)
