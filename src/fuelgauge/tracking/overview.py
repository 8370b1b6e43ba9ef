"""Compare evaluations and models in MLflow: an overview of the evaluations, leaderboards, and links to them.

- The experiment `overview` has a run for each evaluation. Its metrics are the sizes of the claims, and its
  parameters are the answers, so that the compare page shows what has changed.
- Each current run of a learning curve gets the rows that it needs, relative to its best rival.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuelgauge.errors import FuelgaugeError
from fuelgauge.spec.params import TrackingConfig
from fuelgauge.tracking._measures import RIVAL_ROWS
from fuelgauge.tracking._views import compare_link, has_views, link, save_views, table_view
from fuelgauge.tracking.tracker import (
    connect,
    ensure_experiment,
    find_run,
    first_line,
    git_tags,
    safe_uri,
    say_unreachable,
)

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = [
    "ADDRESS", "flat_metrics", "has_report", "pages", "say_pages", "send_report", "try_log_report",
]  # fmt: skip

log = logging.getLogger("fuelgauge")

ADDRESS = "http://127.0.0.1:5000"  # of the UI that `make ui` starts
OVERVIEW = "overview"
OF_EVALUATIONS = "A run is an evaluation. Metrics are the sizes of claims, parameters the answers."
REPORT_ID = "fuelgauge.report_id"
SOURCES = ("trials.parquet", "verdicts.json")
PAIRS = "pairs.parquet"
LOG_AGAIN = "send it later with: fuelgauge track"
CURRENT = "tags.current = 'true'"
LONGEST = 500  # characters of a parameter
EVERYTHING = "all"


def try_log_report(tracking: TrackingConfig, reports: Path) -> None:
    """Log a report in MLflow and say where it is; if MLflow cannot be written, log a warning only."""
    if not tracking.uri:
        return
    try:
        send_report(tracking, reports)
        say_pages(tracking)
    except Exception as error:
        say_unreachable(tracking.uri, error, f"the report itself is written, {LOG_AGAIN}")


def say_pages(tracking: TrackingConfig) -> None:
    """Log the addresses of the pages on which evaluations, models and curves are compared."""
    is_server = tracking.uri.startswith("http")
    found = pages(tracking, safe_uri(tracking.uri) if is_server else ADDRESS)
    log.info("MLflow%s:", "" if is_server else " (start its UI with: make ui)")
    for name in (OVERVIEW, *ALL):
        if name in found:
            log.info("  %-16s %s", name, found[name])


def send_report(tracking: TrackingConfig, reports: Path) -> None:
    """Log the report that the evaluate stage has written, and the rows against rivals of each curve's run."""
    client = connect(tracking)
    identity = report_identity(reports / name for name in SOURCES)
    log_evaluation(client, tracking, reports, identity)
    if (reports / PAIRS).is_file():
        log_rivals(client, reports / PAIRS)


def has_report(reports: Path) -> bool:
    """Return whether the evaluate stage has written a whole report to a folder."""
    return all((reports / name).is_file() for name in (*SOURCES, "metrics.json", "index.html"))


def report_identity(files: Iterable[Path]) -> str:
    """Return a hash of the files from which a report was made."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def flat_metrics(path: Path) -> dict[str, float]:
    """Return the numbers of metrics.json by dotted name."""
    flat: dict[str, float] = {}

    def walk(content: Mapping[str, Any], prefix: str) -> None:
        for key, value in content.items():
            if isinstance(value, Mapping):
                walk(value, f"{prefix}{key}.")
            elif isinstance(value, int | float):
                flat[f"{prefix}{key}"] = float(value)

    walk(json.loads(path.read_text(encoding="utf-8")), "")
    return flat


def log_evaluation(client: MlflowClient, tracking: TrackingConfig, reports: Path, identity: str) -> None:
    """Log an evaluation as a run of the experiment `overview`, with its report as artifacts.

    Parameters
    ----------
    client
        Client of the tracking server or database.
    tracking
        Tracking server or database.
    reports
        Folder of the report.
    identity
        Hash of the files from which the report was made. The artifacts of a run with the same identity are
        replaced; no second run is created.
    """
    from mlflow.entities import Metric, Param

    experiment = ensure_experiment(client, OVERVIEW, tracking)
    sizes = claim_sizes(reports / "verdicts.json")
    columns = [f"metrics.{name}" for name in sizes if not name.endswith(("_lo", "_hi"))]
    save_views(client, experiment, {OVERVIEW: ("Evaluations", table_view(columns))}, OF_EVALUATIONS)
    if found := find_run(client, experiment, REPORT_ID, identity):
        run_id = found.info.run_id
    else:
        tags = {REPORT_ID: identity, **git_tags()}
        name = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        run_id = client.create_run(experiment, run_name=name, tags=tags).info.run_id
        now = int(time.time() * 1000)
        numbers = {**sizes, **sweep_numbers(reports / "metrics.json")}
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in numbers.items()],
            params=[Param(name, value[:LONGEST]) for name, value in evaluation_params(reports).items()],
        )
    client.log_artifacts(run_id, str(reports))
    client.set_terminated(run_id)


def overall(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the verdicts over all datasets and over those of a modality, with a name for each."""
    for verdict in json.loads(path.read_text(encoding="utf-8")):
        if verdict.get("level") == "overall":
            claim, stratum = verdict["claim"], verdict["modality"]
            pair = f"{verdict['family_a']} vs {verdict['family_b']}".replace(" ", "_")
            yield (f"{claim}/{pair}" if stratum == EVERYTHING else f"{claim}/{stratum}/{pair}"), verdict


def claim_sizes(path: Path) -> dict[str, float]:
    """Return the effect of each verdict with the ends of its interval; what is not known is left out."""
    sizes = {}
    for name, verdict in overall(path):
        for key, end in (("effect", ""), ("lo", "_lo"), ("hi", "_hi")):
            value = verdict.get(key)
            if isinstance(value, int | float) and math.isfinite(value):
                sizes[f"{name}{end}"] = float(value)
    return sizes


def sweep_numbers(path: Path) -> dict[str, float]:
    """Return the numbers of the sweep in metrics.json, such as the efficiency and the CPU seconds of fits."""
    return {
        name.replace(".", "/"): value
        for name, value in flat_metrics(path).items()
        if name.startswith("sweep.")
    }


def evaluation_params(reports: Path) -> dict[str, str]:
    """Return what was evaluated, and each answer in a word."""
    import pandas as pd

    trials = pd.read_parquet(reports / "trials.parquet", columns=["dataset", "model", "n_train", "repeat"])
    return {
        "datasets": ", ".join(sorted(trials["dataset"].unique())),
        "models": ", ".join(sorted(trials["model"].unique())),
        "n_datasets": str(trials["dataset"].nunique()),
        "repeats": str(trials["repeat"].nunique()),
        "rows": f"{trials['n_train'].min()} to {trials['n_train'].max()}",
        **{f"answer/{name}": verdict["verdict"] for name, verdict in overall(reports / "verdicts.json")},
    }


def log_rivals(client: MlflowClient, path: Path) -> None:
    """Log the rows against the best rival in the current run of each contestant, where they are known."""
    import pandas as pd

    pairs = pd.read_parquet(path)
    for dataset, own in pairs[pairs["level"] == "model"].groupby("dataset"):
        experiment = client.get_experiment_by_name(str(dataset))
        if experiment is not None:
            runs = client.search_runs([experiment.experiment_id], filter_string=CURRENT)
            log_rivals_of(client, runs, own)


def log_rivals_of(client: MlflowClient, runs: Iterable[Run], pairs: pd.DataFrame) -> None:
    """Log the rows against the best rival in the runs of a dataset, unless they are already there."""
    from mlflow.entities import Metric, RunTag

    now = int(time.time() * 1000)
    by_name = runs_by_name(runs)
    for name, rival, rows in best_rivals(pairs):
        run = by_name.get(name)
        if run is None:
            continue
        is_new = rows is not None and run.data.metrics.get(RIVAL_ROWS) != rows
        if is_new or run.data.tags.get("best_rival") != rival:
            client.log_batch(
                run.info.run_id,
                metrics=[Metric(RIVAL_ROWS, rows, now, 0)] if rows is not None else [],
                tags=[RunTag("best_rival", rival)],
            )


def runs_by_name(runs: Iterable[Run]) -> dict[str, Run]:
    """Return runs by contestant, and by model where a model has one run, because claims shorten names."""
    runs = list(runs)
    models = [run.data.params.get("model", "") for run in runs]
    alone = {model: run for model, run in zip(models, runs, strict=True) if models.count(model) == 1}
    return alone | {run.data.tags.get("model", ""): run for run in runs}


def best_rivals(pairs: pd.DataFrame) -> Iterator[tuple[str, str, float | None]]:
    """Yield each contestant of a dataset, its best rival, and its rows relative to the rival's.

    The best rival has the lowest loss of all others at the largest n that both have. The rows are the median
    data-efficiency ratio over n; None where only a bound of it is known.
    """
    largest = pairs.loc[pairs.groupby(["model_a", "model_b"])["n"].idxmax()]
    largest = largest[largest["loss_ratio"].notna()]
    if largest.empty:
        return
    for _, row in largest.loc[largest.groupby("model_a")["loss_ratio"].idxmax()].iterrows():
        ratio, censored = row["der_median"], row["der_median_censored"]
        is_known = math.isfinite(ratio) and censored not in ("above", "below")
        yield str(row["model_a"]), str(row["model_b"]), float(f"{ratio:.4g}") if is_known else None


ALL = ("leaderboard", "learning curves")  # pages that show all datasets together


def pages(tracking: TrackingConfig, address: str) -> dict[str, str]:
    """Return the addresses of the pages to compare on: evaluations, all datasets, and each dataset's curves.

    By default the UI opens an experiment on another page, which shows neither curves nor metrics.

    Parameters
    ----------
    tracking
        Tracking server or database.
    address
        Address of the UI, such as http://127.0.0.1:5000.

    Raises
    ------
    FuelgaugeError
        MLflow cannot be read.
    """
    try:
        client = connect(tracking)
        experiments = {
            experiment.name: experiment.experiment_id
            for experiment in sorted(client.search_experiments(), key=lambda experiment: experiment.name)
            if has_views(experiment) and client.search_runs([experiment.experiment_id], max_results=1)
        }
    except Exception as error:  # MLflow and the network raise errors of many types
        uri, reason = safe_uri(tracking.uri), first_line(error, tracking.uri)
        raise FuelgaugeError(
            f"MLflow at {uri} cannot be read ({type(error).__name__}: {reason}); start it, or correct "
            "conf/tracking or MLFLOW_TRACKING_URI."
        ) from None
    found = {}
    if overview := experiments.pop(OVERVIEW, ""):
        found[OVERVIEW] = link(address, overview, OVERVIEW, "TABLE")
    if len(experiments) > 1:
        found[ALL[0]] = compare_link(address, experiments.values(), "leaderboard", "TABLE")
        found[ALL[1]] = compare_link(address, experiments.values(), "curves", "CHART")
    return found | {name: link(address, key, "curves", "CHART") for name, key in experiments.items()}
