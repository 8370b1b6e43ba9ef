"""Stage 1: python pipelines/ingest.py dataset=letter - from the source to data/raw/letter.parquet."""

from fuelgauge.config import Config
from fuelgauge.data.ingest import ingest
from fuelgauge.entry import log, stage


@stage("config")
def main(config: Config) -> None:
    """Read one dataset from its source, check it and write it."""
    log.info("wrote %s", ingest(config.dataset, until=config.data.until))


if __name__ == "__main__":
    main()
