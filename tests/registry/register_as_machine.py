"""Register a model of mnist1d like another machine: with a machine lock of its own."""

import contextlib
import sys
from dataclasses import replace

from fuelgauge.config.compose import compose
from fuelgauge.registry import _stage as stage

if __name__ == "__main__":
    choose = stage.best_contestant
    stage.best_contestant = lambda *given: replace(choose(*given), model=sys.argv[1])
    stage.one_registration = lambda _: contextlib.nullcontext()
    stage.write_report = lambda *_: None
    stage.register(compose("dataset=mnist1d", "registry.resamples=100"))
