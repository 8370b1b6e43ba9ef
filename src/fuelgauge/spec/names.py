"""Names of families, feature sets, sizes and contestants."""

from __future__ import annotations

__all__ = [
    "DEFAULT_SIZE",
    "FAMILIES",
    "NO_SEARCH",
    "RAW",
    "SUBFAMILIES",
    "USUAL",
    "contestant",
    "inputs_of",
    "model_of",
]

FAMILIES = ("baseline", "linear", "neighbours", "trees", "deep", "pretrained")
# Groups of models that are judged separately, in place of their whole family.
SUBFAMILIES = {"forest": "trees", "boosted": "trees"}
RAW = "raw"
DEFAULT_SIZE = "default"
NO_SEARCH = "none"
# Columns of the trial table that distinguish the contestants of one model, and their default values.
USUAL = {"features": RAW, "size": DEFAULT_SIZE, "search": NO_SEARCH}


def contestant(model: str, features: str = RAW, size: str = DEFAULT_SIZE, search: str = NO_SEARCH) -> str:
    """Return the name of a contestant: a model with a feature set, a size and a search.

    Default values are left out of the name: `xgboost`, `xgboost@engineered`, `mlp-large`, `mlp+tpe`,
    `mlp-large+tpe@engineered`.
    """
    sized = model if size == DEFAULT_SIZE else f"{model}-{size}"
    searched = sized if search == NO_SEARCH else f"{sized}+{search}"
    return searched if features == RAW else f"{searched}@{features}"


def inputs_of(modality: str, features: str) -> str:
    """Return the kind of inputs of a model; engineered features of any modality are a table of numbers."""
    return modality if features == RAW else "tabular"


def model_of(contestant: str) -> str:
    """Return the model of a contestant: `mlp` of `mlp-large+tpe@engineered`."""
    return contestant.partition("@")[0].partition("+")[0].partition("-")[0]
