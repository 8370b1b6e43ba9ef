import numpy as np
import pytest

from fuelgauge.claims.statistics.formulas import FAMILIES, fit_family
from fuelgauge.errors import ConfigError, TableError

N = 2.0 ** np.arange(4, 14, 0.5)
KNOWN = {
    "POW3": ({"a": 2.0, "b": 0.5, "c": 0.1}, lambda n: 2 * n**-0.5 + 0.1),
    "POW4": ({"a": 5.0, "b": 0.6, "c": 0.1, "d": 50.0}, lambda n: 5 * (n + 50) ** -0.6 + 0.1),
    "MMF4": ({"a": 0.8, "b": 20.0, "c": 0.05, "d": 0.7}, lambda n: (16 + 0.05 * n**0.7) / (20 + n**0.7)),
    "EXP4": ({"a": 0.01, "b": -0.5, "c": 0.1, "d": 0.8}, lambda n: 0.1 + np.exp(-0.5 - 0.01 * n**0.8)),
    "WBL4": ({"a": 0.01, "b": 0.7, "c": 0.1, "d": 0.8}, lambda n: 0.1 + 0.7 * np.exp(-0.01 * n**0.8)),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_known_parameters_are_recovered(name):
    parameters, curve = KNOWN[name]
    fit = fit_family(name, N, curve(N))
    assert fit.parameters == pytest.approx(parameters, rel=1e-3)
    assert fit.rmse < 1e-6
    assert fit.predict(1e6) == pytest.approx(curve(1e6), rel=1e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_parameters_are_those_of_the_published_formula(name):
    fit = fit_family(name, N, KNOWN[name][1](N))
    a, b, c, d = (fit.parameters.get(letter, 0.0) for letter in "abcd")
    formula = {
        "POW3": a * N**-b + c,
        "POW4": a * (N + d) ** -b + c,
        "MMF4": (a * b + c * N**d) / (b + N**d),
        "EXP4": c + np.exp(b - a * N**d),
        "WBL4": c + b * np.exp(-a * N**d),
    }
    np.testing.assert_allclose(fit.predict(N), formula[name], rtol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_noise_moves_a_fit_by_no_more_than_the_noise(name):
    curve = KNOWN[name][1](N)
    noisy = curve + np.random.default_rng(0).normal(0, 0.005, len(N))
    fit = fit_family(name, N, noisy)
    assert fit.rmse < 0.006
    np.testing.assert_allclose(fit.predict(N), curve, atol=0.012)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    "loss", [[0.3] * 6, [0.0] * 6, [0.1, 0.3, 0.2, 0.4, 0.3, 0.5], [0.5, 0.1, 0, 0, 0, 0]]
)
def test_no_curve_breaks_a_fit(name, loss):
    predicted = fit_family(name, [16, 32, 64, 128, 256, 512], loss).predict([512, 1e4, 1e9])
    assert np.isfinite(predicted).all()
    assert (predicted >= 0).all()


@pytest.mark.parametrize("name", ["POW3", "POW4", "EXP4"])
def test_falling_families_answer_a_rising_curve_with_its_mean(name):
    fit = fit_family(name, [16, 32, 64, 128], [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(fit.predict([16, 1000]), 0.25)


def test_one_anchor_is_a_flat_curve():
    assert fit_family("POW4", [100], [0.2]).predict(1000) == pytest.approx(0.2)


def test_an_unknown_family_is_named():
    with pytest.raises(ConfigError, match=r"POW5.*did you mean"):
        fit_family("POW5", N, N)


def test_lengths_must_match():
    with pytest.raises(TableError, match="one loss per n_train"):
        fit_family("POW3", [1, 2, 3], [0.1, 0.2])
