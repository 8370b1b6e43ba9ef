"""Names of families, feature sets and contestants."""

from __future__ import annotations

FAMILIES = ("baseline", "linear", "neighbours", "trees", "deep", "pretrained")
# Kinds of models that are judged apart, in the place of the family that they belong to.
SUBFAMILIES = {"forest": "trees", "boosted": "trees"}
RAW = "raw"
DEFAULT_SIZE = "default"
NO_SEARCH = "none"
# The columns of the trial table that tell contestants of one model apart, and what each usually is.
USUAL = {"features": RAW, "size": DEFAULT_SIZE, "search": NO_SEARCH}


def contestant(model: str, features: str = RAW, size: str = DEFAULT_SIZE, search: str = NO_SEARCH) -> str:
    """Return the name of a model on a feature set, in a size, with a search.

    What is as usual is not said: `xgboost`, `xgboost@engineered`, `mlp-large`, `mlp+tpe`,
    `mlp-large+tpe@engineered`.
    """
    sized = model if size == DEFAULT_SIZE else f"{model}-{size}"
    searched = sized if search == NO_SEARCH else f"{sized}+{search}"
    return searched if features == RAW else f"{searched}@{features}"


def inputs_of(modality: str, features: str) -> str:
    """Return the kind of a feature set: engineered features of any modality are a table of numbers."""
    return modality if features == RAW else "tabular"
