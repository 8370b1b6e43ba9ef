"""Stage 1: python pipelines/ingest.py dataset=letter - turn the source into data/raw/letter.parquet."""

from fuelgauge.data.ingest import ingest
from fuelgauge.pipeline.stage import log, stage
from fuelgauge.spec.params import Config


@stage("config")
def main(config: Config) -> None:
    """Read one dataset from its source, check it and write it to data/raw/."""
    log.info("wrote %s", ingest(config.dataset, until=config.data.until))


if __name__ == "__main__":
    main()
