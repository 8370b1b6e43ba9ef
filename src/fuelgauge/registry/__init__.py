"""Champion and challenger: register the best contestant of a dataset in MLflow, and serve it."""

from fuelgauge.registry._decision import Decision
from fuelgauge.registry._stage import register

__all__ = ["Decision", "register"]
