"""Stage 0: python pipelines/check.py - check every configuration before anything is computed.

The output changes with a dataset's own files alone, so a valid configuration causes no later stage to run.
"""

from fuelgauge.pipeline.check import check_all, remove_leftovers, write_checked
from fuelgauge.pipeline.stage import stage
from fuelgauge.spec.params import Config


@stage("config")
def main(config: Config) -> None:
    """Compose and check each dataset, feature set and model of params.yaml."""
    check_all(config)
    write_checked(config.datasets)
    remove_leftovers(config.datasets)


if __name__ == "__main__":
    main()
