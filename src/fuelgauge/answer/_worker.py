"""What a worker process does: it knows one table, in the folder that FUELGAUGE_ROOT names."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from fuelgauge.data.dataset import Dataset, Examples
from fuelgauge.data.splits import nested_order_of, split_validation
from fuelgauge.models.base import Model
from fuelgauge.spec.trials import Trial
from fuelgauge.sweep.scores import score_predictions
from fuelgauge.sweep.timing import measure
from fuelgauge.sweep.trial import Rows, fit_again, fit_best, open_dataset, rows_of, run_together

RUN = f"{__name__}:run"
MOST_EXPLAINED = 4_000
ROWS_OF_A_SLICE = 30


def run(task: Task) -> Any:
    """Do a task."""
    return task.run()


@dataclass(frozen=True)
class Task:
    """A trial, and what is to be done with it."""

    trial: Trial

    def run(self) -> Any:
        """Run the trial and return its measured columns."""
        return run_together([self.trial])[0]


@dataclass(frozen=True)
class FitAll(Task):
    """Fit a model as a trial does, on all rows of the table, and store it.

    Parameters
    ----------
    folder
        Folder of the stored model.
    most
        Largest number of rows.
    """

    folder: Path
    most: int

    def run(self) -> dict[str, Any]:
        """Store the model; return the number of its rows, its seconds, and why it is not stored if so."""
        curve = self.trial.curve
        dataset = open_dataset(curve.dataset.name, curve.dataset.features)
        rows = all_rows(dataset, self.trial, self.most)
        with threadpool_limits(curve.threads):
            fit = measure(lambda: fit_again(self.trial, rows, fit_best(self.trial, rows).best), curve.device)
        model = fit.value.model
        return {"n_rows": len(rows.whole), "seconds": fit.seconds, "why_not": keep(model, self.folder)}


def keep(model: Model, folder: Path) -> str:
    """Store a model; return why it cannot be stored, or an empty string."""
    from fuelgauge.models.storage import StoredModelError, save

    try:
        save(model, folder)
    except StoredModelError as error:
        return str(error)
    return ""


def all_rows(dataset: Dataset, trial: Trial, most: int) -> Rows:
    """Return all rows of a table for the last fit, in nested order; of more than `most`, a part."""
    order = nested_order_of(
        np.arange(len(dataset.target)), dataset.rows, np.random.default_rng([trial.curve.seed, 0])
    )
    return rows_in(dataset, trial, order[:most])


def rows_in(dataset: Dataset, trial: Trial, order: np.ndarray) -> Rows:
    """Return some rows of a table for a fit; the validation rows stand in for test rows."""
    curve = trial.curve
    fitting, validation = split_validation(dataset.rows.take(order), curve.split, curve.seed, trial.repeat)
    held_out = dataset.take(order[validation])
    return Rows(dataset.take(order[fitting]), held_out, held_out, dataset.take(order))


@dataclass(frozen=True)
class Measure(Task):
    """Fit a model as a trial does, on some rows of the table, and score it on others.

    Parameters
    ----------
    train, test
        Numbers of the rows to fit on and to score on.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]

    def run(self) -> tuple[float, float]:
        """Return the loss on the test rows, and the CPU seconds of the fits."""
        curve = self.trial.curve
        dataset = open_dataset(curve.dataset.name, curve.dataset.features)
        rows = rows_in(dataset, self.trial, np.array(self.train))
        started = time.process_time()
        with threadpool_limits(curve.threads):
            model = fit_again(self.trial, rows, fit_best(self.trial, rows).best).model
        seconds = time.process_time() - started
        test = dataset.take(np.array(self.test))
        return score_predictions(model.predict(test), test, curve.dataset.metric)[0], seconds


@dataclass(frozen=True)
class Explain(Task):
    """Fit a model on the rows of a trial and ask what it looks at, on the held-out rows."""

    def run(self) -> dict[str, Any]:
        """Return the rise of the loss when a column is shuffled, by column, and the worst slices."""
        rows, metric = rows_of(self.trial), self.trial.curve.dataset.metric
        if not isinstance(rows.test.x, pd.DataFrame):
            return {"importance": {}, "slices": []}
        with threadpool_limits(self.trial.curve.threads):
            model = fit_again(self.trial, rows, fit_best(self.trial, rows).best).model
            test = rows.test.head(MOST_EXPLAINED)
            return {"importance": importance(model, test, metric), "slices": slices(model, test)}


def importance(model: Model, test: Examples, metric: str) -> dict[str, float]:
    """Return by how much the loss rises when a column is shuffled among the held-out rows.

    Notes
    -----
    Breiman, Random Forests, Machine Learning 45 (2001), section 10; Fisher, Rudin and Dominici, All models
    are wrong, but many are useful, JMLR 20 (2019). The mean of two shuffles.
    """
    rng = np.random.default_rng(0)
    before = score_predictions(model.predict(test), test, metric)[0]
    rises = {}
    for name in table_of(test).columns:
        after = [
            score_predictions(model.predict(shuffled(test, name, rng)), test, metric)[0] for _ in range(2)
        ]
        rises[str(name)] = float(np.mean(after) - before)
    return rises


def table_of(examples: Examples) -> pd.DataFrame:
    """Return the features of tabular examples."""
    assert isinstance(examples.x, pd.DataFrame)
    return examples.x


def shuffled(test: Examples, name: str, rng: np.random.Generator) -> Examples:
    """Return rows with the values of one column in random order."""
    x = table_of(test).copy()
    x[name] = x[name].to_numpy()[rng.permutation(len(x))]
    return replace(test, x=x)


def slices(model: Model, test: Examples) -> list[dict[str, Any]]:
    """Return parts of the held-out rows, by one column each, with their errors, the worst first.

    A part is a category, or a quarter of the numbers of a column. Its error is the mean of the squared error
    of the probabilities (Brier), or of the values.
    """
    errors = row_errors(model.predict(test), test)
    found: list[dict[str, Any]] = []
    for name in table_of(test).columns:
        for label, inside in parts(table_of(test)[name], name in test.categorical):
            if ROWS_OF_A_SLICE <= inside.sum() < 0.9 * len(test):
                spread = errors[inside].std(ddof=1) / np.sqrt(inside.sum())
                excess = errors[inside].mean() - errors.mean()
                sure = float(excess / spread) if spread else 0.0
                found.append(
                    {
                        "column": str(name),
                        "part": label,
                        "rows": int(inside.sum()),
                        "times": float(errors[inside].mean() / errors.mean()) if errors.mean() else 1.0,
                        "sure": sure,
                    }
                )
    clear = [each for each in found if each["sure"] > 2]
    return sorted(clear, key=lambda each: -each["times"])[:5]


def row_errors(predicted: np.ndarray, test: Examples) -> np.ndarray:
    """Return the squared error of each row, shape (rows,)."""
    if test.task == "regression":
        return (predicted - test.y) ** 2
    return ((predicted - np.eye(test.n_classes)[test.y]) ** 2).sum(axis=1) / 2


def parts(values: pd.Series, is_categorical: bool) -> list[tuple[str, np.ndarray]]:
    """Return the parts of a column's rows: categories, or quarters of numbers, and missing values."""
    missing = values.isna().to_numpy()
    found = [("missing", missing)]
    if is_categorical or values.nunique() <= 5:
        return [*found, *((str(level), (values == level).to_numpy()) for level in values.dropna().unique())]
    ends = np.unique(np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1]))
    for low, high in itertools.pairwise(ends):
        inside = (values >= low) & ((values < high) | (high == ends[-1]))
        found.append((f"{low:.4g} to {high:.4g}", inside.to_numpy()))
    return found
