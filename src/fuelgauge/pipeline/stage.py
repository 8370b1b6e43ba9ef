"""Turn a function into the main function of a pipeline script: Hydra, params.yaml and readable errors."""

from __future__ import annotations

import functools
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from omegaconf import DictConfig

from fuelgauge import paths
from fuelgauge.config.checks import resolve
from fuelgauge.config.compose import check_overrides, models_of, register
from fuelgauge.errors import FuelgaugeError
from fuelgauge.spec.params import Config

__all__ = ["log", "stage"]

log = logging.getLogger("fuelgauge")
TRAIN = "train"  # the stage in which a job is a learning curve
SECONDS_BETWEEN_LOOKS = 1.0  # between checks whether dvc is still running
INTERRUPTED = 130  # the exit code of a process that Ctrl-C has ended


def stage(
    config_name: str,
    finish: Callable[[], None] = lambda: None,
    prepare: Callable[[list[str]], None] = lambda _: None,
) -> Callable[[Callable[[Config], None]], Callable[[], None]]:
    """Turn a function that takes a typed Config into the main function of a pipeline script.

    Errors in the configuration are reported before anything is computed. A `FuelgaugeError` ends the script
    with exit code 1 and its sentences on standard error.

    Parameters
    ----------
    config_name
        Name of the file in conf/ that Hydra composes.
    finish
        Function that is called once, after all jobs. If the launcher starts a process for each job, it is
        called after each job.
    prepare
        Function that is called with the command-line arguments, before Hydra composes anything.
    """

    def decorate(function: Callable[[Config], None]) -> Callable[[], None]:
        @functools.wraps(function)
        def job(composed: DictConfig) -> None:
            try:
                config = resolve(composed)
                if jobs_share_a_process():
                    function(config)
                else:
                    function(replace(config, models=[config.model.name]))
                    finish()
            except FuelgaugeError as error:
                say(error)  # of several jobs, Hydra shows only the first error
                raise CompactHydraException("The reason is above.") from None

        def main() -> None:
            # Importing and composing leave little garbage, and looking for it takes a tenth of the time.
            gc.set_threshold(50_000, 50)
            log.setLevel(logging.INFO)  # after its jobs, Hydra resets the level to WARNING
            stop_with_dvc()
            try:
                check_overrides(sys.argv[1:])
                register(models_of(sys.argv[1:]) if config_name == TRAIN else ())
                prepare(sys.argv[1:])
            except FuelgaugeError as error:
                sys.exit(f"fuelgauge: {error}")
            run = hydra.main(version_base="1.3", config_path=str(paths.CONF), config_name=config_name)
            try:
                exit_code = exit_code_of(run(job))
                finish()
            except FuelgaugeError as error:
                say(error)
                exit_code = 1
            except KeyboardInterrupt:
                log.error("fuelgauge: interrupted; finished work is kept, the next run continues from there.")
                exit_code = INTERRUPTED
            gc.freeze()  # the process ends now; looking for garbage takes a second
            sys.exit(exit_code)

        return main

    return decorate


def stop_with_dvc() -> None:
    """Interrupt this process when the `dvc` process that started it ends, even if it was killed."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os.kill(os.getpid(), signal.SIGUSR1)

    if "DVC_ROOT" in os.environ:
        # Not SIGINT, which background jobs of a shell ignore.
        signal.signal(signal.SIGUSR1, signal.default_int_handler)
        threading.Thread(target=watch, daemon=True).start()


def exit_code_of(run: Callable[[], None]) -> int:
    """Return the exit code with which Hydra would end the process."""
    try:
        run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def jobs_share_a_process() -> bool:
    """Return whether Hydra runs its jobs in this process, one after another."""
    return HydraConfig.get().runtime.choices["hydra/launcher"] == "basic"


def say(error: FuelgaugeError) -> None:
    """Write the sentences of an error to standard error."""
    for sentence in str(error).splitlines():
        say_once(sentence)


@functools.cache
def say_once(sentence: str) -> None:
    """Write a sentence to standard error, unless an earlier job has already written it."""
    log.error("fuelgauge: %s", sentence)
