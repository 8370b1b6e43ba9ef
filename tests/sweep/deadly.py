"""A module whose import ends the process, like a library that was built for another processor."""

import os

os._exit(3)
