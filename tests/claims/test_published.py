"""Published curves, judged by the package and by plain arithmetic.

lcdb_repeats.csv.xz holds 30 datasets of LCDB (Mohr, Viering, Loog and van Rijn, LCDB 1.0, ECML PKDD 2022;
package lcdb 0.1.0, MIT licence, copyright 2021 Felix Mohr), drawn at random from those with at least 1,024
rows: the error rate of random forest, logistic regression and MLP, averaged over the inner seeds of each
outer seed, which is the repeat here.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.interpolate import CubicHermiteSpline, CubicSpline
from sklearn.isotonic import IsotonicRegression

from fuelgauge.claims import data
from fuelgauge.claims.judging.claims import available_claims
from fuelgauge.claims.judging.verdict import Evidence
from fuelgauge.claims.statistics.cube import cubes
from fuelgauge.claims.statistics.pairs import compare_models
from fuelgauge.claims.statistics.trial_table import read_trials

SAMPLE = Path(__file__).with_name("lcdb_repeats.csv.xz")
FAMILIES = {"logistic": "linear", "forest": "trees", "mlp": "deep"}
RIVALS = ["logistic", "mlp"]


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    table = pd.read_csv(SAMPLE)
    checked = read_trials(table.assign(family=table["model"].map(FAMILIES))).trials
    return checked.assign(model="family:" + checked["family"], level="family")


@pytest.fixture(scope="module")
def evidence(trials: pd.DataFrame) -> Evidence:
    grouped = trials.groupby("dataset")
    share = grouped["n_test"].median() / grouped["n_train"].max()
    datasets = pd.DataFrame({"modality": "tabular", "control": False, "test_share": share})
    pairs, warnings = compare_models(cubes(trials), datasets)
    assert warnings == []
    return Evidence(trials, pd.DataFrame(), pairs, datasets, 0.95)


@pytest.fixture(scope="module")
def plain(trials: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Slope, and logarithm of the median ratio, of every dataset by rival."""
    datasets = trials["dataset"].unique()
    found = {}
    for rival in RIVALS:
        both = [losses(trials, dataset, rival) for dataset in datasets]
        columns = {"slope": [plain_slope(*b) for b in both], "log_der": [plain_log_der(*b) for b in both]}
        found[rival] = pd.DataFrame(columns, index=datasets)
    return found


def ours(evidence: Evidence, rival: str) -> pd.DataFrame:
    pairs = evidence.pairs[
        (evidence.pairs["model_a"] == "family:trees")
        & (evidence.pairs["model_b"] == f"family:{FAMILIES[rival]}")
    ]
    return pairs.drop_duplicates("dataset").set_index("dataset")


def losses(trials: pd.DataFrame, dataset: str, rival: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Losses of the forest and of its rival where both have them: a row an n_train, a column a repeat."""
    here = trials[trials["dataset"] == dataset]
    forest, other = (
        here[here["family"] == FAMILIES[model]].pivot(index="n_train", columns="repeat", values="loss")
        for model in ("forest", rival)
    )
    forest, other = forest.align(other, join="inner")
    missing = forest.isna() | other.isna()
    enough = (~missing).sum(axis=1) >= 2
    return forest.mask(missing)[enough], other.mask(missing)[enough]


def plain_slope(forest: pd.DataFrame, other: pd.DataFrame) -> float:
    ratio = np.log(forest.mean(axis=1) / other.mean(axis=1)).loc[64:]
    return float(np.polyfit(np.log2(ratio.index), ratio, 1)[0])


def plain_log_der(forest: pd.DataFrame, other: pd.DataFrame) -> float:
    """The median, in logs, of the rows that the forest needs over n; each searched for on a fine grid."""
    n = forest.index.to_numpy(float)
    flat_forest, flat_other = (
        IsotonicRegression(increasing=False).fit_transform(np.log(n), loss.mean(axis=1))
        for loss in (forest, other)
    )
    grid = np.geomspace(n[0], n[-1], 20_001)
    read = np.exp(monotone_cubic(np.log(n), np.log(flat_forest))(np.log(grid)))
    found = []
    for rows, target in zip(n, flat_other, strict=True):
        if 64 <= rows <= n[-1] / 4:
            reached = np.log(grid[read <= target * (1 + 1e-9)] / rows)
            already = read[0] < target * (1 - 1e-9)
            found.append(-np.inf if already else min(reached, default=np.inf))
    return float(np.median(found))


def monotone_cubic(x: np.ndarray, y: np.ndarray) -> CubicHermiteSpline:
    """The cubic spline's slopes, none steeper than three times the flatter neighbouring secant (Hyman)."""
    secants, slopes = np.diff(y) / np.diff(x), CubicSpline(x, y)(x, 1)
    for i in range(len(x)):
        flattest = secants[max(i - 1, 0) : i + 1].max()  # the secants of a falling curve are negative
        slopes[i] = min(max(slopes[i], 3 * flattest), 0)
    return CubicHermiteSpline(x, y, slopes)


def bootstrap_slopes(forest: pd.DataFrame, other: pd.DataFrame, n_draws: int = 1000) -> np.ndarray:
    """Slopes with the repeats drawn anew, with replacement, for both models together."""
    late = forest.index >= 64
    drawn = np.random.default_rng(0).integers(0, forest.shape[1], (n_draws, forest.shape[1]))
    means = [np.nanmean(loss.to_numpy()[late][:, drawn], axis=2) for loss in (forest, other)]
    with np.errstate(divide="ignore"):
        return np.polyfit(np.log2(forest.index[late]), np.log(means[0] / means[1]), 1)[0]


@pytest.mark.parametrize("rival", RIVALS)
def test_slopes_and_ratios_are_those_of_plain_arithmetic(
    evidence: Evidence, plain: dict[str, pd.DataFrame], rival: str
) -> None:
    found, expected = ours(evidence, rival), plain[rival]
    found = found.loc[expected.index]
    assert found["slope"].to_numpy() == pytest.approx(expected["slope"].to_numpy())
    censored = expected["log_der"].map({np.inf: "above", -np.inf: "below"}).fillna("")
    assert found["der_median_censored"].tolist() == censored.tolist()
    known = (censored == "").to_numpy()
    assert known.sum() >= 10
    assert found["der_median"][known].to_numpy() == pytest.approx(
        np.exp(expected["log_der"][known]), rel=0.001
    )


@pytest.mark.parametrize("rival", RIVALS)
def test_intervals_are_as_wide_as_a_plain_bootstrap_says(
    trials: pd.DataFrame, evidence: Evidence, rival: str
) -> None:
    found = ours(evidence, rival)
    ratios = []
    for dataset, row in found.iterrows():
        tables = losses(trials, dataset, rival)
        n_repeats = tables[0].shape[1]
        deviation = np.std(bootstrap_slopes(*tables)) * np.sqrt(n_repeats / (n_repeats - 1))
        widening = np.sqrt(1 + n_repeats * evidence.datasets["test_share"][dataset])
        reach = stats.t.ppf(0.975, n_repeats - 1) * deviation * widening
        ratios.append((row["slope_hi"] - row["slope_lo"]) / 2 / reach)
    assert np.median(ratios) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("rival", RIVALS)
def test_verdicts_across_datasets_are_those_of_plain_arithmetic(
    evidence: Evidence, plain: dict[str, pd.DataFrame], rival: str
) -> None:
    rules = available_claims()["data"] | {"pairs": [["trees", FAMILIES[rival]]]}
    (overall,) = [v for v in data.judge(evidence, rules) if v.level == "overall" and v.modality == "all"]
    der, slope = overall.main.across, overall.further[0].across
    assert der is not None and slope is not None
    for effect, column in ((np.log(der.median), "log_der"), (slope.median, "slope")):
        values = plain[rival][column].to_numpy()
        drawn = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
        low, high = np.quantile(np.median(values[drawn], axis=1), [0.16, 0.84], method="nearest")
        assert abs(effect - np.median(values)) <= (high - low) / 2  # the bootstrap's standard error
    assert overall.verdict == "refuted" and plain[rival]["log_der"].median() < 0
    assert slope.median == pytest.approx(plain[rival]["slope"].median())
    assert slope.p_wilcoxon == pytest.approx(stats.wilcoxon(plain[rival]["slope"]).pvalue)
