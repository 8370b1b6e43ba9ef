"""Import, once for all workers, the modules that they need; only the process they are forked from runs this.

Nothing but imports may happen here, because a process that has computed with PyTorch or OpenMP cannot be
forked. Threads that imports start (in OpenBLAS and in Arrow's allocator) are safe to fork.
"""

import contextlib
import gc
import importlib
import os
import signal

from fuelgauge.sweep.pool import MODULES

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent process
gc.disable()  # imports leave no garbage, and looking for it takes a fifth of the time
for name in os.environ.get(MODULES, "").split():
    with contextlib.suppress(Exception, SystemExit):  # the task that needs the module reports the error
        importlib.import_module(name)
gc.freeze()
gc.enable()
