"""Workflows call the same make targets as a person, with the fewest permissions."""

import re

import pytest
import yaml

from tests.conftest import CHECKOUT

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
