"""Evaluate boosted regression trees with NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trees"]

Array = NDArray[np.float64]

CHUNK = 1000


@dataclass(frozen=True)
class Trees:
    """Regression trees whose values are added up.

    A row of a tree goes left where its input is at most the threshold. A leaf points at itself.

    Attributes
    ----------
    inputs
        Number of inputs.
    depth
        Largest number of decisions of a row in a tree.
    root
        Node at which each tree begins, shape (trees,).
    column
        Input that a node compares, shape (nodes,). A missing input goes left where `inputs` is added to it.
    threshold
        Threshold of a node; the value of a leaf; shape (nodes,).
    child
        Nodes to the right and to the left of a node, shape (nodes, 2).
    """

    inputs: int
    depth: int
    root: NDArray[np.int32]
    column: NDArray[np.int16]
    threshold: NDArray[np.float32]
    child: NDArray[np.int32]

    def predict(self, rows: NDArray[Any]) -> Array:
        """Return the sum of the trees, shape (rows,), for inputs of shape (rows, inputs); NaN is missing."""
        starts = range(0, len(rows), CHUNK)
        return np.concatenate([self._predict(rows[at : at + CHUNK]) for at in starts] or [np.zeros(0)])

    def _predict(self, rows: NDArray[Any]) -> Array:
        known = rows.astype(np.float32)
        right, left = np.where(np.isnan(known), np.inf, known), np.where(np.isnan(known), -np.inf, known)
        values = np.concatenate([right, left], axis=1)
        flat, start = values.ravel(), np.arange(len(rows))[:, None] * values.shape[1]
        children = self.child.ravel()
        node = np.tile(self.root, (len(rows), 1))
        for _ in range(self.depth):
            goes_left = flat[start + self.column[node]] <= self.threshold[node]
            node = children[2 * node + goes_left]
        return np.asarray(self.threshold[node].sum(axis=1, dtype=np.float64))

    def arrays(self, prefix: str) -> dict[str, Any]:
        """Return the arrays by name, for a file."""
        return {f"{prefix}_{f.name}": np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_arrays(cls, stored: Mapping[str, Any], prefix: str) -> Self:
        """Return the trees that `arrays` has named."""
        read = {f.name: stored[f"{prefix}_{f.name}"] for f in fields(cls)}
        return cls(**read | {name: int(read[name]) for name in ("inputs", "depth")})
