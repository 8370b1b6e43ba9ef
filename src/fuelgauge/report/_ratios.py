"""The ratios of rows as a picture: a line for each rival, with its mean and a dot for each dataset."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from fuelgauge.claims.judging.verdict import models_of
from fuelgauge.report._numbers import is_number, times
from fuelgauge.report._verdicts import number, value_of
from fuelgauge.report.summary import chosen_verdicts

Verdict = Mapping[str, Any]

# The axis spans these ratios at least and at most.
NARROWEST, WIDEST = 4.0, 64.0
TICKS_A_SIDE = 3


def ratio_picture(verdicts: Sequence[Verdict]) -> dict[str, Any] | None:
    """Return the lines and the axis of the picture, with places in percent; None without a mean ratio.

    Parameters
    ----------
    verdicts
        Content of verdicts.json. The picture shows the first claim whose effect is a ratio of rows.
    """
    means = [v for v in chosen_verdicts(verdicts) if v.get("effect_name") == "der" and _has_mean(v)]
    means = [v for v in means if v["claim"] == means[0]["claim"]]
    if not means:
        return None
    singles = [_of_datasets(verdicts, mean) for mean in means]
    reach = _reach([*means, *itertools.chain(*singles)])
    return {
        "side": models_of(str(means[0]["family_a"])),
        "lines": [_line(mean, own, reach) for mean, own in zip(means, singles, strict=True)],
        "ticks": [
            {"at": _place(tick, reach), "text": times(tick) if tick >= 1 else f"1/{1 / tick:.0f}"}
            for tick in _ticks(reach)
        ],
        "one": _place(1.0, reach),
    }


def _has_mean(verdict: Verdict) -> bool:
    return all(is_number(verdict.get(name)) for name in ("effect", "lo", "hi"))


def _of_datasets(verdicts: Sequence[Verdict], mean: Verdict) -> list[Verdict]:
    """Return the verdicts on the single datasets behind a mean."""
    stratum = mean.get("modality")
    return [
        v
        for v in verdicts
        if v.get("level") == "dataset"
        and not v.get("control")
        and (v.get("claim"), v.get("family_b")) == (mean["claim"], mean["family_b"])
        and stratum in (v.get("modality"), "all")
        and is_number(v.get("effect"))
    ]


def _reach(shown: Sequence[Verdict]) -> float:
    """Return the largest ratio of the axis, a power of two; the smallest is its inverse."""
    known = [abs(math.log2(v[name])) for v in shown for name in ("effect", "lo", "hi") if _is_ratio(v, name)]
    whole = 2.0 ** math.ceil(max(known, default=0.0))
    return float(min(max(whole, NARROWEST), WIDEST))


def _is_ratio(verdict: Verdict, name: str) -> bool:
    counts = name == "effect" or verdict.get("level") == "overall"
    return counts and is_number(verdict.get(name)) and verdict[name] > 0


def _place(ratio: float, reach: float) -> float:
    """Return the place of a ratio on the axis in percent; what lies beyond the axis is at its end."""
    share = (math.log(max(ratio, 1 / reach)) / math.log(reach) + 1) / 2
    return round(100 * min(share, 1.0), 2)


def _ticks(reach: float) -> list[float]:
    """Return powers of two on both sides of 1, at most `TICKS_A_SIDE` on each."""
    octaves = round(math.log2(reach))
    stride = math.ceil(octaves / TICKS_A_SIDE)
    return [2.0**octave for octave in range(-octaves, octaves + 1) if octave % stride == 0]


def _line(mean: Verdict, singles: Sequence[Verdict], reach: float) -> dict[str, Any]:
    low, high = _place(mean["lo"], reach), _place(mean["hi"], reach)
    return {
        "rival": models_of(str(mean["family_b"])),
        "mean": _place(mean["effect"], reach),
        "low": low,
        "width": round(high - low, 2),
        "said": value_of(mean),
        "dots": [_dot(single, reach) for single in singles],
    }


def _dot(single: Verdict, reach: float) -> dict[str, Any]:
    return {
        "at": _place(single["effect"], reach),
        "bound": str(single.get("censored") or ""),
        "said": f"{single['dataset']}: {number(single)}",
    }
