"""Show an answer on the terminal while it grows."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any, TextIO

from fuelgauge.answer._lines import NARROWEST, WIDE, headline, lines
from fuelgauge.answer._question import Question, Workplace
from fuelgauge.answer.ask import Answer, answered, go_on
from fuelgauge.errors import ConfigError

__all__ = ["ask_file", "resume"]

UP, CLEAR = "\x1b[{}F", "\x1b[J"


class Screen:
    """The lines of an answer: rewritten in place on a terminal, else printed first and last only."""

    def __init__(self, out: TextIO):
        self.out, self.is_terminal = out, out.isatty()
        self.height = 0

    def __call__(self, answer: Answer, is_last: bool) -> None:
        """Show an answer."""
        if not is_last and self.height and not self.is_terminal:
            return
        width = shutil.get_terminal_size().columns if self.is_terminal else WIDE
        text = lines(answer, width)
        stage = (
            f"after {answer.seconds:.0f} s"
            if is_last
            else f"{answer.seconds:.0f} s: first answer, it gets better; Ctrl-C ends it"
        )
        text.append(stage)
        if is_last and answer.findings:
            text += textwrap.wrap(headline(answer.findings), max(NARROWEST, width))
        if self.is_terminal:
            self.rewrite(text, width)
        else:
            self.height = len(text)
            print(*text, "", sep="\n", file=self.out, flush=True)

    def rewrite(self, text: list[str], width: int) -> None:
        """Put lines in the place of the earlier ones."""
        if self.height:
            self.out.write(UP.format(self.height) + CLEAR)
        self.height = sum(-(-max(1, len(line)) // max(1, width)) for line in text)
        print(*text, sep="\n", file=self.out, flush=True)


def ask_file(file: Path, target: str, minutes: float, **settings: Any) -> Answer:
    """Answer a question about a file and show the answer while it grows.

    Raises
    ------
    ConfigError
        No target was named.
    DataError
        The table cannot be learned from.
    """
    if not target:
        raise ConfigError(f"{file.name}: name the column to predict: --target COLUMN.")
    question = Question.of_file(file, target, **settings)
    return told(answered(question, Workplace(Path.cwd(), question.name), minutes, {}, Screen(sys.stdout)))


def resume(minutes: float) -> Answer:
    """Go on with the last question that was asked in this folder."""
    return told(go_on(Path.cwd(), minutes, Screen(sys.stdout)))


def told(answer: Answer) -> Answer:
    """Return an answer that says something.

    Raises
    ------
    DataError
        No model could be measured.
    """
    _ = answer.found
    return answer
