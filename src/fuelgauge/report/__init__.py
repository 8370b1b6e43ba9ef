"""The report: one page for people, pictures for a README, records for ``dvc plots``."""

from fuelgauge.report.context import ReportContext
from fuelgauge.report.write import write_report

__all__ = ["ReportContext", "write_report"]
