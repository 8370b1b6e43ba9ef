"""Learn and test the constants of the extrapolation, from published learning curves.

- `python scripts/calibrate_extrapolation.py` writes the constants and prints the tables.
- `python scripts/calibrate_extrapolation.py --tables` only prints the tables of the shipped constants.
- `python scripts/calibrate_extrapolation.py --no-tables` only writes the constants.
- `python scripts/calibrate_extrapolation.py --sample FILE` only writes the small sample that the tests use.

The constants are those of fuelgauge.claims.statistics.continuation.

The curves come from LCDB (Mohr, Viering, Loog, van Rijn: LCDB 1.0, ECML PKDD 2022; MIT licence; package
lcdb 0.1.0): error rates of 20 learners on 248 datasets. A third of the datasets is held out for testing, and
only the tables use it. The run takes some minutes on one core. It is deterministic: the same versions of the
numeric libraries write the same bytes on the same kind of processor.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import cast

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit
from torch import nn

from fuelgauge import paths
from fuelgauge.claims.statistics import continuation as model
from fuelgauge.claims.statistics.extrapolate import extrapolate
from fuelgauge.claims.statistics.formulas import FAMILIES, fit_family
from fuelgauge.data.sources.archive import Archive, fetch, read_member

Array = NDArray[np.float64]
Starts = list[tuple[float, ...]]

LCDB = Archive(
    package="lcdb",
    version="0.1.0",
    file="lcdb-0.1.0.tar.gz",
    sha256="450ea69b249866298653f718d66a825e3d19a4024dd4ff140b89f2e04d4777ae",
)
MEMBER = "lcdb-0.1.0/lcdb/database-accuracy.csv"
SEED = 20261122
TEST_SHARE = 1 / 3
SHARES = (0.05, 0.1, 0.25, 0.5)
ROUNDS_AT_SHARES = 3
ROUNDS_ANYWHERE = 4
REPEATS = ("all", "all", 5, 1)
PUBLISHED_GRID = 2
GRIDS = (1, 2, 2, 3, 4, 6, 8)
RESOLUTION = 1e-4
FOLDS = 4
HIDDEN = 8
HIDDEN_SCALE = 6
EPOCHS = 30
EPOCHS_SCALE = 20
BATCH = 512
LEVEL = 0.9
MISS_PRICE = 2 / (1 - LEVEL)
PROBABILITIES = np.round(np.concatenate([[0.005], np.arange(0.01, 1.0, 0.01), [0.995]]), 3)
DECIMALS = 4
BOOTSTRAP_QUESTIONS = 120
BOOTSTRAP_DRAWS = 30
RIVALS = ("last value", "POW3", "POW4", "MMF4")
TARGET = 0.55
NOISE_DRAWS = 100
FEW_LEARNERS = ("RandomForestClassifier", "LogisticRegression", "MLPClassifier")
PLAIN_WEIGHTS = np.linspace(0, 1.5, 61)
# The published formulas (fuelgauge.claims.statistics.formulas), in the form for a fit without bounds.
ORDINARY: dict[str, Callable[..., Array]] = {
    "POW3": lambda n, a, c, b: a * n**-b + c,
    "POW4": lambda n, a, c, b, d: a * (n + d) ** -b + c,
    "MMF4": lambda n, a, b, c, d: (a * b + c * n**d) / (b + n**d),
}


@dataclass(frozen=True)
class Curve:
    """A published learning curve.

    Attributes
    ----------
    dataset
        OpenML number of the dataset.
    learner
        Name of the learner.
    n
        Numbers of training rows, shape (anchors,).
    losses
        Losses, shape (anchors, repeats); NaN where a repeat lacks an anchor.
    """

    dataset: int
    learner: str
    n: Array
    losses: Array


@dataclass(frozen=True)
class Question:
    """The part of a curve that a method sees, and the loss that it has to predict.

    Attributes
    ----------
    curve
        Curve with the repeats that were drawn.
    share
        Share of the curve's largest n that is shown, between 0 and 1; NaN for a random place.
    grid
        Number of shown anchors per octave, that is per doubling of n.
    repeats
        Number of repeats drawn, or `all`.
    n, loss
        Anchors and mean losses that are shown, shape (anchors shown,).
    n_target
        Number of training rows that the question asks about.
    truth
        Mean loss at `n_target`.
    """

    curve: Curve
    share: float
    grid: int
    repeats: str
    n: Array
    loss: Array
    n_target: float
    truth: float


@dataclass(frozen=True)
class Lessons:
    """Questions as arrays with one row per question; log losses are relative to the last one shown.

    Attributes
    ----------
    dataset
        OpenML number of the dataset.
    short
        Whether the question shows too few anchors for a shape.
    inputs
        Inputs of the layers, standardised and clipped.
    terms
        Terms that the layers weigh.
    ahead
        Number of doublings from the last anchor shown to the target.
    worst
        Largest log loss shown.
    answer
        Log loss to predict.
    """

    dataset: Array
    short: NDArray[np.bool_]
    inputs: Array
    terms: Array
    ahead: Array
    worst: Array
    answer: Array

    def of(self, rows: NDArray[np.bool_]) -> Lessons:
        """Return the lessons of some rows."""
        return Lessons(
            self.dataset[rows],
            self.short[rows],
            self.inputs[rows],
            self.terms[rows],
            self.ahead[rows],
            self.worst[rows],
            self.answer[rows],
        )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--archives", type=Path, default=paths.ARCHIVES, help="folder for the downloaded archive"
    )
    parser.add_argument("--out", type=Path, default=model.CONSTANTS, help="file for the constants")
    parser.add_argument(
        "--tables", action="store_true", help="only print the tables of the shipped constants"
    )
    parser.add_argument("--no-tables", action="store_true", help="only write the constants")
    parser.add_argument(
        "--sample", type=Path, help="file for a small sample of held-out curves; writes nothing else"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
    learn, test = split(read_curves(arguments.archives))
    if arguments.sample:
        write_sample(test, arguments.sample)
        return
    if not arguments.tables:
        write_constants(calibrate(learn), arguments.out)
        model.constants.cache_clear()
    if not arguments.no_tables:
        print_tables(learn, test)


def read_curves(archives: Path) -> list[Curve]:
    """Return all curves of LCDB, with error rates on its test sets as losses."""
    table = pd.read_csv(BytesIO(read_member(fetch(LCDB, archives), MEMBER)))
    table["loss"] = 1 - table["score_test"]
    curves = []
    for key, rows in table.groupby(["openmlid", "learner"], sort=True):
        dataset, learner = cast("tuple[int, str]", key)
        grid = rows.pivot_table(index="size_train", columns=["outer_seed", "inner_seed"], values="loss")
        losses = np.maximum(grid.to_numpy(dtype=float).round(4), 0.0)
        curves.append(Curve(dataset, learner, grid.index.to_numpy(dtype=float), losses))
    return curves


def split(curves: list[Curve]) -> tuple[list[Curve], list[Curve]]:
    """Return the curves for learning and those for testing; no dataset is in both."""
    apart = held_out(np.array([curve.dataset for curve in curves]))
    learn = [curve for curve in curves if curve.dataset not in apart]
    return learn, [curve for curve in curves if curve.dataset in apart]


def held_out(datasets: NDArray[np.int_]) -> set[int]:
    """Return the OpenML numbers of the datasets that nothing is learned from."""
    shuffled = np.random.default_rng(SEED).permutation(np.unique(datasets))
    return set(shuffled[: round(TEST_SHARE * len(shuffled))].tolist())


# ---- questions ----


def ask_at_random(curves: Iterable[Curve]) -> Iterator[Question]:
    """Yield questions about the end of each curve or a random place in it, on random grids and repeats."""
    rng = np.random.default_rng(SEED)
    rounds = [*SHARES] * ROUNDS_AT_SHARES + [np.nan] * ROUNDS_ANYWHERE
    for curve in curves:
        for share in rounds:
            repeats = REPEATS[rng.integers(len(REPEATS))]
            seen = draw_repeats(curve, repeats, rng)
            if len(seen.n) < 2:
                continue
            question = ask(seen, share, int(rng.choice(GRIDS)), str(repeats), rng)
            if question is not None:
                yield question


def draw_repeats(curve: Curve, repeats: str | int, rng: np.random.Generator) -> Curve:
    """Return a curve with some of its repeats, at the anchors that these repeats have."""
    losses = curve.losses
    if not isinstance(repeats, str) and repeats < losses.shape[1]:
        losses = losses[:, rng.choice(losses.shape[1], repeats, replace=False)]
    measured = np.isfinite(losses).any(axis=1)
    return Curve(curve.dataset, curve.learner, curve.n[measured], losses[measured])


def ask(curve: Curve, share: float, grid: int, repeats: str, rng: np.random.Generator) -> Question | None:
    """Return a question about a curve; None if the curve does not allow it.

    The question shows a share of the curve's rows and asks about its last anchor. With NaN as the share, it
    shows a random number of anchors and asks about a random later one.
    """
    shown, target = _cut(curve, share, rng)
    if shown < 1:
        return None
    last = float(curve.n[shown - 1])
    if grid > PUBLISHED_GRID and share > 0 and rng.random() < 0.5:
        last = share * float(curve.n[-1])
    n, loss = show(curve, shown, last, grid, rng)
    truth = float(np.nanmean(curve.losses[target]))
    if not (loss > 0).any() or truth <= 0:
        return None
    return Question(curve, share, grid, repeats, n, loss, float(curve.n[target]), truth)


def _cut(curve: Curve, share: float, rng: np.random.Generator) -> tuple[int, int]:
    """Return the number of anchors shown, and the index of the target anchor."""
    if np.isnan(share):
        shown = int(rng.integers(1, len(curve.n)))
        return shown, int(rng.integers(shown, len(curve.n)))
    return int((curve.n <= share * curve.n[-1]).sum()), len(curve.n) - 1


def show(curve: Curve, shown: int, last: float, grid: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return anchors and mean losses on a grid of anchors per octave, thinner or denser than published."""
    means = np.nanmean(curve.losses, axis=1)
    if grid == PUBLISHED_GRID:
        return curve.n[:shown], means[:shown]
    if grid < PUBLISHED_GRID:
        kept = np.arange(shown)[:: -PUBLISHED_GRID // grid][::-1]
        return curve.n[kept], means[kept]
    anchors = last / 2 ** np.arange(0, np.log2(last / curve.n[0]) + 1e-9, 1 / grid)[::-1]
    if rng.random() < 0.5:
        return anchors, np.interp(np.log(anchors), np.log(curve.n), means)
    return anchors, _measure_anew(curve, anchors, means, rng)


def _measure_anew(curve: Curve, anchors: Array, means: Array, rng: np.random.Generator) -> Array:
    """Return interpolated losses with new noise: each anchor averages its own random draw of the repeats."""
    repeats = curve.losses.shape[1]
    drawn = rng.integers(repeats, size=(len(anchors), repeats))
    right = np.clip(np.searchsorted(curve.n, anchors), 1, len(curve.n) - 1)
    weight = np.log(anchors / curve.n[right - 1]) / np.log(curve.n[right] / curve.n[right - 1])
    before, after = (np.nanmean(curve.losses[at[:, None], drawn], axis=1) for at in (right - 1, right))
    losses = before * (1 - weight) + after * weight
    plain = np.interp(np.log(anchors), np.log(curve.n), means)
    return np.where(np.isfinite(losses), np.maximum(losses, 0.0), plain)


# ---- learning ----


def calibrate(curves: list[Curve]) -> dict[str, Array]:
    """Learn the constants from some curves; return them by name."""
    questions = list(ask_at_random(curves))
    raw = np.array([model.shape_inputs(model.describe(q.n, q.loss)) for q in questions])
    mean, spread = raw.mean(axis=0).round(DECIMALS), raw.std(axis=0).round(DECIMALS)
    far = model.FARTHEST_INPUT
    lessons = as_lessons(questions, np.clip((raw - mean) / spread, -far, far))
    centre, scale = learn(lessons)
    scores = cross_fitted_scores(lessons)
    return {
        "input_mean": mean,
        "input_spread": spread,
        **layers(centre, "hidden", "term"),
        **layers(scale, "scale_hidden", "scale"),
        "probabilities": PROBABILITIES,
        "score_quantiles": np.quantile(scores[~lessons.short], PROBABILITIES),
        "score_quantiles_short": np.quantile(scores[lessons.short], PROBABILITIES),
    }


def as_lessons(questions: list[Question], inputs: Array) -> Lessons:
    """Return the questions as arrays."""
    ahead = np.array([np.log2(q.n_target / q.n[-1]) for q in questions])
    shapes = [model.describe(q.n, q.loss) for q in questions]
    starts = np.array([model.log_losses(q.loss)[-1] for q in questions])
    truths = np.log(np.maximum([q.truth for q in questions], RESOLUTION))
    return Lessons(
        dataset=np.array([q.curve.dataset for q in questions], dtype=float),
        short=np.array([len(q.n) < model.SHORTEST_CURVE for q in questions]),
        inputs=inputs,
        terms=np.array([model.terms(shape, ahead[[i]])[0] for i, shape in enumerate(shapes)]),
        ahead=ahead,
        worst=np.array([-shape.fall for shape in shapes]),
        answer=truths - starts,
    )


def learn(lessons: Lessons) -> tuple[nn.Sequential, nn.Sequential]:
    """Train the layers that weigh the terms, then the layers that scale their errors; return both."""
    centre = learn_centre(lessons)
    return centre, learn_scales(lessons, lessons.answer - predict(centre, lessons))


def learn_centre(lessons: Lessons) -> nn.Sequential:
    """Train layers that weigh the terms for the smallest mean absolute error; return them."""
    torch.manual_seed(SEED)
    layers = make_layers(lessons.inputs.shape[1], HIDDEN, lessons.terms.shape[1])
    inputs, terms, answer = map(tensor, (lessons.inputs, lessons.terms, lessons.answer))

    def loss(rows: torch.Tensor) -> torch.Tensor:
        predicted = (layers(inputs[rows]) * terms[rows]).sum(1)
        return nn.functional.smooth_l1_loss(predicted, answer[rows], beta=0.02)

    descend(layers, loss, len(answer), EPOCHS, 1e-2)
    return layers


def learn_scales(lessons: Lessons, errors: Array) -> nn.Sequential:
    """Train layers that scale the 90% intervals for the smallest interval score; return them.

    The score is the width plus a price for each miss (Gneiting and Raftery, JASA 102, 2007).
    """
    torch.manual_seed(SEED)
    layers = make_layers(lessons.inputs.shape[1], HIDDEN_SCALE, 4)
    inputs, error = tensor(lessons.inputs), tensor(errors)
    log_ahead = tensor(np.log(lessons.ahead + model.NEAREST))

    def loss(rows: torch.Tensor) -> torch.Tensor:
        lower, upper = scales(layers, inputs[rows], log_ahead[rows])
        miss = torch.relu(-lower - error[rows]) + torch.relu(error[rows] - upper)
        return (lower + upper + MISS_PRICE * miss).mean()

    descend(layers, loss, len(error), EPOCHS_SCALE, 5e-3)
    return layers


def make_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return layers with one hidden layer, whose outputs are small at the start."""
    last = nn.Linear(hidden, outputs)
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.zero_()
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), last).double()


def descend(
    layers: nn.Module, loss: Callable[[torch.Tensor], torch.Tensor], rows: int, epochs: int, rate: float
) -> None:
    """Train layers to minimise a loss over mini-batches."""
    steps = rows // BATCH
    optimizer = torch.optim.AdamW(layers.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
    for _ in range(epochs):
        for batch in torch.randperm(rows)[: steps * BATCH].split(BATCH):
            optimizer.zero_grad()
            loss(batch).backward()
            optimizer.step()
            schedule.step()


def scales(
    layers: nn.Module, inputs: torch.Tensor, log_ahead: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the lower and upper scales, as fuelgauge.claims.statistics.continuation.scales does."""
    below, above, growth_below, growth_above = layers(inputs).T
    softplus = nn.functional.softplus
    lower = torch.exp(below + softplus(growth_below) * log_ahead)
    return lower, torch.exp(above + softplus(growth_above) * log_ahead)


@torch.no_grad()
def predict(centre: nn.Module, lessons: Lessons) -> Array:
    """Return the predicted log losses, relative to the last one shown."""
    continued = (centre(tensor(lessons.inputs)).numpy() * lessons.terms).sum(axis=1)
    return np.minimum(continued, lessons.worst)


def cross_fitted_scores(lessons: Lessons) -> Array:
    """Return each error divided by its scale, from layers that were trained without its dataset."""
    datasets = np.random.default_rng(SEED).permutation(np.unique(lessons.dataset))
    scores = np.zeros(len(lessons.answer))
    for fold in range(FOLDS):
        left_out = np.isin(lessons.dataset, datasets[fold::FOLDS])
        centre, scale = learn(lessons.of(~left_out))
        scores[left_out] = score(centre, scale, lessons.of(left_out))
    return scores


@torch.no_grad()
def score(centre: nn.Module, scale: nn.Module, lessons: Lessons) -> Array:
    """Return each error divided by its scale."""
    errors = lessons.answer - predict(centre, lessons)
    log_ahead = tensor(np.log(lessons.ahead + model.NEAREST))
    lower, upper = scales(scale, tensor(lessons.inputs), log_ahead)
    return np.asarray(errors / np.where(errors < 0, lower.numpy(), upper.numpy()))


def layers(trained: nn.Sequential, hidden: str, outputs: str) -> dict[str, Array]:
    """Return the weights and biases of trained layers, by the names of the constants."""
    values = [parameter.detach().numpy() for parameter in trained.parameters()]
    names = [f"{hidden}_weight", f"{hidden}_bias", f"{outputs}_weight", f"{outputs}_bias"]
    return dict(zip(names, values, strict=True))


def tensor(values: Array) -> torch.Tensor:
    """Return an array as a tensor of doubles."""
    return torch.tensor(values, dtype=torch.float64)


def write_constants(constants: dict[str, Array], path: Path) -> None:
    """Write the rounded constants, one array per line."""
    source = f"scripts/calibrate_extrapolation.py on {LCDB.package} {LCDB.version}, sha256 {LCDB.sha256}"
    lines = [
        f'  "{name}": {json.dumps(values.round(DECIMALS).tolist())}' for name, values in constants.items()
    ]
    body = ",\n".join(lines)
    path.write_text(f'{{"source": {json.dumps(source)},\n "constants": {{\n{body}\n}}}}\n', encoding="utf-8")


# ---- testing ----


def print_tables(learn: list[Curve], test: list[Curve]) -> None:
    """Print every table of docs/explanation/extrapolation.md."""
    published = all_published(test)
    long = long_enough(published)
    answers = answer_all(long)
    weight = plain_weight(long_enough(all_published(learn)))
    datasets = len({curve.dataset for curve in test})
    print(f"Held out: {datasets} datasets, {len(test)} curves, {len(long)} questions.\n")
    print(f"Mean |ln(predicted/true)|\n\n{error_table(answers)}\n")
    print(f"Our error over that of the others\n\n{ratio_table(answers)}\n")
    print(f"Bounds; the plain slope has the weight {weight:.3f}\n\n{bounds_table(answers, long, weight)}\n")
    print(f"By learner\n\n{learner_table(answers)}\n")
    print(f"Rivals fitted by ordinary least squares\n\n{ordinary_table(answers, long)}\n")
    print(f"By grid and repeats\n\n{variant_table(test)}\n")
    print(f"By number of anchors shown\n\n{length_table(answer_all(published, families=False))}\n")
    print(f"90% intervals\n\n{interval_table(answers, bootstrap_all(long))}\n")


def all_published(curves: list[Curve]) -> list[Question]:
    """Return the questions about some curves, without changes to their grids and repeats."""
    return [question for curve in curves for question in published_questions(curve)]


def long_enough(questions: list[Question]) -> list[Question]:
    """Return the questions that show enough anchors for a shape."""
    return [question for question in questions if len(question.n) >= model.SHORTEST_CURVE]


def published_questions(curve: Curve) -> Iterator[Question]:
    """Yield the four questions about a curve on its own grid, with the mean of all repeats."""
    rng = np.random.default_rng(SEED)
    for share in SHARES:
        question = ask(curve, share, PUBLISHED_GRID, "all", rng)
        if question is not None:
            yield question


def answer_all(questions: list[Question], families: bool = True) -> pd.DataFrame:
    """Return the log losses that all methods predict, and the truth, one row per question."""
    return pd.DataFrame([answer(question, families) for question in questions])


def answer(question: Question, families: bool) -> dict[str, float | int | str]:
    """Return the log losses that all methods predict for one question, and the truth."""
    ours = extrapolate(question.n, question.loss, question.n_target, LEVEL).iloc[0]
    answers: dict[str, float] = {"last value": question.loss[-1], "ours": ours["loss"]}
    for name in FAMILIES if families else ():
        answers[name] = fit_family(name, question.n, question.loss).predict(question.n_target).item()
    answers |= {"lo": ours["loss_lo"], "hi": ours["loss_hi"], "truth": question.truth}
    return {
        "share": question.share,
        "grid": question.grid,
        "repeats": question.repeats,
        "anchors": len(question.n),
        "learner": question.curve.learner.rsplit(".", 1)[-1],
        **{name: float(np.log(max(loss, RESOLUTION))) for name, loss in answers.items()},
    }


def methods(answers: pd.DataFrame) -> list[str]:
    """Return the methods in a table of answers."""
    return [name for name in ("ours", "last value", *FAMILIES) if name in answers]


def errors(answers: pd.DataFrame) -> pd.DataFrame:
    """Return |ln(predicted/true)| of every method."""
    return answers[methods(answers)].sub(answers["truth"], axis=0).abs()


def by_share(values: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Return means by the share of rows shown, and over all questions."""
    means = values.groupby(answers["share"]).mean()
    means.index = pd.Index([f"{share:.0%}" for share in means.index])
    means.loc["all"] = values.mean()
    return means


def error_table(answers: pd.DataFrame) -> str:
    """Return the errors of all methods by share, in Markdown."""
    return markdown(by_share(errors(answers), answers), "shown")


def ratio_table(answers: pd.DataFrame) -> str:
    """Return our error over that of the last value, of each family, and of the best of them, in Markdown."""
    means = by_share(errors(answers), answers)
    others = means.drop(columns="ours")
    ratios = others.rdiv(means["ours"], axis=0)
    ratios["best of all"] = means["ours"] / others.min(axis=1)
    return markdown(ratios, "shown")


def bounds_table(answers: pd.DataFrame, questions: list[Question], weight: float) -> str:
    """Return our error by share, with the target and with errors that show what is possible, in Markdown.

    The noise is that of the repeats. The rival by hindsight is the best rival of each question. The plain
    slope is the rule of `plain_answers`.
    """
    rng = np.random.default_rng(SEED)
    every = errors(answers)
    plain = np.concatenate([plain_answers(question, np.array([weight])) for question in questions])
    columns = {
        "noise": [noise(question, rng) for question in questions],
        "rival by hindsight": every[list(RIVALS)].min(axis=1),
        "ours": every["ours"],
        "plain slope": (answers["truth"] - plain).abs(),
        "last value": every["last value"],
    }
    means = by_share(pd.DataFrame(columns), answers)
    means.insert(0, "target", TARGET * by_share(every[list(RIVALS)], answers).min(axis=1))
    return markdown(means, "shown")


def noise(question: Question, rng: np.random.Generator) -> float:
    """Return the mean |change| of ln(truth / last loss shown) over new draws of the repeats.

    NaN if fewer than two repeats have both anchors.
    """
    ends = question.curve.losses[np.isin(question.curve.n, (question.n[-1], question.n_target))]
    ends = ends[:, np.isfinite(ends).all(axis=0)]
    repeats = ends.shape[1]
    if repeats < 2:
        return float("nan")
    drawn = ends[:, rng.integers(repeats, size=(NOISE_DRAWS, repeats))].mean(axis=2)
    last, truth = np.log(np.maximum(np.column_stack([ends.mean(axis=1), drawn]), RESOLUTION))
    change = truth - last
    return float(np.abs(change[1:] - change[0]).mean())


def plain_weight(questions: list[Question]) -> float:
    """Return the weight of the slope for which the plain rule has the smallest error."""
    answers = np.array([plain_answers(question, PLAIN_WEIGHTS) for question in questions])
    truths = np.log(np.maximum([question.truth for question in questions], RESOLUTION))
    return float(PLAIN_WEIGHTS[np.abs(answers - truths[:, None]).mean(axis=0).argmin()])


def plain_answers(question: Question, weights: Array) -> Array:
    """Return log losses that continue the last value along its slope times a weight, shape (weights,)."""
    shape = model.describe(question.n, question.loss)
    ahead = np.log2(question.n_target / question.n[-1])
    continued = np.minimum(weights * shape.slopes[0] * ahead, -shape.fall)
    return np.asarray(np.maximum(model.log_losses(question.loss)[-1] + continued, np.log(RESOLUTION)))


def interval_columns(truth: pd.Series, lo: pd.Series, hi: pd.Series) -> pd.DataFrame:
    """Return whether each interval covers the truth, and its interval score in log loss."""
    covered = ((lo <= truth) & (truth <= hi)).astype(float)
    missed = (lo - truth).clip(lower=0) + (truth - hi).clip(lower=0)
    return pd.DataFrame({"coverage": covered, "interval score": hi - lo + MISS_PRICE * missed})


def interval_table(answers: pd.DataFrame, bootstrapped: pd.DataFrame) -> str:
    """Return coverage and interval score by share, for us on all questions, for the families on a sample."""
    ours = by_share(interval_columns(answers["truth"], answers["lo"], answers["hi"]), answers)
    parts = [ours.add_prefix("ours, ")]
    for name in FAMILIES:
        lo, hi = bootstrapped[f"{name} lo"], bootstrapped[f"{name} hi"]
        scored = by_share(interval_columns(bootstrapped["truth"], lo, hi), bootstrapped)
        parts.append(scored.add_prefix(f"{name}, "))
    return markdown(pd.concat(parts, axis=1), "shown")


def bootstrap_all(questions: list[Question]) -> pd.DataFrame:
    """Return bootstrap intervals of all families for a random sample of questions."""
    rng = np.random.default_rng(SEED)
    sample = rng.choice(len(questions), min(BOOTSTRAP_QUESTIONS, len(questions)), replace=False)
    return pd.DataFrame([bootstrap(questions[i], rng) for i in np.sort(sample)])


def bootstrap(question: Question, rng: np.random.Generator) -> dict[str, float]:
    """Return the 90% interval of every family, from resampled residuals."""
    row = {"share": question.share, "truth": float(np.log(max(question.truth, RESOLUTION)))}
    for name in FAMILIES:
        fitted = fit_family(name, question.n, question.loss).predict(question.n)
        residuals = question.loss - fitted
        draws = []
        for _ in range(BOOTSTRAP_DRAWS):
            redrawn = np.maximum(fitted + rng.choice(residuals, len(residuals)), 0.0)
            draws.append(fit_family(name, question.n, redrawn).predict(question.n_target).item())
        tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        lo, hi = np.quantile(np.log(np.maximum(draws, RESOLUTION)), tails)
        row |= {f"{name} lo": float(lo), f"{name} hi": float(hi)}
    return row


def learner_table(answers: pd.DataFrame) -> str:
    """Return error, ratio, coverage and interval score by learner, in Markdown."""
    return summary(answers, answers["learner"])


def ordinary_table(answers: pd.DataFrame, questions: list[Question]) -> str:
    """Return the errors of rivals that are fitted by ordinary least squares, and ours over the best of them.

    One row is for all learners, the other for the learners in `FEW_LEARNERS`.
    """
    fitted = pd.DataFrame([ordinary_answers(question) for question in questions])
    bounded = errors(answers)
    ordinary = bounded[["ours", "last value"]].join(fitted.sub(answers["truth"], axis=0).abs())
    few = answers["learner"].isin(FEW_LEARNERS)
    groups = {"all": answers["learner"].notna(), " ".join(FEW_LEARNERS): few}
    table = pd.DataFrame({name: ordinary[rows].mean() for name, rows in groups.items()}).T
    for title, fits in (("ours over the best", ordinary), ("over the best of our fits", bounded)):
        best = [fits[rows][list(RIVALS)].mean().min() for rows in groups.values()]
        table[title] = table["ours"] / best
    return markdown(table, "learners")


def ordinary_answers(question: Question) -> dict[str, float]:
    """Return the log losses of POW3, POW4 and MMF4, fitted by Levenberg and Marquardt without bounds.

    Each formula is fitted from three starts, and the fit with the least squares counts. The last value is the
    answer if no fit ends or if there are fewer anchors than parameters.
    """
    n, loss = question.n, question.loss
    fall = max(loss[0] - loss[-1], 1e-3)
    power: Starts = [
        (fall * n[0] ** 0.5, loss[-1], 0.5),
        (fall * n[0], 0.8 * loss[-1], 1.0),
        (loss[0], 0.0, 0.2),
    ]
    starts: dict[str, Starts] = {
        "POW3": power,
        "POW4": [(*start, 0.0) for start in power],
        "MMF4": [
            (loss[0], n[0], loss[-1], 1.0),
            (loss[0], 50.0, 0.8 * loss[-1], 0.6),
            (loss[0], 5.0, 0.0, 0.5),
        ],
    }
    found = {name: ordinary_fit(ORDINARY[name], question, each) for name, each in starts.items()}
    return {name: float(np.log(max(loss, RESOLUTION))) for name, loss in found.items()}


def ordinary_fit(formula: Callable[..., Array], question: Question, starts: Starts) -> float:
    """Return the prediction of the best of several fits; the last value shown if there is none."""
    best, answer = np.inf, float(question.loss[-1])
    for start in starts if len(question.n) >= len(starts[0]) else ():
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", OptimizeWarning)
            try:
                fitted, _ = curve_fit(formula, question.n, question.loss, p0=start, method="lm", maxfev=5000)
            except RuntimeError:  # the fit did not end
                continue
            squares = float(np.square(formula(question.n, *fitted) - question.loss).sum())
            predicted = float(formula(np.array([question.n_target]), *fitted)[0])
        if squares < best and np.isfinite(predicted):
            best, answer = squares, predicted
    return answer


def length_table(answers: pd.DataFrame) -> str:
    """Return error, ratio, coverage and interval score by the number of anchors shown, in Markdown."""
    bins = pd.cut(answers["anchors"], [0, 1, 2, 3, 5, 10, 40], labels=["1", "2", "3", "4-5", "6-10", "11 up"])
    return summary(answers, bins)


def variant_table(curves: list[Curve]) -> str:
    """Return error, ratio, coverage and interval score by anchors per octave and repeats, in Markdown."""
    rng = np.random.default_rng(SEED)
    questions = []
    for curve in curves:
        for repeats in ("all", 5, 1):
            for grid in (1, 2, 4, 8):
                seen = draw_repeats(curve, repeats, rng)
                question = ask(seen, float(rng.choice(SHARES)), grid, str(repeats), rng)
                if question is not None and len(question.n) >= model.SHORTEST_CURVE:
                    questions.append(question)
    answers = answer_all(questions, families=False)
    return summary(answers, answers["grid"].astype(str) + " an octave, repeats: " + answers["repeats"])


def summary(answers: pd.DataFrame, group: pd.Series) -> str:
    """Return questions, error, ratio to the last value, coverage and interval score by group, in Markdown."""
    scored = pd.concat(
        [errors(answers), interval_columns(answers["truth"], answers["lo"], answers["hi"])], axis=1
    )
    means = scored.groupby(group, observed=True).mean()
    table = means[["ours", "last value"]].copy()
    table["ratio"] = means["ours"] / means["last value"]
    table[["coverage", "interval score"]] = means[["coverage", "interval score"]]
    table.insert(0, "questions", group.value_counts())
    return markdown(table, str(group.name or "curves"))


def markdown(table: pd.DataFrame, corner: str) -> str:
    """Return a table in Markdown, with three decimals."""
    header = [corner, *map(str, table.columns)]
    rows = [
        [str(index), *(str(int(v)) if name == "questions" else f"{v:.3f}" for name, v in row.items())]
        for index, row in table.iterrows()
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows])


# ---- the sample for the tests ----


def write_sample(curves: list[Curve], path: Path, datasets: int = 12) -> None:
    """Write the mean curves of some held-out datasets that have at least a thousand training rows."""
    large = sorted({curve.dataset for curve in curves if curve.n[-1] >= 1000})
    chosen = set(np.random.default_rng(SEED).choice(large, datasets, replace=False).tolist())
    sample = [
        {
            "dataset": curve.dataset,
            "learner": curve.learner,
            "n_train": curve.n.astype(int).tolist(),
            "loss": np.nanmean(curve.losses, axis=1).round(DECIMALS).tolist(),
        }
        for curve in curves
        if curve.dataset in chosen
    ]
    lines = ",\n".join(json.dumps(curve) for curve in sample)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
