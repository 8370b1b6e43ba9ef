"""Imported by no one but the process that workers are forked from: it has, once, all that they will import.

Nothing but imports may happen here. A process that has computed with PyTorch or OpenMP cannot be forked.
"""

import contextlib
import gc
import importlib
import os

gc.disable()  # of what is imported nothing is garbage, and looking for it takes a fifth of the time
for name in os.environ["FUELGAUGE_WORKER_MODULES"].split():
    with contextlib.suppress(Exception):  # the task that needs it says what is wrong
        importlib.import_module(name)
gc.freeze()
gc.enable()
