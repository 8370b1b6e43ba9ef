import math
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from fuelgauge.sweep.timing import Measured, device_name, measure, process_seconds, sweep_processes


def test_wall_and_cpu_seconds_are_told_apart():
    # In a separate process, because threads of other tests may still be running in this one.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as worker:
        measured = worker.submit(measure_a_sleep).result()
    assert measured.seconds == pytest.approx(0.2, abs=0.1)
    assert measured.cpu_seconds < 0.1


def measure_a_sleep() -> Measured[None]:
    return measure(lambda: time.sleep(0.2), "cpu")


def test_cpu_seconds_count_work():
    def work() -> int:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        return 7

    measured = measure(work, "cpu")
    assert measured.value == 7
    assert measured.cpu_seconds == pytest.approx(0.2, abs=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak-memory mark can be reset on Linux only")
def test_peak_memory_is_that_of_the_call_and_not_of_the_process_so_far():
    large = measure(lambda: np.ones(50_000_000).sum(), "cpu").peak_memory_mb
    small = measure(lambda: None, "cpu").peak_memory_mb
    assert large - small > 300


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the CPU seconds of other processes")
def test_load_is_the_share_of_the_cores_that_others_kept_busy():
    beside = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        load = measure(lambda: time.sleep(0.5), "cpu").load
    finally:
        beside.kill()
        beside.wait()
    assert 0.5 / os.cpu_count() < load <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the CPU seconds of other processes")
def test_workers_know_each_other_and_what_they_have_used():
    assert sweep_processes() == {os.getpid()}
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as workers:
        (one, seen, used), (other, also_seen, _) = workers.map(look_around, range(2))
    assert one != other
    assert {one, other} <= seen & also_seen
    assert used >= 0.3


def look_around(_: int) -> tuple[int, set[int], float]:
    end = time.process_time() + 0.4
    while time.process_time() < end:
        pass
    return os.getpid(), sweep_processes(), process_seconds(os.getpid())


def test_of_a_short_call_the_load_is_not_known():
    assert math.isnan(measure(lambda: None, "cpu").load)


def test_what_a_call_does_itself_is_no_load():
    def work() -> None:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass

    measured = measure(work, "cpu")
    own_share = measured.cpu_seconds / (measured.seconds * os.cpu_count())
    assert 0 <= measured.load <= 1 - own_share + 0.1


def test_the_device_has_a_name():
    assert device_name("cpu")
