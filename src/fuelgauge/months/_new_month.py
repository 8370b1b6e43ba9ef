"""Evaluation of a new month: its drift, and the losses of the champion and of the retrained model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from fuelgauge.data.dataset import OWN, ROW, TIME, Dataset
from fuelgauge.data.months import AboutMonths, held_out, months_of
from fuelgauge.errors import DataError
from fuelgauge.months import _drift as drift
from fuelgauge.spec.names import RAW
from fuelgauge.spec.params import Config

# Most rows per month, drawn at random; more rows would not change the digits in the report.
MOST_ROWS = 5_000
LEAST_UNSEEN = 100
TARGET, SCORE = "target", "score"


class Answering(Protocol):
    """A model that predicts rows of a dataset.

    Attributes
    ----------
    fitted_on
        Hashes of the rows that the model was fitted on.
    """

    fitted_on: np.ndarray

    def predict(self, sample: Sample) -> np.ndarray:
        """Return probabilities of the classes of the dataset, or target values."""
        ...


class Registered:
    """A version in the registry, fetched and checked like for serving."""

    def __init__(self, config: Config, version: str):
        from fuelgauge.registry import package
        from fuelgauge.registry.heldout import hashed_columns, raw_path
        from fuelgauge.registry.query import Query
        from fuelgauge.registry.versions import Registry

        registry = Registry(config.tracking)
        with registry.reaching():
            found = registry.client.get_model_version(config.dataset.name, version)
        with tempfile.TemporaryDirectory() as room:
            folder = registry.fetch(found, Path(room) / "model")
            self.query = Query.load(folder / "data" / package.DATA)
            self.model = package.load(folder)
            self.fitted_on = package.fitted_on(folder)
            self.knows_its_rows = package.hashed(folder) == hashed_columns(raw_path(config.dataset.name))

    def predict(self, sample: Sample) -> np.ndarray:
        """Return the predictions for the rows of a sample, which are sent as queries.

        Raises
        ------
        DataError
            The model was fitted on other columns than the dataset has now.
        """
        from fuelgauge.registry.query import predictions

        if not self.knows_its_rows:
            raise DataError("it was fitted on other columns, so the rows that it was fitted on are unknown")
        answers = pd.DataFrame(self.model.predict(self.query.rows_of(sample.raw)))
        return predictions(answers, sample.classes)


class Sample:
    """A random sample of the rows of a featurized dataset, at most `MOST_ROWS` rows per month."""

    def __init__(self, dataset: Dataset, seed: int):
        self.dataset = dataset
        self.classes = dataset.description.classes
        self.rows = drawn(months_of(dataset.table[TIME].to_numpy()), seed)
        self.months = months_of(dataset.table[TIME].to_numpy()[self.rows])
        self.y = dataset.target[self.rows]
        self.hashes = dataset.table[ROW].to_numpy()[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def raw(self) -> pa.Table:
        """Rows of the ingested table."""
        from fuelgauge.registry.heldout import featurized_rows, raw_path

        about = self.dataset.description
        whole = featurized_rows(raw_path(about.name), self.dataset.table[ROW].to_numpy(), about.duplicates)
        return whole.take(pa.array(self.rows))

    def columns(self) -> dict[str, pd.Series]:
        """Return the feature columns, if the features are columns, and the target."""
        about = self.dataset.description
        names = [n for n in self.dataset.table.column_names if n not in OWN]
        named = names if names == [*about.numeric, *about.categorical] else []
        features = self.dataset.table.select(named).take(pa.array(self.rows)).to_pandas()
        target = np.array(self.classes)[self.y] if self.classes else self.y
        return {**{name: features[name] for name in named}, TARGET: pd.Series(target)}


def drawn(months: np.ndarray, seed: int) -> np.ndarray:
    """Return the sorted row numbers of a random sample of at most `MOST_ROWS` rows per month."""
    shuffled = np.random.default_rng(seed).permutation(len(months))
    place = pd.Series(months[shuffled]).groupby(months[shuffled]).cumcount().to_numpy()
    return np.sort(shuffled[place < MOST_ROWS])


def compare(config: Config, models: Mapping[str, Answering]) -> drift.Drift:
    """Compare the new month with the earlier months: features, target, scores and losses.

    Parameters
    ----------
    models
        Models by their names in the report. The scores are those of the first model that can predict the
        rows.

    Raises
    ------
    DataError
        The dataset does not end with a month.
    """
    name = config.dataset.name
    features = RAW if RAW in config.features else config.features[0]
    about, last = AboutMonths.of(name), held_out(name, features)
    if about is None or last is None:
        raise DataError(f"{name} does not end with a month; set data.until in params.yaml.")
    before, month = Sample(Dataset.open(name, features), config.seed), Sample(last, config.seed)
    answers, left_out = answers_of(models, before, month)
    hashes = np.concatenate([before.hashes, month.hashes])
    seen = {label: np.isin(hashes, models[label].fitted_on) for label in answers}
    old, new = before.columns(), month.columns()
    for label in list(answers)[:1]:
        unseen = ~seen[label][: len(before)]
        if unseen.sum() >= LEAST_UNSEEN:
            old[SCORE], new[SCORE] = scores(answers[label][0][unseen]), scores(answers[label][1])
    losses = drift.losses_by_month(
        np.concatenate([before.months, month.months]),
        np.concatenate([before.y, month.y]),
        {label: np.concatenate(both) for label, both in answers.items()},
        seen,
        last.description.task,
        last.description.metric,
    )
    sizes, shifts = (len(before), len(month)), drift.shifts(old, new)
    return drift.Drift(name, about.until, last.description.metric, *sizes, shifts, losses, left_out)


def answers_of(
    models: Mapping[str, Answering], before: Sample, month: Sample
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], tuple[str, ...]]:
    """Return the predictions of each model for both samples, and a sentence for each model that fails."""
    answers, left_out = {}, []
    for label, model in models.items():
        try:
            answers[label] = model.predict(before), model.predict(month)
        except Exception as error:  # an old champion may not be able to read rows of the present data
            reason = " ".join(str(error).split())[:200]
            left_out.append(
                f"{label}: left out, because it cannot predict rows of the present data ({reason})."
            )
    return answers, tuple(left_out)


def scores(predicted: np.ndarray) -> pd.Series:
    """Return the scores of predictions as a column."""
    return pd.Series(drift.score_of(predicted))
