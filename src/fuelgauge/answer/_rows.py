"""From a file to the rows that models get, and to what a person should know about them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fuelgauge.answer._question import Memory, Question, Reading, Workplace, recall, remember, stamp
from fuelgauge.answer.source import ANYWHERE
from fuelgauge.data.dataset import Dataset
from fuelgauge.data.ingest import ingest
from fuelgauge.errors import ConfigError, DataError, FuelgaugeError, nearest
from fuelgauge.features.featurize import featurize
from fuelgauge.files import whole
from fuelgauge.intake.add import Inspected, Request, inspect
from fuelgauge.intake.guesses import CATEGORICAL, DATES, NAMES, NUMERIC, OUT, TEXT, Guess, Wishes
from fuelgauge.spec.dataset import METRICS, DatasetConfig
from fuelgauge.spec.features import FeatureSetConfig
from fuelgauge.spec.names import RAW

GIVES_AWAY = "gives the target away? "
NO_COLUMN = "none"


@dataclass(frozen=True)
class Prepared:
    """A table that is ready for trials.

    Parameters
    ----------
    config
        Description of the table in the pipeline's terms.
    dataset
        Rows as models get them.
    reading
        How the columns were read.
    is_new
        Whether the rows were read now and not taken from an earlier question.
    """

    config: DatasetConfig
    dataset: Dataset
    reading: Reading
    is_new: bool


def prepare(question: Question, place: Workplace) -> Prepared:
    """Read a table and write its rows as models get them, unless that has been done before.

    Raises
    ------
    DataError
        The table cannot be learned from; the message gives the reason.
    ConfigError
        The table lacks a column that the user named, or the task has no such metric.
    """
    before = recall(place)
    with plainly(question):
        size, changed = stamp(question)
        found = inspected(question)
        config = described(found, question)
        is_new = before is None or not before.fits(question) or not stored(place)
        if is_new:
            ingest(config, place.raw)
            featurize(config, FeatureSetConfig(name=RAW), place.raw, place.features)
        if stamp(question) != (size, changed):
            raise DataError(
                f"{Path(question.file).name} changed while it was read; ask again when it is complete."
            )
        reading = before.reading if before and not is_new else read_as(found.guess, question)
    remember(Memory(question, reading, size, changed), place)
    return Prepared(
        config, with_metric(Dataset.open(place.name, RAW, place.features), config.metric), reading, is_new
    )


def stored(place: Workplace) -> bool:
    """Return whether the rows as models get them have been written."""
    return (place.features / place.name / f"{RAW}.json").is_file()


def with_metric(dataset: Dataset, metric: str) -> Dataset:
    """Return a dataset that is judged by a metric."""
    return Dataset(dataset.table, replace(dataset.description, metric=metric))


def inspected(question: Question) -> Inspected:
    """Return the guesses about the file of a question."""
    return inspect(Path(question.file), asked_for(question), question.name, question.file)


def asked_for(question: Question) -> Request:
    """Return a question as a request to add its file to the datasets of a project."""
    wishes = Wishes(
        target=question.target,
        task=question.task,
        time="" if question.time == NO_COLUMN else question.time,
        group="" if question.group == NO_COLUMN else question.group,
        text=question.text,
        drop=question.drop,
        categorical=question.categorical,
        numeric=question.numeric,
    )
    return Request(
        Path(question.file),
        wishes,
        "fuelgauge ask",
        delimiter=question.delimiter,
        encoding=question.encoding,
        missing=question.missing,
        decimal=question.decimal,
    )


def described(found: Inspected, question: Question) -> DatasetConfig:
    """Return the description of a table, with the loader, the metric and the refusals of the user."""
    config = replace(found.config, source={**found.config.source, "_target_": ANYWHERE})
    if question.time == NO_COLUMN:
        config = replace(config, time="")
    if question.group == NO_COLUMN:
        config = replace(config, group="")
    if question.metric:
        valid = METRICS[config.task]
        if question.metric not in valid:
            raise ConfigError(
                f"--metric is '{question.metric}', but {config.target} is a {config.task} target, "
                f"{nearest(question.metric, valid)}."
            )
        config = replace(config, metric=question.metric)
    return config


def read_as(guess: Guess, question: Question) -> Reading:
    """Return how the columns of a table were read."""
    left_out = {name: part.why for name, part in guess.roles.items() if part.kind in (OUT, NAMES, TEXT)}
    return Reading(
        n_rows=guess.n_rows,
        n_columns=len(guess.roles) + 1 + bool(guess.time) + bool(guess.group),
        numeric=tuple(guess.named(NUMERIC)),
        categorical=tuple(guess.named(CATEGORICAL)),
        dates=tuple(guess.named(DATES)),
        numbers={name: guess.roles[name].why for name in guess.numbers if name in guess.roles},
        left_out=left_out,
        texts=tuple(guess.named(TEXT)),
        suspects={
            name: part.why.removeprefix(GIVES_AWAY)
            for name, part in guess.roles.items()
            if part.why.startswith(GIVES_AWAY) and name not in left_out
        },
        time="" if question.time == NO_COLUMN else guess.time,
        why_time=guess.why.get("time", ""),
        group="" if question.group == NO_COLUMN else guess.group,
        why_group=guess.why.get("group", ""),
        guessed_time=not question.time,
        guessed_group=not question.group,
        notes=tuple(guess.warnings),
    )


@contextlib.contextmanager
def plainly(question: Question) -> Iterator[None]:
    """Keep the pipeline's log quiet, and name the user's file in errors that name a file of the pipeline."""
    log = logging.getLogger("fuelgauge")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    except FuelgaugeError as error:
        ours, theirs = f"conf/dataset/{question.name}.yaml", Path(question.file).name
        text = str(error).replace(f"{ours}: ", f"{theirs}: ").replace(ours, theirs)
        raise type(error)(text) from error
    finally:
        log.setLevel(level)


def write_frame(frame: pd.DataFrame, place: Workplace) -> Path:
    """Write a DataFrame as a file that a question can name, unless it is there already."""
    path = place.work / f"{place.name}.parquet"
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if path.is_file() and pq.read_table(path).equals(table):
        return path
    with whole(path) as partial:
        pq.write_table(table, partial)
    return path
