"""What the embeddings of datasets have cost. No fit counts it."""

from __future__ import annotations

import json
from typing import Any

from fuelgauge import paths

__all__ = ["costs_of"]


def costs_of(dataset: str) -> list[dict[str, Any]]:
    """Return what the embeddings of a dataset have cost, one dict for each encoder.

    The keys are those of about.json in data/embeddings, such as target, n_rows, n_embedded, seconds,
    cpu_seconds and peak_memory_mb.
    """
    found = sorted((paths.DATA / "embeddings").glob(f"*/{dataset}/about.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in found]
