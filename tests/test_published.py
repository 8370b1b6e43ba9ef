"""Reproduce published figures with this pipeline, on the same data and by the same protocol."""

import numpy as np
import pytest

from fuelgauge.config.compose import compose
from fuelgauge.data.ingest import ingest
from fuelgauge.features.featurize import featurize
from fuelgauge.sweep.grid import plan_curve
from fuelgauge.sweep.trial import run_trial

# The published file has 4,000 training and 1,000 test rows. The paper has no validation rows. This pipeline
# needs some, so a twentieth of the 4,000 is for validation.
PROTOCOL = [
    "dataset=mnist1d",
    "dataset.name=mnist1d_published",
    "dataset.source.n_rows=5000",
    "split.test_fraction=0.2",
    "split.validation_fraction=0.05",
    "anchors.start=4000",
    "anchors.stop=4000",
    "repeats=3",
    "tracking=none",
]
# As in the paper: Adam at 1e-2, batches of 100, 6,000 steps, no early stopping, and its widths.
BUDGET = {
    "batch_size": 100,
    "learning_rate": 1e-2,
    "weight_decay": 0.0,
    "min_steps": 6000,
    "max_epochs": 1,
    "patience": 40,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "changes", "low", "high"),
    [
        ("logistic", {}, 0.32, 0.32),
        ("mlp", {"width": 100, "depth": 2, "dropout": 0.0, **BUDGET}, 0.65, 0.68),
        ("cnn1d", {"channels": 25, **BUDGET}, 0.92, 0.94),
    ],
)
def test_mnist1d_reproduces_the_published_accuracy_within_two_points(model, changes, low, high):
    """Compare with the published accuracies: logistic 32%, MLP 65 to 68%, CNN 92 to 94%.

    They are from Greydanus, arXiv 2011.14439, and its repository.
    """
    config = compose(*PROTOCOL, f"model={model}")
    config.model.hyperparameters.update(changes)
    ingest(config.dataset)
    featurize(config.dataset, config.features)
    accuracies = [run_trial(trial)["score"] for trial in plan_curve(config).trials]
    print(f"{model}: {np.mean(accuracies):.3f} ({', '.join(f'{a:.3f}' for a in accuracies)})")
    assert low - 0.02 <= np.mean(accuracies) <= high + 0.02
