"""Stage 0: python pipelines/check.py - check every configuration before anything is computed.

The output is the same for every valid configuration, so this stage never causes a later stage to run again.
"""

from fuelgauge import paths
from fuelgauge.pipeline.check import check_all
from fuelgauge.pipeline.stage import stage
from fuelgauge.spec.params import Config


@stage("config")
def main(config: Config) -> None:
    """Compose and check each dataset, feature set and model of params.yaml."""
    check_all(config)
    paths.DATA.mkdir(exist_ok=True)
    (paths.DATA / "checked").write_text("the configuration is valid\n", encoding="utf-8")


if __name__ == "__main__":
    main()
