"""The report: a page, pictures for a README, and records for ``dvc plots``."""

from fuelgauge.report._provenance import ReportContext
from fuelgauge.report._write import write_report

__all__ = ["ReportContext", "write_report"]
