import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuelgauge.files import whole, write_whole


def test_a_file_is_written_in_place_of_the_old_one(tmp_path: Path):
    path = tmp_path / "new" / "a.txt"
    write_whole(path, "one\r\n")
    write_whole(path, "zwö\n")
    assert path.read_bytes() == "zwö\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_an_error_leaves_the_target_as_it_was(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_whole(path, b"before")
    with pytest.raises(OSError, match="the disk is full"), whole(path) as partial:
        partial.write_text("half of")
        assert path.read_text() == "before"
        raise OSError("the disk is full")
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_takes_the_place_of_a_folder(tmp_path: Path):
    path = tmp_path / "images"
    for content in ("old", "new"):
        with whole(path) as partial:
            partial.mkdir()
            (partial / content).write_text(content)
    assert [p.name for p in path.iterdir()] == ["new"]


def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path: Path):
    path = tmp_path / "a.txt"
    killed = (
        "import os, signal, sys; from pathlib import Path; from fuelgauge.files import whole\n"
        "with whole(Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert not path.exists()
    of_another = tmp_path / f".a.txt.{os.getppid()}.partial"  # of a process that is still alive
    of_another.write_text("being written")
    write_whole(path, "whole")
    assert {p.name for p in tmp_path.iterdir()} == {"a.txt", of_another.name}
