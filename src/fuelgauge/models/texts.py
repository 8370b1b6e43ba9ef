"""What the models of texts share: how a text becomes words."""

from __future__ import annotations

# Words, and runs of signs between them: "!!" and ":-)" say something too.
TOKEN = r"\w+|[^\w\s]+"
