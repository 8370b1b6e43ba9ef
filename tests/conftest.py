"""Every test process works on a project of its own: a copy of conf/ and a small dataset.

The copy is made before fuelgauge is imported, because its paths are fixed at import; worker
processes find it through the environment.
"""

import os
import shutil
import tempfile
from pathlib import Path

from tests.memory import remember, use_memory

use_memory()
CHECKOUT = Path(__file__).resolve().parents[1]
ROOT = Path(tempfile.mkdtemp(prefix="fuelgauge-tests-"))
os.environ["FUELGAUGE_ROOT"] = str(ROOT)
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.pop("DVC_ROOT", None)

# Modules that run whole stages. They come first, so that no worker is left alone with one of them at the end.
LONG = (
    "test_pipeline.py",
    "test_kill.py",
    "test_register.py",
    "test_champions.py",
    "test_alive.py",
    "test_tracker.py",
    "test_ray_cluster.py",
    "test_extension.py",
    "test_remote.py",
)

PARAMS = """
datasets: [mnist1d]
models: [dummy, logistic, mlp]
exclude: []
features: [raw]
sizes: [default]
searches: [none]
data: {until: null}
anchors: {start: 32, factor: 2, stop: 128}
repeats: 2
seed: 0
split: {test_fraction: 0.15, test_max: 10000, validation_fraction: 0.2, validation_max: 10000}
device: cpu
threads: 1
keep_predictions: 100
claims: [data]
prices: cloud
register: []
"""


def make_project(root: Path) -> None:
    """Copy what a checkout has beside the package, with small data and short training."""
    for name in ("conf", "pipelines"):
        shutil.copytree(CHECKOUT / name, root / name)
    shutil.copy(CHECKOUT / "dvc.yaml", root / "dvc.yaml")
    shutil.copytree(CHECKOUT / "requirements", root / "requirements")
    (root / "data/own").mkdir(parents=True)
    (root / "params.yaml").write_text(PARAMS)
    replace(root / "conf/dataset/mnist1d.yaml", "n_rows: 40000", "n_rows: 1000")
    replace(root / "conf/model/mlp.yaml", "max_epochs: 1000", "max_epochs: 20")
    replace(root / "conf/model/mlp.yaml", "rounds: 1000", "rounds: 20")


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path} does not hold {old!r}"
    path.write_text(text.replace(old, new))


make_project(ROOT)
remember()

import pytest  # noqa: E402

from fuelgauge import paths  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: i for i, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONG)))


def pytest_sessionfinish() -> None:
    shutil.rmtree(ROOT, ignore_errors=True)


@pytest.fixture(scope="session")
def featurized() -> Path:
    """Return the project's root with its small dataset ready for trials."""
    from fuelgauge.config.compose import compose
    from fuelgauge.data.ingest import ingest
    from fuelgauge.features.featurize import featurize

    config = compose("dataset=mnist1d")
    ingest(config.dataset)
    featurize(config.dataset, config.feature_set)
    return ROOT


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an MLflow database once, because that takes longer than most tests."""
    from fuelgauge.spec.params import TrackingConfig
    from fuelgauge.tracking.tracker import connect

    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    connect(TrackingConfig(uri=f"sqlite:///{path}"))
    return path


@pytest.fixture
def project(featurized: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the project's root with an empty store and a new MLflow database."""
    for folder in (paths.STORE, paths.TRIALS, paths.REPORTS, ROOT / "mlartifacts"):
        shutil.rmtree(folder, ignore_errors=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return featurized


@pytest.fixture
def tracked(project: Path, empty_database: Path, tmp_path: Path) -> Path:
    """Return the project with a copy of the empty database."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return project
