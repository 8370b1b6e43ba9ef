"""Imported by no one but the process that workers are forked from: it has, once, all that they will import.

Nothing but imports may happen here. A process that has computed with PyTorch or OpenMP cannot be forked; the
threads that imports start (OpenBLAS', Arrow's allocator's) are made for it.
"""

import contextlib
import gc
import importlib
import os
import signal

from fuelgauge.sweep._pool import MODULES

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that has started this one
gc.disable()  # of what is imported nothing is garbage, and looking for it takes a fifth of the time
for name in os.environ.get(MODULES, "").split():
    with contextlib.suppress(Exception, SystemExit):  # the task that needs it says what is wrong
        importlib.import_module(name)
gc.freeze()
gc.enable()
