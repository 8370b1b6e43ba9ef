"""The public interface of the package: what `import fuelgauge` offers, and what it costs."""

import subprocess
import sys

import pytest

import fuelgauge
from fuelgauge.claims.analysis import analyze
from fuelgauge.claims.statistics.extrapolate import extrapolate

IMPORT = """
import sys, time
before = set(sys.modules)
start = time.perf_counter()
import fuelgauge
seconds = time.perf_counter() - start
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(seconds < 0.5, loaded - sys.stdlib_module_names, set(fuelgauge.__all__) <= set(dir(fuelgauge)))
"""
FIRST_USE = """
import fuelgauge
print(fuelgauge.extrapolate([32, 64, 128], [0.4, 0.3, 0.2], 256).shape, "extrapolate" in vars(fuelgauge))
from fuelgauge import analyze
print(analyze.__module__)
"""


def output(program: str) -> list[str]:
    """Return the lines that a program prints in a fresh interpreter."""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_the_import_is_fast_and_loads_no_third_party_package():
    assert output(IMPORT) == ["True {'fuelgauge'} True"]


def test_a_function_is_loaded_on_first_use():
    assert output(FIRST_USE) == ["(1, 4) True", "fuelgauge.claims.analysis"]


def test_the_public_names_are_the_functions():
    assert fuelgauge.analyze is analyze
    assert fuelgauge.extrapolate is extrapolate
    assert set(fuelgauge.__all__) == {"__version__", "analyze", "ask", "extrapolate", "learning_curve"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fuelgauge' has no attribute 'analyse'"):
        _ = fuelgauge.analyse
    with pytest.raises(ImportError, match="cannot import name 'analyse'"):
        from fuelgauge import analyse  # noqa: F401
