"""What feature sets and contestants are called, everywhere."""

from __future__ import annotations

RAW = "raw"


def contestant(model: str, features: str) -> str:
    """Return the name of a model on a feature set: the model's own name where the features are raw."""
    return model if features == RAW else f"{model}@{features}"


def inputs_of(modality: str, features: str) -> str:
    """Return the kind of a feature set: engineered features of any modality are a table of numbers."""
    return modality if features == RAW else "tabular"
