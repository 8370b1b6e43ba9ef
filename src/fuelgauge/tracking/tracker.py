"""MLflow as a view of the trial store. The only module that imports mlflow.

An experiment is a dataset, a run is a learning curve: its metrics have step = n_train, so that the
compare page of the MLflow UI draws learning and cost curves by itself. An anchor is logged once, when
all of its repeats are done; what is there already is looked up and not logged again.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import importlib
import logging
import os
import platform
import queue
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fuelgauge import paths
from fuelgauge.files import whole
from fuelgauge.spec.params import Config, TrackingConfig
from fuelgauge.spec.trials import Plan
from fuelgauge.sweep.store import Record

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger("fuelgauge")

LEVEL = 0.95
SQLITE = "sqlite:///"
CURVE_ID, REPORT_ID, DESCRIBED = "fuelgauge.curve_id", "fuelgauge.report_id", "fuelgauge.described"
CATCH_UP = "catch up later with: fuelgauge track"
# Seconds for which a server that has failed is left alone.
PATIENCE = 60.0
NOT_SHOWN = {"n_test", "n_features", "hyperparameters", "device_name"}
WITH_BOUNDS = ("loss", "score", "fit_seconds")


class NoTracker:
    """Tracking is switched off."""

    def add(self, record: Record) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def wait(self, until: float) -> None:
        """Do nothing."""


class Writer:
    """The one thread of a process that writes to MLflow: it does for all curves what it is told, in order."""

    def __init__(self) -> None:
        self.steps: queue.Queue[Callable[[], None]] = queue.Queue()
        self.away_until: dict[str, float] = {}
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        """Do steps for ever; they catch their own errors."""
        while True:
            self.steps.get()()

    def is_away(self, uri: str) -> bool:
        """Return whether a server has failed a short while ago."""
        return time.monotonic() < self.away_until.get(uri, 0.0)

    def failed(self, uri: str, error: Exception) -> None:
        """Say that a server fails and leave it alone for a while."""
        self.away_until[uri] = time.monotonic() + PATIENCE
        say_unreachable(uri, error, "the sweep goes on")


@functools.cache
def writer() -> Writer:
    """Return the writer of this process."""
    return Writer()


class MlflowTracker:
    """Hands a curve to the writer, which sends each anchor as it is completed.

    The sweep never waits for the server. If the server fails, that is said once, the sweep goes on,
    and `fuelgauge track` sends from the store what is missing.
    """

    def __init__(self, config: Config, plan: Plan, records: Iterable[Record]):
        self.config, self.plan = config, plan
        self.is_lost = False
        self.is_over = threading.Event()
        self.do(self.open)
        for record in records:
            self.add(record)

    def do(self, step: Callable[[], None]) -> None:
        """Let the writer do a step, unless one before it was lost."""
        writer().steps.put(lambda: self.attempt(step))

    def attempt(self, step: Callable[[], None]) -> None:
        """Do a step; a curve that has lost one is left to `fuelgauge track`."""
        uri = self.config.tracking.uri
        self.is_lost = self.is_lost or writer().is_away(uri)
        if not self.is_lost:
            try:
                step()
            except Exception as error:
                self.is_lost = True
                writer().failed(uri, error)

    def open(self) -> None:
        """Find or make the run, and import what the first anchor will need, while there is time."""
        self.run = CurveRun(self.config, self.plan)
        importlib.import_module("fuelgauge.claims.statistics.resample")

    def add(self, record: Record) -> None:
        """Take a record that is safe in the store."""
        self.do(lambda: self.run.add(record))

    def close(self) -> None:
        """Hand over what is left, without waiting."""
        self.do(lambda: self.run.finish())
        writer().steps.put(self.is_over.set)

    def wait(self, until: float) -> None:
        """Wait for the writer, at most until a moment of the monotonic clock."""
        if not self.is_over.wait(max(0.0, until - time.monotonic())):
            log.warning("MLflow at %s is slow; %s", safe_uri(self.config.tracking.uri), CATCH_UP)


def make_tracker(config: Config, plan: Plan, records: Iterable[Record]) -> MlflowTracker | NoTracker:
    """Return the tracker that the configuration asks for."""
    return MlflowTracker(config, plan, records) if config.tracking.uri else NoTracker()


class CurveRun:
    """The MLflow run of a learning curve, found again if it is there already."""

    def __init__(self, config: Config, plan: Plan):
        self.config, self.plan = config, plan
        self.client = connect(config.tracking)
        self.experiment = ensure_experiment(self.client, plan.curve.dataset.name, config.tracking)
        self.run = self.find() or self.create()
        self.run_id = self.run.info.run_id
        self.make_current()
        if DESCRIBED not in self.run.data.tags:
            self.describe()
        self.expected = expected_repeats(plan)
        self.waiting: dict[int, list[Record]] = defaultdict(list)
        self.ended = self.failed = 0
        self.logged: dict[str, set[int]] = {}

    def find(self) -> Run | None:
        """Return the run of this very curve, if an earlier session has made it."""
        found = find_run(self.client, self.experiment, CURVE_ID, self.plan.curve.curve_id)
        if found and found.info.status != "RUNNING":
            self.client.update_run(found.info.run_id, status="RUNNING")
        return found

    def create(self) -> Run:
        """Make the run."""
        curve = self.plan.curve
        tags = {
            CURVE_ID: curve.curve_id,
            "dataset": curve.dataset.name,
            "modality": curve.dataset.modality,
            "model": curve.name,
            "family": curve.family,
            "device": curve.device,
            "data_version": curve.dataset.fingerprint[:16],
            "mlflow.source.name": "pipelines/train.py",
            **git_tags(),
        }
        return self.client.create_run(self.experiment, run_name=curve.name, tags=tags)

    def make_current(self) -> None:
        """Mark this run as the model's current curve, and any other as superseded."""
        same_model = f"tags.model = '{self.plan.curve.name}' and tags.current = 'true'"
        for other in self.client.search_runs([self.experiment], filter_string=same_model):
            if other.info.run_id != self.run_id:
                self.client.set_tag(other.info.run_id, "current", "false")
        self.client.set_tag(self.run_id, "current", "true")

    def describe(self) -> None:
        """Log parameters, configuration and environment; the tag that says so comes last."""
        self.client.log_batch(self.run_id, params=curve_params(self.config, self.plan))
        self.client.log_dict(self.run_id, shown_config(self.config), "config.yaml")
        self.client.log_dict(self.run_id, environment(), "environment.json")
        self.client.set_tag(self.run_id, DESCRIBED, "true")

    def add(self, record: Record) -> None:
        """Take a record of the plan; log its anchor if that completes it."""
        self.ended += 1
        if record["status"] != "done":
            self.failed += 1
            return
        n_train = record["n_train"]
        self.waiting[n_train].append(record["result"])
        if len(self.waiting[n_train]) == self.expected[n_train]:
            self.log_anchor(n_train, self.waiting.pop(n_train))

    def log_anchor(self, n_train: int, results: list[Record]) -> None:
        """Log the means over repeats at an anchor, but for those that are there already."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        values = anchor_metrics(results, self.plan.curve.n_pool)
        metrics = [
            Metric(name, value, now, n_train)
            for name, value in values.items()
            if n_train not in self.steps_of(name)
        ]
        if metrics:
            self.client.log_batch(self.run_id, metrics=metrics)

    def steps_of(self, metric: str) -> set[int]:
        """Return the steps that a metric had when this session began."""
        if metric not in self.logged:
            known = metric in self.run.data.metrics
            history = self.client.get_metric_history(self.run_id, metric) if known else []
            self.logged[metric] = {point.step for point in history}
        return self.logged[metric]

    def finish(self) -> None:
        """Close the run, and say how many trials have failed; one that waits for trials was stopped."""
        self.client.set_tag(self.run_id, "failed_trials", str(self.failed))
        is_whole = self.ended == len(self.plan.trials)
        self.client.set_terminated(
            self.run_id, "FAILED" if self.failed else "FINISHED" if is_whole else "KILLED"
        )


def send_curve(config: Config, plan: Plan, records: Iterable[Record]) -> None:
    """Send the records of a curve's trials to its run, as they come."""
    run = CurveRun(config, plan)
    for record in records:
        run.add(record)
    run.finish()


def expected_repeats(plan: Plan) -> dict[int, int]:
    """Return how many repeats of each anchor will run."""
    counts: dict[int, int] = defaultdict(int)
    for trial in plan.trials:
        counts[trial.n_train] += 1
    return counts


def anchor_metrics(results: list[Record], n_pool: int) -> dict[str, float]:
    """Return the mean over the repeats of an anchor and, for what is drawn, its t-interval.

    Intervals of test losses carry Nadeau and Bengio's correction (docs/protocol.md).

    The names are those of the trial table. None has a slash: the UI would move it to a section of
    its own, and costs would stand before the learning curves.
    """
    from fuelgauge.claims.statistics.resample import correction, t_quantile

    values: dict[str, float] = {}
    for name in sorted(set(results[0]) - NOT_SHOWN):
        column = np.array([result[name] for result in results if result.get(name) is not None], dtype=float)
        if not len(column):
            continue
        values[name] = float(column.mean())
        if name in WITH_BOUNDS and len(column) > 1:
            half = float(t_quantile(LEVEL, len(column)) * column.std(ddof=1) / np.sqrt(len(column)))
            if name != "fit_seconds":
                half *= float(correction(len(column), results[0]["n_test"] / n_pool))
            values[f"{name}_lo"], values[f"{name}_hi"] = values[name] - half, values[name] + half
    return values


def shown_config(config: Config) -> dict[str, Any]:
    """Return the resolved configuration without user name and password."""
    content = asdict(config)
    content["tracking"]["uri"] = safe_uri(config.tracking.uri)
    return content


def curve_params(config: Config, plan: Plan) -> list[Any]:
    """Return what the UI shows as parameters of a run."""
    from mlflow.entities import Param

    curve = plan.curve
    shown = {
        **curve.hyperparameters,
        "features": curve.dataset.features,
        "size": curve.size,
        "search": curve.search_name,
        "repeats": curve.repeats,
        "seed": curve.seed,
        "threads": curve.threads,
        "validation_fraction": curve.split.validation_fraction,
        "anchors": f"{config.anchors.start} x {config.anchors.factor:g}",
    }
    return [Param(key, str(value)[:500]) for key, value in shown.items()]


def connect(tracking: TrackingConfig) -> MlflowClient:
    """Return a client of the tracking server or database, which is made ready if it is new.

    A server that is away is given up after seconds, not minutes.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow import MlflowClient

    with one_at_a_time(tracking.uri):
        make_database(tracking.uri)
        client = MlflowClient(tracking.uri)
        client.search_experiments(max_results=1)
    return client


def database_path(uri: str) -> Path | None:
    """Return the file of a SQLite database, or None for a server."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def make_database(uri: str) -> None:
    """Make a SQLite database that is not there under another name, and rename it when it is whole.

    MLflow makes it in many steps; one that a kill cut short could never be opened again.
    """
    path = database_path(uri)
    if path is None or path.exists():
        return
    from mlflow import MlflowClient

    with whole(path) as partial:
        MlflowClient(f"{SQLITE}{partial}").search_experiments(max_results=1)


@contextlib.contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """Let one process at a time make a fresh SQLite database: two at once can leave it broken."""
    path = database_path(uri)
    if path is None:
        yield
        return
    lock = path.with_name(f"{path.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def ensure_experiment(client: MlflowClient, name: str, tracking: TrackingConfig) -> str:
    """Return the id of an experiment, making it if it is not there."""
    with one_at_a_time(tracking.uri):
        if found := client.get_experiment_by_name(name):
            return found.experiment_id
        return client.create_experiment(name, artifact_location=artifact_location(tracking, name))


def chart_pages(tracking: TrackingConfig, address: str) -> dict[str, str]:
    """Return the page of the UI that draws the learning curves, for each experiment that has runs.

    The UI itself opens an experiment on another page, where there are none.

    Parameters
    ----------
    address
        Of the UI, such as http://127.0.0.1:5000.
    """
    client = connect(tracking)
    return {
        experiment.name: f"{address}/#/experiments/{experiment.experiment_id}/runs?compareRunsMode=CHART"
        for experiment in sorted(client.search_experiments(), key=lambda experiment: experiment.name)
        if client.search_runs([experiment.experiment_id], max_results=1)
    }


def artifact_location(tracking: TrackingConfig, experiment: str) -> str | None:
    """Return the folder for an experiment's artifacts beside a database; a server has its own."""
    if tracking.artifact_location is None or database_path(tracking.uri) is None:
        return None
    return f"{Path(tracking.artifact_location).as_uri()}/{experiment}"


def find_run(client: MlflowClient, experiment: str, tag: str, value: str) -> Run | None:
    """Return the run that carries an identity in a tag, or None."""
    found = client.search_runs([experiment], filter_string=f"tags.`{tag}` = '{value}'", max_results=1)
    return found[0] if found else None


def try_log_report(tracking: TrackingConfig, reports: Path, metrics: dict[str, float], identity: str) -> None:
    """Keep a report in MLflow; a server that is away is said, and changes nothing else."""
    if not tracking.uri:
        return
    try:
        log_report(tracking, reports, metrics, identity)
    except Exception as error:
        say_unreachable(tracking.uri, error, "the report is written all the same")


def log_report(tracking: TrackingConfig, reports: Path, metrics: dict[str, float], identity: str) -> None:
    """Log the report of a whole pipeline run as a run of the experiment `report`, once.

    Parameters
    ----------
    reports
        The folder to keep as artifacts.
    metrics
        Numbers to show beside it.
    identity
        What the report was made from; a report of the same is replaced.
    """
    from mlflow.entities import Metric

    client = connect(tracking)
    experiment = ensure_experiment(client, "report", tracking)
    if found := find_run(client, experiment, REPORT_ID, identity):
        run_id = found.info.run_id
    else:
        tags = {REPORT_ID: identity, **git_tags()}
        run_id = client.create_run(experiment, run_name="report", tags=tags).info.run_id
        now = int(time.time() * 1000)
        client.log_batch(run_id, metrics=[Metric(k, v, now, 0) for k, v in metrics.items()])
    client.log_artifacts(run_id, str(reports))
    client.set_terminated(run_id)


def git_tags() -> dict[str, str]:
    """Return the commit that is checked out, as MLflow's own tag."""
    command = ["git", "rev-parse", "HEAD"]
    result = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    return {"mlflow.source.git.commit": result.stdout.strip()} if result.returncode == 0 else {}


@functools.cache
def environment() -> dict[str, Any]:
    """Return what a result was made with: the machine's class and every installed distribution.

    Name and version are those of the folder that describes a distribution; to read each description would
    take a fifth of what logging a stage takes.
    """
    folders = [folder.stem for entry in sys.path for folder in Path(entry).glob("*.dist-info")]
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "distributions": dict(folder.rsplit("-", 1) for folder in sorted(folders)),
    }


def safe_uri(uri: str) -> str:
    """Return a URI without user name and password."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else uri


def say_unreachable(uri: str, error: Exception, meanwhile: str) -> None:
    """Say that MLflow cannot be written, what happens instead and how to catch up."""
    log.warning(
        "MLflow at %s cannot be written (%s: %s); %s, %s",
        safe_uri(uri), type(error).__name__, first_line(error, uri), meanwhile, CATCH_UP,
    )  # fmt: skip


def first_line(error: Exception, uri: str) -> str:
    """Return the first line of an error's text, shortened, without the URI's user name and password."""
    lines = str(error).replace(uri, safe_uri(uri)).splitlines()
    return lines[0][:200] if lines else ""
