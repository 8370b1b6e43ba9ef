"""The families of models that the claims speak of."""

from __future__ import annotations

FAMILIES = ("baseline", "linear", "neighbours", "trees", "deep", "pretrained")
# Kinds of models that are judged apart, in the place of the family that they belong to.
SUBFAMILIES = {"forest": "trees", "boosted": "trees"}
