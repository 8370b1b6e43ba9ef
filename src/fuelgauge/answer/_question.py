"""What was asked, and the folder in which its answer grows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fuelgauge.config.checks import RESERVED
from fuelgauge.data.sources.files import table_files
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.files import write_whole
from fuelgauge.intake.add import name_of

PREFIX = "ask_"


@dataclass(frozen=True)
class Question:
    """A table, its target and the settings of the user; empty settings are guessed.

    Parameters
    ----------
    file
        Absolute path of the table.
    target
        Column to predict.
    time, group, text
        Columns of time, of groups and of texts; empty for none.
    drop, categorical, numeric
        Columns to leave out, to use as categories, and to use as numbers.
    task
        binary, multiclass or regression; empty for a guess.
    decimal, missing, delimiter, encoding
        How the file is written, as in `fuelgauge.intake.add.Request`.
    metric
        Metric by which models are judged; empty for the usual one of the task.
    label_price
        Price of one further label, in any currency; None if it is not known.
    core_hour
        Price of an hour of one core; None for that of conf/price/cloud.yaml.
    models
        Models of the user, each as `mine.py:make`.
    name
        Name of the table, which begins the names of all files that are written.
    """

    file: str
    target: str
    time: str = ""
    group: str = ""
    text: str = ""
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    task: str = ""
    decimal: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    delimiter: str = ""
    encoding: str = "utf-8"
    metric: str = ""
    label_price: float | None = None
    core_hour: float | None = None
    models: tuple[str, ...] = ()
    name: str = ""

    @classmethod
    def of_file(cls, file: Path, target: str, **settings: Any) -> Question:
        """Return a question about a file, with its absolute path and the name that follows from it."""
        if not file.exists():
            raise DataError(f"{file} does not exist.")
        if file.is_dir() and not table_files(file):
            raise DataError(f"{file} is a folder without Parquet files; ask needs a table.")
        return cls(str(file.resolve()), target, name=name_for(file), **settings)


def name_for(file: Path) -> str:
    """Return the name of a table; a name that the pipeline uses for something else gets an addition."""
    name = name_of(file)
    return f"{name}_table" if name in RESERVED else name


@dataclass(frozen=True)
class Workplace:
    """Where the files of an answer lie.

    Parameters
    ----------
    folder
        Folder in which the user works.
    name
        Name of the table.
    """

    folder: Path
    name: str

    @property
    def base(self) -> str:
        """Beginning of the names of all files."""
        return f"{PREFIX}{self.name}"

    @property
    def page(self) -> Path:
        """Page of the answer."""
        return self.folder / f"{self.base}.html"

    @property
    def table(self) -> Path:
        """Trial table."""
        return self.folder / f"{self.base}.parquet"

    @property
    def model(self) -> Path:
        """Folder of the best model, fitted on all rows."""
        return self.folder / f"{self.base}.model"

    @property
    def work(self) -> Path:
        """Folder of the journal and of the rows as the models get them."""
        return self.folder / self.base

    @property
    def journal(self) -> Path:
        """Journal of the trials, to which each is appended whole."""
        return self.work / "journal.trials"

    @property
    def raw(self) -> Path:
        """Folder of the rows as they were read."""
        return self.work / "data" / "raw"

    @property
    def features(self) -> Path:
        """Folder of the rows as models get them."""
        return self.work / "data" / "features"

    @property
    def memory(self) -> Path:
        """File of the question, for `--resume`."""
        return self.work / "question.json"

    def open(self) -> None:
        """Make the folder of the journal.

        Raises
        ------
        DataError
            Nothing can be written here.
        """
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            probe = self.work / ".probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise DataError(
                f"{self.folder} cannot be written ({error.strerror}); run this in a folder of your own."
            ) from error


@dataclass(frozen=True)
class Reading:
    """How the columns of a table were read.

    Parameters
    ----------
    n_rows, n_columns
        Numbers of rows and columns in the file.
    numeric, categorical, dates
        Names of the columns that models use, by kind.
    numbers
        Columns of strings that were read as numbers, with the reason.
    left_out
        Columns that no model gets, with the reason.
    texts
        Columns of free text among them.
    suspects
        Columns that may give the target away, with the reason.
    time, why_time
        Time column, empty for none, and the reason, or the columns that might be one.
    group, why_group
        Group column, empty for none, and the reason, or the columns that might be one.
    guessed_time, guessed_group
        Whether the time and the group were guessed.
    notes
        Further sentences about the table.
    """

    n_rows: int = 0
    n_columns: int = 0
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    suspects: Mapping[str, str] = field(default_factory=dict)
    time: str = ""
    why_time: str = ""
    group: str = ""
    why_group: str = ""
    guessed_time: bool = False
    guessed_group: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Memory:
    """A question with what its table looked like when it was read."""

    question: Question
    reading: Reading
    size: int
    changed: int

    def fits(self, question: Question) -> bool:
        """Return whether the rows of an earlier reading can be used for a question as they are."""
        settled: dict[str, Any] = {"metric": "", "label_price": None, "core_hour": None, "models": ()}
        same = replace(self.question, **settled) == replace(question, **settled)
        return same and (self.size, self.changed) == stamp(question)


def stamp(question: Question) -> tuple[int, int]:
    """Return the size and the time of the last change of a question's file."""
    path = Path(question.file)
    found = [each.stat() for each in (path.rglob("*") if path.is_dir() else [path])]
    return sum(each.st_size for each in found), max(each.st_mtime_ns for each in found)


def remember(memory: Memory, place: Workplace) -> None:
    """Write a question and the reading of its table."""
    write_whole(place.memory, json.dumps(asdict(memory), indent=2) + "\n")


def recall(place: Workplace) -> Memory | None:
    """Return what `remember` has written, None if it has not or another version has."""
    try:
        content = json.loads(place.memory.read_text(encoding="utf-8"))
        question, reading = Question(**tuples(content["question"])), Reading(**tuples(content["reading"]))
        return Memory(question, reading, content["size"], content["changed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with its lists turned into tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}


def latest(folder: Path) -> Workplace:
    """Return the place of the question that was asked last in a folder.

    Raises
    ------
    ConfigError
        Nothing has been asked there.
    """
    found = sorted(folder.glob(f"{PREFIX}*/question.json"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise ConfigError(
            f"{folder} holds no answer to go on with; ask first: fuelgauge ask FILE --target C."
        )
    return Workplace(folder, found[-1].parent.name.removeprefix(PREFIX))
