"""Register mnist1d, and kill this process with SIGKILL before or after a named call of MlflowClient."""

import os
import signal
import sys

from mlflow import MlflowClient

from fuelgauge.config.compose import compose
from fuelgauge.registry import register


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill(moment: str, name: str) -> None:
    call = getattr(MlflowClient, name)

    def killed(*arguments, **named):
        if moment == "before":
            die()
        call(*arguments, **named)
        die()

    setattr(MlflowClient, name, killed)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        kill(*sys.argv[1:])
    register(compose("dataset=mnist1d", "registry.resamples=100"))
