"""A module that remembers which process has imported it."""

import os

IMPORTED_BY = os.getpid()
