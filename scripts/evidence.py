"""Judge the claims on published learning curves, by the same rules as on our own.

    python scripts/evidence.py        (or: make evidence)

The curves come from LCDB (Mohr, Viering, Loog, van Rijn: LCDB 1.0, ECML PKDD 2022; MIT licence; package
lcdb 0.1.0): 20 learners of scikit-learn with their defaults on 248 datasets. The script keeps the means that
it reads in outputs/. It writes verdicts, tables and a page to reports/evidence. The page of the next
evaluation shows these verdicts next to ours.

A repeat is an outer seed, which draws the test rows. Inner seeds draw the training rows, and the script
averages over them. A family is its best member by validation loss. The engine claim is left out, because no
net ran in several sizes. All datasets count as tables, because the learners get pixels as columns.
"""

from __future__ import annotations

import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd

from fuelgauge import paths
from fuelgauge.claims.analysis import Analysis, analyze
from fuelgauge.claims.judging.members import PREFIX, family_trials
from fuelgauge.cli import print_verdicts
from fuelgauge.data.sources.archive import Archive, fetch, read_member
from fuelgauge.files import whole
from fuelgauge.report import ReportContext, write_report

LCDB = Archive(
    package="lcdb",
    version="0.1.0",
    file="lcdb-0.1.0.tar.gz",
    sha256="450ea69b249866298653f718d66a825e3d19a4024dd4ff140b89f2e04d4777ae",
)
MEMBER = "lcdb-0.1.0/lcdb/database-accuracy.csv"
CACHE = paths.ROOT / "outputs" / "evidence" / "lcdb_means.parquet"
CLAIMS = ("data", "depth", "time", "pattern")
# Other learners (single trees, kernels, discriminant analysis, Bayes) belong to no family of the claims.
FAMILIES = {
    "sklearn.linear_model.LogisticRegression": "linear",
    "sklearn.linear_model.PassiveAggressiveClassifier": "linear",
    "sklearn.linear_model.Perceptron": "linear",
    "sklearn.linear_model.RidgeClassifier": "linear",
    "sklearn.linear_model.SGDClassifier": "linear",
    "SVC_linear": "linear",
    "sklearn.ensemble.ExtraTreesClassifier": "trees",
    "sklearn.ensemble.GradientBoostingClassifier": "trees",
    "sklearn.ensemble.RandomForestClassifier": "trees",
    "sklearn.neighbors.KNeighborsClassifier": "neighbours",
    "sklearn.neural_network.MLPClassifier": "deep",
}
SUBFAMILIES = {
    "sklearn.ensemble.ExtraTreesClassifier": "forest",
    "sklearn.ensemble.GradientBoostingClassifier": "boosted",
    "sklearn.ensemble.RandomForestClassifier": "forest",
}
MEASURED = ["size_test", "score_valid", "score_test", "traintime"]
KEYS = ["openmlid", "learner", "size_train", "outer_seed"]
CONTEXT = ReportContext(
    title="How much data does a model need, by published curves?",
    held_equal=("the rows: every learner of a repeat got the same training, validation and test rows",),
    not_held_equal=(
        "validation rows: LCDB does not count them in n",
        "tuning: every learner ran with the defaults of scikit-learn, without scaling of its inputs",
        "datasets: all are read as tables, even those of pixels",
    ),
    how_to_reproduce=("make evidence",),
)


def main() -> None:
    """Judge the claims on LCDB, write reports/evidence and print the verdicts."""
    analysis = analyze(best_members(trial_table(published_means())), paths.EVIDENCE, CLAIMS)
    write_report(families_only(analysis), paths.EVIDENCE, CONTEXT)
    print_verdicts([verdict for verdict in analysis.verdicts if verdict["level"] == "overall"])
    print(f"\nreport     {paths.EVIDENCE / 'index.html'}")
    print("to show these verdicts next to ours: dvc repro --force --single-item evaluate")


def published_means() -> pd.DataFrame:
    """Return the means of LCDB, from the cache if there is one."""
    if not CACHE.is_file():
        means = read_means(fetch(LCDB, paths.ARCHIVES))
        with whole(CACHE) as partial:
            means.to_parquet(partial, index=False)
    return pd.read_parquet(CACHE)


def read_means(archive: Path) -> pd.DataFrame:
    """Return one row per dataset, learner, size and outer seed, averaged over the inner seeds."""
    table = pd.read_csv(BytesIO(read_member(archive, MEMBER)), usecols=[*KEYS, "inner_seed", *MEASURED])
    once = table.drop_duplicates([*KEYS, "inner_seed"])
    return once.dropna(subset=["score_test"]).groupby(KEYS)[MEASURED].mean().reset_index()


def trial_table(means: pd.DataFrame) -> pd.DataFrame:
    """Return the trial table of the learners that belong to a family."""
    means = means[means["learner"].isin(FAMILIES)]
    return pd.DataFrame(
        {
            "dataset": means["openmlid"].astype(str),
            "model": means["learner"],
            "family": means["learner"].map(FAMILIES),
            "subfamily": means["learner"].map(SUBFAMILIES).fillna(""),
            "n_train": means["size_train"],
            "repeat": means["outer_seed"],
            "loss": (1 - means["score_test"]).clip(lower=0).round(6),
            "val_loss": (1 - means["score_valid"]).round(6),
            "fit_seconds": means["traintime"],
            "n_test": means["size_test"],
            "modality": "tabular",
            "metric": "accuracy",
        }
    )


def best_members(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of the best member of every family, under the name of the family."""
    best, _ = family_trials(trials)
    return best.assign(model=best["model"].str.removeprefix(PREFIX))


def families_only(analysis: Analysis) -> Analysis:
    """Leave out the models, which are their families here, so that the page shows every curve once."""
    curves, pairs = (table[table["level"] == "family"] for table in (analysis.curves, analysis.pairs))
    extrapolations = analysis.extrapolations.iloc[:0]
    return replace(analysis, curves=curves, pairs=pairs, extrapolations=extrapolations)


if __name__ == "__main__":
    main()
