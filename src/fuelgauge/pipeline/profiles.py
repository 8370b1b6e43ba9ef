"""Profiles: ready-made params.yaml files in conf/experiment/."""

from __future__ import annotations

from fuelgauge import paths
from fuelgauge.config.files import load_params, options
from fuelgauge.errors import ConfigError, nearest
from fuelgauge.files import write_whole

__all__ = ["use_profile"]

GROUP = "experiment"


def use_profile(name: str, force: bool = False) -> None:
    """Write params.yaml from a profile.

    Parameters
    ----------
    name
        Name of a file in conf/experiment, without its suffix.
    force
        Whether to overwrite a params.yaml that is not identical to a profile.

    Raises
    ------
    ConfigError
        There is no such profile, or params.yaml has changes that would be lost.
    """
    profiles = {option: paths.CONF / GROUP / f"{option}.yaml" for option in options(GROUP)}
    if name not in profiles:
        raise ConfigError(f"there is no profile '{name}', {nearest(name, profiles)}.")
    contents = {path.read_bytes() for path in profiles.values()}
    if paths.PARAMS.exists() and paths.PARAMS.read_bytes() not in contents and not force:
        raise ConfigError(
            f"{paths.PARAMS.name} has changes of your own, which would be lost; keep a copy, then run "
            f"fuelgauge profile {name} --force."
        )
    load_params(profiles[name])
    write_whole(paths.PARAMS, profiles[name].read_bytes())
