"""Two months of the retrain workflow and its merge, against a folder as remote and a server on this machine.

In the second month the tracking server is away when a winner is to be registered.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, replace
from tests.months.test_retrain import ARCHIVE, MONTHLY
from tests.test_pipeline import DVC, Project
from tests.tracking.test_tracking_server import free_port, server
from tests.workflow_runner import WorkflowRunner, environment_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
WORKFLOWS = CHECKOUT / ".github/workflows"
ENVIRONMENT = Path(sys.prefix)
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@localhost")
# `gh` as far as the workflow uses it: it keeps the bodies that it is given, and knows of a run that failed.
GH = """#!/bin/sh
echo "$*" >> "$FORGE/calls"
case "$1 $2" in
  "run list") [ -d "$FORGE/artifacts/store" ] && echo 41; exit 0 ;;
  "run download") cp -R "$FORGE/artifacts/store" failed-store; exit 0 ;;
esac
kind="$1"
while [ $# -gt 0 ]; do
  [ "$1" = --body-file ] && cp "$2" "$FORGE/$kind.md"
  shift
done
exit 0
"""


class Forge:
    """A repository with its bare remote, a remote of data, and a tracking server that may be away."""

    def __init__(self, root: Path):
        self.root, self.port, self.n_runs = root, free_port(), 0
        self.remote, self.programs = root / "remote.git", root / "programs"
        self.programs.mkdir()
        (self.programs / "gh").write_text(GH)
        (self.programs / "gh").chmod(0o755)
        (root / "artifacts").mkdir()
        self.git("init", "-q", "--bare", "-b", "main", str(self.remote), at=root)

    def git(self, *command: str, at: Path) -> str:
        """Run git and return its output."""
        result = subprocess.run(
            ["git", *IDENTITY, *command], cwd=at, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    @property
    def tracking(self):
        """Return the tracking server as a context."""
        (self.root / "tracking").mkdir(exist_ok=True)
        return server(self.root / "tracking/data", self.port)

    def checkout(self) -> Path:
        """Return a fresh clone on a machine that has the environment, and the archive of the source."""
        self.n_runs += 1
        folder = self.root / f"machine{self.n_runs}/checkout"
        folder.parent.mkdir()
        self.git("clone", "-q", str(self.remote), str(folder), at=self.root)
        (folder / ".venv").symlink_to(ENVIRONMENT)
        for path in (*folder.glob("requirements/*"), folder / "pyproject.toml"):
            os.utime(path, (0, 0))  # older than the environment, so that make does not make it again
        archive = CHECKOUT / "data/archives" / ARCHIVE
        if archive.is_file():
            (folder / "data/archives").mkdir(parents=True, exist_ok=True)
            shutil.copy(archive, folder / "data/archives")
        return folder

    def run(self, workflow: str) -> WorkflowRunner:
        """Run a workflow on a new machine."""
        checkout = self.checkout()
        contexts = {
            "vars.DVC_REMOTE": str(self.root / "storage"),
            "secrets.AWS_ACCESS_KEY_ID": "key",
            "secrets.AWS_SECRET_ACCESS_KEY": "s3cret",
            "secrets.MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self.port}",
            "github.token": "token",
        }
        variables = {**environment_of(checkout, self.programs), "FORGE": str(self.root)}
        runner = WorkflowRunner(WORKFLOWS / workflow, checkout, contexts, self.root / "artifacts", variables)
        runner.run()
        return runner

    def merge(self, branch: str) -> None:
        """Merge the branch of a pull request."""
        checkout = self.checkout()
        self.git("merge", "-q", f"origin/{branch}", at=checkout)
        self.git("push", "-q", "origin", "main", at=checkout)


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    """Make the repository as a person does it once: make repro, dvc push, commit."""
    if not (ENVIRONMENT / ".installed-cpu").exists() and not (ENVIRONMENT / ".installed-cuda").exists():
        pytest.skip("the workflow needs the environment of make env")
    made = Forge(tmp_path_factory.mktemp("forge"))
    project = Project(made.root / "project")
    for name in ("Makefile", "pyproject.toml", "data/own/README.md"):
        shutil.copy(CHECKOUT / name, project.root / name)
    (project.root / "params.yaml").write_text(MONTHLY)
    few = "keep: {origin: [LGA], month: [1, 2, 3, 4]}"
    description = project.root / "conf/dataset/flights_monthly.yaml"
    replace(description, "  required: [arr_delay]", f"  {few}\n  required: [arr_delay]")
    replace(project.root / "conf/registry/default.yaml", "promote: auto  ", "promote: manual")
    project.repro()
    for command in (
        (DVC, "remote", "add", "--local", "--default", "storage", str(made.root / "storage")),
        (DVC, "push"),
    ):
        assert project.run(*command).returncode == 0
    made.git("add", "-A", at=project.root)
    made.git("commit", "-qm", "x", at=project.root)
    made.git("push", "-q", str(made.remote), "HEAD:main", at=project.root)
    return made


def champion(forge: Forge) -> str:
    """Return the version of the champion on the server; empty if there is none."""
    from mlflow import MlflowClient

    client = MlflowClient(f"http://127.0.0.1:{forge.port}")
    found = client.search_registered_models("name = 'flights_monthly'")
    return found[0].aliases.get("champion", "") if found else ""


def test_a_month_becomes_a_pull_request_and_its_winner_a_champion_when_it_is_merged(forge):
    with forge.tracking:
        run = forge.run("retrain.yml")
        assert not run.failed, run.log
        assert run.outcomes["Open an issue"] == "skipped"
        assert "# Retraining: 2013-03" in (forge.root / "pr.md").read_text()
        assert "# Retraining: 2013-03" in (forge.root / "machine1/summary.md").read_text()
        assert (forge.root / "artifacts/reports/champions/flights_monthly.json").exists()
        assert not (forge.root / "artifacts/store").exists()
        changed = forge.git("diff", "--name-only", "main", "retrain/2013-03", at=forge.remote).split()
        assert set(changed) == {"params.yaml", "dvc.lock", "reports/metrics.json"}
        assert champion(forge) == "", "a winner waits for the merge"

        forge.merge("retrain/2013-03")
        promoted = forge.run("promote.yml")
        assert not promoted.failed, promoted.log
        assert champion(forge) == "1"


def test_a_failed_month_is_told_and_the_next_run_goes_on_with_its_trials(forge):
    run = forge.run("retrain.yml")
    assert run.failed
    assert run.outcomes["Retrain"] == "failure"
    assert run.outcomes["Open a pull request"] == "skipped"
    assert run.outcomes["Upload the cache"] == "success"
    told = (forge.root / "issue.md").read_text()
    assert "The retraining has failed" in told
    assert "    " in told
    assert f"http://127.0.0.1:{forge.port}" not in told, "the address of the server is a secret"
    assert list((forge.root / "artifacts/store").rglob("*.trials"))

    with forge.tracking:
        again = forge.run("retrain.yml")
        assert not again.failed, again.log
        assert "0 trials to run" in again.said["Retrain"]
        assert "# Retraining: 2013-04" in (forge.root / "pr.md").read_text()
        forge.merge("retrain/2013-04")
