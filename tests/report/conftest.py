from __future__ import annotations

from types import SimpleNamespace

import pytest
from power_laws import make_analysis, make_context

from fuelgauge.report import ReportContext


@pytest.fixture(scope="session")
def analysis() -> SimpleNamespace:
    return make_analysis()


@pytest.fixture(scope="session")
def context() -> ReportContext:
    return make_context()
