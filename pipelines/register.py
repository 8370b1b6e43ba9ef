"""Stage 5: python pipelines/register.py dataset=churn - the best model becomes challenger or champion."""

from fuelgauge.config import Config
from fuelgauge.entry import stage
from fuelgauge.registry import register


@stage("config")
def main(config: Config) -> None:
    """Register the best contestant of one dataset."""
    register(config)


if __name__ == "__main__":
    main()
