"""Write the generated pages of docs/reference/ (python scripts/reference.py).

The command line comes from the argument parser and the Makefile, the configuration from the dataclasses in
src/fuelgauge/spec. tests/test_docs.py fails where a page differs from what this script writes.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from fuelgauge.cli import parser
from fuelgauge.files import write_whole
from fuelgauge.spec import dataset, features, model, params, splits

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = CHECKOUT / "docs/reference"
NOTE = (
    "<!-- Written by scripts/reference.py. Change the source and run the script; do not edit this page. -->"
)
SECTIONS = ("Parameters", "Attributes")
# Where each dataclass stands in the configuration: its path, and the file that holds it.
IN_PARAMS = [
    (params.Params, ""),
    (params.DataRule, "data"),
    (splits.AnchorRule, "anchors"),
    (splits.SplitRule, "split"),
]
GROUPS: dict[str, list[tuple[type, str]]] = {
    "conf/dataset/NAME.yaml": [
        (dataset.DatasetConfig, ""),
        (dataset.FeatureTypes, "features"),
        (dataset.EngineeredFeatures, "engineered"),
        (dataset.ColumnCheck, "checks.COLUMN"),
    ],
    "conf/feature_set/NAME.yaml": [
        (features.FeatureSetConfig, ""),
        (features.TextSettings, "text"),
        (features.ImageSettings, "image"),
        (features.SequenceSettings, "sequence"),
    ],
    "conf/model/NAME.yaml": [(model.ModelConfig, ""), (model.Range, "search.HYPERPARAMETER")],
    "conf/search/NAME.yaml": [(model.SearchConfig, "")],
    "conf/executor/NAME.yaml": [(params.ExecutorConfig, "")],
    "conf/tracking/NAME.yaml": [(params.TrackingConfig, "")],
    "conf/registry/NAME.yaml": [(params.RegistryConfig, "")],
}
VALUES = [
    ("`modality` of a dataset", dataset.MODALITIES),
    ("`task` of a dataset", dataset.TASKS),
    *((f"`metric` of a {task} dataset", metrics) for task, metrics in dataset.METRICS.items()),
    ("`duplicates` of a dataset", dataset.DUPLICATES),
    ("`type` of a range", model.RANGES),
    ("`method` of a search", model.METHODS),
    ("`device`", params.DEVICES),
    ("`executor.kind`", params.EXECUTORS),
    ("`executor.pack`", params.PACKING),
    ("`registry.promote`", params.PROMOTIONS),
]


def main() -> None:
    """Write each generated page that differs from what it should be."""
    for name, content in pages().items():
        path = FOLDER / name
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            write_whole(path, content)
            print(f"wrote {path.relative_to(CHECKOUT)}")


def pages() -> dict[str, str]:
    """Return the content of the generated pages by file name."""
    return {"command_line.md": command_line(), "configuration.md": configuration()}


def command_line() -> str:
    """Return the page of the `fuelgauge` command, the make targets and the scripts."""
    parts = [
        NOTE,
        "# Command line",
        "`fuelgauge COMMAND --help` prints the same as this page. A command that fails because of its input "
        "prints one sentence and ends with exit code 1.",
    ]
    for name, command in commands(parser()).items():
        parts += [f"## fuelgauge {name}", sentence(command.description or "")]
        parts += [f"```\n{usage(name, command)}\n```"]
        rows = [
            (f"`{call(action)}`", default(action), cell(action.help or "")) for action in arguments(command)
        ]
        if rows:
            parts.append(table(["argument", "default", "meaning"], rows))
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):.*?## (.*)$", makefile, re.MULTILINE)
    parts += [
        "## make targets",
        table(["target", "what it does"], [(f"`make {a}`", cell(b)) for a, b in targets]),
    ]
    parts += ["## Stages", "DVC runs these scripts. Each takes Hydra overrides, such as `dataset=letter`."]
    parts += [scripts("pipelines"), "## Scripts", scripts("scripts")]
    return "\n\n".join(parts) + "\n"


def commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands by name."""
    return next(dict(a.choices) for a in top._actions if isinstance(a, argparse._SubParsersAction))


def arguments(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a command without `--help`."""
    return [action for action in command._actions if not isinstance(action, argparse._HelpAction)]


WHOLE = "\0"  # a blank at which no line is folded


def usage(name: str, command: argparse.ArgumentParser) -> str:
    """Return the line of use, positional arguments first, folded between them at 100 characters."""
    actions = sorted(arguments(command), key=lambda action: bool(action.option_strings))
    words = [(call(a) if a.required else f"[{call(a)}]").replace(" ", WHOLE) for a in actions]
    lines = textwrap.wrap(f"fuelgauge {name} {' '.join(words)}", 100, subsequent_indent="    ")
    return "\n".join(lines).replace(WHOLE, " ")


def call(action: argparse.Action) -> str:
    """Return how an argument is written on the command line."""
    value = str(action.metavar or action.dest.upper())
    if action.nargs in ("*", "+"):
        value += " ..."
    if not action.option_strings:
        return value
    return action.option_strings[-1] if action.nargs == 0 else f"{action.option_strings[-1]} {value}"


def default(action: argparse.Action) -> str:
    """Return the default of an argument, empty where there is none."""
    if action.required:
        return "required"
    return f"`{action.default}`" if action.default not in (None, "", [], False) else ""


def scripts(folder: str) -> str:
    """Return a table of the scripts of a folder and the first sentences of their docstrings."""
    rows = []
    for path in sorted((CHECKOUT / folder).glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        rows.append((f"`python {folder}/{path.name}`", cell(text.split("\n\n")[0])))
    return table(["command", "what it does"], rows)


def configuration() -> str:
    """Return the page of params.yaml and of the files in conf/."""
    quick = (CHECKOUT / "conf/experiment/quick.yaml").read_text(encoding="utf-8").strip()
    parts = [
        NOTE,
        "# Configuration",
        "`params.yaml` says what to run. The files in `conf/` say how. Hydra composes both, and the stage "
        "`check` refuses an invalid name or value before anything is computed. On the command line "
        "of a stage, a dotted name overrides a setting, such as `split.test_fraction=0.2`.",
        "## params.yaml",
        *described(IN_PARAMS, ""),
        "This is the profile `quick`, the default:",
        f"```yaml\n{quick}\n```",
    ]
    for file, places in GROUPS.items():
        parts += [f"## {file}", *described(places, file.split("/")[1])]
    parts += [
        "## Values",
        table(
            ["setting", "one of"], [(what, ", ".join(f"`{v}`" for v in values)) for what, values in VALUES]
        ),
        "## Environment variables",
        table(
            ["variable", "meaning"],
            [
                (
                    "`FUELGAUGE_ROOT`",
                    "Folder with params.yaml, dvc.yaml and conf/, in place of the one that is found.",
                ),
                (
                    "`MLFLOW_TRACKING_URI`",
                    "Tracking server or database, in place of `mlflow.db` in the checkout.",
                ),
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def described(places: Iterable[tuple[type, str]], group: str) -> list[str]:
    """Return the text and the table of each dataclass of a file."""
    parts = []
    for schema, where in places:
        text, entries = docstring(schema)
        if where:
            parts.append(f"### {'.'.join(filter(None, [group, where]))}")
        rows = []
        for field in dataclasses.fields(schema):
            name = f"{where}.{field.name}" if where else field.name
            meaning = cell(entries.get(field.name, ""))
            rows.append((f"`{name}`", f"`{kind(field)}`", initial(field), meaning))
        titles = ["setting", "type", "default", "meaning"]
        is_silent = not any(row[3] for row in rows)
        parts += [text, table(titles[:3], [row[:3] for row in rows]) if is_silent else table(titles, rows)]
    return parts


def docstring(schema: type) -> tuple[str, dict[str, str]]:
    """Return the text of a dataclass's docstring, and the texts of its fields by name."""
    lines = inspect.cleandoc(schema.__doc__ or "").splitlines()
    heads = [i for i, line in enumerate(lines) if line in SECTIONS]
    text = "\n".join(lines[: heads[0]] if heads else lines).strip()
    entries: dict[str, str] = {}
    names: list[str] = []
    for line in lines[heads[0] + 2 :] if heads else []:
        if line and not line.startswith(" "):
            left, _, right = line.partition(" : ")
            names = left.split(", ")
            entries |= dict.fromkeys(names, right)
        elif line:
            entries |= {name: f"{entries[name]} {line.strip()}".strip() for name in names}
    return yaml_words(text), {name: yaml_words(entry) for name, entry in entries.items()}


def yaml_words(text: str) -> str:
    """Return a text with the words of YAML in place of those of Python."""
    return re.sub(r"\bNone\b", "null", text)


def kind(field: dataclasses.Field[Any]) -> str:
    """Return the type of a field as its source writes it."""
    return str(field.type).replace(" | None", " or null")


def initial(field: dataclasses.Field[Any]) -> str:
    """Return the default of a field as YAML would hold it."""
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    if value == MISSING or value is dataclasses.MISSING:
        return "required"
    if dataclasses.is_dataclass(value):
        return "below"
    known = {None: "null", True: "true", False: "false", "": '""'}
    return f"`{known[value] if value is None or value == '' or isinstance(value, bool) else value}`"


def sentence(text: str) -> str:
    """Return a help text as a sentence."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "...")) else f"{text}."


def cell(text: str) -> str:
    """Return a text that a cell of a table can hold."""
    return " ".join(text.split()).replace("|", "\\|")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


if __name__ == "__main__":
    main()
