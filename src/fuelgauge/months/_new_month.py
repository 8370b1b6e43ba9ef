"""What the last month shows: its drift, and what champion and retrained model lose on it."""

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

# Of each month so many rows are looked at, drawn at random; more would change no figure that is shown.
MOST_ROWS = 5_000
LEAST_UNSEEN = 100
TARGET, SCORE = "target", "score"


class Answering(Protocol):
    """A model that answers for rows of a dataset."""

    fitted_on: np.ndarray

    def predict(self, sample: Sample) -> np.ndarray:
        """Return probabilities of the classes of the dataset, or values."""
        ...


class Registered:
    """A version of the registry, fetched and checked as it is for serving."""

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
        """Return what it answers to the sample's rows, put as queries."""
        from fuelgauge.registry.query import predictions

        if not self.knows_its_rows:
            raise DataError("it was fitted on other columns, so that the rows it has seen are not known")
        answers = pd.DataFrame(self.model.predict(self.query.rows_of(sample.raw)))
        return predictions(answers, sample.classes)


class Sample:
    """Rows of a featurized dataset, at most so many of a month."""

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
        """The rows as they were ingested."""
        from fuelgauge.registry.heldout import featurized_rows, raw_path

        about = self.dataset.description
        whole = featurized_rows(raw_path(about.name), self.dataset.table[ROW].to_numpy(), about.duplicates)
        return whole.take(pa.array(self.rows))

    def columns(self) -> dict[str, pd.Series]:
        """Return the features that are columns, and the target."""
        about = self.dataset.description
        names = [n for n in self.dataset.table.column_names if n not in OWN]
        named = names if names == [*about.numeric, *about.categorical] else []
        features = self.dataset.table.select(named).take(pa.array(self.rows)).to_pandas()
        target = np.array(self.classes)[self.y] if self.classes else self.y
        return {**{name: features[name] for name in named}, TARGET: pd.Series(target)}


def drawn(months: np.ndarray, seed: int) -> np.ndarray:
    """Return the numbers of at most `MOST_ROWS` rows of each month, in order."""
    shuffled = np.random.default_rng(seed).permutation(len(months))
    place = pd.Series(months[shuffled]).groupby(months[shuffled]).cumcount().to_numpy()
    return np.sort(shuffled[place < MOST_ROWS])


def compare(config: Config, models: Mapping[str, Answering]) -> drift.Drift:
    """Compare the last month with those before: features, target, scores and losses.

    Parameters
    ----------
    models
        By what the report calls them; the scores are those of the first that can answer.

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
    """Return what each model answers to both samples, and a sentence for each that cannot answer."""
    answers, left_out = {}, []
    for label, model in models.items():
        try:
            answers[label] = model.predict(before), model.predict(month)
        except Exception as error:  # an old champion may not understand the rows of today
            reason = " ".join(str(error).split())[:200]
            left_out.append(f"{label}, cannot be judged on the rows of today ({reason}) and is left out.")
    return answers, tuple(left_out)


def scores(predicted: np.ndarray) -> pd.Series:
    """Return predictions as a column."""
    return pd.Series(drift.score_of(predicted))
