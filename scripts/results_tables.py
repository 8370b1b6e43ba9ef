"""Print the tables of docs/explanation/results.md from the files in reports/.

python scripts/results_tables.py
"""

from __future__ import annotations

import json
from typing import cast

import pandas as pd

from fuelgauge import paths
from fuelgauge.claims.statistics.crossover import SHOWN
from fuelgauge.claims.statistics.resample import RepeatTest, leave_one_out_means
from fuelgauge.report._numbers import figure
from fuelgauge.sweep.machine import machine_class

ANCHORS = (32, 128, 512, 2048)


def main() -> None:
    """Print the machine, the versions, losses, times, ratios and verdicts as Markdown."""
    trials = pd.read_parquet(paths.REPORTS / "trials.parquet")
    curves = pd.read_parquet(paths.REPORTS / "curves.parquet")
    pairs = pd.read_parquet(paths.REPORTS / "pairs.parquet")
    verdicts = json.loads((paths.REPORTS / "verdicts.json").read_text(encoding="utf-8"))
    sweep = json.loads((paths.REPORTS / "metrics.json").read_text(encoding="utf-8"))["sweep"]
    versions = {k: v for text in trials["versions"].unique() for k, v in json.loads(text).items()}
    print(f"{machine_class()}. " + ", ".join(f"{k} {v}" for k, v in sorted(versions.items())) + ".")
    print(
        f"\n{trial_counts(sweep['trials'])}; {sweep['fit_cpu_seconds']:.0f} CPU seconds of fits in "
        f"{sweep['wall_seconds']:.0f} s of the train stages: sweep.efficiency {sweep['efficiency']:.2f}.\n"
    )
    print_curves(curves)
    print_pairs(pairs)
    print_worse_than_constant(trials[trials["status"] == "done"])
    for verdict in verdicts:
        if verdict["modality"] == "all" or verdict["level"] == "dataset":
            print(f"- **{verdict['verdict']}**: {verdict['sentence']}")


def trial_counts(counts: dict[str, int]) -> str:
    """Return the number of trials by status, in words."""
    return ", ".join(f"{number} trials {status}" for status, number in counts.items())


def print_curves(curves: pd.DataFrame) -> None:
    """Print one row per learning curve.

    A row has the mean loss at some anchors. For the largest anchor it adds the interval and the fit time.
    """
    ends = ["largest n", "loss at it [95%]", "seconds per fit"]
    titles = ["mean test loss", *(f"n = {n:,}" for n in ANCHORS), *ends]
    print(f"\n| {' | '.join(titles)} |")
    print("|" + " --- |" * len(titles))
    models = curves[(curves["level"] == "model") & (curves["family"] != "baseline")]
    for (dataset, model), curve in models.groupby(["dataset", "model"]):
        points = curve.set_index("n_train").sort_index()
        losses = points["loss_mean"]
        means = [f"{losses[n]:.3g}" if n in losses.index else "" for n in ANCHORS]
        last = points.iloc[-1]
        interval = f"{last['loss_mean']:.3g} [{last['loss_lo']:.3g}, {last['loss_hi']:.3g}]"
        ends = [f"{points.index[-1]:,}", interval, figure(last["fit_seconds_mean"], 2)]
        print(f"| {dataset}, {model} | {' | '.join([*means, *ends])} |")


def print_pairs(pairs: pd.DataFrame) -> None:
    """Print the comparisons of deep with every other family, one row per pair and dataset."""
    intervals = ["median DER", "slope per doubling", "crossover"]
    titles = ["deep against", *(f"{name} [95%]" for name in intervals), "time ratio at largest n"]
    print(f"\n| {' | '.join(titles)} |")
    print("|" + " --- |" * len(titles))
    families = pairs[(pairs["model_a"] == "family:deep") & (pairs["model_b"] != "family:baseline")]
    for key, rows in families.groupby(["dataset", "model_b"]):
        dataset, other = cast("tuple[str, str]", key)
        last = rows.sort_values("n").iloc[-1]
        bound = {"below": "< ", "above": "> "}.get(last["der_median_censored"], "")
        der = f"{bound}{last['der_median']:.2f} [{last['der_median_lo']:.2f}, {last['der_median_hi']:.2f}]"
        slope = f"{last['slope']:+.3f} [{last['slope_lo']:+.3f}, {last['slope_hi']:+.3f}]"
        crossover = last["crossover_kind"]
        if crossover == SHOWN:
            bounds = f"{last['crossover_lo']:.0f}, {last['crossover_hi']:.0f}"
            crossover += f", at {last['crossover']:.0f} [{bounds}]"
        name = other.removeprefix("family:")
        print(f"| {name}, {dataset} | {der} | {slope} | {crossover} | {last['time_ratio']:.1f} |")
    print()


def print_worse_than_constant(trials: pd.DataFrame) -> None:
    """Print where a deep model has a larger mean loss than the constant and another model has a smaller one.

    The p value comes from the paired one-sided t test over repeats with Nadeau and Bengio's correction
    (docs/explanation/protocol.md). It is not adjusted for the number of rows.
    """
    compared = [row for _, rows in trials.groupby(["dataset", "n_train"]) for row in against_constant(rows)]
    table = pd.DataFrame(compared, columns=["dataset", "model", "n", "loss", "constant", "p"])
    worse = table[table["loss"] > table["constant"]].sort_values("p")
    which = (
        "mean losses of deep models (those equal to the constant's left out) are larger than the constant's"
    )
    print(f"\n{len(worse)} of {len(table)} {which}:\n")
    print("| " + " | ".join(worse.columns) + " |\n" + "|" + " --- |" * worse.shape[1])
    for row in worse.itertuples(index=False):
        print(
            f"| {row.dataset} | {row.model} | {row.n:,} | {row.loss:.3f} | {row.constant:.3f} | {row.p:.2f} |"
        )


def against_constant(rows: pd.DataFrame) -> list[tuple[str, str, int, float, float, float]]:
    """Return the comparison of each deep model with the constant, at one dataset and anchor.

    The list is empty if no model has a smaller mean loss than the constant. It leaves out models with fewer
    than two repeats, and models whose loss equals that of the constant in every repeat.
    """
    losses = rows.pivot_table(index="repeat", columns="model", values="loss")
    constant = losses["dummy"].mean()
    if not (losses.mean() < constant).any():
        return []
    first, found = rows.iloc[0], []
    test = RepeatTest(test_share=first["n_test"] / first["n_pool"])
    for model in sorted(set(rows.loc[rows["family"] == "deep", "model"])):
        above = (losses[model] - losses["dummy"]).dropna()
        if len(above) > 1 and above.any():
            two_sided = test.p_value(leave_one_out_means(above.to_numpy()[None])).item()
            p_value = two_sided / 2 if above.mean() > 0 else 1 - two_sided / 2
            found.append((first["dataset"], model, first["n_train"], losses[model].mean(), constant, p_value))
    return found


if __name__ == "__main__":
    main()
