"""Compare the model that `ask` ships with what FLAML, LightGBM and pytabkit give in the same minutes.

    python scripts/ask_baselines.py --plan            the tables, and the time to go
    python scripts/ask_baselines.py [--most 2]        run the next tables; each keeps its results in a file
    python scripts/ask_baselines.py --report          print every table, and the mean

The rule was committed before any run. It takes the first TABLES of the tables of scripts/doubling.py,
with all their rows up to MOST_ROWS. Of each table, one of PARTS parts of the rows is held out, whole
groups of a table with groups. `ask` gets the others as a file and MINUTES, and its stored model predicts
the held-out rows. Each baseline gets the same rows and the same two cores:

- FLAML: its AutoML with a time budget of MINUTES;
- LightGBM: the defaults of its scikit-learn interface;
- pytabkit: the tuned defaults of LightGBM, XGBoost, CatBoost and RealMLP.

FLAML and pytabkit are no requirements of this package: `pip install flaml[automl] pytabkit` adds them.
One that is missing is left out, with the reason. All losses are those of the table's metric on the same
held-out rows. The report gives the loss of ask's model over that of the best baseline, by table and on
the (geometric) mean.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from doubling import PICKED, described, halvings, rows_of

from fuelgauge import paths
from fuelgauge.answer.ask import ask
from fuelgauge.data.dataset import Examples
from fuelgauge.files import whole
from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.sweep.scores import score_predictions

TABLES = 10
PARTS = 5  # one of which is held out
MINUTES = 3.0
CORES = 2
ALLOWED = 0.02  # more loss than the best baseline
FOLDER = paths.ROOT / "outputs" / "ask_baselines"
ASK = "ask"
TUNED = ("LGBM_TD", "XGB_TD", "CatBoost_TD", "RealMLP_TD")


@dataclass(frozen=True)
class Table:
    """Rows to learn from and held-out rows, as the baselines take them.

    Attributes
    ----------
    config
        Description of the dataset.
    train, test
        Features: numbers, and categories with the levels of the whole table.
    y_train, y_test
        Class codes or values.
    classes
        Names of the classes; empty for a regression.
    """

    config: DatasetConfig
    train: pd.DataFrame
    test: pd.DataFrame
    y_train: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...]

    @property
    def is_regression(self) -> bool:
        """Whether the target is a number."""
        return not self.classes

    def loss(self, predicted: np.ndarray) -> float:
        """Return the loss of predictions for the held-out rows by the metric of the table."""
        answers = Examples(self.test, self.y_test, self.config.task, len(self.classes), ())
        return score_predictions(predicted, answers, self.config.metric)[0]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--plan", action="store_true", help="Print the tables and the time to go.")
    parser.add_argument("--report", action="store_true", help="Print what the results say.")
    parser.add_argument("--most", type=int, default=TABLES, help="Number of tables to run now.")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="Minutes of ask and of FLAML.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="Folder of the results.")
    chosen = parser.parse_args()
    logging.getLogger("fuelgauge").setLevel(logging.ERROR)
    if chosen.report:
        report(results(chosen.out))
        return
    names = PICKED[:TABLES]
    due = [name for name in names if not part(chosen.out, name).is_file()]
    for name in [] if chosen.plan else due[: chosen.most]:
        run(name, chosen.out, chosen.minutes)
    plan([name for name in names if not part(chosen.out, name).is_file()], chosen.minutes)


def run(name: str, folder: Path, minutes: float) -> None:
    """Run ask and all baselines on a table and keep their losses."""
    config = described(paths.CONF / "dataset" / f"{name}.yaml")
    frame = rows_of(name, folder)
    first = next(halvings(frame, config, PARTS))
    train = np.sort(np.concatenate([first.first, first.second]))
    table = divided(frame, config, train, first.test)
    rows = []
    for method, work in methods(frame, table, train, first.test, folder / "work" / name, minutes):
        rows.append({"table": name, "metric": config.metric, "method": method, **outcome(work, table)})
        print(rows[-1], flush=True)
    with whole(part(folder, name)) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)


def divided(frame: pd.DataFrame, config: DatasetConfig, train: np.ndarray, test: np.ndarray) -> Table:
    """Return a table as the baselines take it."""
    features = frame[[*config.features.numeric]].apply(pd.to_numeric, errors="coerce").astype(float)
    for column in config.features.categorical:
        features[column] = frame[column].astype(str).where(frame[column].notna()).astype("category")
    for column in config.features.dates:
        features[column] = pd.to_datetime(frame[column], errors="coerce").astype("int64") / 1e9
    target = frame[config.target]
    if config.task == "regression":
        y, levels = target.to_numpy(float), pd.Index([])
    else:
        y, levels = pd.factorize(target.astype(str), sort=True)
    parts = features.iloc[train], features.iloc[test], y[train], y[test]
    return Table(config, *parts, tuple(map(str, levels)))


def methods(
    frame: pd.DataFrame, table: Table, train: np.ndarray, test: np.ndarray, folder: Path, minutes: float
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """Yield the name of each method, and a function that returns its predictions for the held-out rows."""
    yield ASK, lambda: by_ask(frame.iloc[train], frame.iloc[test], table, folder, minutes)
    yield "LightGBM", lambda: by_lightgbm(table)
    yield "FLAML", lambda: by_flaml(table, minutes)
    for name in TUNED:
        yield f"pytabkit {name}", lambda name=name: by_pytabkit(table, name)  # type: ignore[misc]


def outcome(work: Callable[[], np.ndarray], table: Table) -> dict[str, Any]:
    """Return the loss and the seconds of a method, or why it has none."""
    started = time.monotonic()
    try:
        loss, reason = table.loss(work()), ""
    except ImportError as error:
        loss, reason = float("nan"), f"not installed: {error.name}"
    except Exception as error:  # a method of others can raise anything; its table is listed all the same
        loss, reason = float("nan"), f"{type(error).__name__}: {error}"
    return {"loss": loss, "seconds": round(time.monotonic() - started, 1), "reason": reason}


def by_ask(train: pd.DataFrame, test: pd.DataFrame, table: Table, folder: Path, minutes: float) -> np.ndarray:
    """Return the predictions of the model that ask ships, in the order of the table's classes."""
    folder.mkdir(parents=True, exist_ok=True)
    config = table.config
    answer = ask(
        train, config.target, time="none", group=config.group or "none", metric=config.metric,
        minutes=minutes, folder=folder, name=config.name,
    )  # fmt: skip
    print(answer.headline, flush=True)
    model, rows = answer.best_, test.drop(columns=config.target)
    if table.is_regression:
        return model.predict(rows)
    places = [list(model.classes_).index(name) for name in table.classes]
    return model.predict_proba(rows)[:, places]


def by_lightgbm(table: Table) -> np.ndarray:
    """Return the predictions of LightGBM with its defaults."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if table.is_regression else LGBMClassifier
    return predicted(kind(n_jobs=CORES, verbose=-1).fit(table.train, table.y_train), table)


def by_flaml(table: Table, minutes: float) -> np.ndarray:
    """Return the predictions of FLAML's AutoML."""
    from flaml import AutoML

    model = AutoML()
    model.fit(
        table.train, table.y_train, task="regression" if table.is_regression else "classification",
        metric=flaml_metric(table), time_budget=60 * minutes, n_jobs=CORES, verbose=0, seed=0,
    )  # fmt: skip
    return predicted(model, table)


def flaml_metric(table: Table) -> str:
    """Return the metric of a table as FLAML calls it."""
    return {"roc_auc": "roc_auc"}.get(table.config.metric, table.config.metric)


def by_pytabkit(table: Table, name: str) -> np.ndarray:
    """Return the predictions of a model of pytabkit with its tuned defaults."""
    import pytabkit

    kind = getattr(pytabkit, f"{name}_{'Regressor' if table.is_regression else 'Classifier'}")
    settings = {} if name == "RealMLP_TD" else {"n_threads": CORES}
    model = kind(device="cpu", random_state=0, **settings)
    model.fit(table.train, table.y_train, cat_col_names=list(table.config.features.categorical))
    return predicted(model, table)


def predicted(model: Any, table: Table) -> np.ndarray:
    """Return the values or the probabilities that a fitted model gives to the held-out rows."""
    found = model.predict(table.test) if table.is_regression else model.predict_proba(table.test)
    return np.asarray(found, dtype=np.float64)


# the results


def part(folder: Path, name: str) -> Path:
    """Return the file of a table's results."""
    return folder / f"{name}.csv"


def plan(to_go: Sequence[str], minutes: float) -> None:
    """Print the tables to go and the time that they take."""
    spent = len(to_go) * 2 * minutes * CORES / 60
    print(f"{len(to_go)} tables to go: {', '.join(to_go) or 'none'}")
    print(f"CPU time to go: {spent:.1f} hours for ask and FLAML, and the fits of LightGBM and pytabkit")


def results(folder: Path) -> pd.DataFrame:
    """Return the results of all tables that were run."""
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise SystemExit(f"{folder} holds no results; run tables first.")
    return pd.concat([pd.read_csv(path) for path in files], ignore_index=True)


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Return by table the loss of ask's model, the best baseline with its loss, and the ratio."""
    losses = table.pivot_table("loss", "table", "method")
    others = losses.drop(columns=ASK).dropna(how="all")
    found = pd.DataFrame(
        {ASK: losses[ASK], "baseline": others.idxmin(axis=1), "loss": others.min(axis=1)}
    ).dropna()
    return found.assign(ratio=found[ASK] / found["loss"])


def report(table: pd.DataFrame) -> None:
    """Print every table, and the mean ratio with what was wanted."""
    for _, row in table[table["reason"].notna()].iterrows():
        print(f"left out  {row['table']}: {row['method']}: {row['reason']}")
    found = compared(table)
    print(found.to_string(float_format=lambda value: f"{value:.4f}"))
    mean = float(np.exp(np.log(found["ratio"]).mean()))
    verdict = "within" if mean <= 1 + ALLOWED else "beyond"
    print(
        f"mean of {len(found)} tables: {mean - 1:+.2%} loss beside the best baseline, {verdict} {ALLOWED:.0%}"
    )


if __name__ == "__main__":
    main()
