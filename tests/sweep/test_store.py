import errno
import json
import os

import pytest

from fuelgauge.errors import StoreError
from fuelgauge.sweep import store as module
from fuelgauge.sweep.store import TrialStore, read_store, store_path, to_line


def record(number: int, **changes):
    return {
        "kind": "trial",
        "trial_id": f"t{number}",
        "status": "done",
        "result": {"loss": 0.1 * number},
        **changes,
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "letter" / "mlp.trials"


def test_what_was_appended_is_read_back_bit_for_bit(path):
    with TrialStore(path) as store:
        for i in range(5):
            store.append(record(i))
    records, _ = read_store(path)
    assert records == {f"t{i}": record(i) for i in range(5)}


@pytest.mark.parametrize("cut", [1, 5, 20, 40])
def test_a_record_cut_by_a_kill_is_set_aside_and_the_others_are_kept(path, cut, caplog):
    with TrialStore(path) as store:
        for i in (0, 1, 2):
            store.append(record(i))
    path.write_bytes(path.read_bytes()[:-cut])
    with TrialStore(path) as store:
        assert set(store.records) == {"t0", "t1"}
        store.append(record(3))
    assert set(read_store(path)[0]) == {"t0", "t1", "t3"}
    assert "1 broken or foreign record(s) moved to mlp.rejected" in caplog.text
    assert path.with_suffix(".rejected").read_bytes() == to_line(record(2))[:-cut] + b"\n"


def test_a_foreign_or_altered_line_is_set_aside(path):
    with TrialStore(path) as store:
        store.append(record(1))
    altered, foreign = to_line(record(2)).replace(b"t2", b"t9"), to_line({}) + to_line({"kind": "other"})
    with path.open("ab") as stream:
        stream.write(b"hello\n" + altered + foreign + to_line(record(3)))
    assert set(read_store(path)[0]) == {"t1", "t3"}
    with TrialStore(path) as store:
        assert set(store.records) == {"t1", "t3"}
    assert path.with_suffix(".rejected").read_bytes().count(b"\n") == 4


def test_what_cannot_be_opened_is_one_sentence(path):
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=r"mlp.trials cannot be opened \(Is a directory\)"):
        TrialStore(path).__enter__()
    assert list(module.stores(path.parents[1])) == []


def test_two_writers_of_one_curve_are_not_allowed(path):
    with TrialStore(path), pytest.raises(StoreError, match="mlp.trials is being written by another process"):
        TrialStore(path).__enter__()
    with TrialStore(path) as store:
        store.append(record(1))


def test_a_reader_may_look_while_a_writer_writes(path):
    with TrialStore(path) as store:
        store.append(record(1))
        assert set(read_store(path)[0]) == {"t1"}


def test_the_latest_record_counts_and_a_retry_takes_a_failure_back(path):
    with TrialStore(path) as store:
        store.append(record(1, status="failed"))
        store.append({"kind": "retry", "trial_id": "t1"})
        assert store.records == {}
        store.append(record(1))
    assert read_store(path)[0]["t1"]["status"] == "done"


def test_a_full_disk_loses_nothing_and_says_so(path, monkeypatch):
    with TrialStore(path) as store:
        store.append(record(1))
        write = os.write

        def full(descriptor, data):
            write(descriptor, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(module.os, "write", full)
        with pytest.raises(
            StoreError, match="cannot be written .*No space left.* are kept; free some disk space"
        ):
            store.append(record(2))
        monkeypatch.undo()
        store.append(record(3))
    assert set(read_store(path)[0]) == {"t1", "t3"}
    assert not path.with_suffix(".rejected").exists()


def test_a_number_that_json_lacks_never_reaches_the_file(path):
    with TrialStore(path) as store, pytest.raises(ValueError, match="JSON"):
        store.append(record(1, result={"loss": float("nan")}))
    assert path.read_bytes() == b""


def test_a_curve_has_a_file_in_the_folder_of_its_dataset(tmp_path, path):
    assert store_path("letter", "mlp", tmp_path) == path


def test_a_line_is_json_after_its_digits():
    assert json.loads(to_line(record(1))[17:]) == record(1)
