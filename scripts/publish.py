"""Make the published results from the published trial tables, and nothing else.

    python scripts/publish.py [RUN --table reports/trials.parquet]

A published run is a trial table in published/. From each table this writes a page of results in
docs/explanation/ and the report page in docs/published/, both with the name of the run. The answer in
README.md is that of the first run of `RUNS` that has a table. With a name and --table, a new table replaces
that of the run. A test fails if a document differs from what the published tables say.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fuelgauge.claims.analysis import Analysis, analyze, judge
from fuelgauge.claims.hindsight import ROUNDING
from fuelgauge.claims.judging.verdict import models_of
from fuelgauge.files import whole, write_whole
from fuelgauge.report import write_report
from fuelgauge.report.lead_picture import draw_leads
from fuelgauge.report.summary import (
    bounded,
    chosen_verdicts,
    is_measured,
    shown_ratio,
    shown_size,
    summary,
    titled,
)

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "img" / "leads.png"
LARGEST = 3_000_000  # bytes of the published table
BEGIN, END = "<!-- published by scripts/publish.py -->", "<!-- end -->"

ABOUT = (
    "This page is made by `python scripts/publish.py` from `published/{name}.parquet`. To judge the table "
    "yourself: `fuelgauge analyze published/{name}.parquet --out my_report`. The "
    "[page of the run](../published/{name}.html) has its curves."
)
OF_VERDICTS = (
    "Answers are means over datasets with 95% intervals ([statistics](statistics.md)). *Less than 10* says "
    "that ten times as many is ruled out. *Detectable from* is the ratio that this run would show with "
    "probability .8; a smaller one it would often miss. *Flexible classical models* are trees and "
    "neighbours. *Too few datasets* means that fewer than the rule asks for could be used."
)
OF_DATASETS = (
    "Deep models needed this many times the rows of their rivals for the same loss. *Seconds* are those of a "
    "fit of deep models, as a multiple of those of boosted trees. A star marks a ratio whose 95% interval "
    "leaves out 1."
)
OF_EXPONENTS = (
    "Loss and seconds of a fit grow about as a power of the number of rows. These are medians over datasets."
)

OF_REFIT = (
    "Loss of the fit on all n rows, over that of the fit before it, which leaves the validation rows out. "
    "These are geometric means over sizes and repeats, then over datasets, with 95% intervals by Student's t "
    "over datasets. Controls and losses of zero are left out."
)
OF_HINGES = (
    "The mean ratio of rows and its verdict, from the same fits. The rule judges by the losses after the "
    "refit. Without the refit of nets, their losses are those from before it; in the last column, all are. "
    "A fit before the refit leaves the validation rows out, and a net keeps the weights of its best epoch."
)
TABLES = "tabular"  # modality
MASSIVE = "massive"  # name of a run and of its claim
OF_ROWS = ["data", "massive"]  # claims on the ratio of rows
# Questions to a dataset, by claim and rival, with the titles of their columns.
QUESTIONS = {
    ("data", "linear"): "linear",
    ("data", "forest"): "forests",
    ("data", "boosted"): "boosted trees",
    ("massive", "boosted"): "boosted trees, from 16,384 rows",
    ("time", "boosted"): "seconds",
}
HINGES = ("by the rule", "nets without the refit", "all without the refit")
REFIT = "docs/explanation/published_confirmatory.md#how-much-of-the-answer-hangs-on-the-refit"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A published run, and the files that belong to it."""

    name: str
    title: str
    root: Path = ROOT

    @property
    def table(self) -> Path:
        """Published trial table."""
        return self.root / f"published/{self.name}.parquet"

    @property
    def results(self) -> Path:
        """Page of results in Markdown."""
        return self.root / f"docs/explanation/published_{self.name}.md"

    @property
    def page(self) -> Path:
        """Report page."""
        return self.root / f"docs/published/{self.name}.html"


# The README gives the answer of the first of these that has a table.
RUNS = (
    Run("confirmatory", "The confirmatory run"),
    Run("massive", "The run on massive data, first stage"),
    Run("default", "The default run"),
)
# Runs in the picture of who leads, with what their tables are called there.
PICTURED = {"confirmatory": "{} tables of 2,000 rows or more", "massive": "{} tables of 40,000 rows or more"}


def published() -> list[Run]:
    """Return the runs that have a table."""
    return [run for run in RUNS if run.table.exists()]


def publish(run: Run, table: Path) -> None:
    """Replace the published table of a run.

    Raises
    ------
    SystemExit
        The table would be larger than 3 MB.
    """
    trials = pd.read_parquet(table)
    run.table.parent.mkdir(exist_ok=True)
    with whole(run.table) as path:
        trials.to_parquet(path, index=False, compression="zstd")
        if path.stat().st_size > LARGEST:
            raise SystemExit(f"{table}: the published table would have more than {LARGEST:,} bytes.")


def results(run: Run, analysis: Analysis) -> str:
    """Return the page of results as Markdown."""
    trials = analysis.trials[analysis.trials["level"] == "model"]
    done = trials[trials["status"] == "done"] if "status" in trials else trials
    parts = [
        f"# {run.title}",
        ABOUT.format(name=run.name),
        f"The run has {len(done):,} trials of {done['model'].nunique()} models on "
        f"{done['dataset'].nunique()} datasets{of_controls(done)}, with "
        f"{done['n_train'].min():,} to {done['n_train'].max():,} rows "
        f"and {done['repeat'].nunique()} repeats.",
        "## Verdicts",
        verdict_table(analysis.verdicts),
        OF_VERDICTS,
        "\n".join(
            f"- **{v['verdict'].capitalize()}**: {v['sentence']}" for v in chosen_verdicts(analysis.verdicts)
        ),
        "## Each dataset",
        dataset_table(analysis.verdicts),
        OF_DATASETS,
        "## Losses at the largest size",
        loss_table(analysis.curves),
        "## Exponents",
        exponent_table(analysis.exponents),
        OF_EXPONENTS,
        "## What the refit is worth",
        refit_table(done),
        OF_REFIT,
        "## How much of the answer hangs on the refit",
        hinge_table(hinges(run, analysis.verdicts)),
        OF_HINGES,
    ]
    return "\n\n".join(parts) + "\n"


def of_controls(trials: pd.DataFrame) -> str:
    """Return a note on the datasets that no verdict counts; empty if there are none."""
    number = trials.loc[trials["control"].astype(bool), "dataset"].nunique()
    return f" ({number} of them controls, which no verdict counts)" if number else ""


def verdict_table(verdicts: Sequence[Row]) -> str:
    """Return a line for each claim and rival."""
    rows = []
    for v in chosen_verdicts(verdicts):
        known = is_measured(v)
        answer = ", ".join(filter(None, (str(v["verdict"]), shown_size(v) if known else "too few datasets")))
        seen = v.get("detectable")
        rows.append(
            (
                titled(v),
                models_of(str(v["family_b"])),
                answer,
                shown_ratio(v) if known else "",
                str(v["n_datasets"]),
                f"{seen:.2g}" if known and seen is not None and np.isfinite(seen) else "",
            )
        )
    return markdown(("claim", "compared with", "answer", "mean ratio", "datasets", "detectable from"), rows)


def answer(run: Run, verdicts: Sequence[Row]) -> str:
    """Return the answer in a sentence or two, the table of the claims that were judged, and a caution."""
    lines = summary(verdicts)
    said = " ".join(lines[: lines.index("")])
    judged = verdict_table([v for v in verdicts if is_measured(v)])
    return "\n\n".join([f"**{said}**", judged, *caution(hinges(run, verdicts))])


def block(analyses: Mapping[str, Analysis]) -> str:
    """Return what the README says of the published runs: the first one's answer, and that on large tables."""
    first = published()[0]
    parts = [answer(first, analyses[first.name].verdicts)]
    if MASSIVE in analyses:
        parts.append(beyond(analyses[MASSIVE]))
    return " ".join(parts)


def beyond(analysis: Analysis) -> str:
    """Return the verdict on large tables, and who is shown to lead at the last two sizes."""
    (asked,) = [
        v for v in chosen_verdicts(analysis.verdicts) if (v["claim"], v["family_b"]) == (MASSIVE, "boosted")
    ]
    rows = analysis.trials["n_train"].max()
    leads = analysis.leads[(analysis.leads["modality"] == TABLES) & (analysis.leads["rival"] == "trees")]
    late = leads[leads["n"] >= sorted(leads["n"].unique())[-2]]
    shown = {side: late.loc[late["leader"] == side, "dataset"].nunique() for side in ("trees", "deep")}
    return (
        f"[On larger tables](docs/explanation/published_massive.md), with {rows:,} rows, "
        f"nets needed {shown_ratio(asked, ' times')} the rows of boosted trees on {asked['n_datasets']}: "
        f"{asked['verdict']}. At the two largest sizes, trees are shown to lead on {shown['trees']} of "
        f"{late['dataset'].nunique()} tables, and nets on {shown['deep']}."
    )


def dataset_table(verdicts: Sequence[Row]) -> str:
    """Return a line for each dataset, with the ratios against each rival."""
    by_dataset: dict[str, dict[tuple[str, str], Row]] = {}
    for v in verdicts:
        if v["level"] == "dataset" and v["claim"] in (*OF_ROWS, "time"):
            by_dataset.setdefault(str(v["dataset"]), {})[str(v["claim"]), str(v["family_b"])] = v
    asked = {question for found in by_dataset.values() for question in found}
    questions = [question for question in QUESTIONS if question in asked]
    rows = [
        (name, *(marked(found[question]) if question in found else "" for question in questions))
        for name, found in sorted(by_dataset.items())
    ]
    return markdown(("dataset", *(QUESTIONS[question] for question in questions)), rows)


def marked(verdict: Row) -> str:
    """Return a ratio with a star if it is shown to differ from 1."""
    if verdict.get("effect") is None or not np.isfinite(verdict["effect"]):
        return ""
    star = "*" if verdict["verdict"] in ("supported", "refuted") else ""
    return f"{bounded(verdict)}{star}".replace("*", "\\*")


def loss_table(curves: pd.DataFrame) -> str:
    """Return the mean loss of each model on each dataset, at the largest size that all its models have."""
    models = curves[curves["level"] == "model"]
    rows = []
    names = sorted(models["model"].unique())
    for dataset, found in models.groupby("dataset"):
        wide = found.pivot_table(index="n_train", columns="model", values="loss_mean").dropna()
        if not len(wide):
            continue
        last = wide.iloc[-1]
        rows.append(
            (str(dataset), f"{wide.index[-1]:,}", *(f"{last[n]:.3g}" if n in last else "" for n in names))
        )
    return markdown(("dataset", "rows", *names), rows)


def exponent_table(exponents: pd.DataFrame) -> str:
    """Return the median exponents of each model."""
    models = exponents[exponents["level"] == "model"] if "level" in exponents else exponents
    medians = models.groupby("model")[["loss_exponent", "fit_seconds_exponent"]].median()
    rows = [(str(name), f"{row.iloc[0]:.2f}", f"{row.iloc[1]:.2f}") for name, row in medians.iterrows()]
    return markdown(("model", "of loss", "of seconds"), rows)


def refit_table(trials: pd.DataFrame) -> str:
    """Return the loss of each model after the refit, over that before it."""
    usable = trials[(trials[["loss", "loss_before_refit"]] > ROUNDING).all(axis=1)]
    usable = usable[~usable["control"].astype(bool) & (usable["family"] != "baseline")]
    logs = usable.assign(ratio=np.log(usable["loss"] / usable["loss_before_refit"]))
    ratios = logs.groupby(["model", "dataset"])["ratio"]
    rows = []
    for model, means in ratios.mean().groupby("model"):
        half = stats.t.ppf(0.975, len(means) - 1) * stats.sem(means) if len(means) > 1 else np.nan
        low, middle, high = np.exp(float(means.mean()) + np.array([-half, 0.0, half]))
        interval = f" ({low:.3f} to {high:.3f})" if np.isfinite(half) else ""
        rows.append((str(model), str(len(means)), f"{middle:.3f}{interval}"))
    return markdown(("model", "datasets", "loss after over before"), rows)


def hinges(run: Run, verdicts: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the verdicts on rows of a run by the rule, and without the refit of nets or of all models."""
    by_rule = [v for v in verdicts if v["claim"] in OF_ROWS]
    return {
        name: [v for v in chosen_verdicts(found) if is_measured(v)]
        for name, found in zip(HINGES, (by_rule, *without_refit(run)), strict=True)
    }


@functools.cache
def without_refit(run: Run) -> tuple[Sequence[Row], ...]:
    """Return the verdicts on rows of a run without the refit of nets, and without that of all models."""
    trials = pd.read_parquet(run.table)
    before = trials["loss_before_refit"]
    losses = (trials["loss"].mask(trials["family"] == "deep", before), before)
    return tuple(judge(trials.assign(loss=loss), OF_ROWS) for loss in losses)


def hinge_table(found: Mapping[str, Sequence[Row]]) -> str:
    """Return a line for each claim and rival."""
    rows = [
        (
            titled(same[0]),
            models_of(str(same[0]["family_b"])),
            *(f"{shown_ratio(v)}, {v['verdict']}" for v in same),
        )
        for same in zip(*found.values(), strict=True)
    ]
    return markdown(("claim", "compared with", *found), rows)


def caution(found: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return a sentence on the verdicts that change where nets are judged without their refit."""
    by_rule, of_nets, _ = found.values()
    changed = [
        f"{shown_ratio(other, ' times')} the rows of {models_of(str(other['family_b']))}, {other['verdict']}"
        for same, other in zip(by_rule, of_nets, strict=True)
        if same["verdict"] != other["verdict"]
    ]
    if not changed:
        return []
    return [
        f"The answer hangs on the [refit]({REFIT}), which fits each model again on all rows once its "
        f"settings are chosen. With nets judged without it: {'; '.join(changed)}."
    ]


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_block(readme: str, block: str) -> str:
    """Return the README with another table between its marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{block}\n{END}{after}"


def write(run: Run) -> Analysis:
    """Write the documents of a run."""
    analysis = analyze(run.table)
    write_whole(run.results, results(run, analysis))
    with tempfile.TemporaryDirectory() as folder:
        write_report(analysis, Path(folder))
        run.page.parent.mkdir(exist_ok=True)
        write_whole(run.page, (Path(folder) / "index.html").read_bytes())
    return analysis


def picture(analyses: Mapping[str, Analysis]) -> None:
    """Draw who leads at each number of rows, over several runs."""
    tables = {
        name: found.leads.loc[found.leads["modality"] == TABLES, "dataset"].nunique()
        for name, found in analyses.items()
    }
    named = {PICTURED[name].format(tables[name]): found for name, found in analyses.items()}
    draw_leads(
        {title: found.leads for title, found in named.items()},
        {title: found.curves for title, found in named.items()},
        PICTURE,
    )


def main() -> None:
    """Write all that follows from the published tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", choices=[run.name for run in RUNS], help="run to publish")
    parser.add_argument("--table", type=Path, help="new trial table of the run")
    asked = parser.parse_args()
    if bool(asked.run) != bool(asked.table):
        parser.error("give a run and its --table, or neither")
    if asked.table:
        publish(next(run for run in RUNS if run.name == asked.run), asked.table)
    made = {run.name: write(run) for run in published()}
    write_whole(README, with_block(README.read_text(encoding="utf-8"), block(made)))
    picture({name: analysis for name, analysis in made.items() if name in PICTURED})


if __name__ == "__main__":
    main()
