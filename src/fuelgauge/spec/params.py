"""Schemas of params.yaml and of the whole configuration of a job."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from omegaconf import MISSING

from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.spec.features import FeatureSetConfig
from fuelgauge.spec.model import ModelConfig, SearchConfig
from fuelgauge.spec.names import DEFAULT_SIZE, NO_SEARCH, RAW, contestant
from fuelgauge.spec.splits import AnchorRule, SplitRule

__all__ = [
    "ALL",
    "BESIDE",
    "CANARY",
    "DEVICES",
    "EXECUTORS",
    "GROUPS_OF_NAMES",
    "LISTS",
    "MANUAL",
    "NONE",
    "PACKING",
    "PROMOTIONS",
    "Config",
    "DataRule",
    "ExecutorConfig",
    "Params",
    "RegistryConfig",
    "TrackingConfig",
]

DEVICES = ("auto", "cpu", "cuda")
PACKING = ("auto", "off")
EXECUTORS = ("local", "ray")
AUTO, MANUAL = PROMOTIONS = ("auto", "manual")
NONE, SHADOW, CANARY = BESIDE = ("none", "shadow", "canary")
ALL = "all"  # stands in params.yaml for every model, or every claim
LISTS = ("datasets", "models", "features", "sizes", "searches")
# Lists of names in params.yaml, each with the Hydra group that offers the names.
GROUPS_OF_NAMES = {
    "datasets": "dataset",
    "features": "feature_set",
    "models": "model",
    "searches": "search",
    "claims": "claim",
}


@dataclass
class ExecutorConfig:
    """Settings for the machine or the cluster that runs the trials.

    Parameters
    ----------
    kind
        `local` for processes on this machine, or `ray`.
    address
        Address of a Ray cluster; None for Ray on this machine.
    gpus
        Share of a GPU that each trial takes with Ray.
    workers
        Number of worker processes; None for the number of cores divided by `threads`.
    trial_seconds
        Time limit of a trial in seconds; None for no limit.
    pack
        `auto`: repeats of a net are trained together where this saves time. `off`: each repeat alone.
    """

    kind: str = "local"
    address: str | None = None
    gpus: float = 0.0
    workers: int | None = None
    trial_seconds: float | None = None
    pack: str = "auto"


@dataclass
class TrackingConfig:
    """The MLflow server or database that receives the records.

    Parameters
    ----------
    uri
        Tracking URI of MLflow; an empty string switches tracking off.
    artifact_location
        Folder or URI for artifacts; None for the default of the server.
    """

    uri: str = ""
    artifact_location: str | None = None


@dataclass
class DataRule:
    """The part of the data to use.

    Parameters
    ----------
    until
        Last month of data to use, such as 2013-06; None for all data. Datasets without a time column are used
        whole (fuelgauge.data.months).
    """

    until: str | None = None


@dataclass
class RegistryConfig:
    """The rule by which a challenger becomes champion, and the settings of the scoring server.

    A challenger becomes champion if its loss is lower by more than `margin` times the loss of the champion.
    The lower end of a bootstrap confidence interval of that reduction must exceed the margin. The interval
    is computed on held-out rows that the champion was not fitted on.

    Parameters
    ----------
    margin
        Least relative reduction of the loss, at least 0 and below 1.
    level
        Confidence level of the interval, between 0 and 1.
    resamples
        Number of bootstrap resamples.
    seed
        Random seed of the bootstrap.
    least_rows
        Least number of held-out rows; with fewer rows nothing is decided.
    promote
        `auto`: a better challenger becomes champion at once. `manual`: it waits for
        `fuelgauge champion DATASET --promote`.
    stop_loss
        Largest relative rise of a new version's loss over the loss that the champion had when it was
        registered. Above it, the version does not become champion and the run stops. None for no limit.
    stop_drift
        Largest population stability index of a column in a new month. Above it, a retraining stops before it
        trains. None for no limit.
    due_loss
        Relative rise of the champion's loss in the last month, over its loss when it was registered, above
        which a retraining is due. None for no limit.
    due_drift
        Population stability index of a column in the last month above which a retraining is due. None for no
        limit.
    due_days
        Days without a new version after which a retraining is due. None for no limit.
    host
        Address of the scoring server.
    port
        Port of the scoring server; 0 for any free port.
    look_seconds
        Time between two checks for a new champion by a running server, in seconds.
    max_body_mib
        Largest body of a query to the server, in MiB; a larger one is refused with status 413.
    request_log
        File to which the server appends one line of JSON per query; empty for none.
    log_values
        Whether the request log also holds the values of each query, and its answer.
    challenger
        `none`: the champion alone answers. `shadow`: the challenger answers a share of the queries too, for
        the log alone. `canary`: the challenger answers that share in place of the champion.
    challenger_share
        Share of the queries that the challenger gets, between 0 and 1.
    """

    margin: float = 0.01
    level: float = 0.95
    resamples: int = 1000
    seed: int = 0
    least_rows: int = 100
    promote: str = AUTO
    stop_loss: float | None = None
    stop_drift: float | None = None
    due_loss: float | None = 0.2
    due_drift: float | None = 0.25
    due_days: float | None = 45.0
    host: str = "127.0.0.1"
    port: int = 5001
    look_seconds: float = 5.0
    max_body_mib: float = 16.0
    request_log: str = ""
    log_values: bool = False
    challenger: str = NONE
    challenger_share: float = 0.1


@dataclass
class Params:
    """The content of params.yaml.

    In the file, `models: all` and `claims: all` stand for every model and every claim, and `exclude` lists
    models to leave out. A model may stand with its largest anchors, as in `realmlp: {all: 65536, flights:
    262144}`. When the file is read, `models` and `claims` become lists of names, `exclude` becomes empty, and
    the largest anchors become `limits`.

    Parameters
    ----------
    datasets
        Names of files in conf/dataset.
    models
        Names of files in conf/model, each with its largest anchors if it has any, or `all`.
    exclude
        Models to leave out of `models: all`.
    features
        Feature sets, files in conf/feature_set.
    sizes
        Sizes of every model (capacity in conf/model).
    searches
        Hyperparameter searches of every model, files in conf/search.
    data
        Part of the data to use.
    anchors
        Rule of the anchors.
    repeats
        Number of repeats.
    seed
        Random seed from which all other seeds follow.
    split
        Rule of the splits.
    device
        `auto`, `cpu` or `cuda`.
    threads
        Number of CPU threads of a trial.
    keep_predictions
        Largest number of test predictions that the record of a trial keeps; 0 for none. A row of
        probabilities counts as many as there are classes.
    claims
        Names of files in conf/claim, the claims to judge, or `all`.
    prices
        Name of the file in conf/price.
    register
        Datasets whose best model enters the registry.
    limits
        Largest anchors of models by dataset, `all` for every other dataset; not written in the file.
    """

    datasets: list[str] = MISSING
    models: list[str] = MISSING
    exclude: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=lambda: [RAW])
    sizes: list[str] = field(default_factory=lambda: [DEFAULT_SIZE])
    searches: list[str] = field(default_factory=lambda: [NO_SEARCH])
    data: DataRule = field(default_factory=DataRule)
    anchors: AnchorRule = field(default_factory=AnchorRule)
    repeats: int = 3
    seed: int = 0
    split: SplitRule = field(default_factory=SplitRule)
    device: str = "auto"
    threads: int = 1
    keep_predictions: int = 1000
    claims: list[str] = field(default_factory=list)
    prices: str = "cloud"
    register: list[str] = field(default_factory=list)
    limits: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass
class Config(Params):
    """The configuration of one job: the parameters, one dataset and one contestant."""

    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    feature_set: FeatureSetConfig = field(default_factory=FeatureSetConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    size: str = DEFAULT_SIZE
    search: SearchConfig = field(default_factory=SearchConfig)
    executor: ExecutorConfig = field(default_factory=ExecutorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    registry: RegistryConfig = field(default_factory=RegistryConfig)

    @property
    def contestant(self) -> str:
        """Name of the contestant: model, feature set, size and search."""
        return contestant(self.model.name, self.feature_set.name, self.size, self.search.name)

    @property
    def largest_anchor(self) -> float:
        """Largest number of rows that the model is run with on the dataset; infinite without a limit."""
        by_dataset = self.limits.get(self.model.name, {})
        return by_dataset.get(self.dataset.name, by_dataset.get(ALL, math.inf))
