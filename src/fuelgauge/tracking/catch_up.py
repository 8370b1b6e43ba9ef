"""Bring MLflow up to date from the trial store, after a server was away or a database was lost."""

from __future__ import annotations

import logging

from fuelgauge.config.compose import all_curves
from fuelgauge.errors import ConfigError, DataError, FuelgaugeError
from fuelgauge.spec.params import Config
from fuelgauge.sweep.grid import plan_curve, why_not
from fuelgauge.sweep.store import TrialStore, store_path
from fuelgauge.tracking.tracker import first_line, safe_uri, send_curve

log = logging.getLogger("fuelgauge")


def catch_up() -> None:
    """Send every curve of params.yaml; what MLflow has already is not sent twice.

    Raises
    ------
    FuelgaugeError
        Tracking is off, or the server cannot be reached.
    """
    for config in all_curves():
        if not config.tracking.uri:
            raise FuelgaugeError("tracking is off (conf/tracking); there is nowhere to send the curves to.")
        if why_not(config) is None:
            send(config)


def send(config: Config) -> None:
    """Send one curve from its store."""
    name = f"{config.dataset.name}/{config.contestant}"
    path = store_path(config.dataset.name, config.contestant)
    if not path.exists():
        log.info("%-18s has no trials yet", name)
        return
    try:
        plan = plan_curve(config)
    except (ConfigError, DataError) as error:
        log.warning("%-18s is left out: %s", name, error)
        return
    with TrialStore(path) as store:  # its lock keeps a running sweep from sending the same anchors
        ended = plan.ended(store.records)
        if not ended:  # a run without a point would take the place of the one that has them
            log.info("%-18s has no trials of the present settings", name)
            return
        try:
            send_curve(config, plan, ended)
        except Exception as error:  # whatever MLflow or the network raises
            uri, reason = safe_uri(config.tracking.uri), first_line(error, config.tracking.uri)
            raise FuelgaugeError(
                f"MLflow at {uri} cannot be written ({type(error).__name__}: {reason}); see to it, or to "
                "conf/tracking, and run again."
            ) from error
    log.info("%-18s %d trials are in MLflow", name, len(ended))
