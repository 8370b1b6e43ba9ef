"""Score forecasts of learning curves by what was measured further on.

    python scripts/score_forecasts.py TABLE [--known 4096] [--first 16384] [--level 0.9] [--out FILE]

TABLE is a trial table whose curves reach beyond --first. Each curve is forecast from its anchors up to
--known, with the training losses and the other curves up to there, as `fuelgauge analyze` does. The script
prints error and coverage by octaves ahead, for all models and for each family. Beside the error stands that
of the last known loss, taken for the later one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fuelgauge.claims.hindsight import by_octaves, score_forecasts
from fuelgauge.claims.statistics.trial_table import read_trials
from fuelgauge.errors import FuelgaugeError

FORMATS = {"error": ".3f", "error_of_last": ".3f", "bias": "+.3f", "coverage": ".0%"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the scores of the forecasts of a trial table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="Trial table, a Parquet or CSV file.")
    parser.add_argument("--known", type=int, default=4096, help="Largest number of rows that is known.")
    parser.add_argument("--first", type=int, default=16384, help="Smallest number of rows that is forecast.")
    parser.add_argument("--level", type=float, default=0.9, help="Probability of the intervals.")
    parser.add_argument("--out", type=Path, help="CSV file for the forecast of each curve.")
    chosen = parser.parse_args(arguments)
    try:
        scored = score_forecasts(read_trials(chosen.table).trials, chosen.known, chosen.first, chosen.level)
    except FuelgaugeError as error:
        raise SystemExit(f"error: {error}") from None
    if chosen.out:
        scored.to_csv(chosen.out, index=False)
    print(f"forecasts from {chosen.known:,} rows and fewer; intervals of {chosen.level:.0%}")
    for family, own in [("all", scored), *scored.groupby("family")]:
        print(f"\n{family}\n{_written(by_octaves(own))}")


def _written(table: pd.DataFrame) -> str:
    shown = {name: table[name].map(("{:" + how + "}").format) for name, how in FORMATS.items()}
    return str(table.assign(**shown).to_string(index=False))


if __name__ == "__main__":
    main()
