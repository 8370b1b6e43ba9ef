"""Stage 2: python pipelines/featurize.py dataset=letter - turn data/raw/ into data/features/letter/."""

from fuelgauge.config.compose import compose
from fuelgauge.features.featurize import featurize
from fuelgauge.pipeline.stage import log, stage
from fuelgauge.spec.params import Config


@stage("config")
def main(config: Config) -> None:
    """Turn one ingested dataset into the arrays that trials read, for each feature set."""
    for name in config.features:
        feature_set = compose(f"feature_set={name}").feature_set
        log.info("wrote %s (%s)", featurize(config.dataset, feature_set), name)


if __name__ == "__main__":
    main()
