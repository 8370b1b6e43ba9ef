"""Make the published results from the published trial tables, and nothing else.

    python scripts/publish.py [RUN --table reports/trials.parquet]

A published run is a trial table in published/. From each table this writes a page of results in
docs/explanation/ and the report page in docs/published/, both with the name of the run. The answer in
README.md is that of the first run of `RUNS` that has a table. With a name and --table, a new table replaces
that of the run. A test fails if a document differs from what the published tables say.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fuelgauge.claims.analysis import Analysis, analyze
from fuelgauge.claims.judging.verdict import models_of
from fuelgauge.files import whole, write_whole
from fuelgauge.report import write_report
from fuelgauge.report.summary import bounded, chosen_verdicts, short_title, shown_ratio, shown_size, summary

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
LARGEST = 3_000_000  # bytes of the published table
BEGIN, END = "<!-- published by scripts/publish.py -->", "<!-- end -->"

ABOUT = (
    "This page is made by `python scripts/publish.py` from `published/{name}.parquet`. To judge the table "
    "yourself: `fuelgauge analyze published/{name}.parquet --out my_report`. The "
    "[page of the run](../published/{name}.html) has its curves."
)
OF_VERDICTS = (
    "Answers are means over datasets with 95% intervals ([statistics](statistics.md)). *Smallest seen* is "
    "the smallest ratio that this run would show with probability .8."
)
OF_DATASETS = (
    "Deep models needed this many times the rows of their rivals for the same loss. *Seconds* are those of a "
    "fit of deep models, as a multiple of those of boosted trees. A star marks a ratio whose 95% interval "
    "leaves out 1."
)
OF_EXPONENTS = (
    "Loss and seconds of a fit grow about as a power of the number of rows. These are medians over datasets."
)

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
RUNS = (Run("confirmatory", "The confirmatory run"), Run("default", "The default run"))


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
        f"{done['dataset'].nunique()} datasets, with {done['n_train'].min():,} to {done['n_train'].max():,} "
        f"rows and {done['repeat'].nunique()} repeats.",
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
    ]
    return "\n\n".join(parts) + "\n"


def verdict_table(verdicts: Sequence[Row]) -> str:
    """Return a line for each claim and rival."""
    rows = []
    for v in chosen_verdicts(verdicts):
        known = is_judged(v)
        answer = ", ".join(filter(None, (str(v["verdict"]), shown_size(v) if known else "too few datasets")))
        seen = v.get("detectable")
        rows.append(
            (
                short_title(str(v["claim"])),
                models_of(str(v["family_b"])),
                answer,
                shown_ratio(v) if known else "",
                str(v["n_datasets"]),
                f"{seen:.2g}" if known and seen is not None and np.isfinite(seen) else "",
            )
        )
    return markdown(("claim", "compared with", "answer", "mean ratio", "datasets", "smallest seen"), rows)


def is_judged(verdict: Row) -> bool:
    """Return whether there were datasets enough for a verdict."""
    return verdict.get("p") is not None and bool(np.isfinite(verdict["p"]))


def answer(verdicts: Sequence[Row]) -> str:
    """Return the answer in one or two sentences, and the table of the claims that could be judged."""
    lines = summary(verdicts)
    said = " ".join(lines[: lines.index("")])
    return f"**{said}**\n\n{verdict_table([v for v in verdicts if is_judged(v)])}"


def dataset_table(verdicts: Sequence[Row]) -> str:
    """Return a line for each dataset, with the ratios against each rival."""
    by_dataset: dict[str, dict[tuple[str, str], Row]] = {}
    for v in verdicts:
        if v["level"] == "dataset" and v["claim"] in ("data", "time"):
            by_dataset.setdefault(str(v["dataset"]), {})[str(v["claim"]), str(v["family_b"])] = v
    questions = [("data", "linear"), ("data", "forest"), ("data", "boosted"), ("time", "boosted")]
    rows = [
        (name, *(marked(found[question]) if question in found else "" for question in questions))
        for name, found in sorted(by_dataset.items())
    ]
    return markdown(("dataset", "linear", "forests", "boosted trees", "seconds"), rows)


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
    first, *_ = [write(run) for run in published()]
    write_whole(README, with_block(README.read_text(encoding="utf-8"), answer(first.verdicts)))


if __name__ == "__main__":
    main()
