"""The wheel alone answers in an empty folder: rules, settings and templates travel inside the package."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.answer.test_ask import shop
from tests.conftest import CHECKOUT


@pytest.mark.slow
def test_the_wheel_answers_without_a_checkout(tmp_path):
    source, work = tmp_path / "source", tmp_path / "work"
    for name in ("src", "conf"):
        shutil.copytree(CHECKOUT / name, source / name, symlinks=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source / name)
    build = ["pip", "wheel", "-q", str(source), "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([sys.executable, "-m", *build], check=True, timeout=250)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    work.mkdir()
    shop(200).to_csv(work / "shop.csv", index=False)
    program = (
        "from fuelgauge.cli import main; main(['ask', 'shop.csv', '--target', 'bought', '--minutes', '0.3'])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=work,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path / "site"), "HOME": str(work)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert told.returncode == 0, told.stderr
    assert "SHIP" in told.stdout
    assert (work / "ask_shop.html").is_file()
