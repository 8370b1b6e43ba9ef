"""Make a dataset of the pipeline from a table that was asked about."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from fuelgauge import paths
from fuelgauge.answer._question import PREFIX, Question, Workplace, recall
from fuelgauge.answer._rows import asked_for
from fuelgauge.errors import ConfigError
from fuelgauge.files import write_whole
from fuelgauge.intake.add import Added, add

__all__ = ["adopt"]


def adopt(folder: Path, command: str = "fuelgauge adopt", force: bool = False, alone: bool = False) -> Added:
    """Add the table of an answer to the datasets of the project, with the settings of the question.

    Parameters
    ----------
    folder
        Folder of the answer, `ask_<name>`.
    command
        Command line that the user typed, for the first line of the description.
    force
        Whether to overwrite a dataset and a file of the same name.
    alone
        Whether params.yaml lists this dataset alone from now on, with sizes up to all of its rows.

    Raises
    ------
    ConfigError
        The folder holds no answer, or there is no project here.
    DataError
        The table has changed so that it cannot become a dataset.
    """
    if not paths.PARAMS.is_file():
        raise ConfigError(f"{paths.PARAMS} does not exist; run this in a checkout of the project.")
    place = Workplace(folder.resolve().parent, folder.name.removeprefix(PREFIX))
    memory = recall(place)
    if memory is None:
        raise ConfigError(
            f"{folder} holds no answer; name the folder that ask has written, such as ask_churn."
        )
    question = memory.question
    added = add(replace(asked_for(question), name=question.name, command=command, force=force, alone=alone))
    write_whole(added.description, settled(added.description.read_text(encoding="utf-8"), question))
    return added


def settled(text: str, question: Question) -> str:
    """Return a description with the metric of the question, and without a time or a group it refused."""
    if question.metric:
        text = re.sub(r"^metric: .*$", f"metric: {question.metric}  # as you said", text, flags=re.MULTILINE)
    for role in ("time", "group"):
        if getattr(question, role) == "none":
            text = re.sub(rf"^{role}: .*$", f'{role}: ""  # as you said', text, flags=re.MULTILINE)
    return text
