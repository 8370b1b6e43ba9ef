"""The final fit of a contestant on all rows that are not held out.

These rows are the training pool of repeat 0. If a dataset ends with a held-out month, they are the rows
before the month.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from fuelgauge.config.compose import compose
from fuelgauge.models.base import Model
from fuelgauge.registry._choice import Choice
from fuelgauge.registry.heldout import REPEAT, final_pool, final_rows
from fuelgauge.spec.params import Config
from fuelgauge.spec.trials import Trial
from fuelgauge.sweep.grid import plan_curve
from fuelgauge.sweep.scores import score_predictions
from fuelgauge.sweep.timing import measure
from fuelgauge.sweep.trial import fit_again, fit_best


@dataclass(frozen=True)
class FinalFit:
    """A fitted model with its predictions and the records of its fit.

    Attributes
    ----------
    predicted
        Predictions for the held-out rows.
    facts
        Row counts, hyperparameters, validation loss and costs of the fit.
    """

    model: Model
    predicted: np.ndarray
    facts: dict[str, Any]


def config_of(config: Config, choice: Choice) -> Config:
    """Return the configuration of the chosen contestant."""
    return replace(
        config,
        model=compose(f"model={choice.model}").model,
        feature_set=compose(f"feature_set={choice.features}").feature_set,
        search=compose(f"search={choice.search}").search,
        size=choice.size,
    )


def final_trial(config: Config) -> Trial:
    """Return the trial of a contestant on the whole training pool of the final fit.

    Its `trial_id` identifies the model by data, contestant, hyperparameters, code, libraries and rows.
    """
    curve = plan_curve(config).curve
    return curve.trial(len(final_pool(curve)), REPEAT)


def fit(trial: Trial) -> FinalFit:
    """Fit a contestant like a trial of the sweep, including its search, and keep the model.

    Raises
    ------
    FitError
        The fit fails, or its predictions are not valid.
    """
    curve = trial.curve
    rows = final_rows(trial)
    with threadpool_limits(curve.threads):
        found = fit_best(trial, rows)
        best, final = found.best, fit_again(trial, rows, found.best)
        predicted = measure(lambda: final.model.predict(rows.test), curve.device)
    score_predictions(predicted.value, rows.test, curve.dataset.metric)
    facts = {
        "family": curve.family,
        "hyperparameters": dict(best.hyperparameters),
        "n_train": trial.n_train,
        "refit": curve.refit,
        "n_validation": len(rows.validation),
        "n_test": len(rows.test),
        "val_loss": best.val_loss,
        "fit_seconds": best.fit.seconds + final.cost.seconds,
        "fit_cpu_seconds": best.fit.cpu_seconds + final.cost.cpu_seconds,
        "search_seconds": found.cost.seconds if curve.search else 0.0,
        "n_fits": found.n_fits,
        "predict_seconds": predicted.seconds,
        "peak_memory_mb": best.fit.peak_memory_mb,
        "n_parameters": final.model.count_parameters(),
        "n_steps": final.fit.value if final.fit else best.fit.value,
        "device": curve.device,
        "threads": curve.threads,
    }
    return FinalFit(final.model, predicted.value, facts)
