import subprocess
import sys
from pathlib import Path

import pytest

from fuelgauge import paths
from fuelgauge.config.compose import all_curves
from fuelgauge.config.files import load_params, options
from fuelgauge.errors import ConfigError
from fuelgauge.pipeline.profiles import use_profile
from fuelgauge.sweep.grid import why_not
from tests.conftest import CHECKOUT


@pytest.fixture
def params(monkeypatch):
    """Return the path of params.yaml, and restore the file after the test."""
    original = paths.PARAMS.read_bytes()
    yield paths.PARAMS
    paths.PARAMS.write_bytes(original)


def test_the_default_experiment_is_the_profile_quick():
    assert (CHECKOUT / "params.yaml").read_bytes() == (CHECKOUT / "conf/experiment/quick.yaml").read_bytes()


PROFILES = ["smoke", "quick", "full", "xl", "engine", "confirmatory", "search", "tickets", "massive"]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_what_there_is(name):
    assert load_params(paths.CONF / f"experiment/{name}.yaml")


def test_xl_names_every_model_and_every_row_and_full_all_that_a_cpu_can_fit():
    full, xl = (load_params(paths.CONF / f"experiment/{n}.yaml") for n in ("full", "xl"))
    assert set(xl["models"]) == set(options("model"))
    assert set(xl["models"]) - set(full["models"]) == {"tabm", "ft_transformer"}
    assert xl["anchors"]["stop"] is None
    assert set(full["datasets"]) < set(xl["datasets"])


def test_a_profile_becomes_params_yaml_and_changes_of_ones_own_are_not_lost(params):
    with pytest.raises(
        ConfigError, match="params.yaml has changes of your own.*fuelgauge profile smoke --force"
    ):
        use_profile("smoke")
    use_profile("smoke", force=True)
    runs = {(c.dataset.name, c.model.name) for c in all_curves() if why_not(c) is None}
    assert ("digits", "mlp") in runs
    use_profile("quick")  # params.yaml equals a profile, so nothing is lost
    assert params.read_bytes() == (paths.CONF / "experiment/quick.yaml").read_bytes()


def test_an_unknown_profile_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="there is no profile 'smok', did you mean 'smoke'"):
        use_profile("smok")


@pytest.mark.slow
def test_the_profile_smoke_runs_from_end_to_end(tmp_path):
    from tests.test_pipeline import Project

    project = Project(tmp_path)
    bin_folder = str(Path(sys.executable).parent)
    chosen = project.run(f"{bin_folder}/fuelgauge", "profile", "smoke", "--force")
    assert chosen.returncode == 0, chosen.stderr
    project.repro()
    verdict: subprocess.CompletedProcess[str] = project.run(f"{bin_folder}/fuelgauge", "verdict")
    assert verdict.returncode == 0, verdict.stderr
