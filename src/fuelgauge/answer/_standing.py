"""What the trials say: how each model stands, and where more rows would take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from fuelgauge.answer import _forecast
from fuelgauge.answer._contestants import BASELINE, title
from fuelgauge.answer._forecast import Course, Forecast
from fuelgauge.claims.statistics.resample import RepeatTest, leave_one_out_means
from fuelgauge.sweep.metrics import HIGHER_IS_BETTER

LEVEL = 0.9
DRAWS = 20_000
NEVER = 1_000  # forecasts go to this many times the rows of the table
SHARED = 0.5  # correlation of two differences to the same model
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
    if size >= 1:
        return f"{value:.3g}"
    return f"{value:.3f}".replace("0.", ".", 1)


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
    gap_error
        Standard error of the gap.
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
    gap_error: float
    wins: int
    of: int
    course: Course
    fit_seconds: float
    predict_ms: float
    n_parameters: float
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
        return _forecast.at(model.course, tuple(map(int, rows)), others)

    def doubling(self, model: Standing) -> tuple[float, float, float]:
        """Return what twice the rows do to the loss of a model: the relative change and its interval."""
        now, then = self.at(model, self.targets[:2])
        if not now.loss:
            return 0.0, 0.0, 0.0
        return then.loss / now.loss - 1, then.low / now.loss - 1, then.high / now.loss - 1

    def rows_for(self, model: Standing, loss: float) -> tuple[float, float, float]:
        """Return the rows at which a model reaches a loss, and their interval; infinite for never."""
        is_better = loss < model.course.losses[-1]
        start = model.course.rows[-1 if is_better else 0]
        rows = np.unique(np.geomspace(start, NEVER * self.n_rows, 400).astype(int))
        found = np.array(self.at(model, rows.tolist()))
        reached = [first(rows, column <= loss) for column in found[:, 1:].T]
        return reached[0], reached[1], reached[2]


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
    used = [size for size in sizes if any(size in cells[name] for name in rivals)]
    if not used:
        return None
    top = used[-1]
    measured = [name for name in rivals if top in cells[name]]
    n_pool, n_test = float(done["n_pool"].max()), float(done["n_test"].max())
    test = RepeatTest(LEVEL, n_test / n_pool)
    best = leader(cells, measured, top)
    level = cells[best][top].dropna()
    made = [
        standing(name, cells, best, float(level.mean()), top, test, done, out.get(name, ""), measured)
        for name in rivals
    ]
    known = sorted((each for each in made if each.is_measured), key=lambda each: each.gap)
    rest = [each for each in made if not each.is_measured]
    found = Findings(
        judged=Judged(str(done["metric"].iloc[0])),
        standings=(*known, *rest),
        sizes=tuple(used),
        n_rows=n_rows,
        constant=float(done["constant_loss"].mean()),
        out={name: why for name, why in out.items() if name not in cells},
        n_pool=int(n_pool),
        n_test=int(n_test),
    )
    return with_probabilities(found)


def leader(cells: Mapping[str, pd.DataFrame], measured: Sequence[str], top: int) -> str:
    """Return the model with the lowest loss, each compared with the most repeated one on shared repeats."""
    reference = max(measured, key=lambda name: cells[name][top].count())

    def gap(name: str) -> float:
        both = pd.concat([cells[name][top], cells[reference][top]], axis=1, keys=["own", "other"]).dropna()
        return log_ratio(both["own"].mean(), both["other"].mean())

    return min(measured, key=gap)


def log_ratio(one: float, other: float) -> float:
    """Return the logarithm of a ratio of losses, with a tiny number in place of zero."""
    tiny = 1e-9
    return float(np.log(max(one, tiny) / max(other, tiny)))


def standing(
    name: str,
    cells: Mapping[str, pd.DataFrame],
    best: str,
    level: float,
    top: int,
    test: RepeatTest,
    done: pd.DataFrame,
    note: str,
    measured: Sequence[str],
) -> Standing:
    """Return how a model stands beside the best one."""
    own = done[done["model"] == name]
    gap, error, reach, repeats = gap_to(name, cells, best, top, test)
    loss = level * np.exp(gap) if np.isfinite(gap) else float("nan")
    values = cells[name][top].dropna().to_numpy() if top in cells[name] else np.array([])
    spread = test.reach(leave_one_out_means(values[None, :]))[0] if len(values) > 1 else float("nan")
    wins, of = counted_wins(name, cells, measured, top)
    at_top = own[own["n_train"] == own["n_train"].max()]
    return Standing(
        model=name,
        title=title(name),
        family=str(own["family"].iloc[0]),
        loss=loss,
        low=max(0.0, loss - spread),
        high=loss + spread,
        repeats=repeats,
        gap=gap,
        gap_low=gap - reach,
        gap_high=gap + reach,
        gap_error=error,
        wins=wins,
        of=of,
        course=course_of(name, own, chained(cells[name], loss, top)),
        fit_seconds=float(at_top["fit_cpu_seconds"].mean()),
        predict_ms=float((at_top["predict_seconds"] / at_top["n_test"]).mean() * 1e6),
        n_parameters=float(at_top["n_parameters"].mean()),
        note=note,
    )


def gap_to(
    name: str, cells: Mapping[str, pd.DataFrame], best: str, top: int, test: RepeatTest
) -> tuple[float, float, float, int]:
    """Return the log ratio of two losses on the same repeats, its error, its reach and the repeats."""
    if top not in cells[name]:
        return float("nan"), float("nan"), float("nan"), 0
    both = pd.concat([cells[name][top], cells[best][top]], axis=1, keys=["own", "best"]).dropna()
    if not len(both):
        return float("nan"), float("nan"), float("nan"), 0
    means = leave_one_out_means(both.to_numpy().T)  # rows: all repeats, then all but one; columns: the two
    gaps = np.array([log_ratio(own, other) for own, other in means])[:, None]
    if len(both) < 2:
        return float(gaps[0, 0]), float("nan"), float("nan"), 1
    return float(gaps[0, 0]), float(test.standard_error(gaps)[0]), float(test.reach(gaps)[0]), len(both)


def counted_wins(
    name: str, cells: Mapping[str, pd.DataFrame], measured: Sequence[str], top: int
) -> tuple[int, int]:
    """Return in how many repeats a model is best, of those in which all measured models take part."""
    both = pd.concat({each: cells[each][top] for each in measured}, axis=1).dropna()
    if name not in both or not len(both):
        return 0, 0
    return int((both.idxmin(axis=1) == name).sum()), len(both)


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


def with_probabilities(found: Findings) -> Findings:
    """Return findings with the probability of each model to be the best, now and at twice the rows."""
    known = [each for each in found.standings if each.is_measured]
    now = draws_now(known)
    steps = np.array([doubled_step(found, each) for each in known])
    rng = np.random.default_rng(1)
    double = now + steps[:, :1] + steps[:, 1:] * rng.standard_normal(now.shape)
    at_now, at_double = winners(now), winners(double)
    shares = {each.model: (at_now[i], at_double[i]) for i, each in enumerate(known)}
    standings = tuple(
        replace(each, p_now=float(shares[each.model][0]), p_double=float(shares[each.model][1]))
        if each.model in shares
        else each
        for each in found.standings
    )
    return replace(found, standings=standings)


def draws_now(known: Sequence[Standing]) -> np.ndarray:
    """Return draws of the log losses relative to the best model, shape (models, draws).

    A difference to the best model has Student's t with its standard error. Two differences to the same model
    correlate by one half. A model with one repeat has no standard error; its rivals' largest stands for it.
    """
    rng = np.random.default_rng(0)
    errors = np.array([each.gap_error for each in known[1:]])
    usual = np.nanmax(errors) if np.isfinite(errors).any() else 0.1
    common = rng.standard_normal(DRAWS)
    rows = [np.zeros(DRAWS)]
    for each, error in zip(known[1:], np.where(np.isfinite(errors), errors, usual), strict=True):
        own = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * rng.standard_normal(DRAWS)
        freedom = max(1, each.repeats - 1)
        heavy = own / np.sqrt(rng.chisquare(freedom, DRAWS) / freedom)
        rows.append(each.gap + error * heavy)
    return np.array(rows)


def doubled_step(found: Findings, model: Standing) -> tuple[float, float]:
    """Return the forecast change of the log loss to twice the rows, and its standard deviation."""
    (then,) = found.at(model, found.targets[1:2])
    spread = log_ratio(then.high, then.low) / (2 * _forecast.WIDE) if then.loss else 0.0
    return log_ratio(then.loss, model.curve[-1][1]), spread


def winners(draws: np.ndarray) -> np.ndarray:
    """Return the share of the draws in which each row is the lowest."""
    return np.bincount(draws.argmin(axis=0), minlength=len(draws)) / draws.shape[1]
