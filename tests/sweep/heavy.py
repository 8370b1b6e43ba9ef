"""A module that records which process imported it."""

import os

IMPORTED_BY = os.getpid()
