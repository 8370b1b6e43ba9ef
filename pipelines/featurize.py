"""Stage 2: python pipelines/featurize.py dataset=letter - from data/raw to data/features/letter/."""

from fuelgauge.config import Config
from fuelgauge.entry import log, stage
from fuelgauge.features.featurize import featurize


@stage("config")
def main(config: Config) -> None:
    """Turn one ingested dataset into the arrays that trials read."""
    log.info("wrote %s", featurize(config.dataset, config.features))


if __name__ == "__main__":
    main()
