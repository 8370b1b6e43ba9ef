"""The first sheet of an Excel workbook, as a CSV file that is read like any other.

A sheet has what CSV files have: titles above the header, totals below the rows, and texts among numbers. So
its cells are written as texts, and the same rules read them. Dates are written by ISO 8601.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuelgauge.errors import DataError

__all__ = ["DELIMITER", "ENCODING", "SUFFIXES", "as_csv", "sheet_note"]

SUFFIXES = (".xlsx", ".xlsm")
DELIMITER, ENCODING = ",", "utf-8"  # of the CSV file that is made
SIDE = 1 << 53  # largest whole number that a float holds exactly


@contextlib.contextmanager
def as_csv(file: Path, where: str) -> Iterator[Path]:
    """Yield a temporary CSV file with the cells of the first sheet of a workbook.

    Of a formula, the value that was saved with it is taken. Rows and columns without a value are left out.

    Raises
    ------
    DataError
        The workbook cannot be read, its first sheet is empty, or no value was saved with its formulas.
    """
    with tempfile.TemporaryDirectory() as room:
        made = Path(room) / "sheet.csv"
        rows = list(filled_rows(file, where))
        if not rows:
            raise DataError(f"{where}: the first sheet, '{names(file, where)[0]}', is empty.")
        columns = filled_columns(rows)
        with made.open("w", encoding=ENCODING, newline="") as stream:
            csv.writer(stream, delimiter=DELIMITER).writerows(
                [row[place] if place < len(row) else "" for place in columns] for row in rows
            )
        yield made


def sheet_note(file: Path, where: str) -> str:
    """Return a sentence on which sheet of a workbook is read; empty if it has a single one."""
    first, *others = names(file, where)
    if not others:
        return ""
    return f"the first sheet, '{first}', is read, and not {', '.join(map(repr, others))}."


def names(file: Path, where: str) -> list[str]:
    """Return the names of the sheets of a workbook that hold cells."""
    with opened(file, where) as book:
        found = [sheet.title for sheet in book.worksheets]
    if not found:
        raise DataError(f"{where} has no sheet with cells.")
    return found


@contextlib.contextmanager
def opened(file: Path, where: str, with_formulas: bool = False) -> Iterator[Any]:
    """Yield a workbook whose rows are read one by one; turn its errors into one sentence.

    Parameters
    ----------
    with_formulas
        Whether cells hold the formulas in place of their saved values.
    """
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise DataError(
            f"{where} is a workbook, and openpyxl, which reads it, is not installed; install it, or save the "
            "sheet as CSV UTF-8."
        ) from error
    try:
        book = load_workbook(file, read_only=True, data_only=not with_formulas, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
        raise DataError(
            f"{where} cannot be read as a workbook ({' '.join(str(error).split())}); if it has a password, "
            "save it without one, else save its sheet as CSV UTF-8."
        ) from error
    try:
        yield book
    finally:
        book.close()


def filled_rows(file: Path, where: str) -> Iterator[list[str]]:
    """Yield the rows of the first sheet that hold a value, as texts."""
    names(file, where)
    has_gaps = False
    for values in cells(file, where):
        row = [text_of(value) for value in values]
        if filled_width(row):
            has_gaps = has_gaps or "" in row
            yield row
    if has_gaps:
        check_formulas(file, where)


def cells(file: Path, where: str, with_formulas: bool = False) -> Iterator[tuple[Any, ...]]:
    """Yield the values of the rows of the first sheet."""
    with opened(file, where, with_formulas) as book:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write a wrong size
        try:
            yield from sheet.iter_rows(values_only=True)
        except (KeyError, ValueError, TypeError, IndexError, SyntaxError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{where} cannot be read as a workbook ({' '.join(str(error).split())}); save its sheet as "
                "CSV UTF-8."
            ) from error


def check_formulas(file: Path, where: str) -> None:
    """Raise DataError if the sheet has formulas, but no value was saved with any of them."""
    first = None
    for number, (formulas, values) in enumerate(
        zip(cells(file, where, with_formulas=True), cells(file, where), strict=True), 1
    ):
        for formula, value in zip(formulas, values, strict=False):
            if not isinstance(formula, str) or not formula.startswith("=") or formula == value:
                continue
            if value is not None:
                return
            first = first or (number, formula)
    if first:
        raise DataError(
            f"{where}: row {first[0]} of the sheet holds the formula {first[1][:60]}, without a saved value; "
            "open the workbook in the program that it was made for and save it."
        )


def filled_columns(rows: list[list[str]]) -> list[int]:
    """Return the places of the columns that hold a value in some row."""
    return sorted({place for row in rows for place, text in enumerate(row) if text.strip()})


def filled_width(row: list[str]) -> int:
    """Return the number of values of a row up to the last that is not empty."""
    return max((place for place, text in enumerate(row, 1) if text.strip()), default=0)


def text_of(value: Any) -> str:
    """Return the value of a cell as a text; dates by ISO 8601, and durations in seconds."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, dt.datetime):
        moment = (value + dt.timedelta(microseconds=500)).replace(microsecond=0)
        is_whole = abs(moment - value) < dt.timedelta(milliseconds=1)
        moment = moment if is_whole else value
        return moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat(" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return text_of(value.total_seconds())
    if isinstance(value, float) and value.is_integer() and abs(value) < SIDE:
        return str(int(value))
    return str(value)
