"""Compare tuned models with published figures on the same datasets, at the largest number of rows.

    python scripts/published_figures.py --models xgboost mlp realmlp --trials 12 --repeats 3
    python scripts/published_figures.py --datasets diamonds --features engineered --trials 16
    python scripts/published_figures.py --datasets diamonds --models xgboost --trials 40 --repeats 6 --seen 2

Protocol of the tables (TALENT, arXiv 2407.00956): 64% of the rows for fitting, 16% for validation and 20% for
the test. Protocol of mnist1d (Greydanus, arXiv 2011.14439): 4,000 training and 1,000 test rows. These results
are kept in outputs/published, and a second call runs only the missing ones.

Texts with a published division are tested on all of their published test rows, after a fit on all of their
training rows. Here repeats differ in the seed alone, and nothing is kept.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fuelgauge.spec.params import Config

REPOSITORY = Path(__file__).resolve().parents[1]
ROOT = REPOSITORY / "outputs" / "published"


@dataclass(frozen=True)
class Case:
    """A dataset with published figures.

    Attributes
    ----------
    dataset
        Name of the dataset.
    published
        Published figures by model.
    overrides
        Settings that make the dataset equal to the published one.
    of_model
        Settings by model, those of its publication where our defaults are cheaper.
    validation_fraction
        Share of the training rows for validation, between 0 and 1.
    divided
        Whether the loader returns the published division as its column `part`.
    """

    dataset: str
    published: dict[str, str]
    overrides: tuple[str, ...] = ()
    of_model: dict[str, tuple[str, ...]] = field(default_factory=dict)
    validation_fraction: float = 0.2
    divided: bool = False


PUBLISHED_LENGTH = tuple(
    f"model.hyperparameters.{name}={value}"
    for name, value in {
        "max_epochs": 256,
        "min_steps": 1,
        "rounds": 256,
        "patience": 256,
    }.items()
)


# TALENT: accuracy of tuned models, mean of 15 seeds; RMSE in dollars for diamonds.
# mnist1d: figures of its own paper.
CASES = (
    Case("letter", {"xgboost": ".964", "mlp": ".975", "realmlp": ".984", "ft_transformer": ".976"}),
    Case("satimage", {"xgboost": ".914", "mlp": ".899", "realmlp": ".916", "ft_transformer": ".896"}),
    Case("magic", {"xgboost": ".876", "mlp": ".872", "realmlp": ".879", "ft_transformer": ".876"}),
    Case("spambase", {"xgboost": ".952", "mlp": ".939", "realmlp": ".944", "ft_transformer": ".939"}),
    Case("churn", {"xgboost": ".949", "mlp": ".933", "realmlp": ".963", "ft_transformer": ".963"}),
    Case(
        "diamonds",
        {
            "ridge": "1660",
            "random_forest": "590",
            "xgboost": "538",
            "realmlp": "524",
            "ft_transformer": "533",
        },
        ("dataset.target=price",),
        {"realmlp": PUBLISHED_LENGTH},
    ),
    Case(
        "mnist1d",
        {
            "logistic": ".32",
            "mlp": ".65 to .68",
            "cnn1d": ".92 to .94",
            "fcn": ".92 to .94",
            "gru": ".89 to .91",
        },
        ("dataset.source.n_rows=5000",),
        validation_fraction=0.1,
    ),
    Case(
        "mnist1d_shuffled",
        {
            "logistic": ".32",
            "mlp": ".66 to .68",
            "cnn1d": ".56 to .59",
            "fcn": ".56 to .59",
            "gru": ".53 to .57",
        },
        ("dataset.source.n_rows=5000",),
        validation_fraction=0.1,
    ),
    # The models of the publications are others than ours (see `reference` in conf/dataset).
    Case("banking77", {}, divided=True),
    Case("clinc150", {}, divided=True),
    Case("newsgroups", {"tfidf": ".832"}, divided=True),
)


def prepare_root() -> None:
    """Make a separate project folder, so that the results of the pipeline do not change."""
    ROOT.mkdir(parents=True, exist_ok=True)
    (ROOT / "data").mkdir(exist_ok=True)
    for name in ("conf", "params.yaml", "data/archives", "data/own"):
        link = ROOT / name
        if not link.is_symlink():
            link.symlink_to(REPOSITORY / name)
    os.environ["FUELGAUGE_ROOT"] = str(ROOT)


def run(case: Case, model: str, features: str, trials: int, repeats: int, seen: int) -> str | None:
    """Run one model and feature set at the largest n of a dataset; return a row of the table.

    The row leaves out the first `seen` repeats, by which the number of trials was chosen. None means that the
    model does not suit the dataset.
    """
    from fuelgauge import paths
    from fuelgauge.config.compose import compose
    from fuelgauge.data.dataset import Dataset
    from fuelgauge.data.ingest import ingest
    from fuelgauge.data.splits import draw
    from fuelgauge.features.featurize import featurize
    from fuelgauge.sweep.grid import why_not
    from fuelgauge.sweep.runner import run_curve
    from fuelgauge.tracking.tracker import make_tracker

    search = ["search=none"] if trials == 1 else ["search=tpe", f"search.trials={trials}"]
    shared = [
        f"dataset={case.dataset}",
        f"model={model}",
        f"feature_set={features}",
        "tracking=none",
        "split.test_fraction=0.2",
        "split.test_max=100000",
        f"split.validation_fraction={case.validation_fraction}",
        f"repeats={repeats}",
        *case.overrides,
        *(("dataset.time=part", "dataset.duplicates=keep") if case.divided else ()),
        *case.of_model.get(model, ()),
        *search,
    ]
    config = compose(*shared)
    if why_not(config):
        return None
    if not (paths.FEATURES / case.dataset / f"{features}.arrow").is_file():
        ingest(config.dataset)
        featurize(config.dataset, config.feature_set)
    if case.divided:
        n, scores = on_published_test(config, range(seen, repeats))
        return row_of(case, model, features, n, scores, trials)
    rows = Dataset.open(case.dataset, features).rows
    n = min(len(draw(rows, config.split, config.seed, repeat).order) for repeat in range(repeats))
    table = run_curve(compose(*shared, f"anchors.start={n}", f"anchors.stop={n}"), make_tracker)
    assert table is not None
    done = table[(table["status"] == "done") & (table["n_train"] == n) & (table["repeat"] >= seen)]
    return row_of(case, model, features, n, done["score"].abs().to_numpy(), int(done["n_fits"].iloc[0]))


def row_of(case: Case, model: str, features: str, n: int, scores: np.ndarray, n_fits: int) -> str:
    """Return a row of the table."""
    from fuelgauge.spec.names import contestant

    spread = f"{scores.mean():.4g} ({scores.min():.4g} to {scores.max():.4g})"
    return (
        f"| {case.dataset}, {n:,} | {contestant(model, features)} | {case.published.get(model, '')} | "
        f"{spread} | {len(scores)} | {n_fits} |"
    )


def on_published_test(config: Config, repeats: Sequence[int]) -> tuple[int, np.ndarray]:
    """Fit a model on all published training rows, as a trial does; return their number and the test scores.

    Published validation rows are left out. The rows for validation are part of the training rows, as always.
    """
    from threadpoolctl import threadpool_limits

    from fuelgauge.data import splits
    from fuelgauge.data.dataset import Dataset
    from fuelgauge.data.sources.labelled import PARTS
    from fuelgauge.sweep.embedding import embed_once
    from fuelgauge.sweep.grid import make_curve
    from fuelgauge.sweep.scores import score_predictions
    from fuelgauge.sweep.trial import Rows, fit_again, fit_best

    dataset = Dataset.open(config.dataset.name, config.feature_set.name)
    part, scores = dataset.rows.time, []
    assert part is not None
    pool, test = np.flatnonzero(part == PARTS["train"]), np.flatnonzero(part == PARTS["test"])
    curve = make_curve(config, dataset.description, len(pool))
    embed_once(config)
    for repeat in repeats:
        order = np.random.default_rng([config.seed, repeat]).permutation(pool)
        whole = splits.Rows(dataset.target[order], config.dataset.task)
        fitting, validation = splits.split_validation(whole, config.split, config.seed, repeat)
        parts = (order[fitting], order[validation], test, order)
        rows, trial = Rows(*map(dataset.take, parts)), curve.trial(len(pool), repeat)
        with threadpool_limits(curve.threads):
            model = fit_again(trial, rows, fit_best(trial, rows).best).model
            predicted = model.predict(rows.test)
        scores.append(abs(score_predictions(predicted, rows.test, config.dataset.metric)[1]))
    return len(pool), np.array(scores)


def main() -> None:
    """Run the models and datasets that the command line names, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    datasets, models = [case.dataset for case in CASES], ["xgboost", "mlp", "realmlp"]
    parser.add_argument("--datasets", nargs="+", default=datasets, help="datasets (default: all)")
    parser.add_argument("--models", nargs="+", default=models, help="models (default: xgboost mlp realmlp)")
    parser.add_argument(
        "--features", default="raw", choices=["raw", "engineered"], help="feature set (default: raw)"
    )
    parser.add_argument(
        "--trials", type=int, default=12, help="fits per search, including the default settings (default: 12)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="repeats per model (default: 3)")
    parser.add_argument(
        "--seen", type=int, default=0, help="number of first repeats to leave out of the table (default: 0)"
    )
    asked = parser.parse_args()
    prepare_root()
    titles = ["data, rows", "model", "published", "ours (range)", "repeats", "fits per search"]
    print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}", flush=True)
    for case in CASES:
        for model in asked.models if case.dataset in asked.datasets else []:
            if row := run(case, model, asked.features, asked.trials, asked.repeats, asked.seen):
                print(row, flush=True)


if __name__ == "__main__":
    main()
