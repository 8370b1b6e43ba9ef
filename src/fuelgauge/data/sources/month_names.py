"""Names of months in the languages of many tables, as people write them in dates."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

__all__ = ["WORD", "Month", "in_english", "month_of"]

WORD = r"[^\W\d_]+\.?"  # the name of a month; a short one may end in a point

# January to December; English, German, French, Spanish, Italian, Portuguese, Dutch.
FULL = """
    January February March April May June July August September October November December
    Januar Februar März April Mai Juni Juli August September Oktober November Dezember
    Jänner Feber Maerz April Mai Juni Juli August September Oktober November Dezember
    janvier février mars avril mai juin juillet août septembre octobre novembre décembre
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
    janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
    januari februari maart april mei juni juli augustus september oktober november december
"""
SHORT = """
    Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
    Jan Feb Mär Apr Mai Jun Jul Aug Sept Okt Nov Dez
    Jän Feb Mrz Apr Mai Juni Juli Aug Sep Okt Nov Dez
    janv févr mars avr mai juin juil août sept oct nov déc
    ene feb mar abr may jun jul ago sept oct nov dic
    gen feb mar apr mag giu lug ago set ott nov dic
    jan fev mar abr mai jun jul ago set out nov dez
    jan feb mrt apr mei jun jul aug sep okt nov dec
    jan fév mars avr mai juin juil août sep oct nov déc
"""
MONTHS_A_YEAR = 12


class Month(NamedTuple):
    """What the name of a month says.

    Parameters
    ----------
    number
        1 for January to 12 for December.
    is_full, is_short
        Whether the name is a full one, and whether it is a short one. Such as May, it may be both.
    """

    number: int
    is_full: bool
    is_short: bool


def numbers_of(names: str) -> Mapping[str, int]:
    """Return the number of the month of each name, in lower case."""
    return {name.lower(): place % MONTHS_A_YEAR + 1 for place, name in enumerate(names.split())}


OF_FULL, OF_SHORT = numbers_of(FULL), numbers_of(SHORT)


def month_of(word: str) -> Month | None:
    """Return the month that a word names; None for other words. A point at its end does not matter."""
    name = word.rstrip(".").lower()
    number = OF_FULL.get(name, OF_SHORT.get(name))
    return Month(number, name in OF_FULL, name in OF_SHORT) if number else None


def in_english(texts: pd.Series, form: str) -> pd.Series:
    """Return dates with the names of their months in English, in full if the format has ``%B``."""
    names = calendar.month_name if "%B" in form else calendar.month_abbr

    def english(found: re.Match[str]) -> str:
        month = month_of(found.group())
        return names[month.number] if month else found.group()

    return texts.astype("string").str.replace(re.compile(WORD), english, regex=True)
