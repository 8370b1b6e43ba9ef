"""The report: one page for people, pictures for a README, records for ``dvc plots``."""

from fuelgauge.report._provenance import ReportContext
from fuelgauge.report._write import write_report

__all__ = ["ReportContext", "write_report"]
