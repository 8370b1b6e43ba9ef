"""Champion and challenger: the best contestant of a dataset, kept in the MLflow registry and served."""

from fuelgauge.registry._stage import Decision, register

__all__ = ["Decision", "register"]
