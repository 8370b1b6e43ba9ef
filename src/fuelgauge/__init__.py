"""Measure how much data a model needs.

fuelgauge fits classical and deep models on growing samples of real data and records their learning curves.
All models get the same rows, and every fit is timed. Statistics then answer the claim that deep learning
needs more data.

This module offers functions for data of your own:

- `ask` tells which model is best for a table, and whether more data would change that.
- `learning_curve` measures the learning curve of an estimator and continues it.
- `analyze` evaluates the claims on any table of trials.
- `extrapolate` predicts a learning curve beyond its last anchor, with intervals.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fuelgauge.answer.ask import ask
    from fuelgauge.answer.learning_curve import learning_curve
    from fuelgauge.claims.analysis import analyze
    from fuelgauge.claims.statistics.extrapolate import extrapolate

__all__ = ["__version__", "analyze", "ask", "extrapolate", "learning_curve"]

__version__ = "0.1.0"

# Loaded on first use, so that `import fuelgauge` does not import pandas and SciPy.
_MODULES = {
    "analyze": "fuelgauge.claims.analysis",
    "ask": "fuelgauge.answer.ask",
    "extrapolate": "fuelgauge.claims.statistics.extrapolate",
    "learning_curve": "fuelgauge.answer.learning_curve",
}


def __getattr__(name: str) -> Any:
    """Import a public function on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the names of this module, including functions that are not loaded yet."""
    return sorted({*globals(), *__all__})
