"""`fuelgauge add`: make a dataset of a user's own file.

The file is inspected, and the new description is checked, before anything is written. A file that is refused
therefore leaves nothing behind.
"""

from __future__ import annotations

import filecmp
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from PIL import Image

from fuelgauge import paths
from fuelgauge.config.checks import check_dataset
from fuelgauge.config.edit import Change, Unsafe, edited, parsed, read_exactly
from fuelgauge.config.files import typed
from fuelgauge.data.columns import choose, convert, numbered
from fuelgauge.data.duplicates import repeated, row_hashes
from fuelgauge.data.sources import files, workbooks
from fuelgauge.data.sources.delimited import (
    MISSING,
    Dialect,
    is_number,
    marked_encoding,
    read_header,
    skipped,
    sniff,
)
from fuelgauge.data.sources.numerals import numerals
from fuelgauge.errors import ConfigError, DataError
from fuelgauge.files import whole, write_whole
from fuelgauge.intake._suites import expand_suite
from fuelgauge.intake._survey import Survey, survey
from fuelgauge.intake.describe import describe
from fuelgauge.intake.guesses import (
    CATEGORICAL,
    DATES,
    LABELS_MISSING,
    NUMERIC,
    Guess,
    Wishes,
    check_marks,
    guess,
)
from fuelgauge.spec.dataset import DatasetConfig

__all__ = ["Added", "Inspected", "Request", "add", "add_suite", "inspect", "name_of", "reopened"]

LOADERS = "fuelgauge.data.sources.files"
LARGEST_SIDE = 64
USUAL_SIDE = 32
LOOKED_AT = 100
MOST_COPIES = 0.01


@dataclass(frozen=True)
class Request:
    """A user's request to add a file.

    Parameters
    ----------
    path
        File or folder anywhere on this machine.
    wishes
        Settings that the user chose instead of leaving them to be guessed.
    command
        Command line that the user typed.
    name
        Name of the dataset; empty for a name derived from that of the file.
    delimiter, encoding
        Delimiter and encoding of a CSV file; an empty delimiter is detected.
    missing
        Further texts that mean a missing value, in addition to the usual ones.
    decimal
        Decimal mark of the file, or decimal marks of columns, such as price=, for the column price.
    size
        Height and width of images after resizing, in pixels; None for a guess.
    sequences
        Whether the rows of a 2-D array are sequences of one channel.
    force
        Whether to overwrite a dataset and a file of the same name.
    alone
        Whether params.yaml lists this dataset alone from now on, with sizes up to all of its rows.
    """

    path: Path
    wishes: Wishes = field(default_factory=Wishes)
    command: str = "fuelgauge add"
    name: str = ""
    delimiter: str = ""
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()
    decimal: tuple[str, ...] = ()
    size: int | None = None
    sequences: bool = False
    force: bool = False
    alone: bool = False


@dataclass(frozen=True)
class Added:
    """A dataset that has been added.

    Parameters
    ----------
    name
        Name of the dataset.
    guess
        Guessed settings.
    file
        File or folder in data/own.
    description
        File in conf/dataset.
    is_copied
        Whether the file was copied to data/own.
    n_others
        Number of other datasets in params.yaml.
    """

    name: str
    guess: Guess
    file: Path
    description: Path
    is_copied: bool
    n_others: int


@dataclass(frozen=True)
class Inspected:
    """What is known of a file before anything is written.

    Parameters
    ----------
    guess
        Guessed settings.
    config
        Description of the dataset.
    text
        Text of its file in conf/dataset.
    """

    guess: Guess
    config: DatasetConfig
    text: str


def add(request: Request) -> Added:
    """Inspect a file, copy it into data/own/, describe it and add its name to params.yaml.

    Raises
    ------
    DataError
        The file cannot become a dataset; the message gives the reason.
    ConfigError
        A name is not valid or already used, or params.yaml cannot be edited safely.
    """
    path = request.path.resolve()
    if not path.exists():
        raise DataError(f"{request.path} does not exist.")
    name = request.name or name_of(path)
    description = paths.CONF / "dataset" / f"{name}.yaml"
    check_name(name, description, request.force)
    file = path if files.OWN in path.parents else files.OWN / path.name
    check_place(path, file, request.force)
    known = read_exactly(paths.PARAMS)
    params = alone(known, name) if request.alone else with_names(known, [name])
    found = inspect(path, request, name, file.relative_to(files.HOME).as_posix())
    if file != path:
        copy(path, file)
    write_whole(description, found.text)
    write_whole(paths.PARAMS, params)
    return Added(name, found.guess, file, description, file != path, len(parsed(params)["datasets"]) - 1)


def inspect(path: Path, request: Request, name: str, place: str) -> Inspected:
    """Guess the settings of a file and describe it as a dataset.

    Parameters
    ----------
    path
        Absolute path of the file or folder.
    request
        Request of the user.
    name
        Name of the dataset.
    place
        Path of the file in the description.

    Raises
    ------
    DataError
        The file cannot become a dataset; the message gives the reason.
    """
    guessed, arguments = look(path, request)
    about = (name, ordered({**arguments, "path": place}), title(guessed, path), request.command)
    description = paths.CONF / "dataset" / f"{name}.yaml"
    consider_copies(guessed, path, check_text(describe(guessed, *about), description))
    text = describe(guessed, *about)
    return Inspected(guessed, check_text(text, description), text)


def add_suite(suite: str) -> list[str]:
    """Describe the datasets of a suite and add their names to params.yaml.

    Returns
    -------
    list of str
        Names of the datasets.

    Raises
    ------
    ConfigError
        params.yaml cannot be edited safely. Nothing is written in this case.
    """
    check_editable(read_exactly(paths.PARAMS))
    names = expand_suite(suite)
    write_whole(paths.PARAMS, with_names(read_exactly(paths.PARAMS), names))
    return names


def name_of(path: Path) -> str:
    """Return the name of a dataset for a file: lower case, with _ for all other characters."""
    stem = path.name if path.is_dir() else path.name.split(".")[0]
    name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")
    return name if name[:1].isalpha() else f"data_{name}".strip("_")


def check_name(name: str, description: Path, force: bool) -> None:
    """Raise ConfigError if the name of a dataset is not valid, or if another dataset has it."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or not isinstance(yaml.safe_load(name), str):
        raise ConfigError(
            f"--name is '{name}'; a name begins with a letter and has only letters, digits, _ and -."
        )
    if description.exists() and not force:
        raise ConfigError(
            f"conf/dataset/{name}.yaml exists; choose another --name, or overwrite it with --force."
        )


def check_place(path: Path, file: Path, force: bool) -> None:
    """Raise DataError if data/own/ has another file of the same name."""
    if path != file and file.exists() and not force and not is_same(path, file):
        raise DataError(f"data/own/{file.name} is another file; rename yours, or overwrite it with --force.")


def is_same(one: Path, other: Path) -> bool:
    """Return whether two files, or the trees of two folders, have the same content."""
    if one.is_dir() != other.is_dir():
        return False
    if not one.is_dir():
        return filecmp.cmp(one, other, shallow=False)
    trees = [sorted(p.relative_to(root) for p in root.rglob("*") if p.is_file()) for root in (one, other)]
    return trees[0] == trees[1] and all(filecmp.cmp(one / p, other / p, shallow=False) for p in trees[0])


def copy(path: Path, file: Path) -> None:
    """Copy a file or folder. An existing target is replaced when the copy is complete."""
    with whole(file) as partial:
        shutil.copytree(path, partial) if path.is_dir() else shutil.copy2(path, partial)


def look(path: Path, request: Request) -> tuple[Guess, dict[str, Any]]:
    """Return the guessed settings of a file, and its loader with arguments."""
    if path.is_dir() and not files.table_files(path):
        check_folder(path)
        return look_at_images(path, request)
    if path.suffix.lower() == ".npz":
        return look_at_npz(path, request)
    return look_at_table(path, request)


def check_folder(path: Path) -> None:
    """Raise DataError if a folder holds tables in several files that are not Parquet."""
    tables = [file for file in sorted(path.iterdir()) if file.suffix.lower() in files.TABLES]
    if tables:
        raise DataError(
            f"{path.name} is a folder with tables such as {tables[0].name}; join them into one file, or save "
            "them as Parquet files with the same columns."
        )


def look_at_table(path: Path, request: Request) -> tuple[Guess, dict[str, Any]]:
    """Return the guessed settings of a table, and its loader with arguments."""
    where = path.name
    if not request.wishes.target:
        raise ConfigError(f"{where}: name the column to predict: --target COLUMN.")
    if files.format_of(path, where) != files.EXCEL:
        return look_at_rows(path, request)
    note = workbooks.sheet_note(path, where)
    with workbooks.as_csv(path, where) as sheet:
        try:
            guessed, loader = look_at_rows(sheet, replace(request, delimiter="", encoding="utf-8"), where)
        except (ConfigError, DataError) as error:
            if not note:
                raise
            raise type(error)(f"{str(error).removesuffix('.')}; {note}") from error
    if note:
        guessed.warnings.append(f"{where}: {note}")
    return guessed, loader


def look_at_rows(path: Path, request: Request, called: str = "") -> tuple[Guess, dict[str, Any]]:
    """Return the guessed settings of a table, which messages may call another name, and its loader."""
    where, wishes = called or path.name, request.wishes
    is_csv = files.format_of(path, where) == "csv"
    usual = Dialect(files.default_delimiter(path), missing=MISSING)
    encoding = (marked_encoding(path) if is_csv and is_usual(request.encoding) else "") or request.encoding
    dialect = replace(usual, encoding=encoding, missing=tuple(dict.fromkeys((*MISSING, *request.missing))))
    mark, marks = decimals(request.decimal)
    if request.delimiter:
        dialect = replace(dialect, delimiter=request.delimiter.replace("\\t", "\t"))
    about_lines = ""
    if is_csv:
        dialect, about_lines = skipped(path, dialect, where, wishes.target, bool(request.delimiter))
        dialect = dialect if request.delimiter else sniff(path, dialect, where)
        check_header(read_header(path, dialect, where), where)
    dialect = replace(dialect, decimal=mark or dialect.decimal)
    kept = {wishes.target: (*LABELS_MISSING, *request.missing)}
    reader = files.open_table(path, None, replace(dialect, missing_in=kept), files.Rules(), None, where)
    roles = (wishes.target, wishes.time, *wishes.numeric)
    wishes = replace(wishes, numeric=(*wishes.numeric, *(name for name in marks if name not in roles)))
    single = marks
    if mark and not is_csv:
        marks = dict.fromkeys(reader.schema.names, mark) | marks
    is_doubtful = is_csv and dialect.delimiter != ","
    missing = dialect.missing if is_csv else request.missing
    found = survey(reader, dialect.decimal if is_csv else ".", marks, missing, is_doubtful)
    if is_doubtful:
        check_marks(found, wishes, dialect.decimal, where, single)
    guessed = guess(found, wishes, where)
    guessed.warnings += [about_lines] if about_lines else []
    changed = {key: value for key, value in vars(dialect).items() if value != getattr(usual, key)}
    if is_csv and guessed.missing_labels is not None:
        changed["missing_in"] = {guessed.target: [*guessed.missing_labels, *request.missing]}
    usual_marks = dialect.missing if is_csv else ()
    for name, texts in guessed.missing_dates.items():
        changed.setdefault("missing_in", {})[name] = [*usual_marks, *texts]
    return guessed, {"_target_": f"{LOADERS}.table", **changed, **rules(guessed)}


def is_usual(encoding: str) -> bool:
    """Return whether an encoding is the usual one, so that the mark of another one in a file counts."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def decimals(given: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return the decimal mark of a file, empty if not given, and those of single columns.

    Raises
    ------
    ConfigError
        A value of --decimal is neither a mark nor COLUMN=MARK.
    """
    whole, single = "", {}
    for text in given:
        column, _, mark = text.rpartition("=")
        if mark not in (".", ","):
            raise ConfigError(f"--decimal is '{text}'; it must be . or , or COLUMN=. or COLUMN=, .")
        if column:
            single[column] = mark
        else:
            whole = mark
    return whole, single


def rules(guessed: Guess) -> dict[str, Any]:
    """Return the rules by which columns of strings are read, as arguments of the loader."""
    found = {
        "dates": guessed.formats,
        "numbers": {name: rule.settings() for name, rule in guessed.numbers.items()},
        "labels": {guessed.target: guessed.labels} if guessed.labels else {},
    }
    return {key: value for key, value in found.items() if value}


def check_header(header: Sequence[str], where: str) -> None:
    """Raise DataError if the first line holds only numbers, because it is then a row and not a header."""
    if all(is_number(name) for name in header):
        raise DataError(
            f"{where}: the first line holds numbers; put a line with the names of the columns above it."
        )


def look_at_npz(path: Path, request: Request) -> tuple[Guess, dict[str, Any]]:
    """Return the guessed settings of a NumPy archive, and its loader with arguments."""
    modality = "sequence" if request.sequences else ""
    reader = files.open_npz(path, modality, path.name)
    group, time = (name if name in reader.schema.names else "" for name in ("group", "time"))
    wishes = replace(request.wishes, target="y", group=group, time=time)
    found = replace(survey(reader), is_table=False)
    return guess(found, wishes, path.name), {"_target_": f"{LOADERS}.npz"}


def look_at_images(path: Path, request: Request) -> tuple[Guess, dict[str, Any]]:
    """Return the guessed settings of a folder of images, and its loader with arguments.

    All names are read, but the pixels of only some images.
    """
    listed = files.list_images(path, path.name)
    labels = survey(pa.table({files.LABEL: [label for _, label in listed]}).to_reader())
    some = [file for file, _ in listed[:: -(-len(listed) // LOOKED_AT)]]
    sizes, modes = zip(*(read_size(file, path.name) for file in some), strict=True)
    mode = "L" if set(modes) <= {"1", "L", "I;16"} else "RGB"
    height, width = fitting_size(sizes, request.size)
    for file in some:
        files.decode(file, path.name, height, width, mode)
    array = {"x": pa.fixed_shape_tensor(pa.uint8(), (height, width, files.MODES[mode]))}
    found = Survey(labels.n_rows, labels.columns, array, labels.sample)
    guessed = guess(found, replace(request.wishes, target=files.LABEL), path.name)
    guessed.why["modality"] = f"{smallest_to_largest(sizes)}, {'grey' if mode == 'L' else 'in colour'}"
    return guessed, {"_target_": f"{LOADERS}.images", "size": [height, width], "mode": mode}


def read_size(file: Path, where: str) -> tuple[tuple[int, int], str]:
    """Return the height and width of an image in pixels, and its mode in Pillow, such as RGB."""
    try:
        with Image.open(file, formats=files.IMAGE_FORMATS) as opened:
            return (opened.height, opened.width), opened.mode
    except Exception:  # the decoder raises a clearer error
        files.decode(file, where, 1, 1, "RGB")
        raise


def fitting_size(sizes: Iterable[tuple[int, int]], wished: int | None) -> tuple[int, int]:
    """Return the height and width for all images.

    These are the wished ones, or those of the images if all are equal and at most 64, or else 32 and 32.
    """
    different = set(sizes)
    if wished is not None:
        return files.two_sides(wished, "--size")
    if len(different) == 1 and max(next(iter(different))) <= LARGEST_SIDE:
        return next(iter(different))
    return USUAL_SIDE, USUAL_SIDE


def smallest_to_largest(sizes: Iterable[tuple[int, int]]) -> str:
    """Return the smallest and largest size of images in words."""
    ends = sorted(set(sizes), key=lambda size: size[0] * size[1])
    words = [f"{height} x {width}" for height, width in (ends[0], ends[-1])]
    return f"images of {words[0]} pixels" if len(ends) == 1 else f"images of {words[0]} to {words[1]} pixels"


def ordered(source: dict[str, Any]) -> dict[str, Any]:
    """Return a loader with its arguments; the loader and the path come first."""
    return {"_target_": source["_target_"], "path": source["path"], **source}


def title(guessed: Guess, path: Path) -> str:
    """Return the title of a dataset: its file, its target and the inputs of models."""
    columns = sum(len(guessed.named(kind)) for kind in (NUMERIC, CATEGORICAL, DATES))
    basis = {"tabular": f"{columns} columns", "text": guessed.text}.get(
        guessed.modality, f"{guessed.modality}s"
    )
    return f"{path.name} - {guessed.target} from {basis}"


def consider_copies(guessed: Guess, path: Path, config: DatasetConfig) -> None:
    """Set `duplicates` to `keep`, with a warning, if the file has many identical rows.

    Many are more than 1% of all rows. Folders of images are not checked.
    """
    if config.modality == "image" and path.is_dir():
        return
    n_copies, n_rows = count_copies(reopened(path, config), config, path.name)
    if n_copies <= MOST_COPIES * n_rows:
        return
    found = f"{n_copies:,} of {n_rows:,} rows are identical to an earlier one"
    guessed.duplicates = "keep"
    guessed.why["duplicates"] = f"{found}, perhaps as distinct observations; drop, if they are copies"
    guessed.warnings.append(
        f"{found} and kept, as they may be distinct observations; set duplicates: drop if they are copies."
    )


def count_copies(reader: pa.RecordBatchReader, config: DatasetConfig, where: str) -> tuple[int, int]:
    """Return the number of rows that are identical to an earlier row, and the number of all rows.

    Both count only rows that have a target.
    """
    columns = choose(reader.schema, config, where)
    hashed = [*dict.fromkeys(filter(None, (*columns.raw, columns.time, columns.target)))]
    hashes = []
    for first_row, batch in numbered(reader):
        table = convert(batch, columns, config.task, first_row, where).select(hashed)
        has_target = pc.invert(pc.is_null(table[columns.target], nan_is_null=True))
        hashes.append(row_hashes(table)[has_target.to_numpy()])
    of_rows = np.concatenate(hashes)
    return int(repeated(of_rows).sum()), len(of_rows)


def reopened(path: Path, config: DatasetConfig) -> pa.RecordBatchReader:
    """Open a file as its description says, but at its present place, because it is not yet in data/own/."""
    source = config.source
    if source["_target_"] == f"{LOADERS}.npz":
        return files.open_npz(path, config.modality, path.name)
    keys = ("delimiter", "encoding", "decimal", "missing", "missing_in", "skip", "skip_end")
    usual = {"delimiter": files.default_delimiter(path), "missing": MISSING}
    dialect = Dialect(**{**usual, **{key: source[key] for key in keys if key in source}})
    numbers = numerals(source.get("numbers", {}), path.name)
    given = files.Rules(source.get("dates", {}), numbers, source.get("labels", {}))
    return files.open_table(path, None, dialect, given, config, path.name)


def check_text(text: str, description: Path) -> DatasetConfig:
    """Return the content of a new description; raise ConfigError if it is not valid."""
    config: DatasetConfig = typed(DatasetConfig, yaml.safe_load(text), f"conf/dataset/{description.name}")
    check_dataset(config)
    return config


def with_names(text: str, names: Sequence[str]) -> str:
    """Return the text of params.yaml with further names in `datasets`, and everything else as it was.

    Raises
    ------
    ConfigError
        The text cannot be edited safely; the message says what to write by hand.
    """
    new = [name for name in names if name not in (parsed(text).get("datasets") or [])]
    remedy = (
        f"its list of datasets cannot be edited safely; add {', '.join(new)} to it by hand, "
        "as in datasets: [letter, mine]."
    )
    return edited(text, appended(new), remedy) if new else text


def alone(text: str, name: str) -> str:
    """Return the text of params.yaml with one dataset only, and with sizes up to all of its rows.

    Raises
    ------
    ConfigError
        The text cannot be edited safely; the message says what to write by hand.
    """

    def change(content: dict[str, Any]) -> None:
        content["datasets"] = [name]
        content["anchors"] = {**(content.get("anchors") or {}), "stop": None}

    remedy = (
        f"its lists cannot be edited safely; write datasets: [{name}] in it by hand, "
        "and stop: null under anchors."
    )
    return edited(text, change, remedy)


def check_editable(text: str) -> None:
    """Raise ConfigError if no name can be added to the list of datasets in params.yaml."""
    remedy = "its list of datasets cannot be edited safely; write it as in datasets: [letter, mine]."
    edited(text, appended(["fuelgauge_probe"]), remedy)


def appended(names: Sequence[str]) -> Change:
    """Return the change of params.yaml that appends names to `datasets`."""

    def change(content: dict[str, Any]) -> None:
        if not isinstance(content.get("datasets") or [], list):
            raise Unsafe
        content["datasets"] = [*(content.get("datasets") or []), *names]

    return change
