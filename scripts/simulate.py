"""Simulate worlds with known answers and judge the data claim on each, from trial table to verdict.

    python scripts/simulate.py [--worlds 200] [--jobs 2]

A world has 24 datasets with 32 to 4,096 rows, three or five repeats, and two members each of deep, linear,
forest and boosted models. The learning curve of deep models on a dataset is a published one (a curve of LCDB,
fitted by a power law with a floor). A rival's curve is the same curve, stretched by the rows that deep models
need in its place. The logarithms of these ratios vary between datasets with a standard deviation of 0.5 on
tables and 0.9 over all modalities. Noise is shared between models, sizes and repeats as in measured trials;
members are chosen by their validation rows; ratios beyond the measured sizes are bounds.

For each kind of world it prints how often the verdict on tables was right. The first column is the share of
worlds with a false answer on any of the three rivals. The coverage of the 95% interval of the mean ratio and
the power stand beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from fuelgauge.claims.analysis import judge

SAMPLE = Path(__file__).resolve().parents[1] / "tests/claims/statistics/lcdb_sample.json"
ANCHORS = 32 * 2 ** np.arange(8)
MEMBERS = {
    "realmlp": ("deep", ""),
    "realmlp_s": ("deep", ""),
    "logistic": ("linear", ""),
    "splines": ("linear", ""),
    "random_forest": ("trees", "forest"),
    "extra_trees": ("trees", "forest"),
    "xgboost": ("trees", "boosted"),
    "catboost": ("trees", "boosted"),
}
RIVALS = ("linear", "forest", "boosted")
N_TEST, SHARE_OF_TEST = 1500, 0.2
ON_TABLES, BETWEEN_MODALITIES = 0.5, 0.75  # 0.5^2 + 0.75^2 = 0.9^2
# Standard deviations of log-normal noise: of a repeat, shared by all models and sizes; of the training rows
# of a size; of a model in a repeat; of a trial; and of a member against the other of its side.
REPEAT, ROWS, MODEL, OWN, MEMBER = 0.05, 0.02, 0.03, 0.03, 0.05
CHOICE = 0.05  # noise of the validation loss that chooses


@dataclass(frozen=True)
class Kind:
    """A kind of world.

    Parameters
    ----------
    ratio
        Mean ratio of rows, the same against all rivals.
    mixed
        Whether half of the datasets are images, sequences and texts.
    repeats
        Number of repeats.
    """

    ratio: float
    mixed: bool
    repeats: int

    @property
    def modalities(self) -> list[str]:
        """Modalities of the 24 datasets."""
        if not self.mixed:
            return ["tabular"] * 24
        return ["tabular"] * 12 + ["image"] * 4 + ["sequence"] * 4 + ["text"] * 4


KINDS = [Kind(r, mixed, repeats) for mixed in (False, True) for repeats in (3, 5) for r in (0.6, 1.0, 1.6)]


def published_curves() -> list[tuple[float, float, float]]:
    """Return amplitude, exponent and floor of power laws fitted to the published curves."""
    fits = []
    for curve in json.loads(SAMPLE.read_text(encoding="utf-8")):
        n, loss = np.array(curve["n_train"], float), np.array(curve["loss"], float)
        if len(n) < 6 or loss[-1] > 0.9 * loss[0]:
            continue  # a curve that does not fall has no rows to compare

        def gap(p: np.ndarray, n: np.ndarray = n, loss: np.ndarray = loss) -> np.ndarray:
            return np.log(math.exp(p[2]) + math.exp(p[0]) * n ** -math.exp(p[1])) - np.log(loss)

        found = optimize.least_squares(gap, [math.log(loss[0]), math.log(0.5), math.log(loss[-1] / 2)]).x
        fits.append((math.exp(found[0]), math.exp(found[1]), math.exp(found[2])))
    return fits


def world(kind: Kind, seed: int, curves: Sequence[tuple[float, float, float]]) -> pd.DataFrame:
    """Return the trial table of a world."""
    random = np.random.default_rng([seed, round(100 * kind.ratio), kind.mixed, kind.repeats])
    shift = {m: random.normal(0, BETWEEN_MODALITIES) for m in ("image", "sequence", "text")}
    tables = []
    for number, modality in enumerate(kind.modalities):
        common = random.normal(0, ON_TABLES * math.sqrt(0.5)) + shift.get(modality, 0.0)
        ratios = {
            rival: kind.ratio * math.exp(common + random.normal(0, ON_TABLES * math.sqrt(0.5)))
            for rival in RIVALS
        }
        truth = curves[int(random.integers(len(curves)))]
        tables.append(
            trials(truth, ratios, kind.repeats, random).assign(dataset=f"d{number:02d}", modality=modality)
        )
    return pd.concat(tables, ignore_index=True)


def trials(
    truth: tuple[float, float, float], ratios: dict[str, float], repeats: int, random: np.random.Generator
) -> pd.DataFrame:
    """Return the trials of all members on a dataset."""
    amplitude, exponent, floor = truth
    common = correlated(REPEAT, (1, repeats), random) + correlated(ROWS, (len(ANCHORS), repeats), random)
    rows = []
    for model, (family, subfamily) in MEMBERS.items():
        stretch = ratios.get(subfamily or family, 1.0)
        level = (floor + amplitude * (ANCHORS * stretch) ** -exponent) * math.exp(random.normal(0, MEMBER))
        noise = correlated(MODEL, (1, repeats), random) + correlated(OWN, (len(ANCHORS), repeats), random)
        expected = level[:, None] * np.exp(common + noise)
        chosen_by = expected * np.exp(random.normal(0, CHOICE, expected.shape))
        rows += [
            (model, family, subfamily, n, repeat, expected[i, repeat], chosen_by[i, repeat])
            for i, n in enumerate(ANCHORS)
            for repeat in range(repeats)
        ]
    columns = ["model", "family", "subfamily", "n_train", "repeat", "loss", "choice_loss"]
    return pd.DataFrame(rows, columns=columns).assign(
        n_test=N_TEST, n_pool=round(N_TEST / SHARE_OF_TEST) - N_TEST
    )


def correlated(deviation: float, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Return noise whose repeats overlap, as those of random splits of one dataset do (Nadeau and Bengio)."""
    alike = random.normal(0, deviation * math.sqrt(SHARE_OF_TEST), (shape[0], 1))
    return alike + random.normal(0, deviation * math.sqrt(1 - SHARE_OF_TEST), shape)


def judged(kind: Kind, curves: Sequence[tuple[float, float, float]], seed: int) -> dict[str, Any]:
    """Return what the verdicts on tables say of one world."""
    found = judge(world(kind, seed, curves), claims=["data"])
    on_tables = [v for v in found if v["level"] == "overall" and v["modality"] == "tabular"]
    assert len(on_tables) == len(RIVALS)
    right = {0.6: "refuted", 1.0: "undecided", 1.6: "supported"}[kind.ratio]
    answers = [v["verdict"] for v in on_tables]
    return {
        "false": any(a not in (right, "undecided") for a in answers),
        "covered": np.mean([v["lo"] <= kind.ratio <= v["hi"] for v in on_tables]),
        "right": np.mean([a == right for a in answers]),
        "all right": all(a == right for a in answers),
    }


def lines(kinds: Sequence[Kind], worlds: int, jobs: int) -> Iterator[str]:
    """Yield the rows of the table."""
    curves = published_curves()
    yield f"{len(curves)} published curves, {worlds} worlds of each kind"
    yield "| datasets | repeats | true ratio | false on any rival | coverage | right on one | on all three |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    with multiprocessing.Pool(jobs) as pool:
        for kind in kinds:
            table = pd.DataFrame(pool.map(partial(judged, kind, curves), range(worlds), chunksize=4))
            share = table.astype(float).mean()
            which = "12 tables of 24" if kind.mixed else "24 tables"
            shares = (f"{share[name]:.1%}" for name in ("false", "covered", "right", "all right"))
            yield f"| {which} | {kind.repeats} | {kind.ratio} | {' | '.join(shares)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=200, help="worlds of each kind (default: 200)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    asked = parser.parse_args()
    for line in lines(KINDS, asked.worlds, asked.jobs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
