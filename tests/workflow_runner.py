"""Run the steps of a workflow of .github/workflows on this machine, in order and under their conditions.

Actions are left out, except that artifacts are kept in a folder. Expressions may be names of contexts, quoted
texts, and pairs of these with `||`, `==` or `!=`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
UPLOAD = "actions/upload-artifact@"


@dataclass
class WorkflowRunner:
    """A job of one workflow on a machine with a fresh checkout.

    Attributes
    ----------
    contexts
        Values of names such as `vars.DVC_REMOTE`; a name without a value is empty, as on the real runner.
    artifacts
        Folder of the uploaded artifacts, one folder each.
    outcomes
        Outcome of each step that has ended, by its name or command: success, failure or skipped.
    said
        Output of each step that has run.
    """

    workflow: Path
    checkout: Path
    contexts: Mapping[str, str]
    artifacts: Path
    environment: Mapping[str, str]
    outcomes: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a step has failed."""
        return "failure" in self.outcomes.values()

    @property
    def log(self) -> str:
        """What the steps have said, each below its name and outcome."""
        return "\n".join(f"== {name}: {self.outcomes[name]}\n{text}" for name, text in self.said.items())

    def run(self) -> None:
        """Run the steps of the only job."""
        (job,) = yaml.safe_load(self.workflow.read_text())["jobs"].values()
        for step in job["steps"]:
            name = step.get("name") or step.get("run") or step["uses"]
            wanted = self.holds(step.get("if", "success()"))
            outcome = self.one(name, step, self.filled(job.get("env", {}))) if wanted else "skipped"
            self.outcomes[name] = outcome
            self.ids[step.get("id", name)] = outcome

    def one(self, name: str, step: Mapping[str, Any], of_job: Mapping[str, str]) -> str:
        """Run a step and return its outcome."""
        if "uses" in step:
            if step["uses"].startswith(UPLOAD):
                self.upload(**{key: step["with"][key] for key in ("name", "path")})
            return "success"
        variables = {**self.environment, **of_job, **self.filled(step.get("env", {}))}
        result = run_step(step, self.checkout, variables)
        self.said[name] = result.stdout
        return "success" if result.returncode == 0 else "failure"

    def upload(self, name: str, path: str) -> None:
        """Keep a folder as an artifact, if it is there."""
        if (self.checkout / path).is_dir():
            shutil.copytree(self.checkout / path, self.artifacts / name, dirs_exist_ok=True)

    def holds(self, condition: str) -> bool:
        """Return whether the condition of a step holds."""
        return all(any(map(self.term, part.split(" || "))) for part in condition.split(" && "))

    def term(self, term: str) -> bool:
        """Return whether one term of a condition holds."""
        states = {
            "always()": True,
            "success()": not self.failed,
            "failure()": self.failed,
            "cancelled()": False,
        }
        return states[term.strip()] if term.strip() in states else self.value(term) == "true"

    def filled(self, variables: Mapping[str, Any]) -> dict[str, str]:
        """Return variables with their expressions evaluated."""
        return {
            name: EXPRESSION.sub(lambda found: self.value(found[1]), str(text))
            for name, text in variables.items()
        }

    def value(self, expression: str) -> str:
        """Return the value of an expression."""
        for sign, is_equal in ((" == ", True), (" != ", False)):
            if sign in expression:
                left, right = map(self.value, expression.split(sign))
                return str((left == right) is is_equal).lower()
        return next((found for found in map(self.name, expression.split(" || ")) if found), "")

    def name(self, name: str) -> str:
        """Return the value of a quoted text, of the outcome of a step, or of a name."""
        name = name.strip()
        if name.startswith("'"):
            return name.strip("'")
        if name.startswith("steps."):
            return self.ids.get(name.split(".")[1], "")
        return self.contexts.get(name, "")


def run_step(
    step: Mapping[str, Any], checkout: Path, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the script of a step like the runner does; its errors are in the output too."""
    script = checkout.parent / "step.sh"
    script.write_text(step["run"])
    flags = ["-e", "-o", "pipefail"] if step.get("shell") == "bash" else ["-e"]
    return subprocess.run(
        ["bash", *flags, script],
        cwd=checkout,
        env=dict(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def environment_of(checkout: Path, programs: Path) -> dict[str, str]:
    """Return the environment variables of a step: no settings of this machine except where programs lie."""
    kept = ("LANG", "LC_ALL", "PIP_INDEX_URL")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(programs.parent),
        "PYTHONPATH": str(checkout / "src"),
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "7",
        "GITHUB_STEP_SUMMARY": str(checkout.parent / "summary.md"),
    }
