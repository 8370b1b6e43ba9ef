from __future__ import annotations

from types import SimpleNamespace

import pytest

from fuelgauge.report import ReportContext
from tests.report.power_laws import make_analysis, make_context


@pytest.fixture(scope="session")
def analysis() -> SimpleNamespace:
    return make_analysis()


@pytest.fixture(scope="session")
def context() -> ReportContext:
    return make_context()
