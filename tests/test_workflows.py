"""Workflows call the same make targets as a person, with the fewest permissions."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.workflow_runner import run_step

FOLDER = CHECKOUT / ".github/workflows"
WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))


def steps(name: str) -> list[dict]:
    content = yaml.safe_load((FOLDER / name).read_text())
    return [step for job in content["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_make_target_of_a_workflow_exists(name):
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    called = re.findall(r"\bmake ([a-z-]+)", " ".join(step.get("run", "") for step in steps(name)))
    assert called
    assert set(called) <= set(targets)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_commit_and_tokens_are_not_left_behind(name):
    used = [step for step in steps(name) if "uses" in step]
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in used)
    (checkout,) = [step for step in used if step["uses"].startswith("actions/checkout@")]
    assert checkout["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_read_permission_only_unless_a_job_asks_for_more(name):
    assert yaml.safe_load((FOLDER / name).read_text())["permissions"] == {"contents": "read"}


def test_ci_runs_make_test():
    assert [step["run"] for step in steps("ci.yml") if "run" in step] == ["make test"]
    assert (CHECKOUT / ".ci/run").read_text().splitlines()[-1] == "make test"


def test_a_retraining_is_never_cancelled_by_the_next_one():
    content = yaml.safe_load((FOLDER / "retrain.yml").read_text())
    assert content["concurrency"] == {"group": "retrain", "cancel-in-progress": False}
    order = [step["run"] for step in steps("retrain.yml") if step.get("run", "").startswith("make ")]
    assert [run.split()[1] for run in order] == ["env", "remote", "retrain", "push"]


def test_the_workflow_linter_finds_nothing():
    linter = Path(sys.executable).parent / "jactionlint"
    result = subprocess.run(
        [linter, *map(str, FOLDER.glob("*.yml"))], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def step(name: str, workflow: str = "retrain.yml") -> dict:
    (found,) = [step for step in steps(workflow) if step.get("name") == name]
    return found


def test_a_retraining_that_fails_keeps_its_trials_and_reports_and_opens_an_issue():
    assert step("Upload the cache")["if"] == "always() && steps.cache.outcome == 'success'"
    assert step("Keep the reports")["if"] == step("Show the report")["if"] == "always()"
    kept = step("Keep the trials of a run that failed")
    assert (kept["if"], kept["with"]["path"]) == ("failure() || cancelled()", "data/store")
    fetched = step("Continue with the trials of the last run if it failed")["run"]
    assert f"--name {kept['with']['name']} " in fetched
    assert step("Open an issue")["if"] == "failure() || cancelled()"
    assert "if" not in step("Open a pull request")
    assert step("Retrain")["shell"] == "bash"
    assert steps("retrain.yml")[-1]["name"] == "Open an issue"
    (job,) = yaml.safe_load((FOLDER / "retrain.yml").read_text())["jobs"].values()
    assert job["permissions"]["issues"] == "write"


def test_winners_are_promoted_when_a_retraining_of_this_repository_is_merged():
    (job,) = yaml.safe_load((FOLDER / "promote.yml").read_text())["jobs"].values()
    assert "github.event.pull_request.merged && startsWith" in job["if"]
    assert "head.repo.full_name == github.repository" in job["if"]
    assert job["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.merge_commit_sha }}"
    assert step("Make the winners champions", "promote.yml")["run"].split()[-2:] == ["make", "promote"]


GH = """#!/bin/sh
[ "$1 $2" = "issue list" ] && exit 0
while [ $# -gt 0 ]; do
  [ "$1" = --body-file ] && cp "$2" "$SENT"
  shift
done
exit 0
"""


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """Make a checkout with a bare remote, and a `gh` that keeps the body that it is given."""
    git = shutil.which("git")
    remote, checkout, programs = tmp_path / "remote.git", tmp_path / "checkout", tmp_path / "programs"
    subprocess.run([git, "init", "-q", "--bare", remote], check=True)
    subprocess.run([git, "init", "-q", checkout], check=True)
    programs.mkdir()
    (programs / "gh").write_text(GH)
    (programs / "gh").chmod(0o755)
    (checkout / "reports/drift").mkdir(parents=True)
    for name in ("params.yaml", "dvc.lock", "reports/metrics.json"):
        (checkout / name).write_text("{}")
    subprocess.run([git, "-C", checkout, "remote", "add", "origin", remote], check=True)
    variables = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "SENT": str(tmp_path / "sent.md"),
        "HOME": str(tmp_path),
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "7",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return checkout


def run(checkout: Path, name: str, **variables: str) -> str:
    """Run a step like the runner does, and return the body that it gave to gh."""
    result = run_step(step(name), checkout, {**os.environ, **variables})
    assert result.returncode == 0, result.stdout
    return (checkout.parent / "sent.md").read_text()


def test_the_pull_request_has_its_pictures_and_says_how_to_start_ci(runner):
    (runner / "reports/retrain.md").write_text("# Retraining: 2013-07\n")
    (runner / "reports/pull_request.md").write_text("# Retraining: 2013-07\n![a](drift/a.png)\n")
    (runner / "reports/drift/a.png").write_bytes(b"picture")
    body = run(runner, "Open a pull request", OWN_TOKEN="false")
    (link,) = re.findall(r"https://github.com/a/b/raw/([0-9a-f]{40})/a.png", body)
    remote = ["git", "-C", str(runner.parent / "remote.git")]
    shown = subprocess.run([*remote, "show", f"{link}:a.png"], capture_output=True, check=True)
    assert shown.stdout == b"picture"
    branches = subprocess.run([*remote, "branch", "--list"], capture_output=True, text=True, check=True)
    assert branches.stdout.split() == ["retrain-pictures/2013-07", "retrain/2013-07"]
    assert "\n\nCI has not started by itself" in body
    assert "Close and reopen the pull request to start CI" in body
    assert "https://github.com/a/b/actions/runs/7" in body


def test_with_a_token_of_its_own_and_without_pictures_nothing_is_said(runner):
    (runner / "reports/retrain.md").write_text("# Retraining: 2013-07\n")
    (runner / "reports/pull_request.md").write_text("# Retraining: 2013-07\n")
    assert "CI has not started" not in run(runner, "Open a pull request", OWN_TOKEN="true")


def test_the_issue_holds_the_end_of_the_log_as_code_and_no_secret(runner):
    log = "first\n" * 40 + "```\nat http://u:p4ss@host: **no** row lies in 2013-07\n"
    (runner / "retrain.log").write_text(log)
    secrets = {"MLFLOW_TRACKING_URI": "http://u:p4ss@host", "MLFLOW_TRACKING_PASSWORD": "p4ss"}
    body = run(runner, "Open an issue", **secrets)
    assert "https://github.com/a/b/actions/runs/7" in body
    assert "\n    ```\n    at ***: **no** row lies in 2013-07\n" in body
    assert "p4ss" not in body
    assert body.count("first") == 28


def test_the_issue_is_opened_too_where_nothing_has_run_yet(runner):
    assert "The retraining has failed" in run(runner, "Open an issue")
