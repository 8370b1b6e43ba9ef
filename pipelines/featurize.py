"""Stage 2: python pipelines/featurize.py dataset=letter - from data/raw to data/features/letter/."""

from fuelgauge.config import Config
from fuelgauge.entry import compose, log, stage
from fuelgauge.features.featurize import featurize


@stage("config")
def main(config: Config) -> None:
    """Turn one ingested dataset into the arrays that trials read, once for each feature set."""
    for name in config.features:
        feature_set = compose(f"feature_set={name}").feature_set
        log.info("wrote %s (%s)", featurize(config.dataset, feature_set), name)


if __name__ == "__main__":
    main()
