"""Edit a YAML file written by a person: change a value and keep every other character.

Comments, quotes, line ends, the order of keys and the style of lists stay as they are. The YAML parser says
where a value stands in the text, and only that place changes.

Loading and dumping with ruamel.yaml (0.19) does not suffice. It drops the comments inside bracketed lists,
joins the lines of such lists, and moves other comments.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from fuelgauge.errors import ConfigError

__all__ = ["Change", "Unsafe", "edited", "inline", "parsed", "read_exactly"]

Change = Callable[[dict[str, Any]], None]


class Splice(NamedTuple):
    """A replacement of ``text[start:end]``."""

    start: int
    end: int
    replacement: str


class Unsafe(Exception):
    """The text cannot be edited such that only the wanted value changes. A change may raise it, too."""


def edited(text: str, change: Change, remedy: str, where: str = "params.yaml") -> str:
    """Return a YAML text with one change, and everything else as it was.

    The change may set a value, append to a list, or add a key to the outermost mapping.

    Parameters
    ----------
    text
        Content of the file.
    change
        Function that changes the parsed content in place.
    remedy
        Sentence that tells the user what to write by hand, for a text that cannot be edited safely.
    where
        Name of the file for messages.

    Raises
    ------
    ConfigError
        The text is not valid YAML, or editing it would change anything else.
    """
    old = parsed(text, where)
    wanted = copy.deepcopy(old)
    try:
        change(wanted)
        result = text
        for splice in sorted(splices(text, old, wanted), reverse=True):
            result = result[: splice.start] + splice.replacement + result[splice.end :]
        if yaml.safe_load(result) == wanted:
            return result
    except (Unsafe, yaml.YAMLError):
        pass
    raise ConfigError(f"{where}: {remedy}")


def parsed(text: str, where: str = "params.yaml") -> dict[str, Any]:
    """Return the content of a YAML text; an empty dictionary if it is not a mapping.

    Raises
    ------
    ConfigError
        The text is not valid YAML.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not valid YAML: {' '.join(str(error).split())}") from error
    return content if isinstance(content, dict) else {}


def read_exactly(path: Path) -> str:
    """Return the text of a file with its line ends as they are.

    Raises
    ------
    ConfigError
        The file does not exist.
    """
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: run this inside a checkout of the project.")
    return path.read_bytes().decode("utf-8")


def inline(value: Any, quote: str | None = None) -> str:
    """Return a value as YAML on one line, as it may stand in a list in brackets.

    Parameters
    ----------
    value
        Plain data: a string, a number, a list or the like.
    quote
        Quotation mark to put around a string; None for quotation marks only where YAML needs them.
    """
    dumped = yaml.safe_dump(
        [value], default_flow_style=True, default_style=quote, width=float("inf"), allow_unicode=True
    )
    return dumped.strip()[1:-1]


def splices(text: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Splice]:
    """Yield the replacements that turn the old content of a text into the new one."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise Unsafe
    yield from in_mapping(text, root, old, {key: value for key, value in new.items() if key in old})
    added = "".join(f"{key}: {inline(value)}{line_end(text)}" for key, value in new.items() if key not in old)
    if added:
        yield Splice(len(text), len(text), added if text.endswith("\n") else line_end(text) + added)


def in_mapping(
    text: str, node: yaml.Node, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Splice]:
    """Yield the replacements of the values that changed in a mapping."""
    places = {key.value: value for key, value in node.value}
    if len(places) < len(node.value):
        raise Unsafe  # a key occurs twice
    for key, value in new.items():
        if old.get(key) != value:
            if key not in places:
                raise Unsafe
            yield from at_value(text, places[key], old.get(key), value)


def at_value(text: str, node: yaml.Node, old: Any, new: Any) -> Iterator[Splice]:
    """Yield the replacements that turn a value into another one."""
    if isinstance(node, yaml.MappingNode) and isinstance(new, Mapping):
        yield from in_mapping(text, node, old, new)
    elif isinstance(node, yaml.SequenceNode) and node.value and new[: len(old)] == old:
        yield behind_last(text, node, new[len(old) :])
    elif isinstance(node, yaml.ScalarNode) or (isinstance(node, yaml.SequenceNode) and node.flow_style):
        start, end = node.start_mark.index, node.end_mark.index
        style = node.style if isinstance(node, yaml.ScalarNode) else None
        quote = style if isinstance(new, str) and style in ("'", '"') else None
        yield Splice(start, end, " " * (start == end) + inline(new, quote))
    else:
        raise Unsafe


def behind_last(text: str, node: yaml.SequenceNode, items: list[Any]) -> Splice:
    """Return the insertion of items behind the last one of a list, in the list's own style.

    If the list has dashes, a comment on the line of the last item stays on that line.
    """
    last = node.value[-1]
    place = last.end_mark.index
    if node.flow_style:
        return Splice(place, place, "".join(f", {inline(item)}" for item in items))
    dash = text[last.start_mark.index - last.start_mark.column : last.start_mark.index]
    end = text.find("\n", place)
    place = len(text) if end < 0 else end - text[:end].endswith("\r")
    return Splice(place, place, "".join(f"{line_end(text)}{dash}{inline(item)}" for item in items))


def line_end(text: str) -> str:
    """Return the line end that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"
