"""Print what the claim *massive* could show before it is run: its power, from the spread of a published run.

    python scripts/massive_power.py [published/default.parquet] [--datasets 8] [--worlds 2000]

The spread between tables of the ratio of rows, nets over boosted trees, is that of a published trial table:
the primary comparison of the claim *data*. For this spread and for four others, because few tables measure a
spread badly, the script prints two ratios. One is the smallest mean ratio that is shown to be at least the
margin with probability .8. The other is the largest one that is shown to be less. Simulated runs check the
formula.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fuelgauge.claims.analysis import judge
from fuelgauge.claims.judging.claims import available_claims
from fuelgauge.claims.statistics.meta import Meta, detectable, random_effects

ROOT = Path(__file__).resolve().parents[1]
PAIR = ("deep", "boosted")
POWER = 0.8


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the power at the spread of a published run, and at other spreads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", nargs="?", type=Path, default=ROOT / "published/default.parquet")
    parser.add_argument("--datasets", type=int, default=8, help="Number of tables of the run to come.")
    parser.add_argument("--worlds", type=int, default=2000, help="Number of simulated runs.")
    chosen = parser.parse_args(arguments)
    margin = float(available_claims()["massive"]["margin"])
    tau, error, n_tables = spread(chosen.table)
    print(f"{chosen.table.name}: {n_tables} tables, spread {tau:.2f}, error on one {error:.2f} (of ln ratio)")
    print(f"{chosen.datasets} tables, margin {margin:g}")
    for between in sorted({tau, 0.25, 0.5, 0.75, 1.0}):
        print(said(between, error, chosen.datasets, margin, chosen.worlds))


def spread(table: Path) -> tuple[float, float, int]:
    """Return the spread of the log ratio between tables, its median error on one, and their number."""
    verdicts = judge(table, claims=["data"])
    pair = [v for v in verdicts if (v["family_a"], v["family_b"]) == PAIR and v["modality"] == "tabular"]
    (across,) = [v for v in pair if v["level"] == "overall"]
    errors = [v["error"] for v in pair if v["level"] == "dataset" and not v["control"]]
    return across["tau"], float(np.nanmedian(errors)), int(across["n_datasets"])


def said(tau: float, error: float, n_datasets: int, margin: float, worlds: int) -> str:
    """Return a line on one spread: the two ratios, and how often simulated runs show the first."""
    distance = reach(tau, error, n_datasets)
    least, most = margin * math.exp(distance), margin / math.exp(distance)
    shown = simulated(distance, tau, error, n_datasets, worlds)
    return (
        f"spread {tau:.2f}: at least {margin:g} is shown from {least:.2g} on, less than {margin:g} from "
        f"{most:.2g} down; simulated power {shown:.0%}"
    )


def reach(tau: float, error: float, n_datasets: int) -> float:
    """Return the distance of a mean log ratio from the margin that is shown with probability `POWER`."""
    of_mean = math.hypot(tau, error) / math.sqrt(n_datasets)
    return detectable(replace(EMPTY, error=of_mean, tau=tau, weight=n_datasets, n_datasets=n_datasets), POWER)


EMPTY = Meta(mean=0.0, error=0.0, tau=0.0, tau_lo=0.0, tau_hi=0.0, weight=0, n_datasets=0)


def simulated(distance: float, tau: float, error: float, n_datasets: int, worlds: int) -> float:
    """Return the share of simulated runs that show a mean at this distance above the margin."""
    random = np.random.default_rng(0)
    values = distance + random.normal(0, math.hypot(tau, error), (worlds, n_datasets))
    errors, exact = np.full(n_datasets, error), np.zeros(n_datasets)
    found = [random_effects(own, errors, exact) for own in values]
    return float(np.mean([one.p_value() < 0.05 and one.mean > 0 for one in found]))


if __name__ == "__main__":
    main()
