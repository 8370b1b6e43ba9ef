"""Compare every model with every other on the same rows: data needed, costs, and crossovers.

Models are compared with models and families with families (column `level`: ``model`` or ``family``). A
family is named ``family:<name>``. A pair is compared on the anchors and repeats that both have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fuelgauge.claims.statistics.crossover import between_anchors, find_crossover
from fuelgauge.claims.statistics.cube import FEWEST_ANCHORS, FIT_SECONDS, LOSS, Cube, shared_cells
from fuelgauge.claims.statistics.curves import ROUNDING, MonotoneCurves, interpolate, isotonic
from fuelgauge.claims.statistics.resample import Floats, RepeatTest, invert, leave_one_out_means

__all__ = [
    "FIRST_ROWS",
    "REACH",
    "Range",
    "compare_models",
    "every_pair",
    "log_slope",
    "prefix_of",
    "shown_orders",
]

FIRST_ROWS = 64
REACH = 4
BATCH_ELEMENTS = 2_000_000
CENSORED = {-1: "below", 0: "", 1: "above"}


@dataclass(frozen=True)
class Range:
    """Numbers of rows at which a pair is compared.

    Attributes
    ----------
    first, last
        Smallest and largest n of a DER; n is at most a quarter of the largest anchor in any case.
    slope_from
        Smallest n of the slopes, and of the ratios of other columns.
    """

    first: float = FIRST_ROWS
    last: float = np.inf
    slope_from: float = FIRST_ROWS


EVERYWHERE = Range()


@dataclass(frozen=True)
class PairBatch:
    """Pairs of one dataset that share their anchors and repeats.

    Attributes
    ----------
    dataset
        Name of the dataset.
    level
        ``model`` or ``family``.
    names
        Names of model A and model B, shape (pairs, 2).
    anchors
        Numbers of training rows, increasing; shape (anchors,).
    loss_a, loss_b
        Losses, shape (pairs, anchors, repeats); NaN wherever the loss of either model is missing.
    further
        Values of A and of B in other columns of the trial table, by column, shaped like the losses. They
        are NaN where a loss is, and may be NaN elsewhere (a fit that shared its process was not timed).
    test_share
        Ratio n_test / n_pool (see `fuelgauge.claims.statistics.resample.correction`); 0 if n_test is unknown.
    """

    dataset: str
    level: str
    names: NDArray[np.object_]
    anchors: Floats
    loss_a: Floats
    loss_b: Floats
    further: Mapping[str, tuple[Floats, Floats]]
    test_share: float


def every_pair(cube: Cube) -> Iterable[tuple[str, str]]:
    """Return all ordered pairs of the models of a cube."""
    return permutations(cube.models, 2)


def compare_models(
    cubes_of_trials: Sequence[Cube],
    datasets: pd.DataFrame,
    level: float = 0.95,
    wanted: Callable[[Cube], Iterable[tuple[str, str]]] = every_pair,
    rows: Range = EVERYWHERE,
) -> tuple[pd.DataFrame, list[str]]:
    """Compare every model with every other, and every family with every other, in both orders.

    Parameters
    ----------
    cubes_of_trials
        Cubes of all datasets; see `fuelgauge.claims.statistics.cube.cubes`.
    datasets
        Facts about the datasets, indexed by dataset, with the column test_share (see `PairBatch`).
    level
        Confidence level of all intervals, between 0 and 1.
    wanted
        Function that returns the pairs of model A and model B of a cube that are compared.
    rows
        Numbers of rows at which they are compared.

    Returns
    -------
    pairs
        One row per dataset, ordered pair and common anchor n, with the columns dataset, level, model_a,
        model_b, n and those of `compare`.
    warnings
        One sentence on pairs that could not be compared.
    """
    tables, skipped = [], 0
    test_shares = datasets["test_share"].to_dict()
    for cube in cubes_of_trials:
        groups, n_skipped = _groups(cube, wanted(cube))
        skipped += n_skipped
        test_share = test_shares[cube.dataset]
        batches = [batch for group in groups for batch in _batches(cube, group, test_share)]
        tables += [compare(batch, level, rows) for batch in batches]
    warnings = [f"{skipped} pairs share fewer than two anchors and are left out."] if skipped else []
    return (pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)), warnings


def shown_orders(
    cubes_of_trials: Sequence[Cube],
    datasets: pd.DataFrame,
    level: float,
    wanted: Callable[[Cube], Iterable[tuple[str, str]]],
) -> pd.DataFrame:
    """Return only which curve of each pair is shown to be better at each n.

    The parameters are those of `compare_models`, and the result has its columns dataset, model_a, model_b, n
    and better.
    """
    tables = []
    for cube in cubes_of_trials:
        test = RepeatTest(level, float(datasets["test_share"][cube.dataset]))
        for group in _groups(cube, wanted(cube))[0]:
            tables += [_orders(batch, test) for batch in _batches(cube, group, test.test_share)]
    columns = ["dataset", "model_a", "model_b", "n", "better"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _orders(batch: PairBatch, test: RepeatTest) -> pd.DataFrame:
    curves = [isotonic(leave_one_out_means(loss)) for loss in (batch.loss_a, batch.loss_b)]
    falling_a, falling_b = (MonotoneCurves(batch.anchors, curve) for curve in curves)
    better = _crossovers(falling_a, falling_b, test)["better"]
    return pd.DataFrame({**_keys(batch), "better": better.ravel()})


@dataclass(frozen=True)
class _Group:
    """Ordered pairs (rows of two model numbers) that share their anchors and repeats (masks)."""

    pairs: NDArray[np.int_]
    anchors: NDArray[np.bool_]
    repeats: NDArray[np.bool_]


def _groups(cube: Cube, wanted: Iterable[tuple[str, str]]) -> tuple[list[_Group], int]:
    """Group the ordered pairs by shared anchors and repeats; count the unordered pairs that share too few."""
    places = {name: place for place, name in enumerate(cube.models)}
    found: dict[bytes, tuple[list[tuple[int, int]], NDArray[np.bool_], NDArray[np.bool_]]] = {}
    skipped = 0
    for a, b in ((places[name_a], places[name_b]) for name_a, name_b in wanted):
        anchors, repeats = shared_cells(np.isfinite(cube.loss[a]) & np.isfinite(cube.loss[b]))
        if anchors.sum() < FEWEST_ANCHORS:
            skipped += 1
            continue
        key = anchors.tobytes() + repeats.tobytes()
        found.setdefault(key, ([], anchors, repeats))[0].append((a, b))
    groups = [_Group(np.array(pairs), anchors, repeats) for pairs, anchors, repeats in found.values()]
    return groups, skipped // 2


def _batches(cube: Cube, group: _Group, test_share: float) -> Iterator[PairBatch]:
    """Split a group so that the largest array of a batch, pairs x replicates x anchors^2, stays small."""
    grid = np.ix_(group.anchors, group.repeats)
    elements_a_pair = int((group.repeats.sum() + 1) * group.anchors.sum() ** 2)
    n_batches = -(-len(group.pairs) * elements_a_pair // BATCH_ELEMENTS)
    for pairs in np.array_split(group.pairs, n_batches):
        a, b = pairs.T
        missing = np.isnan(cube.loss[a][:, *grid]) | np.isnan(cube.loss[b][:, *grid])
        both = {
            column: (
                np.where(missing, np.nan, values[a][:, *grid]),
                np.where(missing, np.nan, values[b][:, *grid]),
            )
            for column, values in cube.values.items()
        }
        loss_a, loss_b = both.pop(LOSS)
        yield PairBatch(
            cube.dataset,
            cube.level,
            names=cube.models[pairs],
            anchors=cube.anchors[group.anchors],
            loss_a=loss_a,
            loss_b=loss_b,
            further=both,
            test_share=test_share,
        )


def compare(batch: PairBatch, level: float = 0.95, rows: Range = EVERYWHERE) -> pd.DataFrame:
    """Compare the pairs of a batch (docs/explanation/statistics.md states every formula).

    Parameters
    ----------
    batch
        Pairs on common anchors.
    level
        Confidence level of all intervals, between 0 and 1.
    rows
        Numbers of rows at which they are compared; the numbers below are those of `EVERYWHERE`.

    Returns
    -------
    One row per pair and anchor n.

    repeats
        Number of repeats that both models have.
    der, der_lo, der_hi, censored
        Data-efficiency ratio DER(n), at 64 <= n <= n_max / 4 only. It is a bound where censored is ``above``
        (A does not reach the loss of B) or ``below`` (A has it at its first anchor already). For an open
        interval der_hi is infinite or der_lo is 0.
    der_median, der_median_lo, der_median_hi, der_median_censored
        Median of DER(n) over these n, equal on all rows of the pair.
    slope, slope_lo, slope_hi, p_value
        Slope of ln(L_A / L_B) per doubling, from 64 rows up, and the p value of its test against 0.
    better
        Curve that is shown to be better at n: ``a``, ``b``, or an empty text for neither.
    crossover, crossover_lo, crossover_hi, crossover_kind, crossover_above
        Crossover of the two curves; see `fuelgauge.claims.statistics.crossover.Crossover`.
    loss_ratio, loss_ratio_lo, loss_ratio_hi
        Mean loss of A over that of B at n rows each.
    time_ratio, time_ratio_at_equal_loss
        Mean fit_seconds of A over that of B at n rows each. At equal loss, A gets the rows that it needs to
        reach the loss of B at n; NaN where DER(n) is censored or missing.
    time_median, time_median_lo, time_median_hi, time_slope, time_slope_lo, time_slope_hi
        Median of time_ratio over n >= 64, and the slope of its logarithm per doubling.

    For every other column of the batch there are eight columns of this last kind. Their names begin with the
    name of the column instead of ``time``. Their intervals take repeats as independent, except for columns
    that are measured on rows that repeats share; see `is_scored`.
    """
    curve_a, curve_b = leave_one_out_means(batch.loss_a), leave_one_out_means(batch.loss_b)
    falling_a, falling_b = (MonotoneCurves(batch.anchors, isotonic(curve)) for curve in (curve_a, curve_b))
    of_losses, of_costs = RepeatTest(level, batch.test_share), RepeatTest(level)
    columns = {
        **_data_efficiency(falling_a, falling_b, of_losses, rows),
        **_median_efficiency(falling_a, falling_b, of_losses, rows),
        **_slopes(batch.anchors, curve_a, curve_b, of_losses, rows.slope_from),
        **_crossovers(falling_a, falling_b, of_losses),
        **_loss_ratios(curve_a, curve_b, of_losses),
    }
    unknown = np.full(batch.loss_a.shape, np.nan)
    for column, values in {FIT_SECONDS: (unknown, unknown), **batch.further}.items():
        test = of_losses if is_scored(column) else of_costs
        columns |= _column_ratios(batch.anchors, column, values, columns, test, rows.slope_from)
    columns["repeats"] = np.full(len(batch.names), float(batch.loss_a.shape[-1]))
    return _long(batch, columns)


def prefix_of(column: str) -> str:
    """Return the prefix of the columns of the pair table that compare a column of the trial table."""
    return "time" if column == FIT_SECONDS else column


def is_scored(column: str) -> bool:
    """Tell whether a column is measured on validation or test rows, which repeats may share."""
    return column in (LOSS, "val_loss", "score") or column.startswith("metric_")


def relative_gap(loss_a: Floats, loss_b: Floats) -> Floats:
    """Return (L_A - L_B) / (L_A + L_B), which is tanh(ln(L_A / L_B) / 2) and 0 where both are zero.

    Every test of one curve against the other uses this scale. It is half the log ratio where the curves are
    close, and it allows a loss of zero.
    """
    total = loss_a + loss_b
    return np.divide(loss_a - loss_b, total, out=np.zeros_like(total), where=total > 0)


def is_readable(anchors: Floats, rows: Range = EVERYWHERE) -> NDArray[np.bool_]:
    """Return a mask of the anchors with a DER: from 64 rows up to a quarter of the largest anchor."""
    return np.asarray((anchors >= rows.first) & (anchors <= min(anchors[-1] / REACH, rows.last)))


def _data_efficiency(
    curves_a: MonotoneCurves, curves_b: MonotoneCurves, test: RepeatTest, rows_of: Range
) -> dict[str, Floats]:
    anchors, readable = curves_a.anchors, is_readable(curves_a.anchors, rows_of)
    n, targets = anchors[readable], curves_b.loss[..., readable]
    rows, censored = _rows_to_reach(curves_a, targets, readable)

    def gap(log_rows: Floats) -> Floats:
        return relative_gap(curves_a.at(np.exp(log_rows)[:, None, :]), targets)

    ends = np.log(anchors[[0, -1]])[:, None, None] + np.zeros_like(rows)
    lower, upper = invert(gap, np.log(rows), ends[0], ends[1], test)
    found = {
        "der": rows / n,
        "der_lo": np.exp(lower) / n,
        "der_hi": np.exp(upper) / n,
        "censored": censored.astype(float),
    }
    return {name: _at(readable, values) for name, values in found.items()}


def _rows_to_reach(
    curves_a: MonotoneCurves, targets: Floats, readable: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.int8]]:
    """Return the rows that A needs to reach the loss of B at each readable n; n itself where they tie."""
    loss_a, targets = curves_a.loss[:, 0], targets[:, 0]
    rows, censored = MonotoneCurves(curves_a.anchors, loss_a).rows_needed(targets)
    tie = np.isclose(loss_a[:, readable], targets, rtol=ROUNDING, atol=0.0)
    return np.where(tie, curves_a.anchors[readable], rows), np.where(tie, np.int8(0), censored)


def _at(readable: NDArray[np.bool_], values: Floats) -> Floats:
    everywhere = np.full((len(values), len(readable)), np.nan)
    everywhere[:, readable] = values
    return everywhere


def _median_efficiency(
    curves_a: MonotoneCurves, curves_b: MonotoneCurves, test: RepeatTest, rows_of: Range
) -> dict[str, Floats]:
    anchors, readable = curves_a.anchors, is_readable(curves_a.anchors, rows_of)
    names = ("der_median", "der_median_lo", "der_median_hi", "der_median_censored")
    if not readable.any():
        return {name: np.full(len(curves_a.loss), np.nan) for name in names}
    n, targets = anchors[readable], curves_b.loss[..., readable]
    rows, censored = _rows_to_reach(curves_a, targets, readable)
    estimate, side = _censored_median(np.log(rows / n), censored)

    lowest = np.full((len(rows), 1), np.log(anchors[0] / n[-1]))
    highest = np.full((len(rows), 1), np.log(anchors[-1] / n[0]))

    def median_gap(log_ratio: Floats) -> Floats:
        gaps = relative_gap(curves_a.at(np.exp(log_ratio)[:, None, :] * n), targets)
        scaled = _in_log_rows(gaps, np.log(rows / n) - log_ratio, censored, log_ratio < estimate[:, None])
        return np.median(scaled, axis=-1, keepdims=True)

    lower, upper = invert(median_gap, estimate[:, None], lowest, highest, test)
    lower, upper, tells = lower[:, 0], upper[:, 0], len(targets[0]) > 2  # one repeat has no interval
    lower = np.where((side < 0) & tells, -np.inf, lower)
    upper = np.where((side > 0) & tells, np.inf, upper)
    values = (np.exp(estimate), np.exp(lower), np.exp(upper), side)
    return dict(zip(names, values, strict=True))


def _in_log_rows(
    gaps: Floats, distance: Floats, censored: NDArray[np.int8], is_below: NDArray[np.bool_]
) -> Floats:
    """Scale the gaps so that those over all repeats are as large as the distance to the ratio, in log rows.

    A censored ratio is at least as far away as its bound, and on the same side. Where A has reached the loss
    of B and both stay equal, a ratio has passed (`distance` is negative) but there is no gap. Below the
    median (`is_below`) it counts as passed, above the median it does not, so that neither end moves inwards.
    """
    of_all, size = np.abs(gaps[:, 0]), np.where(distance * censored < 0, 0.0, np.abs(distance))
    shows = of_all > ROUNDING
    scale = np.divide(size, of_all, out=np.ones_like(of_all), where=shows)
    passed = np.where(is_below & ~shows, np.minimum(distance, 0.0), 0.0)
    return gaps * scale[:, None, :] + passed[:, None, :]


def _censored_median(log_ratio: Floats, censored: NDArray[np.int8]) -> tuple[Floats, Floats]:
    """Return the median over n and the side on which it is censored; then it is the median of the bounds."""
    placed = np.select([censored > 0, censored < 0], [np.inf, -np.inf], log_ratio)
    with np.errstate(invalid="ignore"):
        median = np.median(placed, axis=-1)
    bound = np.median(log_ratio, axis=-1)
    return np.where(np.isfinite(median), median, bound), np.where(np.isinf(median), np.sign(median), 0.0)


def _slopes(
    anchors: Floats, curve_a: Floats, curve_b: Floats, test: RepeatTest, first: float
) -> dict[str, Floats]:
    from_first = anchors >= first
    curve_a, curve_b = curve_a[..., from_first], curve_b[..., from_first]
    usable = np.all((curve_a > 0) & (curve_b > 0), axis=1, keepdims=True)
    slope = log_slope(anchors[from_first], curve_a, curve_b, usable)
    lower, upper = test.interval(slope)
    found = {"slope": slope[:, 0], "slope_lo": lower, "slope_hi": upper, "p_value": test.p_value(slope)}
    return {name: value[:, 0] for name, value in found.items()}


def log_slope(anchors: Floats, upper: Floats, lower: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Return the least-squares slope of ln(upper / lower) per doubling, shape (pairs, repeats + 1, 1).

    Parameters
    ----------
    anchors
        Numbers of training rows, shape (anchors,).
    upper, lower
        Means over repeats, shape (pairs, repeats + 1, anchors).
    usable
        Mask of the anchors to use, shape (pairs, 1, anchors); a replicate that lacks one of them is NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.where(usable, np.log(upper / lower), 0.0)
    weight = usable.astype(float)
    count = weight.sum(axis=-1, keepdims=True)
    x = np.log2(anchors) * weight
    x = weight * (x - x.sum(axis=-1, keepdims=True) / np.maximum(count, 1))
    spread = np.sum(x**2, axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count >= 2, np.sum(x * y, axis=-1, keepdims=True) / spread, np.nan)


def _loss_ratios(curve_a: Floats, curve_b: Floats, test: RepeatTest) -> dict[str, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(curve_a / curve_b)
        lower, upper = test.interval(log_ratio)
    values = (log_ratio[:, 0], lower, upper)
    return {f"loss_ratio{end}": np.exp(value) for end, value in zip(("", "_lo", "_hi"), values, strict=True)}


def _crossovers(curves_a: MonotoneCurves, curves_b: MonotoneCurves, test: RepeatTest) -> dict[str, Floats]:
    n = between_anchors(curves_a.anchors)
    found = [find_crossover(n, gaps, test) for gaps in relative_gap(curves_a.at(n), curves_b.at(n))]
    return {
        "crossover": np.array([c.n for c in found]),
        "crossover_lo": np.array([c.lo for c in found]),
        "crossover_hi": np.array([c.hi for c in found]),
        "crossover_kind": np.array([c.kind for c in found], dtype=object),
        "crossover_above": np.array([c.above for c in found], dtype=object),
        "better": np.array([c.better for c in found], dtype=object),
    }


def _column_ratios(
    anchors: Floats,
    column: str,
    values: tuple[Floats, Floats],
    of_losses: Mapping[str, Floats],
    test: RepeatTest,
    first: float,
) -> dict[str, Floats]:
    """Compare the pairs on a column; `of_losses` holds der and censored for the ratio at equal loss."""
    known = np.isfinite(values[0]) & np.isfinite(values[1])
    means = (leave_one_out_means(np.where(known, value, np.nan)) for value in values)
    mean_a, mean_b = (np.where(mean < 0, np.nan, mean) for mean in means)  # no ratio of negative means
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean_a / mean_b
        at_equal_loss = interpolate(anchors, mean_a[:, 0], of_losses["der"] * anchors) / mean_b[:, 0]
    from_first = anchors >= first
    median, lower, upper = _median_ratio(ratio[..., from_first], test)
    mean_a, mean_b = mean_a[..., from_first], mean_b[..., from_first]
    usable = (mean_a > 0)[:, :1] & (mean_b > 0)[:, :1]
    slope = log_slope(anchors[from_first], mean_a, mean_b, usable)
    slope_lo, slope_hi = test.interval(slope)
    found = {
        "ratio": ratio[:, 0],
        "ratio_at_equal_loss": np.where(of_losses["censored"] == 0, at_equal_loss, np.nan),
        "median": median,
        "median_lo": lower,
        "median_hi": upper,
        "slope": slope[:, 0, 0],
        "slope_lo": slope_lo[:, 0],
        "slope_hi": slope_hi[:, 0],
    }
    return {f"{prefix_of(column)}_{name}": value for name, value in found.items()}


def _median_ratio(ratio: Floats, test: RepeatTest) -> tuple[Floats, Floats, Floats]:
    """Return the median ratio over the anchors with a ratio in two repeats or more, and its interval.

    If there is no such anchor, return the median over the anchors with one repeat, without an interval.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(ratio)
    known, complete = np.isfinite(logs[:, :1]), np.isfinite(logs).all(axis=1, keepdims=True)
    known = np.where(complete.any(axis=-1, keepdims=True), complete, known)
    medians = np.ma.median(np.ma.masked_array(logs, np.broadcast_to(~known, logs.shape)), axis=-1)
    incomplete = np.any(known & ~np.isfinite(logs), axis=-1)
    log_median = np.where(incomplete, np.nan, np.ma.filled(medians, np.nan))[..., np.newaxis]
    lower, upper = test.interval(log_median)
    return np.exp(log_median[:, 0, 0]), np.exp(lower[:, 0]), np.exp(upper[:, 0])


COLUMNS = [
    *("dataset", "level", "model_a", "model_b", "n", "der", "der_lo", "der_hi", "censored"),
    *("slope", "slope_lo", "slope_hi", "p_value"),
    *("crossover", "crossover_lo", "crossover_hi", "crossover_kind", "crossover_above", "better"),
    *("time_ratio", "time_ratio_at_equal_loss"),
    *("der_median", "der_median_lo", "der_median_hi", "der_median_censored"),
    *("loss_ratio", "loss_ratio_lo", "loss_ratio_hi"),
    *("time_median", "time_median_lo", "time_median_hi", "time_slope", "time_slope_lo", "time_slope_hi"),
    "repeats",
]


def _long(batch: PairBatch, columns: dict[str, Floats]) -> pd.DataFrame:
    """Return one row per pair and anchor; values of a whole pair are repeated on all of its rows."""
    table, n_anchors = _keys(batch), len(batch.anchors)
    for name, values in columns.items():
        table[name] = values.ravel() if values.ndim == 2 else np.repeat(values, n_anchors)
    for name in ("censored", "der_median_censored"):
        table[name] = pd.Series(table[name]).map(CENSORED)
    return pd.DataFrame(table)[[*COLUMNS, *(name for name in table if name not in COLUMNS)]]


def _keys(batch: PairBatch) -> dict[str, Any]:
    n_pairs, n_anchors = len(batch.names), len(batch.anchors)
    return {
        "dataset": batch.dataset,
        "level": batch.level,
        "model_a": np.repeat(batch.names[:, 0], n_anchors),
        "model_b": np.repeat(batch.names[:, 1], n_anchors),
        "n": np.tile(batch.anchors, n_pairs).astype(np.int64),
    }
