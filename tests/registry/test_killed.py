"""SIGKILL at any moment of a registration leaves either the old or the new champion intact."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fuelgauge.config.compose import compose
from fuelgauge.registry import register
from fuelgauge.registry.versions import Registry
from tests.registry.made_trials import write_trials

SCRIPT = Path(__file__).with_name("kill_at.py")
MOMENTS = [
    ("before", "create_logged_model"),
    ("after", "log_batch"),
    ("after", "log_model_artifacts"),
    ("before", "create_model_version"),
    ("after", "create_model_version"),
    ("after", "set_model_version_tag"),
    ("before", "set_registered_model_alias"),
    ("after", "delete_registered_model_alias"),
]


def champion_answers(folder: Path) -> str:
    """Fetch and check the champion, and return its version."""
    kept = Registry(compose().tracking)
    champion = kept.champion("mnist1d")
    kept.fetch(champion, folder)
    return str(champion.version)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_registration_leaves_a_champion_and_can_be_repeated(project, tmp_path):
    write_trials({"dummy": 0.1, "logistic": 0.9})
    register(compose("dataset=mnist1d", "registry.resamples=100"))
    write_trials({"dummy": 0.9, "logistic": 0.1})
    for i, moment in enumerate(MOMENTS):
        killed = subprocess.run([sys.executable, str(SCRIPT), *moment], capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert champion_answers(tmp_path / f"old {i}") == "1"
    killed = subprocess.run([sys.executable, str(SCRIPT), "after", "set_registered_model_alias"], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert subprocess.run([sys.executable, str(SCRIPT)], check=False).returncode == 0
    assert champion_answers(tmp_path / "new") == "2"
    kept = Registry(compose().tracking).client
    assert len(kept.search_model_versions("name = 'mnist1d'")) == 2
