"""The tag, the notes and the bill of materials of a release; the files for containers and bots."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from types import ModuleType

import pytest
import yaml

from tests.conftest import CHECKOUT

CHANGES = """# Changelog

## Unreleased
- later

## 0.2.0 - 2026-12-01
### Added
- one thing

## 0.1.0 - 2026-11-01
- first
"""
LOCK = f"""# comment
Two_Words==1.5 \\
    --hash=sha256:{"a" * 64} \\
    --hash=sha256:{"b" * 64}
    # via one
one==2.0 ; python_version < "3.13" \\
    --hash=sha256:{"c" * 64}
"""


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", CHECKOUT / "scripts/release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_notes_are_the_section_of_the_version(release):
    assert release.notes_of(CHANGES, "0.2.0") == "### Added\n- one thing\n"
    assert release.notes_of(CHANGES, "0.1.0") == "- first\n"


@pytest.mark.parametrize("version", ["0.3.0", "0.2", "Unreleased"])
def test_a_version_without_a_dated_section_is_refused(release, version):
    with pytest.raises(ValueError, match="has no section"):
        release.notes_of(CHANGES, version)


def test_the_bill_of_materials_lists_packages_with_versions_and_hashes(release):
    one, two = release.components(LOCK)
    assert (one["name"], one["version"], one["purl"]) == ("one", "2.0", "pkg:pypi/one@2.0")
    assert (two["name"], two["purl"]) == ("Two_Words", "pkg:pypi/two-words@1.5")
    assert [h["content"][0] for h in two["hashes"]] == ["a", "b"]


def test_the_bill_of_the_lock_file_is_whole(release):
    lock = (CHECKOUT / "requirements/lock.txt").read_text()
    bill = json.loads(json.dumps(release.bill_of_materials(lock, "0.1.0")))
    assert len(bill["components"]) == len(re.findall(r"^[a-zA-Z0-9].*==", lock, re.MULTILINE)) > 50
    assert all(component["hashes"] for component in bill["components"])


def test_a_tag_of_another_version_is_refused_in_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, CHECKOUT / "scripts/release.py", "v9.9", "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("the tag is v9.9 and pyproject.toml has version")
    assert not (tmp_path / "out").exists()


def test_the_image_is_pinned_and_runs_without_root():
    lines = (CHECKOUT / "Dockerfile").read_text().splitlines()
    assert re.fullmatch(
        r"FROM python:3\.11-[a-z]+-[a-z]+", next(line for line in lines if line.startswith("FROM"))
    )
    user = lines.index("USER fuelgauge")
    assert user < lines.index("RUN make env")
    ignored = (CHECKOUT / ".dockerignore").read_text().split()
    assert {"data", ".venv", "outputs"} <= set(ignored)


def test_the_development_container_uses_the_image():
    content = json.loads((CHECKOUT / ".devcontainer/devcontainer.json").read_text())
    assert (CHECKOUT / ".devcontainer" / content["build"]["dockerfile"]).resolve() == CHECKOUT / "Dockerfile"
    assert content["remoteUser"] == "fuelgauge"


def test_ci_runs_on_every_python_that_the_package_names():
    (job,) = yaml.safe_load((CHECKOUT / ".github/workflows/ci.yml").read_text())["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_the_bot_updates_what_the_lock_file_does_not():
    updates = yaml.safe_load((CHECKOUT / ".github/dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "docker"}
