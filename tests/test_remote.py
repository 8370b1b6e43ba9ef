"""The DVC remote on a local S3 server, with credentials from the environment only."""

import shutil
import subprocess

import pytest

from tests.object_store import dvc, object_store
from tests.test_pipeline import Project


@pytest.fixture(scope="module")
def store():
    with object_store() as running:
        yield running


@pytest.fixture(scope="module")
def pushed(store, tmp_path_factory):
    """Return a project whose only file has been pushed and then deleted."""
    root = tmp_path_factory.mktemp("project")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / "rows.csv").write_text("a,b\n1,2\n")
    for command in (["init"], ["add", "rows.csv"], ["remote", "add", "--default", "storage", store.remote]):
        assert dvc(root, store.environment(), *command).returncode == 0
    result = dvc(root, store.environment(), "push")
    assert result.returncode == 0, result.stderr
    (root / "rows.csv").unlink()
    shutil.rmtree(root / ".dvc/cache")
    return root


@pytest.fixture
def clone(pushed, tmp_path):
    return shutil.copytree(pushed, tmp_path / "clone")


def test_what_was_pushed_can_be_pulled_and_no_secret_is_written(clone, store):
    assert dvc(clone, store.environment(), "pull").returncode == 0
    assert (clone / "rows.csv").read_text() == "a,b\n1,2\n"
    kept = "".join(p.read_text() for p in (clone / ".dvc").glob("config*"))
    assert store.key not in kept
    assert store.secret not in kept


def test_wrong_credentials_stop_a_pull_and_a_push(clone, store):
    wrong = store.environment("wrong", "wrong")
    pulled = dvc(clone, wrong, "pull")
    assert pulled.returncode != 0
    assert "Forbidden" in pulled.stderr
    (clone / "more.csv").write_text("c\n")
    assert dvc(clone, wrong, "add", "more.csv").returncode == 0
    pushed = dvc(clone, wrong, "push")
    assert pushed.returncode != 0
    assert "The AWS Access Key Id you provided does not exist" in pushed.stderr
    assert "Traceback" not in pulled.stderr + pushed.stderr


def test_a_remote_without_the_objects_is_named_as_such(clone, store):
    store.empty()
    result = dvc(clone, store.environment(), "pull")
    assert result.returncode != 0
    assert "Missing cache files" in result.stderr
    assert "rows.csv" in result.stderr


@pytest.mark.slow
def test_a_clone_pulls_everything_and_has_nothing_to_run(store, tmp_path):
    project = Project(tmp_path / "first")
    project.repro()
    environment = store.environment()
    assert dvc(project.root, environment, "remote", "add", "-d", "storage", store.remote).returncode == 0
    assert dvc(project.root, environment, "push").returncode == 0
    for command in (
        ["git", "add", "-A"],
        ["git", "-c", "user.name=ci", "-c", "user.email=ci@localhost", "commit", "-qm", "run"],
        ["git", "clone", "-q", ".", str(tmp_path / "second")],
    ):
        subprocess.run(command, cwd=project.root, check=True)
    second = tmp_path / "second"
    (second / "data/own").mkdir(parents=True, exist_ok=True)
    pulled = dvc(second, environment, "pull")
    assert pulled.returncode == 0, pulled.stderr
    reproduced = dvc(second, {**environment, "PYTHONPATH": str(second / "src")}, "repro")
    assert reproduced.returncode == 0, reproduced.stdout + reproduced.stderr
    assert "Running stage" not in reproduced.stdout
    assert (second / "reports/index.html").is_file()
