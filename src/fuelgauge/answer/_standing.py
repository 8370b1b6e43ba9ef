"""What the trials say: how each model stands, and where more rows would take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from fuelgauge.answer import _forecast
from fuelgauge.answer._contestants import BASELINE, title
from fuelgauge.answer._forecast import WIDE, Course, Forecast
from fuelgauge.answer._gaps import (
    LEVEL,
    SHARED,
    UNKNOWN,
    Gap,
    draws_of,
    gaps_to,
    likeliest,
    log_ratio,
    most_repeated,
    shares_of_wins,
)
from fuelgauge.claims.statistics.resample import RepeatTest, leave_one_out_means
from fuelgauge.sweep.metrics import HIGHER_IS_BETTER

SMALL = 0.1  # below it a number is shown in three significant digits
KINDS = {"linear": "linear models", "trees": "trees", "deep": "nets"}
FEWEST_FOR_INTERVAL = 3  # repeats; two say next to nothing about a spread
STEPS = 400
NEVER = 1_000  # forecasts go to this many times the rows of the table
NAMES = {
    "roc_auc": "AUC",
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "rmse": "RMSE",
    "mae": "MAE",
}


@dataclass(frozen=True)
class Judged:
    """The metric of an answer: losses become the numbers that the user thinks in."""

    metric: str

    @property
    def is_score(self) -> bool:
        """Whether higher is better."""
        return self.metric in HIGHER_IS_BETTER

    @property
    def name(self) -> str:
        """Name of the metric in words."""
        return NAMES.get(self.metric, self.metric)

    @property
    def loss_name(self) -> str:
        """Name of the loss, of which all percents are: one minus a score, or the metric itself."""
        return f"1 - {self.name}" if self.is_score else self.name

    def of(self, loss: float) -> float:
        """Return the metric at a loss; the same turns a metric into a loss."""
        return 1 - loss if self.is_score else loss

    def shown(self, loss: float) -> str:
        """Return the metric at a loss in three digits."""
        return number(self.of(loss))

    def between(self, low: float, high: float) -> str:
        """Return an interval of losses as one of the metric, from the lower number to the higher."""
        ends = sorted((self.of(low), self.of(high)))
        return " to ".join(map(number, ends))


def number(value: float) -> str:
    """Return a number in three digits, without a zero before the point."""
    if not np.isfinite(value):
        return "?"
    size = abs(value)
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 1 or 0 < size < SMALL:
        return f"{value:.3g}".replace("0.", ".", 1) if size < 1 else f"{value:.3g}"
    return f"{value:.3f}".replace("0.", ".", 1)


def rounded(value: float) -> float:
    """Return a number in the digits that `number` shows."""
    if not np.isfinite(value) or abs(value) >= 1_000:
        return round(value) if np.isfinite(value) else value
    return float(f"{value:.3g}") if abs(value) >= 1 or abs(value) < SMALL else round(value, 3)


@dataclass(frozen=True)
class Standing:
    """How a model stands.

    Parameters
    ----------
    model, title, family
        Name of the model, its name in words, and its family.
    loss, low, high
        Loss at the largest measured size, and its 90% interval.
    repeats
        Number of repeats there.
    gap, gap_low, gap_high
        Logarithm of its loss over that of the best model on the same repeats, and its 90% interval.
    shared
        Number of repeats that it shares with the best model.
    wins, of
        Repeats in which it has the lowest loss of all models, and repeats in which all models were measured.
    course
        Learning curve: sizes, mean losses and mean training losses.
    fit_seconds, predict_ms
        CPU seconds of one fit, and milliseconds of 1,000 predictions.
    n_parameters
        Number of fitted numbers.
    note
        Why the model is not repeated any more; empty if it is.
    p_now, p_double
        Probability that it is the best, now and at twice the rows.
    """

    model: str
    title: str
    family: str
    loss: float
    low: float
    high: float
    repeats: int
    gap: float
    gap_low: float
    gap_high: float
    shared: int
    course: Course
    fit_seconds: float
    predict_ms: float
    n_parameters: float
    wins: int = 0
    of: int = 0
    note: str = ""
    p_now: float = float("nan")
    p_double: float = float("nan")

    @property
    def curve(self) -> tuple[tuple[int, float], ...]:
        """Sizes and mean losses."""
        return tuple(zip(self.course.rows, self.course.losses, strict=True))

    @property
    def is_measured(self) -> bool:
        """Whether the model was measured at the largest size."""
        return bool(np.isfinite(self.loss))


@dataclass(frozen=True)
class Ahead:
    """Which model is best at twice the rows by the joint forecast, and what it brings.

    Parameters
    ----------
    model, probability
        Model that is the likeliest to be the best, and its probability.
    kind, kind_probability
        Likeliest kind in words (linear models, trees, nets, or a model of the user's), and the probability
        that a model of this kind is the best. Several models of one kind share it.
    change, low, high
        Its loss at twice the rows over that of the best model at all rows of today, minus 1, and the ends of
        the 90% interval.
    """

    model: Standing
    probability: float
    kind: str
    kind_probability: float
    change: float
    low: float
    high: float


@dataclass(frozen=True)
class Findings:
    """Everything that the trials of a table say.

    Parameters
    ----------
    judged
        Metric of the table.
    standings
        Models, the best first; those without a trial at the largest size come last.
    sizes
        Numbers of rows that were measured, increasing.
    n_rows
        Rows of the table.
    constant
        Loss of the best constant.
    out
        Models without any trial, with the reason.
    n_pool, n_test
        Rows to train on and test rows of a repeat.
    """

    judged: Judged
    standings: tuple[Standing, ...]
    sizes: tuple[int, ...]
    n_rows: int
    constant: float
    out: Mapping[str, str] = field(default_factory=dict)
    n_pool: int = 0
    n_test: int = 0

    @property
    def best(self) -> Standing:
        """Best model."""
        return self.standings[0]

    @property
    def rivals(self) -> tuple[Standing, ...]:
        """Other models that were measured at the largest size."""
        return tuple(each for each in self.standings[1:] if each.is_measured)

    @property
    def top(self) -> int:
        """Largest measured size."""
        return self.sizes[-1]

    @property
    def targets(self) -> tuple[int, int, int]:
        """Numbers of rows of the forecasts: all rows of the table, twice and ten times as many."""
        return (max(self.n_rows, self.top + 1), 2 * self.n_rows, 10 * self.n_rows)

    def at(self, model: Standing, rows: Sequence[int]) -> tuple[Forecast, ...]:
        """Return the losses of a model at numbers of rows, with 90% intervals."""
        others = tuple(each.course for each in self.standings if each.model != model.model)
        if np.isfinite(self.constant):
            others = (*others, _forecast.constant(model.course, self.constant))
        return _forecast.at(model.course, tuple(map(int, rows)), others)

    @property
    def ahead(self) -> Ahead:
        """Best model at twice the rows."""
        model = max((self.best, *self.rivals), key=lambda each: each.p_double)
        chances = self.chances()
        kind = max(chances, key=lambda each: chances[each])
        return Ahead(model, model.p_double, kind, chances[kind], *self.gain(model))

    def chances(self) -> dict[str, float]:
        """Return the probability of each kind of model to hold the best one at twice the rows."""
        found: dict[str, float] = {}
        for each in (self.best, *self.rivals):
            found[kind_of(each)] = found.get(kind_of(each), 0.0) + each.p_double
        return found

    def gain(self, model: Standing) -> tuple[float, float, float]:
        """Return a model's loss at twice the rows over that of the best one at all rows today, minus 1.

        The 90% interval joins that of the forecast with that of the paired difference of today, by the root
        of the sum of squares.
        """
        (now,), (then,) = self.at(self.best, self.targets[:1]), self.at(model, self.targets[1:2])
        if not now.loss or not then.loss:
            return 0.0, 0.0, 0.0
        apart = model.gap_high - model.gap
        apart = apart if np.isfinite(apart) else WIDE * UNKNOWN
        down, up = log_ratio(then.loss, then.low), log_ratio(then.high, then.loss)
        centre = log_ratio(then.loss, now.loss)
        ends = (centre, centre - np.hypot(down, apart), centre + np.hypot(up, apart))
        change, low, high = (float(np.expm1(end)) for end in ends)
        return change, low, high

    def path(self, model: Standing) -> tuple[Forecast, ...]:
        """Return the losses of a model from its smallest size to a thousand times the rows of the table."""
        rows = np.unique(np.geomspace(model.course.rows[0], NEVER * self.n_rows, STEPS).astype(int))
        return self.at(model, rows.tolist())

    def rows_for(self, model: Standing, loss: float) -> tuple[float, float, float]:
        """Return the rows at which a model reaches a loss, and their interval; infinite for never.

        A loss below that of the largest measured size is looked for beyond that size.
        """
        path = self.path(model)
        if loss < model.course.losses[-1]:
            path = tuple(each for each in path if each.rows > model.course.rows[-1])
        found = np.array(path)
        reached = [first(found[:, 0], column <= loss) for column in found[:, 1:].T]
        return reached[0], reached[1], reached[2]

    def enough(self, share: float) -> float:
        """Return the rows at which the best model has a share of what it has won over a constant today."""
        if not np.isfinite(self.constant):
            return float("nan")
        (now,) = self.at(self.best, self.targets[:1])
        return self.rows_for(self.best, self.constant - share * (self.constant - now.loss))[0]


def kind_of(model: Standing) -> str:
    """Return the kind of a model in words; a model of another family is a kind of its own."""
    return KINDS.get(model.family, model.title)


def first(rows: np.ndarray, is_reached: np.ndarray) -> float:
    """Return the first number of rows at which something is reached, or infinity."""
    return float(rows[np.argmax(is_reached)]) if is_reached.any() else float("inf")


def findings(
    table: pd.DataFrame, sizes: Sequence[int], n_rows: int, out: Mapping[str, str]
) -> Findings | None:
    """Return what a trial table says, or None while no model but a constant has been measured.

    Parameters
    ----------
    table
        Trial table of one dataset.
    sizes
        Sizes of the comparison, increasing.
    n_rows
        Rows of the table that was asked about.
    out
        Why models are not repeated any more, by name.
    """
    if not len(table):
        return None
    done = table[(table["status"] == "done") & table["loss"].notna() & table["n_train"].isin(list(sizes))]
    cells = {str(model): own.pivot_table("loss", "repeat", "n_train") for model, own in done.groupby("model")}
    rivals = [name for name in cells if name != BASELINE]
    compared = min(2, len(rivals))
    used = [size for size in sizes if sum(size in cells[name] for name in rivals) >= max(1, compared)]
    if not used:
        return None
    top = used[-1]
    cells = {name: own[[size for size in own.columns if size in used]] for name, own in cells.items()}
    done = done[done["n_train"].isin(used)]
    rivals = [name for name in rivals if cells[name].size]
    measured = [name for name in rivals if top in cells[name]]
    n_pool, n_test = float(done["n_pool"].max()), float(done["n_test"].max())
    losses = {name: cells[name][top].dropna() for name in measured}
    share = n_test / n_pool
    reference = most_repeated(losses)
    to_reference = gaps_to(reference, losses, share)
    losses = {name: losses[name] for name in to_reference}
    best = settled(likeliest(to_reference), losses, share)
    level = float(losses[reference].mean()) * float(np.exp(to_reference[best].value))
    to_best = gaps_to(best, losses, share)
    made = [
        standing(name, done[done["model"] == name], cells[name], to_best.get(name), level, top, share)
        for name in rivals
    ]
    wins, of = counted_wins(losses)
    made = [replace(each, note=out.get(each.model, ""), wins=wins.get(each.model, 0), of=of) for each in made]
    known = sorted(
        (each for each in made if each.is_measured), key=lambda each: (each.model != best, each.gap)
    )
    rest = [each for each in made if not each.is_measured]
    found = Findings(
        judged=Judged(str(done["metric"].iloc[0])),
        standings=(*known, *rest),
        sizes=tuple(used),
        n_rows=n_rows,
        constant=float(done["constant_loss"].mean()),
        out={title(name): why for name, why in out.items() if name not in rivals},
        n_pool=int(n_pool),
        n_test=int(n_test),
    )
    return with_probabilities(found, {each.model: to_best[each.model] for each in known})


def settled(first: str, losses: Mapping[str, pd.Series], share: float) -> str:
    """Return the likeliest model, or one that is better than it on at least half of its repeats."""
    direct = gaps_to(first, losses, share)
    rivals = [name for name, gap in direct.items() if 2 * gap.repeats >= len(losses[first])]
    return min(rivals, key=lambda name: direct[name].value)


def standing(
    name: str, own: pd.DataFrame, cells: pd.DataFrame, gap: Gap | None, level: float, top: int, share: float
) -> Standing:
    """Return how a model stands beside the best one, whose loss is `level`."""
    value, reach = (gap.value, gap.reach) if gap else (float("nan"), float("nan"))
    loss = level * float(np.exp(value))
    values = cells[top].dropna().to_numpy() if top in cells else np.array([])
    test = RepeatTest(LEVEL, share)
    spread = (
        float(test.reach(leave_one_out_means(values[None, :]))[0])
        if len(values) >= FEWEST_FOR_INTERVAL
        else float("nan")
    )
    at_top = own[own["n_train"] == own["n_train"].max()]
    return Standing(
        model=name,
        title=title(name),
        family=str(own["family"].iloc[0]),
        loss=loss,
        low=max(0.0, loss - spread),
        high=loss + spread,
        repeats=len(values),
        gap=value,
        gap_low=value - reach,
        gap_high=value + reach,
        shared=gap.repeats if gap else 0,
        course=course_of(name, own, chained(cells, loss, top)),
        fit_seconds=float(at_top["fit_cpu_seconds"].mean()),
        predict_ms=float((at_top["predict_seconds"] / at_top["n_test"]).mean() * 1e6),
        n_parameters=float(at_top["n_parameters"].mean()),
    )


def counted_wins(losses: Mapping[str, pd.Series]) -> tuple[dict[str, int], int]:
    """Return in how many repeats each model is best, of those in which all models take part."""
    both = pd.concat(losses, axis=1).dropna()
    winners = both.idxmin(axis=1) if len(both) else pd.Series(dtype=object)
    return {str(name): int(count) for name, count in winners.value_counts().items()}, len(both)


def chained(own: pd.DataFrame, loss: float, top: int) -> tuple[tuple[int, float], ...]:
    """Return the curve of a model: the loss at the largest size, and from there ratios on shared repeats.

    Small sizes have fewer repeats than large ones. A ratio to the next size on the same repeats does not
    mix the difference between repeats into the slope.
    """
    sizes = [size for size in own.columns if own[size].notna().any()]
    last = sizes[-1]
    value = loss if last == top and np.isfinite(loss) else float(own[last].mean())
    found = [(int(last), value)]
    for size, larger in zip(sizes[-2::-1], sizes[:0:-1], strict=True):
        both = own[[size, larger]].dropna()
        if not len(both):
            continue
        value = value * float(np.exp(log_ratio(both[size].mean(), both[larger].mean())))
        found.append((int(size), value))
    return tuple(found[::-1])


def course_of(name: str, own: pd.DataFrame, curve: tuple[tuple[int, float], ...]) -> Course:
    """Return the learning curve of a model with its training losses and its kind."""
    rows, losses = zip(*curve, strict=True)
    trained = own.groupby("n_train")["train_loss"].mean().reindex(list(rows))
    train_losses = tuple(map(float, trained)) if np.isfinite(trained).all() else ()
    subfamily = own["subfamily"].iloc[0]
    kind = str(subfamily) if isinstance(subfamily, str) and subfamily else str(own["family"].iloc[0])
    return Course(name, kind, rows, losses, train_losses)


def with_probabilities(found: Findings, gaps: Mapping[str, Gap]) -> Findings:
    """Return findings with the probability of each model to be the best, now and at twice the rows.

    A model that was measured alone has none.
    """
    known = [each for each in found.standings if each.is_measured]
    if len(known) < 2:
        return found
    now = draws_of(gaps)
    steps = steps_to_double(found, known)
    rng = np.random.default_rng(1)
    luck = np.sqrt(SHARED) * rng.standard_normal(now.shape[1]) + np.sqrt(1 - SHARED) * rng.standard_normal(
        now.shape
    )
    double = now + steps[:, :1] + steps[:, 1:] * luck
    at_now, at_double = shares_of_wins(now), shares_of_wins(double)
    shares = {each.model: (float(at_now[i]), float(at_double[i])) for i, each in enumerate(known)}
    standings = tuple(
        replace(each, p_now=shares[each.model][0], p_double=shares[each.model][1])
        if each.model in shares
        else each
        for each in found.standings
    )
    return replace(found, standings=standings)


def steps_to_double(found: Findings, known: Sequence[Standing]) -> np.ndarray:
    """Return the change of each model's log loss over the best one's to twice the rows, and its deviation.

    Returns
    -------
    ndarray
        Changes and standard deviations, shape (models, 2).
    """
    courses = tuple(each.course for each in known)
    if np.isfinite(found.constant):
        courses = (*courses, _forecast.constant(found.best.course, found.constant))
    steps = _forecast.steps(courses, found.best.model, found.targets[1])
    return np.array([steps[each.model] for each in known])
