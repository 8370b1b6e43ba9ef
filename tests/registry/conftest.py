import shutil

import pytest

from fuelgauge.spec.params import TrackingConfig
from fuelgauge.tracking.tracker import connect


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """Create an MLflow database once, because that takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    connect(TrackingConfig(uri=f"sqlite:///{path}"))
    return path


@pytest.fixture
def project(project, empty_database, tmp_path):
    """Give each test of the registry its own copy of the empty database."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return project
