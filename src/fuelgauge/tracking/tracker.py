"""Send learning curves to MLflow.

- An experiment is a dataset, and a run is a learning curve.
- The step of a metric is n_train, so that the MLflow UI draws learning and cost curves.
- An anchor is logged once, when all of its repeats are done. Metrics that MLflow already has are not logged
  again.

mlflow takes seconds to import, so functions import it when they need it.
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
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fuelgauge import paths
from fuelgauge.files import whole
from fuelgauge.spec.params import Config, TrackingConfig
from fuelgauge.spec.trials import Plan
from fuelgauge.sweep.store import Record
from fuelgauge.tracking._measures import anchor_metrics, curve_params, summary_metrics
from fuelgauge.tracking._views import CURVE_VIEWS, save_views

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = [
    "SQLITE",
    "connect",
    "ensure_experiment",
    "find_run",
    "first_line",
    "git_tags",
    "make_database",
    "make_tracker",
    "safe_uri",
    "say_unreachable",
    "send_curve",
]

log = logging.getLogger("fuelgauge")

OF_CURVES = "A run is a model, a step is a number of labelled rows. Views: Learning curves, Leaderboard."
SQLITE = "sqlite:///"
DELETED = "deleted"  # the stage of an experiment in MLflow's life cycle
SECRET = re.compile(r"([?&][^=&]*(?:pass|pwd|token|secret|key)[^=&]*=)[^&]*", re.IGNORECASE)
CURVE_ID, DESCRIBED = "fuelgauge.curve_id", "fuelgauge.described"
LAYOUT = "2"  # of a run's metrics and parameters; a run of another layout is not continued
CATCH_UP = "send the missing data later with: fuelgauge track"
# Seconds during which a server is not contacted after a failure.
PATIENCE = 60.0
COLOUR = "mlflow.runColor"
# Colours of runs, by the place of the model in conf/model; MLflow's own often give two runs the same.
COLOURS = (
    "#0067b5", "#c8500a", "#00805e", "#a9478a", "#946a00", "#5a48b8", "#127a92", "#7b4b2d", "#b3243b",
    "#5c7a1e", "#56a8f5", "#ff9153", "#35cda0", "#ee9dd2", "#f2c144", "#ab9dfb", "#77d9ee", "#d0a582",
    "#ff8d9b", "#b2d65c",
)  # fmt: skip
GREY = "#66707d"


class NoTracker:
    """The tracker that does nothing, used if tracking is switched off."""

    def add(self, record: Record) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def wait(self, until: float) -> None:
        """Do nothing."""


class Writer:
    """The single thread of a process that writes to MLflow; it runs the steps of all curves in order."""

    def __init__(self) -> None:
        self.steps: queue.Queue[Callable[[], None]] = queue.Queue()
        self.away_until: dict[str, float] = {}
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        """Run steps for ever; each step catches its own errors."""
        while True:
            self.steps.get()()

    def is_away(self, uri: str) -> bool:
        """Return whether a server has failed recently and must not be contacted yet."""
        return time.monotonic() < self.away_until.get(uri, 0.0)

    def failed(self, uri: str, error: Exception) -> None:
        """Log that a server has failed and do not contact it for a while."""
        self.away_until[uri] = time.monotonic() + PATIENCE
        say_unreachable(uri, error, f"the sweep continues, {CATCH_UP}")


@functools.cache
def writer() -> Writer:
    """Return the Writer of this process."""
    return Writer()


class MlflowTracker:
    """Hand a curve to the Writer, which sends each anchor when it is complete.

    The sweep does not wait for the server. If the server fails, one warning is logged and the sweep
    continues. `fuelgauge track` later sends the missing anchors from the store.
    """

    def __init__(self, config: Config, plan: Plan, records: Iterable[Record]):
        self.config, self.plan = config, plan
        self.is_lost = False
        self.is_over = threading.Event()
        self.do(self.open)
        for record in records:
            self.add(record)

    def do(self, step: Callable[[], None]) -> None:
        """Queue a step for the Writer."""
        writer().steps.put(lambda: self.attempt(step))

    def attempt(self, step: Callable[[], None]) -> None:
        """Run a step, unless an earlier one failed; `fuelgauge track` later sends such a curve."""
        uri = self.config.tracking.uri
        self.is_lost = self.is_lost or writer().is_away(uri)
        if not self.is_lost:
            try:
                step()
            except Exception as error:
                self.is_lost = True
                writer().failed(uri, error)

    def open(self) -> None:
        """Find or create the run, and import in advance what the first anchor needs."""
        self.run = CurveRun(self.config, self.plan)
        importlib.import_module("fuelgauge.claims.statistics.exponents")

    def add(self, record: Record) -> None:
        """Add a record that is already in the store."""
        self.do(lambda: self.run.add(record))

    def close(self) -> None:
        """Queue the end of the run, without waiting."""
        self.do(lambda: self.run.finish())
        writer().steps.put(self.is_over.set)

    def wait(self, until: float) -> None:
        """Wait until all steps are done, at most until the monotonic clock reaches `until`."""
        if not self.is_over.wait(max(0.0, until - time.monotonic())):
            log.warning("MLflow at %s is slow; %s", safe_uri(self.config.tracking.uri), CATCH_UP)


def make_tracker(config: Config, plan: Plan, records: Iterable[Record]) -> MlflowTracker | NoTracker:
    """Return the tracker of a configuration: NoTracker if the tracking URI is empty."""
    return MlflowTracker(config, plan, records) if config.tracking.uri else NoTracker()


class CurveRun:
    """The MLflow run of a learning curve; an existing run of the same curve is used again."""

    def __init__(self, config: Config, plan: Plan):
        self.config, self.plan = config, plan
        self.client = connect(config.tracking)
        self.experiment = ensure_experiment(self.client, plan.curve.dataset.name, config.tracking)
        save_views(self.client, self.experiment, CURVE_VIEWS, OF_CURVES)
        self.run = self.find() or self.create()
        self.run_id = self.run.info.run_id
        self.make_current()
        if DESCRIBED not in self.run.data.tags:
            self.describe()
        self.expected = expected_repeats(plan)
        self.waiting: dict[int, list[Record]] = defaultdict(list)
        self.whole: dict[int, list[Record]] = {}
        self.ended = self.failed = 0
        self.logged: dict[str, set[int]] = {}

    def find(self) -> Run | None:
        """Return the existing run of this curve and mark it as running, or return None."""
        found = find_run(self.client, self.experiment, CURVE_ID, self.identity)
        if found and found.info.status != "RUNNING":
            self.client.update_run(found.info.run_id, status="RUNNING")
        return found

    @property
    def identity(self) -> str:
        """Identity of the run: that of the curve, and the layout of the run."""
        return f"{self.plan.curve.curve_id}-{LAYOUT}"

    def create(self) -> Run:
        """Create the run."""
        curve = self.plan.curve
        tags = {
            CURVE_ID: self.identity,
            COLOUR: colour_of(curve.model, curve.family),
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
        """Tag this run as the current curve of its model, and other runs of the model as not current."""
        with one_at_a_time(self.config.tracking.uri):
            self.replace_current()

    def replace_current(self) -> None:
        """Set the tag of this run and of the other runs of the model."""
        same_model = f"tags.model = '{self.plan.curve.name}' and tags.current = 'true'"
        for other in self.client.search_runs([self.experiment], filter_string=same_model):
            if other.info.run_id != self.run_id:
                self.client.set_tag(other.info.run_id, "current", "false")
        self.client.set_tag(self.run_id, "current", "true")

    def describe(self) -> None:
        """Log parameters, configuration and environment; set the tag that marks them as complete last."""
        from mlflow.entities import Param

        params = curve_params(self.config, self.plan)
        self.client.log_batch(self.run_id, params=[Param(name, value) for name, value in params.items()])
        self.client.log_dict(self.run_id, shown_config(self.config), "config.yaml")
        self.client.log_dict(self.run_id, environment(), "environment.json")
        self.client.set_tag(self.run_id, DESCRIBED, "true")

    def add(self, record: Record) -> None:
        """Add a trial record; log its anchor if all repeats are now done."""
        self.ended += 1
        if record["status"] != "done":
            self.failed += 1
            return
        n_train = record["n_train"]
        self.waiting[n_train].append(record)
        if len(self.waiting[n_train]) == self.expected[n_train]:
            self.whole[n_train] = results_by_repeat(self.waiting.pop(n_train))
            self.log_anchor(n_train, self.whole[n_train])

    def log_anchor(self, n_train: int, results: list[Record]) -> None:
        """Log the means over the repeats of an anchor, except those that are already logged."""
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

    def log_summary(self) -> None:
        """Log the summary of all whole anchors, except values that are already logged."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        summary = summary_metrics(self.whole, self.plan.curve.n_pool)
        known = self.run.data.metrics
        metrics = [Metric(name, v, now, 0) for name, v in summary.items() if known.get(name) != v]
        if metrics:
            self.client.log_batch(self.run_id, metrics=metrics)

    def steps_of(self, metric: str) -> set[int]:
        """Return the steps that a metric had when the run was opened."""
        if metric not in self.logged:
            known = metric in self.run.data.metrics
            history = self.client.get_metric_history(self.run_id, metric) if known else []
            self.logged[metric] = {point.step for point in history}
        return self.logged[metric]

    def finish(self) -> None:
        """End the run: FAILED if trials have failed, KILLED if trials are missing, else FINISHED.

        The summary is logged once no trial is missing.
        """
        is_whole = self.ended == len(self.plan.trials)
        if is_whole and self.whole:
            self.log_summary()
        self.client.set_tag(self.run_id, "failed_trials", str(self.failed))
        self.client.set_terminated(
            self.run_id, "FAILED" if self.failed else "FINISHED" if is_whole else "KILLED"
        )


def send_curve(config: Config, plan: Plan, records: Iterable[Record]) -> None:
    """Send the trial records of a curve to its run."""
    run = CurveRun(config, plan)
    for record in records:
        run.add(record)
    run.finish()


def colour_of(model: str, family: str) -> str:
    """Return the colour of a model's runs in the charts of the UI, the same on every dataset."""
    if family == "baseline":
        return GREY
    names = sorted(path.stem for path in (paths.CONF / "model").glob("*.yaml"))
    return COLOURS[names.index(model) % len(COLOURS)] if model in names else GREY


def results_by_repeat(records: Iterable[Record]) -> list[Record]:
    """Return the results of an anchor in the order of its repeats.

    Trials end in any order, and a run that goes on reads them in another. An exponent's bounds pair the
    repeats of several anchors, so they would differ, and a run that went on would log its summary twice.
    """
    return [record["result"] for record in sorted(records, key=lambda record: record["repeat"])]


def expected_repeats(plan: Plan) -> dict[int, int]:
    """Return the number of planned repeats, by n_train."""
    counts: dict[int, int] = defaultdict(int)
    for trial in plan.trials:
        counts[trial.n_train] += 1
    return counts


def shown_config(config: Config) -> dict[str, Any]:
    """Return the resolved configuration, without user name and password in the tracking URI."""
    content = asdict(config)
    content["tracking"]["uri"] = safe_uri(config.tracking.uri)
    return content


def connect(tracking: TrackingConfig) -> MlflowClient:
    """Return a client of the tracking server or database; create a database that does not exist yet.

    Retries and time-outs are set low, so that a server that is down costs seconds, not minutes.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # the URL holds the password
    from mlflow import MlflowClient

    with one_at_a_time(tracking.uri):
        make_database(tracking.uri)
        client = MlflowClient(tracking.uri)
        client.search_experiments(max_results=1)
    return client


def database_path(uri: str) -> Path | None:
    """Return the path of a SQLite database, or None for a server."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def make_database(uri: str) -> None:
    """Create a SQLite database under a temporary name and rename it when it is complete.

    MLflow creates a database in many steps. If a kill interrupted them, the database could never be opened
    again.
    """
    path = database_path(uri)
    if path is None or path.exists():
        return
    from mlflow import MlflowClient

    with whole(path) as partial:
        MlflowClient(f"{SQLITE}{partial}").search_experiments(max_results=1)


@contextlib.contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """Keep the other processes of this machine from changing the same things in MLflow.

    Two processes that create a SQLite database at the same time can break it. Two queued experiments of DVC
    could both mark their run as the current one, or create the same experiment of MLflow.
    """
    path = database_path(uri) or paths.durable_root(paths.ROOT) / "data" / "tracking"
    lock = path.with_name(f"{path.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def ensure_experiment(client: MlflowClient, name: str, tracking: TrackingConfig) -> str:
    """Return the id of an experiment; create it if it does not exist, restore it if it was deleted."""
    with one_at_a_time(tracking.uri):
        if found := client.get_experiment_by_name(name):
            if found.lifecycle_stage == DELETED:
                client.restore_experiment(found.experiment_id)
                log.warning("the experiment '%s' was deleted in MLflow; it is restored with its runs", name)
            return found.experiment_id
        return client.create_experiment(name, artifact_location=artifact_location(tracking, name))


def artifact_location(tracking: TrackingConfig, experiment: str) -> str | None:
    """Return the artifact folder of an experiment, or None if the server or MLflow chooses it."""
    if tracking.artifact_location is None or database_path(tracking.uri) is None:
        return None
    return f"{Path(tracking.artifact_location).as_uri()}/{experiment}"


def find_run(client: MlflowClient, experiment: str, tag: str, value: str) -> Run | None:
    """Return the run whose tag has a given value, or None."""
    found = client.search_runs([experiment], filter_string=f"tags.`{tag}` = '{value}'", max_results=1)
    return found[0] if found else None


def git_tags() -> dict[str, str]:
    """Return the checked-out git commit as MLflow's own tag; empty outside a git repository."""
    command = ["git", "rev-parse", "HEAD"]
    result = subprocess.run(
        command, cwd=paths.ROOT, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    return {"mlflow.source.git.commit": result.stdout.strip()} if result.returncode == 0 else {}


@functools.cache
def environment() -> dict[str, Any]:
    """Return the environment of a result: the class of the machine and all installed distributions.

    Names and versions are taken from the names of the metadata folders. Reading the metadata of each
    distribution would take a fifth of the time that logging a stage takes. Where the package `wheel` is
    missing, pip may install a source distribution in the older layout, egg-info.
    """
    folders = [
        folder.stem
        for entry in sys.path
        for layout in ("dist-info", "egg-info")
        for folder in Path(entry).glob(f"*-*.{layout}")
    ]
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "distributions": dict(folder.split("-")[:2] for folder in sorted(folders)),
    }


def safe_uri(uri: str) -> str:
    """Return a URI without user name and password, and with *** for each password in its query."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return uri
    address, slash, path = rest.partition("/")
    shown = f"{scheme}{separator}{address.rpartition('@')[2]}{slash}{path}"
    return SECRET.sub(r"\1***", shown)


def secrets_of(uri: str) -> list[str]:
    """Return the texts of a URI that must not be printed, the longest first."""
    address = uri.partition("://")[2].partition("/")[0]
    user = address.rpartition("@")[0]
    passwords = [user.partition(":")[2], *(match[0].partition("=")[2] for match in SECRET.finditer(uri))]
    decoded = [unquote(text) for text in (user, *passwords)]
    return sorted({text for text in (user, *passwords, *decoded) if text}, key=len, reverse=True)


def say_unreachable(uri: str, error: Exception, remedy: str) -> None:
    """Log that MLflow cannot be written, and what to do about it."""
    log.warning(
        "MLflow at %s cannot be written (%s: %s); %s",
        safe_uri(uri), type(error).__name__, first_line(error, uri), remedy,
    )  # fmt: skip


def first_line(error: Exception, uri: str) -> str:
    """Return the first line of an error message, shortened, without user name and password of the URI."""
    text = str(error).replace(uri, safe_uri(uri))
    for secret in secrets_of(uri):
        text = text.replace(f"{secret}@", "").replace(secret, "***")
    lines = text.splitlines()
    return lines[0][:200] if lines else ""
