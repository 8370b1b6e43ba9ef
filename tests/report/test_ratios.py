from __future__ import annotations

from typing import Any

from fuelgauge.report._leads import is_telling
from fuelgauge.report._numbers import TIMES
from fuelgauge.report._ratios import ratio_picture


def mean(rival: str = "boosted", **fields: Any) -> dict[str, Any]:
    about = {
        "level": "overall",
        "claim": "data",
        "modality": "tabular",
        "effect_name": "der",
        "scale": "ratio",
    }
    ratio = {
        "scale": "ratio",
        "family_a": "deep",
        "family_b": rival,
        "effect": 1.0,
        "lo": 0.5,
        "hi": 2.0,
        "p": 0.5,
    }
    return about | ratio | {"n_datasets": 7} | fields


def single(dataset: str, effect: float, **fields: Any) -> dict[str, Any]:
    return mean(effect=effect, **fields) | {"level": "dataset", "dataset": dataset, "lo": 1e-9, "hi": None}


def test_places_are_logarithmic_and_one_is_in_the_middle() -> None:
    found = ratio_picture([mean(), single("a", 4.0), single("b", 0.25)])
    assert found is not None
    (line,) = found["lines"]
    assert (found["one"], line["mean"], line["low"], line["width"]) == (50, 50, 25, 50)
    assert [dot["at"] for dot in line["dots"]] == [100, 0]
    assert [tick["text"] for tick in found["ticks"]] == ["1/4", "1/2", f"1{TIMES}", f"2{TIMES}", f"4{TIMES}"]
    assert [tick["at"] for tick in found["ticks"]] == [0, 25, 50, 75, 100]


def test_the_interval_of_a_single_dataset_does_not_widen_the_axis_but_its_ratio_does() -> None:
    found = ratio_picture([mean(), single("a", 1 / 16), single("b", 1e6)])
    assert found is not None
    assert found["ticks"][0]["text"] == "1/64" and found["ticks"][-1]["text"] == f"64{TIMES}"
    assert {"at": 50, "text": f"1{TIMES}"} in found["ticks"]
    assert [dot["at"] for dot in found["lines"][0]["dots"]] == [16.67, 100]


def test_a_line_has_the_datasets_of_its_own_rival_stratum_and_claim() -> None:
    others = [
        single("of_another_rival", 2.0, family_b="linear"),
        single("of_another_kind", 2.0, modality="text"),
        single("of_another_claim", 2.0, claim="time"),
        single("control", 2.0, control=True),
        single("unknown", float("nan")),
    ]
    found = ratio_picture([mean(), *others, single("own", 2.0, censored="above")])
    assert found is not None
    assert [(dot["said"], dot["bound"]) for dot in found["lines"][0]["dots"]] == [
        (f"own: > 2{TIMES}", "above")
    ]


def test_there_is_no_picture_without_a_mean_ratio_of_rows() -> None:
    assert ratio_picture([]) is None
    assert ratio_picture([mean(hi=None), single("a", 2.0)]) is None
    assert ratio_picture([mean(effect_name="time_ratio")]) is None


def test_leaders_are_the_first_picture_where_a_quarter_of_the_datasets_has_one_at_some_n() -> None:
    nobody = {"bars": [{"deep": 20, "rival": 4, "neither": 76}]}
    deep = {"bars": [{"deep": 0, "rival": 0, "neither": 100}, {"deep": 20, "rival": 5, "neither": 75}]}
    assert not is_telling([]) and not is_telling([nobody, deep])
    assert is_telling([deep, nobody])
