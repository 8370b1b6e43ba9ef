"""The project reads and writes UTF-8, whatever the locale of the machine."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuelgauge import paths
from tests.conftest import CHECKOUT

# Files whose code is part of the identity of trials, with texts that are ASCII in every locale: JSON with
# escapes, and the files of Linux in /proc.
ASCII = ("models/storage.py", "models/tfidf.py", "data/dataset.py", "sweep/timing.py")
# Methods that read or write text, with the number of arguments up to `encoding`.
ARGUMENTS = {"read_text": 0, "write_text": 1}
NOT_FILES = ("os", "Dataset", "Image", "tarfile", "place")  # their `open` opens no text


def sources() -> Iterator[Path]:
    for folder in ("src", "pipelines", "scripts"):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            if not path.as_posix().endswith(ASCII):
                yield path


def is_binary(node: ast.Call) -> bool:
    place = 0 if isinstance(node.func, ast.Attribute) else 1
    modes = [*node.args[place : place + 1], *(k.value for k in node.keywords if k.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in modes)


def depends_on_the_locale(node: ast.AST) -> bool:
    """Return whether a call reads or writes text without an encoding."""
    if not isinstance(node, ast.Call) or any(word.arg == "encoding" for word in node.keywords):
        return False
    function = node.func
    if any(word.arg in ("text", "universal_newlines") for word in node.keywords):
        return getattr(function, "attr", "") in ("run", "Popen", "check_output")
    if isinstance(function, ast.Name):
        return function.id == "open" and not is_binary(node)
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr == "open":
        owner = function.value.id if isinstance(function.value, ast.Name) else ""
        return owner not in NOT_FILES and not is_binary(node)
    return function.attr in ARGUMENTS and len(node.args) <= ARGUMENTS[function.attr]


def test_every_text_is_read_and_written_as_utf_8():
    found = [
        f"{path.relative_to(CHECKOUT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if depends_on_the_locale(node)
    ]
    assert not found, "add encoding='utf-8'"


@pytest.fixture
def umlauts(featurized):
    """Add a dataset with an umlaut in its title and in the name of a column."""
    path = paths.CONF / "dataset" / "kueche.yaml"
    text = (paths.CONF / "dataset" / "letter.yaml").read_text(encoding="utf-8")
    path.write_text(
        text.replace("name: letter", "name: kueche", 1).replace("title: ", "title: Küche und ", 1),
        encoding="utf-8",
    )
    params = paths.PARAMS.read_text(encoding="utf-8")
    paths.PARAMS.write_text(
        "# für alle\n" + params.replace("[mnist1d]", "[mnist1d, kueche]"), encoding="utf-8"
    )
    yield
    paths.PARAMS.write_text(params, encoding="utf-8")
    path.unlink()


@pytest.mark.parametrize("command", ["status", "plan"])
def test_a_locale_that_is_not_utf_8_changes_nothing(umlauts, command):
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    result = subprocess.run(
        [sys.executable, "-m", "fuelgauge.cli", command],
        cwd=paths.ROOT,
        env={**os.environ, **plain},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert b"mnist1d" in result.stdout or command == "plan"
