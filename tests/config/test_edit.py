"""Editing a YAML text: the wanted change, and nothing else."""

from typing import Any

import pytest
import yaml

from fuelgauge.config.edit import edited, inline, parsed, read_exactly
from fuelgauge.errors import ConfigError
from tests.conftest import CHECKOUT

REMEDY = "write it by hand."


def change(content: dict[str, Any]) -> None:
    """Change a value, lengthen two lists and add a key."""
    content["seed"] = 7
    content["split"]["test_fraction"] = 0.5
    content["sizes"].append("large")
    content["names"].append("a: b")
    content["new"] = ["x", 1]


TEXT = """\
# top
seed: 0      # random seed
split: {test_fraction: 0.15, 'test_max': 10}  # inner
sizes: [
  tiny,      # the first
  "default", # the second
]
names:       # in dashes
  - a        # one
  # between
  - 'b'      # two

# end
last: >-
  folded
  text
"""
EXPECTED = """\
# top
seed: 7      # random seed
split: {test_fraction: 0.5, 'test_max': 10}  # inner
sizes: [
  tiny,      # the first
  "default", large, # the second
]
names:       # in dashes
  - a        # one
  # between
  - 'b'      # two
  - 'a: b'

# end
last: >-
  folded
  text
new: [x, 1]
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_comments_quotes_styles_and_line_ends_are_kept(line_end):
    text, expected = (t.replace("\n", line_end) for t in (TEXT, EXPECTED))
    assert edited(text, change, REMEDY) == expected


def test_a_change_that_changes_nothing_leaves_the_text_alone():
    assert edited(TEXT, lambda content: None, REMEDY) == TEXT


def test_a_long_line_is_not_wrapped():
    names = [f"dataset_{i}" for i in range(40)]
    text = f"datasets: [{', '.join(names)}]\n"
    assert edited(text, lambda content: content["datasets"].append("mine"), REMEDY) == text.replace(
        "]", ", mine]"
    )


@pytest.mark.parametrize(("old", "new"), [("'2013-06'", "'2013-07'"), ('"a"', '"2013-07"'), ("~", "2013-07")])
def test_a_value_keeps_its_quotation_marks(old, new):
    def move(content: dict[str, Any]) -> None:
        content["data"]["until"] = "2013-07"

    assert edited(f"data: {{until: {old}}} # why\n", move, REMEDY) == f"data: {{until: {new}}} # why\n"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("other: &value 1\nkey: *value\n", "key"),
        ("key: 1\nkey: 2\n", "key"),
        ("- key\n", "key"),
        ("key:\n  - a\n  - b\n", "key"),
        ("base: &base {key: 1}\nseed: 0\n---\n", "new"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_with_the_remedy(text, key):
    with pytest.raises(ConfigError, match=r"mine.yaml.*(write it by hand|is not valid YAML)"):
        edited(text, lambda content: content.update({key: ["z"]}), REMEDY, "mine.yaml")


def test_a_text_that_is_not_yaml_or_not_a_mapping():
    with pytest.raises(ConfigError, match="params.yaml is not valid YAML"):
        parsed("datasets: [a\n")
    assert parsed("- a") == parsed("") == {}


def test_the_line_ends_of_a_file_are_read_as_they_are(tmp_path):
    (tmp_path / "params.yaml").write_bytes(b"a: 1\r\n")
    assert read_exactly(tmp_path / "params.yaml") == "a: 1\r\n"
    with pytest.raises(ConfigError, match="does not exist: run this inside a checkout"):
        read_exactly(tmp_path / "nope.yaml")


@pytest.mark.parametrize(
    "name", ["smoke", "quick", "full", "xl", "engine", "confirmatory", "search", "massive"]
)
def test_every_profile_can_be_edited(name):
    text = (CHECKOUT / f"conf/experiment/{name}.yaml").read_text()
    result = edited(text, lambda content: content["datasets"].append("mine"), REMEDY)
    assert len(result) == len(text) + len(", mine")
    assert yaml.safe_load(result)["datasets"][-1] == "mine"


@pytest.mark.parametrize(
    "value", ["yes", "1", "a, b", "#a", "", " a", "ä", ["a", "b: c"], {"a": [1]}, None, 2.5]
)
def test_a_value_on_one_line_is_read_as_itself(value):
    assert yaml.safe_load(f"[{inline(value)}]") == [value]
