"""The parameters of a run: params.yaml, and what a job sees of conf/."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.spec.features import FeatureSetConfig
from fuelgauge.spec.model import ModelConfig, SearchConfig
from fuelgauge.spec.names import DEFAULT_SIZE, NO_SEARCH, RAW, contestant
from fuelgauge.spec.splits import AnchorRule, SplitRule

DEVICES = ("auto", "cpu", "cuda")
PACKING = ("auto", "off")
EXECUTORS = ("local", "ray")
ALL = "all"  # in params.yaml, in place of a list of models or claims
LISTS = ("datasets", "models", "features", "sizes", "searches")
# A list of names in params.yaml, and the Hydra group whose options it names.
GROUPS_OF_NAMES = {
    "datasets": "dataset",
    "features": "feature_set",
    "models": "model",
    "searches": "search",
    "claims": "claim",
}


@dataclass
class ExecutorConfig:
    """How trials are spread: `workers` processes (None: cores / threads), a time limit per trial.

    With `pack` = `auto` repeats of a net are trained together where that pays; with `off` each alone.
    `kind` is `local`, processes of this machine, or `ray`: `address` is that of a cluster (None: Ray on this
    machine) and `gpus` the share of a GPU that a trial takes.
    """

    kind: str = "local"
    address: str | None = None
    gpus: float = 0.0
    workers: int | None = None
    trial_seconds: float | None = None
    pack: str = "auto"


@dataclass
class TrackingConfig:
    """Where MLflow records go. An empty URI switches tracking off."""

    uri: str = ""
    artifact_location: str | None = None


@dataclass
class DataRule:
    """How much of the data there is. `until` is the last month to be seen, such as 2013-06; None: all.

    It holds for datasets with a column of time; the others stay whole (fuelgauge.data.months).
    """

    until: str | None = None


@dataclass
class RegistryConfig:
    """When a challenger becomes champion, and how a champion is served.

    The champion's loss must fall by more than `margin` of itself, by the lower end of a bootstrap interval
    of `level` over at least `least_rows` held-out rows that the champion was not fitted on.
    """

    margin: float = 0.01
    level: float = 0.95
    resamples: int = 1000
    seed: int = 0
    least_rows: int = 100
    host: str = "127.0.0.1"
    port: int = 5001
    look_seconds: float = 5.0


@dataclass
class Params:
    """The content of params.yaml."""

    datasets: list[str] = MISSING
    models: list[str] = MISSING
    exclude: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=lambda: [RAW])
    sizes: list[str] = field(default_factory=lambda: [DEFAULT_SIZE])
    searches: list[str] = field(default_factory=lambda: [NO_SEARCH])
    data: DataRule = field(default_factory=DataRule)
    anchors: AnchorRule = field(default_factory=AnchorRule)
    repeats: int = 5
    seed: int = 0
    split: SplitRule = field(default_factory=SplitRule)
    device: str = "auto"
    threads: int = 1
    claims: list[str] = field(default_factory=list)
    prices: str = "cloud"
    register: list[str] = field(default_factory=list)


@dataclass
class Config(Params):
    """What one job sees: the parameters, and the dataset and contestant that it is about."""

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
        """The name of the model on this feature set, in this size, with this search."""
        return contestant(self.model.name, self.feature_set.name, self.size, self.search.name)
