"""Learn and test the forecast that sees training losses and other models, from published learning curves.

- `python scripts/learn_forecast.py` learns, writes the arrays and prints the tables.
- `python scripts/learn_forecast.py --tables` only prints the tables of the shipped arrays.
- `python scripts/learn_forecast.py --no-tables` only writes the arrays.
- `python scripts/learn_forecast.py --other-losses` only prints how the shipped arrays do on other losses.

The arrays are those of fuelgauge.claims.statistics.forecast. The curves are those of
scripts/calibrate_extrapolation.py, and the same datasets are held out: only the tables use them. The run
takes about half an hour on one core.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from io import BytesIO
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import calibrate_extrapolation as shipped
import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import t as student

from fuelgauge import paths
from fuelgauge.claims.statistics import forecast
from fuelgauge.claims.statistics import forecast_best as joint
from fuelgauge.claims.statistics.continuation import SHORTEST_CURVE
from fuelgauge.claims.statistics.extrapolate import answer_all, extrapolate_together
from fuelgauge.claims.statistics.forecast import NARROWEST, Asked, score_cell
from fuelgauge.claims.statistics.forecast_inputs import CONSTANT, KINDS, Sketches, inputs, sketch, stacked
from fuelgauge.claims.statistics.observed import Observed
from fuelgauge.claims.statistics.trees import Trees
from fuelgauge.data.sources.archive import fetch, read_member

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SEED = 20261130
MEMBER = "lcdb-0.1.0/lcdb/database-{}.csv"
SCORES = ("accuracy", "auc")
ABOUT = "lcdb-0.1.0/lcdb/datasets.csv"
KIND_OF = {
    "LogisticRegression": "linear",
    "PassiveAggressiveClassifier": "linear",
    "Perceptron": "linear",
    "RidgeClassifier": "linear",
    "SGDClassifier": "linear",
    "SVC_linear": "linear",
    "SVC_poly": "kernel",
    "SVC_rbf": "kernel",
    "SVC_sigmoid": "kernel",
    "DecisionTreeClassifier": "tree",
    "ExtraTreeClassifier": "tree",
    "RandomForestClassifier": "forest",
    "ExtraTreesClassifier": "forest",
    "GradientBoostingClassifier": "boosted",
    "KNeighborsClassifier": "neighbours",
    "BernoulliNB": "bayes",
    "MultinomialNB": "bayes",
    "LinearDiscriminantAnalysis": "discriminant",
    "QuadraticDiscriminantAnalysis": "discriminant",
    "MLPClassifier": "deep",
}
REPEATS = ("all", "all", 5, 1)
ROUNDS_AT_SHARES = 7
ROUNDS_ANYWHERE = 10
RANDOM_TARGETS = 3
THIN = 0.3
COPIES = 1
FOLDS = 3
FARTHEST_ERROR = 8.0
WEIGHTS = (0.02, 1.5)
PROBABILITIES = shipped.PROBABILITIES
SHOWN_TRAINING = 0.6
SHOWN_KIND = 0.4
SHOWN_CONSTANT = 0.4
OTHER_COMPANIONS = 0.15
MOST_COMPANIONS = (0, 99, 9, 3)
SHARE_OF_COMPANIONS = (0.15, 0.35, 0.4, 0.1)
TREES: dict[str, Any] = {
    "learning_rate": 0.05,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "max_bin": 63,
    "lambda_l2": 1.0,
    "num_threads": 1,
    "verbose": -1,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
}
CENTRE = {"objective": "l1", "num_leaves": 63, "max_depth": 12, "min_data_in_leaf": 200}
TAIL = {"objective": "quantile", "num_leaves": 31, "max_depth": 8, "min_data_in_leaf": 300}
ROUNDS = {"centre": 450, "low": 200, "high": 200}
TAILS = {"low": 0.05, "high": 0.95}
UNLIKE_PART = 0.5
UNLIKE_ROUNDS = {"centre": 150, "low": 100, "high": 100}
CONTESTS = 4000
FARTHEST_PAIR = 1.0
REACHES = (1.0, 3.5)
BOOTSTRAP = 1000
LARGEST_FLOAT = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Dataset:
    """Published results on one dataset.

    Attributes
    ----------
    number
        OpenML number.
    learners
        Names of the learners.
    n
        Numbers of training rows, shape (anchors,).
    test, train
        Error rates on test rows and on training rows, shape (learners, anchors, repeats); NaN where missing.
    constant
        Error rate of the largest class, NaN where it is unknown.
    """

    number: int
    learners: list[str]
    n: Array
    test: Array
    train: Array
    constant: float


@dataclass(frozen=True)
class Scene:
    """All learners of a dataset as they look from one anchor.

    Attributes
    ----------
    dataset
        OpenML number.
    learners
        Names of the learners that have that anchor.
    ahead
        Distances of the targets in octaves, shape (targets,).
    sketches
        Leading shape (learners, targets).
    truth
        Log loss at each target, NaN where it is unknown, shape (learners, targets).
    wanted
        Whether the target is the end of the curve, or one drawn at random; shape (learners, targets).
    constant
        Log loss of the constant predictor, NaN where it is unknown.
    noise
        Standard error of the difference between two log losses at the anchor, shape (learners, learners).
    is_short
        Whether a curve shows too few anchors for a shape, shape (learners,).
    """

    dataset: int
    learners: list[str]
    ahead: Array
    sketches: Sketches
    truth: Array
    wanted: Mask
    constant: float
    noise: Array
    is_short: Mask


@dataclass(frozen=True)
class Lessons:
    """Rows for the trees: one for each curve, target and choice of what is shown.

    Attributes
    ----------
    inputs
        Inputs of the trees, shape (rows, inputs).
    error
        Error of the forecast from the curve alone over its scale, shape (rows,).
    size
        Scale of that error, shape (rows,).
    dataset, kind, cell
        OpenML number, place in KINDS and row of the scores of each row.
    """

    inputs: NDArray[np.float32]
    error: Array
    size: Array
    dataset: NDArray[np.int_]
    kind: NDArray[np.int_]
    cell: NDArray[np.int_]

    def of(self, rows: Mask) -> Lessons:
        """Return the lessons of some rows."""
        return Lessons(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--archives", type=Path, default=paths.ARCHIVES, help="folder for the downloaded archive"
    )
    parser.add_argument("--out", type=Path, default=forecast.ARRAYS, help="file for the arrays")
    parser.add_argument("--tables", action="store_true", help="only print the tables of the shipped arrays")
    parser.add_argument("--no-tables", action="store_true", help="only write the arrays")
    parser.add_argument("--other-losses", action="store_true", help="only print the tables of other losses")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
    datasets = read_datasets(arguments.archives)
    apart = shipped.held_out(np.array([each.number for each in datasets]))
    if arguments.other_losses:
        print_other_losses(arguments.archives, apart)
        return
    if not arguments.tables:
        np.savez_compressed(arguments.out, **learn([each for each in datasets if each.number not in apart]))
        forecast.learned.cache_clear()
    if not arguments.no_tables:
        print_tables([each for each in datasets if each.number in apart])


def read_datasets(archives: Path, metric: str = "accuracy") -> list[Dataset]:
    """Return the published results of all datasets; accuracies and areas count as losses, 1 less them."""
    archive = fetch(shipped.LCDB, archives)
    table = pd.read_csv(BytesIO(read_member(archive, MEMBER.format(metric))))
    if metric in SCORES:
        table[["score_test", "score_train"]] = 1 - table[["score_test", "score_train"]]
    table["learner"] = table["learner"].str.rsplit(".").str[-1]
    table["repeat"] = table["outer_seed"] * 1000 + table["inner_seed"]
    about = pd.read_csv(BytesIO(read_member(archive, ABOUT)), index_col="openmlid")
    constant = 1 - about["MajorityClassSize"] / about["NumberOfInstances"]
    groups = table.groupby("openmlid", sort=True)
    return [_dataset(int(str(number)), rows, float(constant.get(number, np.nan))) for number, rows in groups]


def _dataset(number: int, rows: pd.DataFrame, constant: float) -> Dataset:
    learner, learners = pd.factorize(rows["learner"], sort=True)
    anchor, anchors = pd.factorize(rows["size_train"], sort=True)
    repeat, repeats = pd.factorize(rows["repeat"], sort=True)
    shape = (len(learners), len(anchors), len(repeats))
    test, train = np.full(shape, np.nan), np.full(shape, np.nan)
    for cube, column in ((test, "score_test"), (train, "score_train")):
        cube[learner, anchor, repeat] = np.maximum(rows[column].to_numpy(dtype=float).round(4), 0.0)
    return Dataset(number, list(learners), np.asarray(anchors, dtype=float), test, train, constant)


# ---- scenes ----


def learning_scenes(dataset: Dataset, rng: np.random.Generator) -> Iterator[Scene]:
    """Yield scenes at shares of the dataset's rows and at random anchors. of varying repeats and grids."""
    for share in [*shipped.SHARES] * ROUNDS_AT_SHARES + [np.nan] * ROUNDS_ANYWHERE:
        drawn = draw(dataset, REPEATS[rng.integers(len(REPEATS))], rng)
        last = len(dataset.n) - 1
        shown = rng.integers(last) if np.isnan(share) else (dataset.n <= share * dataset.n[-1]).sum() - 1
        if 0 <= shown < last:
            scene = see(drawn, int(shown), bool(rng.random() < THIN), rng)
            if scene is not None:
                yield scene


def draw(dataset: Dataset, repeats: str | int, rng: np.random.Generator) -> Dataset:
    """Return the results of some repeats, drawn at random."""
    available = dataset.test.shape[2]
    if isinstance(repeats, str) or repeats >= available:
        return dataset
    kept = rng.choice(available, repeats, replace=False)
    return replace(dataset, test=dataset.test[:, :, kept], train=dataset.train[:, :, kept])


def see(dataset: Dataset, shown: int, is_thin: bool, rng: np.random.Generator | None = None) -> Scene | None:
    """Return what is seen from an anchor; None if no learner has it.

    Parameters
    ----------
    dataset
        Results of the repeats to average.
    shown
        Place of the last anchor that is shown.
    is_thin
        Whether every other anchor is left out.
    rng
        Source of the random targets besides the ends of the curves; None for all later anchors.
    """
    test, train = np.nanmean(dataset.test, axis=2), np.nanmean(dataset.train, axis=2)
    ends = np.array([np.flatnonzero(np.isfinite(curve)).max(initial=-1) for curve in test])
    later = np.arange(shown + 1, len(dataset.n))
    few = later if rng is None else rng.choice(later, min(RANDOM_TARGETS, len(later)), replace=False)
    targets = np.union1d(few, ends[ends > shown])
    ahead = np.log2(dataset.n[targets] / dataset.n[shown])
    kept, seen, short = [], [], []
    for place in range(len(test)):
        curve = shown_curve(dataset.n, test[place], train[place], shown, is_thin)
        if curve is not None:
            kept.append(place)
            seen.append(sketch(curve.n, curve.loss, curve.train_loss, ahead))
            short.append(len(curve.n) < SHORTEST_CURVE)
    if not kept:
        return None
    truth = test[kept][:, targets]
    return Scene(
        dataset=dataset.number,
        learners=[dataset.learners[place] for place in kept],
        ahead=ahead,
        sketches=stacked(seen),
        truth=np.where(truth > 0, np.log(np.maximum(truth, shipped.RESOLUTION)), np.nan),
        wanted=np.isin(targets, few) | (targets == ends[kept][:, None]),
        constant=float(np.log(dataset.constant)) if dataset.constant > 0 else np.nan,
        noise=joint.paired_noise(dataset.test[kept, shown]),
        is_short=np.array(short),
    )


def shown_curve(n: Array, loss: Array, train: Array, shown: int, is_thin: bool = False) -> Observed | None:
    """Return a curve up to an anchor; None if it lacks that anchor or is zero until there."""
    if not np.isfinite(loss[shown]):
        return None
    kept = np.flatnonzero(np.isfinite(loss[: shown + 1]))
    kept = kept[(shown - kept) % 2 == 0] if is_thin else kept
    if not loss[kept].any():
        return None
    return Observed(n[kept], loss[kept], train[kept] if np.isfinite(train[kept]).all() else None)


# ---- lessons ----


@dataclass(frozen=True)
class Shown:
    """What is shown of each row: its training loss, its companions, theirs, the constant and its kind.

    Each of shape (rows,), but `companions` of shape (rows, companions).
    """

    training: Mask
    companions: Mask
    their_training: Mask
    constant: Mask
    kind: Mask


def all_lessons(scenes: list[Scene], rng: np.random.Generator, copies: int = COPIES) -> Lessons:
    """Return the lessons of all scenes; each copy shows other inputs."""
    parts = []
    for _ in range(copies):
        for scene in scenes:
            rows = np.argwhere(np.isfinite(scene.truth) & scene.wanted)
            if len(rows):
                parts.append(lessons_of(scene, rows, hide_at_random(len(rows), len(scene.learners), rng)))
    return Lessons(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Lessons)}
    )


def hide_at_random(rows: int, learners: int, rng: np.random.Generator) -> Shown:
    """Return a random choice of what is shown, with no, few, up to nine or all companions."""
    others = max(learners - 1, 1)
    training = rng.random(rows) < SHOWN_TRAINING
    most = rng.choice(MOST_COMPANIONS, rows, p=SHARE_OF_COMPANIONS)
    number = np.where(most > others, others, np.ceil(most * rng.random(rows)))
    companions = rng.random((rows, others)).argsort(axis=1).argsort(axis=1) < number[:, None]
    return Shown(
        training=training,
        companions=companions & (learners > 1),
        their_training=training ^ (rng.random(rows) < OTHER_COMPANIONS),
        constant=rng.random(rows) < SHOWN_CONSTANT,
        kind=rng.random(rows) < SHOWN_KIND,
    )


def show_all(rows: int, learners: int) -> Shown:
    """Return the choice that shows everything but the kind and the constant."""
    every, none = np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool)
    companions = np.full((rows, max(learners - 1, 1)), learners > 1)
    return Shown(every, companions, every, none, none)


def lessons_of(scene: Scene, rows: NDArray[np.int_], shown: Shown) -> Lessons:
    """Return the lessons of some learners and targets of a scene, shape (rows, 2)."""
    learner, target = rows.T
    learners = len(scene.learners)
    rest = np.array([[j for j in range(learners) if j != i] or [i] for i in range(learners)])[learner]
    own, others = scene.sketches.take((learner, target)), scene.sketches.take((rest, target[:, None]))
    kind = np.array([KINDS.index(KIND_OF[name]) for name in scene.learners])[learner]
    absent = ~shown.companions
    others = replace(
        others,
        level=np.where(absent, np.nan, others.level),
        back=np.where(absent[..., None], np.nan, others.back),
        share=np.where((absent | ~shown.their_training[:, None])[..., None], np.nan, others.share),
    )
    seen = replace(own, share=np.where(shown.training[:, None], own.share, np.nan))
    constant = np.where(shown.constant, scene.constant, np.nan)
    told = np.where(shown.kind, kind, -1)
    known: Mask = np.asarray(np.isfinite(seen.share).any(axis=1))
    several = shown.companions.sum(axis=1)
    cells = [
        score_cell(bool(scene.is_short[i]), bool(known[row]), int(several[row]), bool(shown.kind[row]))
        for row, i in enumerate(learner)
    ]
    error = (scene.truth[learner, target] - own.level - own.change) / own.size
    return Lessons(
        inputs=inputs(seen, others, constant, scene.ahead[target], told).astype(np.float32),
        error=np.clip(error, -FARTHEST_ERROR, FARTHEST_ERROR),
        size=own.size,
        dataset=np.full(len(rows), scene.dataset),
        kind=kind,
        cell=np.array(cells),
    )


# ---- learning ----


def learn(datasets: list[Dataset]) -> dict[str, Any]:
    """Learn everything from some datasets; return the arrays by name."""
    rng = np.random.default_rng(SEED)
    scenes = [scene for dataset in datasets for scene in learning_scenes(dataset, rng)]
    lessons = all_lessons(scenes, rng)
    say(f"{len(datasets)} datasets, {len(scenes)} scenes, {len(lessons.error)} lessons")
    fold = folds(datasets)
    scores = np.zeros(len(lessons.error))
    contests: list[Contest] = []
    for number in range(FOLDS):
        left_out = np.array([fold[dataset] == number for dataset in lessons.dataset])
        trees = learn_trees(lessons.of(~left_out))
        scores[left_out] = score(trees, lessons.of(left_out))
        apart = [scene for scene in scenes if fold[scene.dataset] == number]
        contests += [contest for scene in apart for contest in forecast_scene(trees, scene)]
        if number == 0:
            unlike = learn_unlike(lessons, left_out)
    trees = learn_trees(lessons)
    arrays: dict[str, Any] = {"probabilities": PROBABILITIES, "unlike": np.float64(unlike)}
    arrays["scores"] = cell_quantiles(scores, lessons.cell)
    for name, each in trees.items():
        arrays |= each.arrays(name)
    return arrays | learn_pairs(contests)


def folds(datasets: list[Dataset]) -> dict[int, int]:
    """Return the fold of every dataset."""
    shuffled = np.random.default_rng(SEED).permutation([each.number for each in datasets])
    return {int(number): place % FOLDS for place, number in enumerate(shuffled)}


def learn_trees(lessons: Lessons, rounds: dict[str, int] = ROUNDS) -> dict[str, Trees]:
    """Learn the trees of the median and of both tails of the error."""
    data = lgb.Dataset(
        lessons.inputs,
        lessons.error,
        weight=np.clip(lessons.size, *WEIGHTS),
        params=TREES | {"feature_pre_filter": False},
        free_raw_data=False,
    )
    found = {}
    for name, number in rounds.items():
        settings = CENTRE if name == "centre" else TAIL | {"alpha": TAILS[name]}
        booster = lgb.train(TREES | {"feature_pre_filter": False} | settings, data, number)
        found[name] = as_trees(booster, lessons.inputs.shape[1])
    say(f"trees from {len(lessons.error)} lessons")
    return found


def as_trees(booster: lgb.Booster, inputs: int) -> Trees:
    """Return the trees of a booster as arrays."""
    column: list[int] = []
    threshold: list[np.float32] = []
    child: list[tuple[int, int]] = []
    depths = [0]

    def add(node: dict[str, Any], depth: int) -> int:
        place = len(column)
        column.append(0)
        child.append((place, place))
        if "leaf_value" in node:
            threshold.append(np.float32(node["leaf_value"]))
            depths.append(depth)
            return place
        threshold.append(round_down(node["threshold"]))
        column[place] = node["split_feature"] + inputs * bool(node["default_left"])
        left = add(node["left_child"], depth + 1)
        child[place] = (add(node["right_child"], depth + 1), left)
        return place

    roots = [add(tree["tree_structure"], 0) for tree in booster.dump_model()["tree_info"]]
    return Trees(
        inputs=inputs,
        depth=max(depths),
        root=np.array(roots, dtype=np.int32),
        column=np.array(column, dtype=np.int16),
        threshold=np.array(threshold),
        child=np.array(child, dtype=np.int32),
    )


def round_down(value: float) -> np.float32:
    """Return the largest float32 that is not above a value, and finite."""
    near = np.float32(min(value, LARGEST_FLOAT))
    return np.nextafter(near, np.float32(-np.inf)) if float(near) > value else near


def score(trees: dict[str, Trees], lessons: Lessons) -> Array:
    """Return each error over its distance to the end of the interval, before that is made conformal."""
    centre, low, high = (trees[name].predict(lessons.inputs) for name in ("centre", "low", "high"))
    error = lessons.error - centre
    below, above = np.maximum(centre - low, NARROWEST), np.maximum(high - centre, NARROWEST)
    return np.asarray(error / np.where(error < 0, below, above))


def cell_quantiles(scores: Array, cell: NDArray[np.int_]) -> Array:
    """Return the quantiles of the scores in every cell, shape (cells, probabilities)."""
    return np.array([np.quantile(scores[cell == place], PROBABILITIES) for place in range(cell.max() + 1)])


def say(text: str) -> None:
    """Print a line with the minutes since the start of the process."""
    print(f"[{time.process_time() / 60:.1f} CPU minutes] {text}", flush=True)


def learn_unlike(lessons: Lessons, left_out: Mask) -> float:
    """Return the factor by which intervals hold for kinds that were not learned from; print what they lose.

    The trees see no row of the kind, and none of some datasets. They are asked about that kind on these
    datasets, without being told the kind.
    """
    rng = np.random.default_rng(SEED)
    untold = lessons.inputs[:, -len(KINDS) :].sum(axis=1) == 0
    few = rng.random(len(lessons.error)) < UNLIKE_PART
    scores, table = [], []
    for place, kind in enumerate(KINDS):
        strange = np.asarray(lessons.kind == place)
        asked = lessons.of(strange & left_out & untold)
        trees = learn_trees(lessons.of(~strange & ~left_out & few), UNLIKE_ROUNDS)
        error = np.abs(asked.error - trees["centre"].predict(asked.inputs)) * asked.size
        of_kind = score(trees, asked)
        scores.append(of_kind)
        covered = np.abs(of_kind) <= 1
        ratio = error.mean() / (np.abs(asked.error) * asked.size).mean()
        table.append(
            {
                "kind": kind,
                "questions": len(error),
                "error over the curve's": ratio,
                "covered": covered.mean(),
            }
        )
    lost = shipped.markdown(pd.DataFrame(table).set_index("kind"), "kind")
    print(f"Kinds that were not learned from\n\n{lost}\n")
    return max(1.0, float(np.quantile(np.abs(np.concatenate(scores)), shipped.LEVEL)))


# ---- pairs ----


@dataclass(frozen=True)
class Contest:
    """The forecast of a field of models, with what they came to.

    Attributes
    ----------
    field
        The models as they look at the anchor.
    truth
        Their log losses at the target, shape (models,).
    """

    field: joint.Field
    truth: Array


def forecast_scene(trees: dict[str, Trees], scene: Scene) -> list[Contest]:
    """Return a contest for every target that at least two learners have."""
    rows = np.argwhere(np.isfinite(scene.truth))
    if not len(rows):
        return []
    lessons = lessons_of(scene, rows, show_all(len(rows), len(scene.learners)))
    centre, low, high = (trees[name].predict(lessons.inputs) for name in ("centre", "low", "high"))
    own = scene.sketches.take(tuple(rows.T))
    change, width = own.change + centre * own.size, (high - low) / 2 * own.size
    contests = []
    for target, ahead in enumerate(scene.ahead):
        here = np.flatnonzero(rows[:, 1] == target)
        learners = rows[here, 0]
        if len(here) > 1:
            field = joint.Field(
                level=own.level[here],
                change=change[here],
                width=width[here],
                back=own.back[here],
                noise=scene.noise[np.ix_(learners, learners)],
                ahead=float(ahead),
            )
            contests.append(Contest(field, scene.truth[learners, target]))
    return contests


def learn_pairs(contests: list[Contest]) -> dict[str, Array]:
    """Return the distribution of differences under which the true ones are likeliest, as arrays by name."""
    rng = np.random.default_rng(SEED)
    chosen = rng.permutation(len(contests))[:CONTESTS]
    parts = [_pairs_of(contests[place]) for place in chosen]
    terms, moved, scale = (np.concatenate([part[place] for part in parts]) for place in range(3))
    locations = terms.shape[1]
    start = np.zeros(locations + scale.shape[1] + 1)
    start[0], start[locations + 1], start[-1] = 1.0, 1.0, np.log(5.0)

    def badness(found: Array) -> float:
        log_scale, freedom = scale @ found[locations:-1], np.exp(found[-1])
        error = (moved - terms @ found[:locations]) / np.exp(log_scale)
        return float(log_scale.mean() - student.logpdf(error, freedom).mean())

    found = minimize(badness, start, method="L-BFGS-B").x
    say(f"{len(moved)} pairs")
    return {
        "pair_location": found[:locations],
        "pair_scale": found[locations:-1],
        "pair_freedom": np.exp(found[-1]),
    }


def _pairs_of(contest: Contest) -> tuple[Array, Array, Array]:
    """Return terms of the location, the change of the difference and terms of the scale, one row per pair."""
    field = contest.field
    a, b = np.triu_indices(len(field.level), 1)
    close = np.abs(field.level[a] - field.level[b]) < FARTHEST_PAIR
    a, b = a[close], b[close]
    terms = joint.location_terms(field)
    moved = contest.truth - field.level
    scale = joint.scale_terms(field, field.level + field.change)
    return terms[a] - terms[b], moved[a] - moved[b], scale[a, b]


# ---- testing ----


def print_tables(datasets: list[Dataset]) -> None:
    """Print every table of docs/explanation/extrapolation.md that is about more than a single curve."""
    questions = [question for dataset in datasets for question in ask(dataset)]
    answers = {name: answer(questions, *shown) for name, shown in INPUTS.items()}
    print(f"Held out: {len(datasets)} datasets, {len(questions)} questions.\n")
    print(f"By what is shown\n\n{shipped.markdown(inputs_table(answers), 'shown')}\n")
    both = answers["both"].assign(before=answers["curve alone"]["error"])
    for group in ("share", "kind"):
        print(f"Both, by {group}\n\n{shipped.markdown(group_table(both, group), group)}\n")
    rng = np.random.default_rng(SEED)
    single = [question for dataset in datasets for question in ask(draw(dataset, 1, rng))]
    of_single = {name: answer(single, *INPUTS[name]) for name in ("curve alone", "both")}
    print(f"Single repeats\n\n{shipped.markdown(inputs_table(of_single), 'shown')}\n")
    print(f"Ten models in one call: {milliseconds(datasets):.0f} ms of CPU time\n")
    contests = [contest for dataset in datasets for contest in held_out_contests(dataset)]
    print(f"Which of two is best\n\n{shipped.markdown(pair_table(contests), 'target')}\n")
    print(f"Which of all is best\n\n{shipped.markdown(choice_table(contests), 'choice')}\n")


def print_other_losses(archives: Path, apart: set[int]) -> None:
    """Print what the inputs bring on the held-out datasets, for losses that were not learned from."""
    for title, metric in (("1 - AUC", "auc"), ("log loss", "logloss")):
        datasets = [each for each in read_datasets(archives, metric) if each.number in apart]
        questions = [question for dataset in datasets for question in ask(dataset)]
        answers = {name: answer(questions, *INPUTS[name]) for name in ("curve alone", "both")}
        print(f"{title}, {len(questions)} questions\n\n{shipped.markdown(inputs_table(answers), 'shown')}\n")


@dataclass(frozen=True)
class Question:
    """A published question (see calibrate_extrapolation.py) with the other learners at the same anchor."""

    dataset: int
    learner: str
    share: float
    curve: Observed
    others: dict[str, Observed]
    constant: float
    n_target: float
    truth: float


def ask(dataset: Dataset) -> Iterator[Question]:
    """Yield the questions about all curves of a dataset that show enough anchors for a shape."""
    test, train = np.nanmean(dataset.test, axis=2), np.nanmean(dataset.train, axis=2)
    for place, learner in enumerate(dataset.learners):
        own = np.flatnonzero(np.isfinite(test[place]))
        for share in shipped.SHARES if len(own) else ():
            number = int((dataset.n[own] <= share * dataset.n[own[-1]]).sum())
            truth = float(test[place, own[-1]])
            if number < SHORTEST_CURVE or truth <= 0:
                continue
            seen = {
                name: shown_curve(dataset.n, test[other], train[other], own[number - 1])
                for other, name in enumerate(dataset.learners)
            }
            curve = seen.pop(learner)
            others = {name: each for name, each in seen.items() if each is not None}
            if curve is not None:
                target = float(dataset.n[own[-1]])
                yield Question(dataset.number, learner, share, curve, others, dataset.constant, target, truth)


def answer(
    questions: list[Question], has_training: bool, most: int, has_kind: bool, has_constant: bool = False
) -> pd.DataFrame:
    """Return error, coverage and interval score of each question, with some inputs shown."""
    rng = np.random.default_rng(SEED)
    asked = [_asked(each, has_training, most, has_kind, has_constant, rng) for each in questions]
    targets = [np.array([each.n_target]) for each in questions]
    found = pd.concat(answer_all(asked, targets, shipped.LEVEL), ignore_index=True)
    floor = np.log(shipped.RESOLUTION)
    logs = {
        name: np.log(found[name].clip(lower=1e-300)).clip(lower=floor)
        for name in ("loss", "loss_lo", "loss_hi")
    }
    truth = pd.Series(np.log([max(each.truth, shipped.RESOLUTION) for each in questions]))
    return pd.DataFrame(
        {
            "dataset": [each.dataset for each in questions],
            "share": [f"{each.share:3.0%}" for each in questions],
            "kind": [KIND_OF[each.learner] for each in questions],
            "error": (logs["loss"] - truth).abs(),
            **shipped.interval_columns(truth, logs["loss_lo"], logs["loss_hi"]),
        }
    )


def _asked(
    question: Question,
    has_training: bool,
    most: int,
    has_kind: bool,
    has_constant: bool,
    rng: np.random.Generator,
) -> Asked:
    def shown(curve: Observed) -> Observed:
        return curve if has_training else replace(curve, train_loss=None)

    names = sorted(question.others)
    kept = rng.permutation(len(names))[:most]
    companions = {names[place]: shown(question.others[names[place]]) for place in kept}
    if has_constant and question.constant > 0:
        companions[CONSTANT] = Observed(question.curve.n[-1:], np.array([question.constant]))
    return Asked(shown(question.curve), companions, KIND_OF[question.learner] if has_kind else None)


def inputs_table(answers: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return error and interval score over those of the curve alone, and coverage, by what is shown."""
    base = answers["curve alone"]
    rows = {}
    for name, found in answers.items():
        low, high = ratio_interval(found["error"], base["error"], base["dataset"])
        rows[name] = {
            "error": found["error"].mean(),
            "over the curve's": found["error"].mean() / base["error"].mean(),
            "from": low,
            "to": high,
            "interval score": found["interval score"].mean() / base["interval score"].mean(),
            "coverage": found["coverage"].mean(),
        }
    return pd.DataFrame(rows).T


def ratio_interval(ours: pd.Series, theirs: pd.Series, dataset: pd.Series) -> tuple[float, float]:
    """Return the 90% interval of a ratio of mean errors, the datasets drawn anew."""
    sums = pd.DataFrame({"ours": ours, "theirs": theirs}).groupby(dataset).sum().to_numpy()
    drawn = np.random.default_rng(SEED).integers(len(sums), size=(BOOTSTRAP, len(sums)))
    ratios = sums[drawn].sum(axis=1)
    low, high = np.quantile(ratios[:, 0] / ratios[:, 1], [0.05, 0.95])
    return float(low), float(high)


def group_table(found: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return questions, error over that of the curve alone, coverage and interval score by group."""
    means = found.groupby(group)[["error", "before", "coverage", "interval score"]].mean()
    means.insert(0, "questions", found[group].value_counts())
    means["over the curve's"] = means["error"] / means["before"]
    return means.drop(columns="before")


def milliseconds(datasets: list[Dataset]) -> float:
    """Return the least CPU time of twenty for one forecast of ten models at two targets, everything shown."""
    question = max((each for dataset in datasets for each in ask(dataset)), key=lambda each: len(each.others))
    chosen = list(question.others.values())[:10]
    told = {str(place): (each.n, each.loss, each.train_loss) for place, each in enumerate(chosen)}
    targets = {name: [2 * question.curve.n[-1], 10 * question.curve.n[-1]] for name in told}
    times = []
    for _ in range(20):
        start = time.process_time()
        extrapolate_together(told, targets)
        times.append(time.process_time() - start)
    return 1000 * min(times)


def held_out_contests(dataset: Dataset) -> Iterator[Contest]:
    """Yield contests at twice and ten times (3.5 octaves) the rows shown, from every second anchor."""
    trees = {name: getattr(forecast.learned(), name) for name in ("centre", "low", "high")}
    for shown in range(4, len(dataset.n) - 2, 2):
        scene = see(dataset, shown, False)
        if scene is None:
            continue
        for contest in forecast_scene(trees, scene):
            if min(abs(contest.field.ahead - reach) for reach in REACHES) < 0.1:
                yield contest


def pair_table(contests: list[Contest]) -> pd.DataFrame:
    """Return Brier scores and calibration of who is best of two that are within 10% now, by target."""
    law = forecast.learned().pairs
    rows = {}
    for reach in REACHES:
        parts = [_judged(contest, law) for contest in contests if abs(contest.field.ahead - reach) < 0.1]
        wins, ours, stays = (np.concatenate(part) for part in zip(*parts, strict=True))
        rows[f"{2**reach:.0f} times"] = {
            "questions": len(wins),
            "Brier": np.mean((ours - wins) ** 2),
            "the order stays": np.mean((stays - wins) ** 2),
            "at its own rate": wins.mean() * (1 - wins.mean()),
            "over the rate": np.mean((ours - wins) ** 2) / (wins.mean() * (1 - wins.mean())),
            "calibration error": calibration_error(ours, wins),
        }
    return pd.DataFrame(rows).T


def _judged(contest: Contest, law: forecast.PairLaw) -> tuple[Array, Array, Array]:
    """Return for each close pair whether the better stays better, our probability of it, and one."""
    field = contest.field
    a, b = np.triu_indices(len(field.level), 1)
    a, b = np.where(field.level[a] <= field.level[b], (a, b), (b, a))
    decided = (contest.truth[a] != contest.truth[b]) & (field.level[b] - field.level[a] <= np.log(1.1))
    a, b = a[decided], b[decided]
    centre = joint.centres(field, law)
    scale = joint.scales_of_pairs(field, centre, law)
    ours = student.cdf((centre[b] - centre[a]) / scale[a, b], law.freedom)
    return (contest.truth[a] < contest.truth[b]).astype(float), ours, np.ones(len(a))


def calibration_error(probability: Array, happened: Array) -> float:
    """Return the mean distance of probability and frequency over ten bins of equal width."""
    place = np.minimum((probability * 10).astype(int), 9)
    distances = [abs((probability - happened)[place == each].sum()) for each in range(10)]
    return float(np.sum(distances) / len(happened))


def choice_table(contests: list[Contest]) -> pd.DataFrame:
    """Return the mean regret in log loss of each way to choose among all models, by target."""
    law = forecast.learned().pairs
    columns = {}
    for reach in REACHES:
        regrets = [_regrets(contest, law) for contest in contests if abs(contest.field.ahead - reach) < 0.1]
        columns[f"{2**reach:.0f} times"] = pd.DataFrame(regrets).mean()
    return pd.DataFrame(columns)


def _regrets(contest: Contest, law: forecast.PairLaw) -> dict[str, float]:
    field = contest.field
    centre = joint.centres(field, law)
    scale = joint.scales_of_pairs(field, centre, law)
    picks = {
        "today's best": int(field.level.argmin()),
        "lowest forecast": int((field.level + field.change).argmin()),
        "likeliest best": int(joint.probabilities_of_best(centre, scale, law.freedom).argmax()),
        "ours": joint.choose(field.level, centre, scale, law.freedom),
    }
    return {name: float(contest.truth[pick] - contest.truth.min()) for name, pick in picks.items()}


INPUTS: dict[str, tuple[Any, ...]] = {
    "curve alone": (False, 0, False),
    "training loss": (True, 0, False),
    "companions": (False, 99, False),
    "both": (True, 99, False),
    "both, 9 companions": (True, 9, False),
    "both, 3 companions": (True, 3, False),
    "both, 1 companion": (True, 1, False),
    "both and the constant": (True, 99, False, True),
    "both and the kind": (True, 99, True),
}


if __name__ == "__main__":
    main()
