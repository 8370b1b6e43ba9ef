"""Colours, markers and line styles: one colour per model, one marker and one dash per family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Okabe and Ito's colour-blind-safe colours, changed until text in them has a contrast of 4.5:1.
PALETTE = (
    ("#0067b5", "#56a8f5"),
    ("#c8500a", "#ff9153"),
    ("#00805e", "#35cda0"),
    ("#a9478a", "#ee9dd2"),
    ("#946a00", "#f2c144"),
    ("#5a48b8", "#ab9dfb"),
    ("#127a92", "#77d9ee"),
    ("#7b4b2d", "#d0a582"),
    ("#b3243b", "#ff8d9b"),
    ("#5c7a1e", "#b2d65c"),
)
BASELINE = ("#66707d", "#98a3b3")

FAMILY_ORDER = ("linear", "neighbours", "trees", "deep", "pretrained", "baseline")
FAMILY_MARKERS = {
    "linear": "square",
    "neighbours": "diamond",
    "trees": "triangle",
    "deep": "circle",
    "pretrained": "diamond",
}
FAMILY_DASHES = {
    "linear": "7 3", "neighbours": "5 2 1 2", "trees": "11 3 2 3", "pretrained": "14 4", "baseline": "1.5 4"
}  # fmt: skip
BASELINE_NAMES = frozenset({"baseline", "dummy", "constant"})
LIGHT, DARK = 0, 1


@dataclass(frozen=True)
class LineStyle:
    """The look of a model or a family in every picture.

    Attributes
    ----------
    slot
        Position of the colour in `PALETTE`; -1 for the colour of a baseline.
    marker
        Name of the marker: square, diamond, triangle, circle or dot.
    dash
        Lengths of dashes and gaps as in SVG; empty for a solid line.
    is_open
        Whether the markers are hollow. Models that share a colour differ in this.
    """

    slot: int
    marker: str
    dash: str
    is_open: bool

    @property
    def colour(self) -> str:
        """Return the colour on a light page."""
        return BASELINE[LIGHT] if self.slot < 0 else PALETTE[self.slot][LIGHT]


# Lines of the slide: older algorithms, then nets from small to large.
SLIDE_STYLES = (
    LineStyle(slot=1, marker="square", dash="7 3", is_open=False),
    LineStyle(slot=6, marker="circle", dash="", is_open=True),
    LineStyle(slot=0, marker="circle", dash="", is_open=False),
    LineStyle(slot=5, marker="circle", dash="", is_open=False),
    LineStyle(slot=3, marker="circle", dash="", is_open=False),
)


def is_baseline(name: str, family: str) -> bool:
    """Return whether a model only predicts a constant, so that a comparison with it says little."""
    return family.lower() in BASELINE_NAMES or name.lower() in BASELINE_NAMES


def family_rank(family: str) -> tuple[int, str]:
    """Return a sort key: known families first, in the order of `FAMILY_ORDER`."""
    known = family.lower()
    return (FAMILY_ORDER.index(known) if known in FAMILY_ORDER else len(FAMILY_ORDER), known)


def line_styles(families: Mapping[str, str]) -> dict[str, LineStyle]:
    """Return the line style of every model or family.

    Parameters
    ----------
    families
        Family by name. The order matters: the first ten that are not baselines get a colour each.
    """
    coloured = [name for name, family in families.items() if not is_baseline(name, family)]
    slots = {name: position for position, name in enumerate(coloured)}
    return {name: _line_style(slots.get(name), family.lower()) for name, family in families.items()}


def _line_style(position: int | None, family: str) -> LineStyle:
    if position is None:
        return LineStyle(slot=-1, marker="dot", dash=FAMILY_DASHES["baseline"], is_open=False)
    return LineStyle(
        slot=position % len(PALETTE),
        marker=FAMILY_MARKERS.get(family, "circle"),
        dash=FAMILY_DASHES.get(family, ""),
        is_open=(position // len(PALETTE)) % 2 == 1,
    )


def slide_styles(lines: Sequence[str]) -> dict[str, LineStyle]:
    """Return the styles of the slide's lines, in order; the styles repeat if there are more lines."""
    return {line: SLIDE_STYLES[place % len(SLIDE_STYLES)] for place, line in enumerate(lines)}


def dash_pattern(dash: str) -> tuple[int, Sequence[float] | None]:
    """Return the matplotlib line style of an SVG dash string."""
    return (0, tuple(float(length) / 2 for length in dash.split()) or None)
