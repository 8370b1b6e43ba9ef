"""A foundation model for tables, such as TabICL, whose weights lie in a local file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fuelgauge.config.objects import weights_file, wrong_weights
from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, FitError
from fuelgauge.models.estimator import Estimator, own_settings

__all__ = ["Foundation"]


@dataclass
class Foundation(Estimator):
    """A pretrained estimator that reads its weights from a file, of which the hash is known.

    The estimator is one of a package with scikit-learn's interface, such as tabicl. Its class takes the path
    of the weights as `model_path`. Nothing is ever downloaded. Before each fit, the hash of the file is
    compared, and the file is read by PyTorch's `weights_only`, which builds tensors and plain values alone.

    A fit stores the training rows, from which the net predicts in one pass (Qu et al., arXiv 2502.05564).

    Parameters
    ----------
    classifier, regressor
        Estimator for classes and estimator for values, as in `Estimator`.
    classifier_weights, regressor_weights
        File of their weights, relative to the project's folder, and its SHA-256: `{file: , sha256: }`.
    numbers, missing, categories, values
        Form of the input, as in `Estimator`. The net scales numbers itself, and takes missing ones.
    """

    classifier_weights: dict[str, Any] = field(default_factory=dict)
    regressor_weights: dict[str, Any] = field(default_factory=dict)
    numbers: str = "plain"
    missing: str = "native"
    categories: str = "codes"

    def new(self, task: str, context: FitContext) -> Any:
        """Return an unfitted estimator that will read the checked file of weights.

        Raises
        ------
        FitError
            There is no such file, it has another hash, or it holds something besides tensors.
        """
        estimator = super().new(task, context)
        role = "regressor" if task == "regression" else "classifier"
        path = checked(self.regressor_weights if task == "regression" else self.classifier_weights, role)
        known = set(own_settings(estimator))
        if "model_path" not in known:
            raise FitError(f"{role}: {type(estimator).__name__} has no setting 'model_path' for its weights.")
        given = {"model_path": str(path), "device": context.device, "allow_auto_download": False}
        return estimator.set_params(**{name: value for name, value in given.items() if name in known})

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Read the weights and store the encoded rows, which counts as one step."""
        torch.set_num_threads(context.threads)
        super().fit(train, validation, context)
        self.n_stored = len(train) * np.shape(self.inputs.transform(train.head(1)))[1]
        return 1

    def count_parameters(self) -> int:
        """Return the number of stored numbers. The weights are not fitted."""
        return self.n_stored

    def unstorable(self) -> str:
        """Return why this model is never stored."""
        return "a foundation model is its weights and all training rows, which fuelgauge does not package."


def checked(weights: Mapping[str, Any], role: str) -> Path:
    """Return the path of a file of weights that has passed all checks."""
    if {*weights} != {"file", "sha256"}:
        raise FitError(f"hyperparameters.{role}_weights must name the file and the sha256 of the weights.")
    if problem := wrong_weights(weights):
        raise FitError(f"{problem}.")
    path = weights_file(weights)
    if problem := foreign(path, str(weights["sha256"])):
        raise FitError(f"the weights {path} hold something besides tensors, which is refused ({problem}).")
    return path


@functools.lru_cache(maxsize=2)
def foreign(path: Path, sha256: str) -> str:
    """Return why a file does not hold tensors and plain values alone; empty if it does."""
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        return next(iter(str(error).splitlines()), "") or type(error).__name__
    return ""
