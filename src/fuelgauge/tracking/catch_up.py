"""Send to MLflow what it lacks, from the trial store, after a server was down or a database was lost."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from fuelgauge import paths
from fuelgauge.config.compose import all_curves, compose
from fuelgauge.errors import ConfigError, DataError, FuelgaugeError
from fuelgauge.spec.params import Config, TrackingConfig
from fuelgauge.sweep.grid import plan_curve, why_not
from fuelgauge.sweep.store import TrialStore, store_path
from fuelgauge.tracking.overview import has_report, say_pages, send_report
from fuelgauge.tracking.tracker import first_line, safe_uri, send_curve

__all__ = ["catch_up"]

log = logging.getLogger("fuelgauge")


def catch_up() -> None:
    """Send every curve of params.yaml and the report to MLflow; what is already there is not sent twice.

    Raises
    ------
    FuelgaugeError
        Tracking is off, or MLflow cannot be written.
    """
    tracking = compose().tracking
    if not tracking.uri:
        raise FuelgaugeError(
            "tracking is off (conf/tracking); choose an MLflow server or database to send the curves to."
        )
    for config in all_curves():
        if why_not(config) is None:
            send(config)
    if has_report(paths.REPORTS):
        with one_sentence(tracking):
            send_report(tracking, paths.REPORTS)
        log.info("%-18s is in MLflow", "report")
    say_pages(tracking)


def send(config: Config) -> None:
    """Send one curve from its store to MLflow."""
    name = f"{config.dataset.name}/{config.contestant}"
    path = store_path(config.dataset.name, config.contestant)
    if not path.exists():
        log.info("%-18s has no trials yet", name)
        return
    try:
        plan = plan_curve(config)
    except (ConfigError, DataError) as error:
        log.warning("%-18s is not sent: %s", name, error)
        return
    with TrialStore(path) as store:  # the lock keeps a running sweep from sending the same anchors
        ended = plan.ended(store.records)
        if not ended:  # an empty run would replace the one with results as the current run
            log.info("%-18s has no trials with the current settings", name)
            return
        with one_sentence(config.tracking):
            send_curve(config, plan, ended)
    log.info("%-18s %d trials are in MLflow", name, len(ended))


@contextlib.contextmanager
def one_sentence(tracking: TrackingConfig) -> Iterator[None]:
    """Turn any error of MLflow or of the network into a FuelgaugeError without passwords."""
    try:
        yield
    except Exception as error:  # MLflow and the network raise errors of many types
        uri, reason = safe_uri(tracking.uri), first_line(error, tracking.uri)
        raise FuelgaugeError(
            f"MLflow at {uri} cannot be written ({type(error).__name__}: {reason}); fix the server or "
            "conf/tracking, then run this command again."
        ) from None
