"""Stage 0: python pipelines/check.py - every configuration that the pipeline will use, before any compute.

Its output never changes while the configuration is valid, so no later stage reruns because of it.
"""

from fuelgauge import paths
from fuelgauge.pipeline.check import check_all
from fuelgauge.pipeline.stage import stage
from fuelgauge.spec.params import Config


@stage("config")
def main(config: Config) -> None:
    """Compose and check each dataset and each model of params.yaml."""
    check_all(config)
    paths.DATA.mkdir(exist_ok=True)
    (paths.DATA / "checked").write_text("the configuration is valid\n")


if __name__ == "__main__":
    main()
