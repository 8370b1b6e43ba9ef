"""Stage 4: python pipelines/evaluate.py - turn all trial tables into the report in reports/."""

from fuelgauge import paths
from fuelgauge.pipeline.evaluate import evaluate, flat_metrics, report_identity
from fuelgauge.pipeline.stage import log, stage
from fuelgauge.spec.params import Config
from fuelgauge.tracking.tracker import try_log_report


@stage("config")
def main(config: Config) -> None:
    """Analyse all trials, write the report and log a copy of it in MLflow."""
    analysis = evaluate(config)
    for warning in analysis.warnings:
        log.warning("%s", warning)
    metrics = flat_metrics(paths.REPORTS / "metrics.json")
    if "sweep.efficiency" in metrics:
        log.info("sweep.efficiency %.2f", metrics["sweep.efficiency"])
    identity = report_identity([paths.REPORTS / "trials.parquet", paths.REPORTS / "verdicts.json"])
    try_log_report(config.tracking, paths.REPORTS, metrics, identity)


if __name__ == "__main__":
    main()
