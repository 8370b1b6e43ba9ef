from pathlib import Path

import fuelgauge

PACKAGE = Path(fuelgauge.__file__).parent


def test_only_tracking_and_registry_import_mlflow():
    found = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if any(
            line.split()[:2] in (["import", "mlflow"], ["from", "mlflow"]) or "from mlflow." in line
            for line in path.read_text().splitlines()
        )
    }
    assert found <= {"tracking", "registry"}


def test_training_and_claims_do_not_import_the_registry():
    for room in ("data", "features", "models", "sweep", "claims", "report"):
        for path in (PACKAGE / room).rglob("*.py"):
            assert "fuelgauge.registry" not in path.read_text(), path
