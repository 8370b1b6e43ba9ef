"""The pictures of the page, as SVG: learning curves and the reliability of probabilities."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from fuelgauge.answer._forecast import Forecast
from fuelgauge.answer._standing import Findings, Standing, number
from fuelgauge.answer._trust import Calibration
from fuelgauge.answer._words import money

WIDTH, HEIGHT = 1000, 420
LEFT, RIGHT, TOP, BOTTOM = 56, 215, 16, 60
COLOURS = 7
MOST_CURVES = 6
STEPS = 24
LINE = 15
SIDE = 320


def curves(found: Findings, price: float | None = None) -> str:
    """Return the learning curves of the best models: points, forecasts, and the rows of the table.

    Parameters
    ----------
    found
        What the trials say.
    price
        Price of a label, for the second line under the axis.
    """
    models = [found.best, *found.rivals[: MOST_CURVES - 1]]
    frame = Frame(found, models, price)
    parts = [frame.zone(), *frame.grid()]
    for place, model in enumerate(models):
        parts.append(frame.band(model, place))
    for place, model in enumerate(models):
        parts.append(frame.line(model, place))
    parts += frame.names(models)
    label = html.escape(f"{found.judged.name} of {len(models)} models by rows, measured and forecast")
    box = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    return f"{box}{''.join(parts)}</svg>"


class Frame:
    """The axes of the learning curves.

    Parameters
    ----------
    found
        What the trials say.
    models
        Models to draw.
    price
        Price of a label; None if it is not known.
    """

    def __init__(self, found: Findings, models: Sequence[Standing], price: float | None):
        self.found, self.price = found, price
        self.first, self.last = min(model.curve[0][0] for model in models), 10 * found.n_rows
        values = [found.judged.of(loss) for model in models for _, loss in model.curve]
        ahead = [each for model in models for each in found.at(model, found.targets)]
        values += [found.judged.of(each.loss) for each in ahead]
        best = found.at(found.best, found.targets)
        values += [found.judged.of(end) for each in best for end in (each.low, each.high)]
        room = 0.05 * (max(values) - min(values) or 1.0)
        self.low, self.high = min(values) - room, max(values) + room

    def x(self, rows: float) -> float:
        """Return the place of a number of rows."""
        share = math.log(rows / self.first) / math.log(self.last / self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, loss: float) -> float:
        """Return the place of a loss."""
        return self.height(self.found.judged.of(loss))

    def height(self, value: float) -> float:
        """Return the place of a value of the metric, kept within the picture."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    def zone(self) -> str:
        """Return the zone of the forecast and the line of today's rows."""
        start, here, bottom = self.x(self.found.top), self.x(self.found.n_rows), HEIGHT - BOTTOM
        size = f'width="{WIDTH - RIGHT - start:.1f}" height="{bottom - TOP}"'
        words = f"you are here: {self.found.n_rows:,} rows"
        return (
            f'<rect class="zone" x="{start:.1f}" y="{TOP}" {size}/>'
            f'<line class="here" x1="{here:.1f}" x2="{here:.1f}" y1="{TOP}" y2="{bottom}"/>'
            f'<text x="{here + 6:.1f}" y="{bottom - 8}">{words}</text>'
        )

    def grid(self) -> list[str]:
        """Return lines and labels of both axes."""
        bottom, end = HEIGHT - BOTTOM, WIDTH - RIGHT
        found = []
        for value in ticks(self.low, self.high):
            y = self.height(value)
            found.append(f'<line class="grid" x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>')
            found.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>')
        found += [
            f'<text x="{self.x(rows):.1f}" y="{bottom + 18}" text-anchor="middle">{rows:,}</text>'
            for rows in self.marks()
        ]
        found += [
            f'<text class="money" data-rows="{rows}" x="{self.x(rows):.1f}" y="{bottom + 34}" '
            f'text-anchor="middle">{self.money(rows)}</text>'
            for rows in self.found.targets[1:]
        ]
        return [
            *found,
            f'<text x="{(LEFT + end) / 2}" y="{HEIGHT - 6}" text-anchor="middle">rows to train on</text>',
        ]

    def money(self, rows: int) -> str:
        """Return what the labels cost that are missing to a number of rows."""
        return f"+{money((rows - self.found.n_rows) * self.price)}" if self.price else ""

    def marks(self) -> list[int]:
        """Return the numbers of rows that are written under the axis."""
        return [*self.found.sizes[-4:], 2 * self.found.n_rows, 10 * self.found.n_rows]

    def ahead(self, model: Standing) -> list[Forecast]:
        """Return the forecast of a model from the last measured size on."""
        start = model.curve[-1][0]
        rows = np.unique(np.geomspace(start + 1, self.last, STEPS).astype(int))
        return list(self.found.at(model, rows.tolist()))

    def band(self, model: Standing, place: int) -> str:
        """Return the interval of a forecast; that of the best model is easier to see."""
        ahead = self.ahead(model)
        start = f"{self.x(model.curve[-1][0]):.1f},{self.y(model.curve[-1][1]):.1f}"
        upper = [f"{self.x(each.rows):.1f},{self.y(each.high):.1f}" for each in ahead]
        lower = [f"{self.x(each.rows):.1f},{self.y(each.low):.1f}" for each in reversed(ahead)]
        opacity = 0.16 if place == 0 else 0.05
        points = " ".join([start, *upper, *lower])
        return f'<polygon points="{points}" fill="var(--s{place % COLOURS})" opacity="{opacity}"/>'

    def line(self, model: Standing, place: int) -> str:
        """Return the curve of a model: measured with points, forecast dashed."""
        colour = f"var(--s{place % COLOURS})"
        known = [f"{self.x(rows):.1f},{self.y(loss):.1f}" for rows, loss in model.curve]
        ahead = [f"{self.x(each.rows):.1f},{self.y(each.loss):.1f}" for each in self.ahead(model)]
        dots = "".join(
            f'<circle cx="{point.split(",")[0]}" cy="{point.split(",")[1]}" r="4" fill="{colour}"/>'
            for point in known
        )
        style = f'fill="none" stroke="{colour}" stroke-width="2.2"'
        return (
            f'<polyline points="{" ".join(known)}" {style}/>'
            f'<polyline points="{" ".join([known[-1], *ahead])}" {style} stroke-dasharray="6 5"/>{dots}'
        )

    def names(self, models: Sequence[Standing]) -> list[str]:
        """Return the names of the models at the ends of their curves, without overlap."""
        ends = sorted((self.y(self.ahead(model)[-1].loss), place) for place, model in enumerate(models))
        found, free = [], float(TOP)
        for height, place in ends:
            free = max(height, free)
            found.append(
                f'<text class="name" x="{WIDTH - RIGHT + 8}" y="{free + 4:.1f}" '
                f'style="fill:var(--s{place % COLOURS})">{html.escape(models[place].title)}</text>'
            )
            free += LINE
        return found


def ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers between two ends."""
    step = 10 ** math.floor(math.log10((high - low) / 2))
    while (high - low) / step > 7:
        step *= 2 if round(step / 10 ** math.floor(math.log10(step))) != 2 else 2.5
    first = math.ceil(low / step)
    return [step * i for i in range(first, math.floor(high / step) + 1)]


def reliability(known: Calibration) -> str:
    """Return the picture of what was said and what came true."""

    def place(said: float, seen: float) -> tuple[float, float]:
        return 40 + said * (SIDE - 66), SIDE - 40 - seen * (SIDE - 66)

    points = [place(said, seen) for said, seen in zip(known.said, known.seen, strict=True)]
    (x0, y0), (x1, y1) = place(0, 0), place(1, 1)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--s0)"/>' for x, y in points)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    labels = "".join(
        f'<text x="{place(v, 0)[0]:.0f}" y="{SIDE - 22}" text-anchor="middle">{v:g}</text>'
        f'<text x="34" y="{place(0, v)[1] + 4:.0f}" text-anchor="end">{v:g}</text>'
        for v in (0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" style="max-width:{SIDE + 60}px" role="img" '
        f'aria-label="Probability said and share of rows that came true">'
        f'<line class="here" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>'
        f'<polyline points="{line}" fill="none" stroke="var(--s0)" stroke-width="2"/>{dots}{labels}'
        f'<text x="{SIDE / 2}" y="{SIDE - 4}" text-anchor="middle">probability said</text>'
        f'<text x="12" y="12">share that came true</text></svg>'
    )
