"""Functions for worker processes, which must be able to import them."""

import os
import signal
import time

import numpy as np


def job(task):
    """Do what the task says; return the square of a number."""
    match task:
        case "raise":
            raise ValueError("told to\nraise")
        case "memory":
            np.ones(2**50)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(60)
        case "threads":
            return os.environ["OMP_NUM_THREADS"]
        case "pid":
            return os.getpid()
    return task * task


def importer(_):
    """Return the id of the process that imported the heavy module."""
    from tests.sweep.heavy import IMPORTED_BY

    return IMPORTED_BY
