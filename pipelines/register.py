"""Stage 5: python pipelines/register.py dataset=churn - make the best model challenger or champion."""

from fuelgauge.pipeline.stage import stage
from fuelgauge.registry import register
from fuelgauge.spec.params import Config


@stage("config")
def main(config: Config) -> None:
    """Register the best contestant of one dataset."""
    register(config)


if __name__ == "__main__":
    main()
