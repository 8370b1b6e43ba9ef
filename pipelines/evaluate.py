"""Stage 4: python pipelines/evaluate.py - turn all trial tables into the report in reports/."""

from fuelgauge import paths
from fuelgauge.pipeline.evaluate import evaluate
from fuelgauge.pipeline.stage import log, stage
from fuelgauge.report.outlook import answers
from fuelgauge.report.summary import summary
from fuelgauge.spec.params import Config
from fuelgauge.tracking.overview import flat_metrics, try_log_report


@stage("config")
def main(config: Config) -> None:
    """Analyse all trials, write the report and log a copy of it in MLflow."""
    analysis = evaluate(config)
    for warning in analysis.warnings:
        log.warning("%s", warning)
    for line in (
        answers(analysis.trials[analysis.trials["level"] == "model"]) or summary(analysis.verdicts)[:1]
    ):
        log.info("%s", line)
    metrics = flat_metrics(paths.REPORTS / "metrics.json")
    if "sweep.efficiency" in metrics:
        log.info("sweep.efficiency %.2f", metrics["sweep.efficiency"])
    try_log_report(config.tracking, paths.REPORTS)


if __name__ == "__main__":
    main()
