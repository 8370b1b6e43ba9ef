"""A module whose import ends the process, as a library built for another processor does."""

import os

os._exit(3)
