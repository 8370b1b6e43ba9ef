"""The evaluate stage: turn trial tables into curves, verdicts, metrics, plots and the report page."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from fuelgauge import __version__, paths
from fuelgauge.claims.analysis import Analysis, analyze
from fuelgauge.config.files import typed
from fuelgauge.data.card import data_card
from fuelgauge.errors import ConfigError, TableError
from fuelgauge.files import whole, write_whole
from fuelgauge.report import ReportContext, write_report
from fuelgauge.report.figures import draw_note
from fuelgauge.report.money import Prices, fit_prices
from fuelgauge.report.savings import draw_savings, embedding_lines, savings_table
from fuelgauge.spec.names import NO_SEARCH, USUAL, contestant
from fuelgauge.spec.params import Params
from fuelgauge.sweep.embedding_costs import costs_of
from fuelgauge.sweep.machine import machine_class
from fuelgauge.sweep.store import SEEDED, read_store, stores
from fuelgauge.sweep.table import read_tables

__all__ = ["evaluate"]

HELD_EQUAL = (
    "Rows: in each repeat, every model gets the same training, validation and test rows",
    "Count: for every model, n includes the validation rows",
    "Nesting: the rows of a smaller anchor are a subset of the rows of a larger one",
    "Timing: every fit has the same number of threads and is timed by the same function",
)
SEARCHES = {
    False: "Hyperparameter search: none; every model runs with its stated defaults",
    True: "Hyperparameter search: every model gets the same number of fits, or the same seconds for fits; "
    "the first fit uses the defaults, and all fits use only the rows of the anchor",
}
NOTHING_TO_DRAW = {
    "learning_curves.png": "Loss against rows: no model has a finished trial.",
    "fit_time.png": "Seconds of a fit against rows: no fit was timed.",
    "cost.png": "Loss against seconds of a fit: no fit was timed.",
    "der.png": "Data-efficiency ratios: none can be measured. They need both sides of a claim, on a dataset "
    "with enough rows.",
}
NO_SLIDE = (
    "Performance against the amount of data, by size of net: no dataset has both older algorithms and nets "
    "of all sizes, or the claim engine is not judged. In params.yaml, name engine under claims and set "
    "sizes: [tiny, small, default, large]; then run the pipeline again."
)
NOT_HELD_EQUAL = (
    "Early stopping: boosted trees stop by log loss, nets by the metric of the dataset",
    "Defaults: docs/explanation/protocol.md says how many settings were tried for each model",
    "Compute: each fit takes as much as its budget and early stopping allow; the cost charts show it",
    "Validation rows: nets and boosted trees use them for early stopping, the linear model does not use them",
)


def evaluate(params: Params, out: Path = paths.REPORTS) -> Analysis:
    """Analyse the trial tables of all curves, write the report and return the analysis.

    Parameters
    ----------
    params
        Parameters of the run. Its datasets, feature sets, models, sizes and searches select the curves. Its
        claims are judged.
    out
        Folder for trials.parquet, curves.parquet, pairs.parquet, verdicts.json, metrics.json, plots/ and
        index.html.

    Raises
    ------
    TableError
        There is no finished trial.
    """
    trials = read_tables()
    for column, wanted in (
        ("dataset", params.datasets),
        ("features", params.features),
        ("model", params.models),
        ("size", params.sizes),
        ("search", params.searches),
    ):
        trials = trials[trials[column].isin(wanted)]
    if not (trials["status"] == "done").any():
        raise TableError(f"{paths.TRIALS} holds no finished trial; run the train stage first: dvc repro")
    out.mkdir(parents=True, exist_ok=True)
    with whole(out / "trials.parquet") as partial:
        trials.to_parquet(partial, index=False)
    analysis = analyze(out / "trials.parquet", out, params.claims)
    sweep = sweep_metrics(trials)
    prices = read_prices(params.prices)
    write_metrics(out / "metrics.json", trials, analysis, sweep, prices)
    write_report(analysis, out, report_context(trials, sweep["efficiency"], params, prices))
    write_savings(analysis.savings, out / "plots")
    draw_missing(out / "plots", has_slide=analysis.further.get("slide") is not None)
    return analysis


def write_savings(found: pd.DataFrame, plots: Path) -> None:
    """Write table and picture of the labels that pretraining saves, and the cost of the embeddings."""
    if len(found):
        costs = [cost for name in found["dataset"].unique() for cost in costs_of(name)]
        write_whole(plots / "savings.md", f"{savings_table(found)}\n{embedding_lines(costs)}")
        draw_savings(found, plots / "savings.png")


def draw_missing(plots: Path, has_slide: bool) -> None:
    """Draw a sentence in place of each picture that dvc.yaml declares and this run cannot draw."""
    if not has_slide:
        draw_note(plots / "engine.png", NO_SLIDE)
    for name, text in NOTHING_TO_DRAW.items():
        if not (plots / name).is_file():
            draw_note(plots / name, text)


def read_prices(name: str) -> Prices:
    """Return the prices in a file of conf/price/.

    Raises
    ------
    ConfigError
        A setting is missing or unknown, or a price is below zero.
    """
    path = paths.CONF / "price" / f"{name}.yaml"
    where = f"conf/price/{name}.yaml"
    prices: Prices = typed(Prices, yaml.safe_load(path.read_text(encoding="utf-8")), where)
    for setting in ("core_hour", "gpu_hour"):
        if not getattr(prices, setting) >= 0:
            raise ConfigError(f"{where}: {setting} is {getattr(prices, setting)}; it must be 0 or more.")
    return prices


def sweep_metrics(trials: pd.DataFrame) -> dict[str, Any]:
    """Return how well the cores were used: CPU seconds of the fits over wall seconds times cores.

    The wall time of a session is the age of its process when it last wrote to the store. Start-up and idle
    cores therefore lower the efficiency. A session counts if it ran a trial of this table, and then counts
    with all of its trials. Trials from `fuelgauge seed` do not count.
    """
    wanted = set(trials.loc[trials["status"] == "done", "trial_id"])
    read = [read_store(path) for path in stores()]
    sessions = {r["session"] for records, _ in read for key, r in records.items() if key in wanted}
    sessions.discard(SEEDED)
    wall: dict[str, float] = dict.fromkeys(sessions, 0.0)
    capacity: dict[str, float] = {}
    fit_cpu = 0.0
    for records, closings in read:
        for record in (*records.values(), *closings):
            if (session := record["session"]) in sessions:
                fit_cpu += all_cpu_seconds(record["result"]) if record.get("result") else 0.0
                wall[session] = max(wall[session], record["elapsed"])
                capacity[session] = wall[session] * record["cores"]
    total = sum(capacity.values())
    return {
        "efficiency": fit_cpu / total if total else None,
        "fit_cpu_seconds": fit_cpu,
        "wall_seconds": sum(wall.values()),
        "trials": {str(k): int(v) for k, v in trials["status"].value_counts().items()},
    }


def all_cpu_seconds(result: Mapping[str, Any]) -> float:
    """Return the CPU seconds of a trial's fits: those of its search, its share of a pack, or its one fit."""
    used = result.get("used_cpu_seconds")
    if used is not None and math.isfinite(used):
        return used
    return result["search_cpu_seconds"] or result["fit_cpu_seconds"]


def write_metrics(
    path: Path, trials: pd.DataFrame, analysis: Analysis, sweep: Mapping[str, Any], prices: Prices
) -> None:
    """Write metrics.json for `dvc metrics`: the sweep, the verdicts and the last point of every curve."""
    verdicts = {
        f"{v['claim']}.{v['modality']}.{v['family_a']}-{v['family_b']}".replace(" ", "_"): v["verdict"]
        for v in analysis.verdicts
        if v["level"] == "overall"
    }
    content = {
        "sweep": rounded(sweep),
        "verdict": verdicts,
        "at_largest_anchor": last_points(trials.assign(fit_price=fit_prices(trials, prices))),
    }
    if len(analysis.savings):
        content["labels_saved"] = labels_saved(analysis.savings)
    write_whole(path, json.dumps(content, indent=2) + "\n")


def labels_saved(savings: pd.DataFrame) -> dict[str, Any]:
    """Return how many times the labels models from scratch need, at the largest n of each dataset."""
    last = savings.groupby("dataset").tail(1).set_index("dataset")[["n", "ratio"]].astype(float)
    return {
        str(name): rounded({"n": n, "ratio": ratio})
        for name, n, ratio in zip(last.index, last["n"], last["ratio"], strict=True)
    }


def last_points(trials: pd.DataFrame) -> dict[str, Any]:
    """Return n_train, mean score, and mean seconds and price of a fit, at each curve's largest anchor."""
    points: dict[str, Any] = {}
    done = trials[trials["status"] == "done"]
    for (dataset, model, *variant), curve in done.groupby(["dataset", "model", *USUAL]):
        last = curve[curve["n_train"] == curve["n_train"].max()]
        points.setdefault(str(dataset), {})[contestant(str(model), *map(str, variant))] = rounded(
            {
                "n_train": int(last["n_train"].iloc[0]),
                f"{last['metric'].iloc[0]}": float(last["score"].mean()),
                "fit_seconds": float(last["fit_seconds"].mean()),
                "fit_price": float(last["fit_price"].mean()),
            }
        )
    return points


def rounded(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with its floats rounded to five significant digits."""
    return {k: significant(v) if isinstance(v, float) else v for k, v in content.items()}


def significant(value: float) -> float | None:
    """Return a number rounded to five significant digits; None if it is not finite, for JSON."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def report_context(
    trials: pd.DataFrame, efficiency: float | None, params: Params, prices: Prices
) -> ReportContext:
    """Return the facts that the page shows in addition to the analysis."""
    versions = {k: v for text in trials["versions"].dropna().unique() for k, v in json.loads(text).items()}
    ended = trials[trials["status"] != "done"]
    return ReportContext(
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        versions={
            "fuelgauge": __version__,
            "python": platform.python_version(),
            **dict(sorted(versions.items())),
        },
        machine=machine_class(),
        how_to_reproduce=("git clone <this repository> fuelgauge && cd fuelgauge", "make repro"),
        data_cards=[
            {**data_card(name, params), "baseline": baseline(trials, name)}
            for name in sorted(trials["dataset"].unique())
        ],
        held_equal=(*HELD_EQUAL, SEARCHES[set(params.searches) != {NO_SEARCH}]),
        not_held_equal=NOT_HELD_EQUAL,
        pretrained_on={name: told for name in params.models if (told := pretrained_on(name))},
        failures=ended[["dataset", "model", "n_train", "repeat", "status", "reason"]],
        prices=prices,
        published=published_verdicts(),
        sweep_efficiency=efficiency,
    )


def published_verdicts() -> list[dict[str, Any]]:
    """Return the verdicts on published learning curves; empty unless `make evidence` has been run."""
    path = paths.EVIDENCE / "verdicts.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def pretrained_on(model: str) -> str:
    """Return the data on which a model was pretrained, or an empty string."""
    return yaml.safe_load((paths.CONF / "model" / f"{model}.yaml").read_text(encoding="utf-8")).get(
        "pretrained_on", ""
    )


def baseline(trials: pd.DataFrame, dataset: str) -> str:
    """Return the score of the constant prediction, or an empty string if no such model was run."""
    of_dataset = (trials["dataset"] == dataset) & (trials["family"] == "baseline")
    done = trials[of_dataset & (trials["status"] == "done")]
    if done.empty:
        return ""
    last = done[done["n_train"] == done["n_train"].max()]
    return f"{last['metric'].iloc[0]} {abs(last['score'].mean()):.3f} with a constant prediction"
