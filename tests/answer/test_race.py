import numpy as np

from fuelgauge.answer._race import LOOKS, behind


def losses(rng, means, repeats, share=0.18, spread=0.03):
    """Return losses whose repeats correlate as those of draws from the same rows do."""
    rho = share / (1 + share)
    common = rng.normal(size=(len(means), 1)) * np.sqrt(rho)
    own = rng.normal(size=(len(means), repeats)) * np.sqrt(1 - rho)
    return np.array(means)[:, None] * (1 + spread * (common + own))


def left_after(values, share=0.18):
    names = [str(i) for i in range(len(values))]
    racing = set(names)
    for look in LOOKS:
        if look > values.shape[1]:
            break
        group = {name: values[int(name), :look] for name in sorted(racing)}
        racing -= set(behind(group, share, len(names)))
    return racing


def test_the_best_model_is_dropped_in_at_most_one_of_twenty_races():
    rng = np.random.default_rng(0)
    dropped = ["0" not in left_after(losses(rng, [1.0, 1.0001, 1.0001, 1.0001], 24)) for _ in range(400)]
    assert np.mean(dropped) <= 0.05


def test_a_model_that_is_clearly_behind_is_dropped_and_a_close_one_is_not():
    rng = np.random.default_rng(1)
    races = [left_after(losses(rng, [1.0, 1.01, 1.3], 12)) for _ in range(50)]
    assert np.mean(["2" not in left for left in races]) > 0.9
    assert np.mean(["1" in left for left in races]) > 0.9


def test_nothing_is_dropped_between_looks_or_alone():
    assert behind({"a": np.array([1.0, 1.0]), "b": np.array([9.0, 9.0])}, 0.18, 2) == []
    assert behind({"a": np.array([1.0, 1.1, 1.2])}, 0.18, 1) == []
