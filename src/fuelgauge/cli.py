"""The `fuelgauge` command: what is not a stage of the pipeline."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuelgauge import __version__, paths
from fuelgauge.errors import FuelgaugeError

if TYPE_CHECKING:
    from fuelgauge.intake.add import Added

WIDE = 250  # characters of a line where no terminal limits them


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error of the user's ends with exit code 1 and one sentence."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen = parser().parse_args(arguments)
    chosen.typed = shlex.join(["fuelgauge", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        chosen.run(chosen)
        sys.stdout.flush()
    except FuelgaugeError as error:
        sys.exit(f"fuelgauge: {error}")
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser("fuelgauge", description="How much data does a model need?")
    top.add_argument("--version", action="version", version=f"fuelgauge {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add_command = add("add", add_data, "make a dataset of your own file: a table, a folder of images, .npz")
    describe_add(add_command)
    add("verdict", verdict, "print the verdict and where the report is")
    add("status", status, "print what of every curve is done, failed and left to do")
    add("plan", plan, "print what the next run will do and how long its trials will take")
    profile_command = add("profile", profile, "write params.yaml from a profile: smoke, quick, full ...")
    profile_command.add_argument("name", metavar="NAME", help="of a file in conf/experiment")
    profile_command.add_argument("--force", action="store_true", help="also over changes of your own")
    gc_command = add(
        "gc", collect_garbage, "drop records that changes of code, data or settings have left behind"
    )
    gc_command.add_argument(
        "--all", action="store_true", help="also of curves that params.yaml does not name"
    )
    gc_command.add_argument("--yes", action="store_true", help="do it; without this it only says what")
    retry_command = add("retry", retry, "give failed trials another chance in the next run")
    retry_command.add_argument("--failed", action="store_true", help="the failed ones, which is all there is")
    add("track", track, "send to MLflow what the trial store has and MLflow lacks")
    add("retrain", retrain, "move data.until one month on, run the pipeline, register, report what changed")
    serve_command = add("serve", serve, "answer queries with the champion of a dataset")
    serve_command.add_argument("dataset", metavar="DATASET")
    serve_command.add_argument("settings", nargs="*", metavar="SETTING", help="such as registry.port=5002")
    ui_command = add("ui", ui, "open the MLflow UI on this machine")
    ui_command.add_argument("--port", default="5000")
    ui_command.add_argument("--host", default="127.0.0.1", help="another address opens it to the network")
    analyze_command = add("analyze", analyze, "judge the claims on any trial table")
    analyze_command.add_argument("table", type=Path, metavar="TABLE", help="Parquet or CSV")
    analyze_command.add_argument("--out", type=Path, required=True, metavar="DIR")
    analyze_command.add_argument("--claims", nargs="+", metavar="CLAIM", help="default: all in conf/claim")
    return top


def describe_add(command: argparse.ArgumentParser) -> None:
    """Give the parser of `fuelgauge add` its arguments."""
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "path", type=Path, nargs="?", metavar="FILE", help="CSV, Parquet, Arrow, .npz, or a folder"
    )
    what.add_argument("--suite", help="instead of a file: a suite of OpenML in conf/suite, such as cc18")
    command.add_argument("--target", default="", metavar="COLUMN", help="what is to be foretold")
    command.add_argument("--name", default="", help="of the dataset; default: made of the file's name")
    command.add_argument("--task", default="", help="binary, multiclass or regression")
    command.add_argument(
        "--time", default="", metavar="COLUMN", help="train on earlier rows, test on later ones"
    )
    command.add_argument("--group", default="", metavar="COLUMN", help="never split the rows of one value")
    command.add_argument("--text", default="", metavar="COLUMN", help="learn from this column of texts alone")
    several: dict[str, Any] = {"action": "append", "default": []}
    command.add_argument("--drop", **several, metavar="COLUMN", help="leave a column out; repeatable")
    command.add_argument(
        "--categorical", **several, metavar="COLUMN", help="its numbers are names; repeatable"
    )
    command.add_argument(
        "--missing", **several, metavar="VALUE", help="stands for a missing value; repeatable"
    )
    command.add_argument("--delimiter", default="", help="of a CSV file; default: by its first rows")
    command.add_argument("--encoding", default="utf-8", help="of a CSV file; default: UTF-8")
    command.add_argument("--size", type=int, metavar="PIXELS", help="height and width that images get")
    command.add_argument("--sequences", action="store_true", help="rows of a 2-D array in .npz are sequences")
    command.add_argument("--force", action="store_true", help="overwrite a dataset of the same name")


def add_data(chosen: argparse.Namespace) -> None:
    """Make a dataset of a user's file, or add those of a suite, and say what was guessed."""
    from fuelgauge.intake import add
    from fuelgauge.intake.guesses import Wishes

    if chosen.suite:
        names = add.add_suite(chosen.suite)
        print(f"added to params.yaml: {', '.join(names)}\nnext: dvc repro")
        return
    wishes = Wishes(
        target=chosen.target,
        task=chosen.task,
        time=chosen.time,
        group=chosen.group,
        text=chosen.text,
        drop=tuple(chosen.drop),
        categorical=tuple(chosen.categorical),
    )
    request = add.Request(
        chosen.path,
        wishes,
        command=chosen.typed,
        name=chosen.name,
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        missing=tuple(chosen.missing),
        size=chosen.size,
        sequences=chosen.sequences,
        force=chosen.force,
    )
    print_added(add.add(request))


def print_added(added: Added) -> None:
    """Print what was guessed, what looks wrong and what to do next."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from fuelgauge.intake.describe import summary

    table = Table("", "guess", "why")
    for row in summary(added.guess):
        table.add_row(*map(escape, row))
    Console().print(table)
    for warning in added.guess.warnings:
        print(f"look at this: {warning}")
    if added.is_copied:
        print(f"copied       to {added.file.relative_to(paths.durable_root(paths.ROOT))}")
    print(f"wrote        {added.description.relative_to(paths.ROOT)}: check what was guessed")
    print(f"params.yaml  has {added.name} among its datasets")
    print("next         dvc repro")


def verdict(_: argparse.Namespace) -> None:
    """Print the verdict of the last evaluation."""
    path = paths.REPORTS / "verdicts.json"
    if not path.is_file():
        raise FuelgaugeError(f"{path} does not exist; make it with: make repro")
    print_verdicts(json.loads(path.read_text()))
    print(f"\nreport     {paths.REPORTS / 'index.html'}")
    print("MLflow UI  make ui, then http://127.0.0.1:5000")


def print_verdicts(verdicts: list[dict[str, str]]) -> None:
    """Print one line a verdict, those over all datasets first."""
    for level in ("overall", "dataset"):
        for v in verdicts:
            if v["level"] == level and (level == "dataset" or v["modality"] == "all"):
                print(f"{v['verdict'].upper():<10} {v['sentence']}")


def analyze(chosen: argparse.Namespace) -> None:
    """Judge the claims on a trial table and write tables, plots and a page."""
    from fuelgauge.claims.analysis import analyze as analyze_table
    from fuelgauge.report import write_report

    analysis = analyze_table(chosen.table, chosen.out, chosen.claims)
    write_report(analysis, chosen.out)
    for warning in analysis.warnings:
        print(f"note: {warning}", file=sys.stderr)
    print_verdicts(analysis.verdicts)
    print(f"\nreport     {chosen.out / 'index.html'}")


def status(_: argparse.Namespace) -> None:
    """Print the state of every curve of params.yaml."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.status import curve_state

    states = list(map(curve_state, all_curves()))
    titles = ["dataset", "model", "done", "failed", "skipped", "to do", "why not"]
    print_table(titles, (state.cells() for state in states))
    for state in states:
        for failure in state.failures:
            print(failure)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table as wide as the terminal; where there is none, as wide as it takes to cut nothing."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*titles)
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def plan(_: argparse.Namespace) -> None:
    """Print the trials that the next run will make, and their time by the costs of past ones."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.plan import grid_plan

    planned = grid_plan(all_curves())
    if planned.curves:
        titles = ["dataset", "model", "done", "failed", "skipped", "to do", "time of fits"]
        print_table(titles, planned.rows())
    for line in planned.summary():
        print(line)


def profile(chosen: argparse.Namespace) -> None:
    """Write params.yaml from a profile."""
    from fuelgauge.pipeline.profiles import use_profile

    use_profile(chosen.name, chosen.force)
    print(f"params.yaml is the profile {chosen.name}; next: make repro (fuelgauge plan says how long)")


def collect_garbage(chosen: argparse.Namespace) -> None:
    """Print the records that no configuration asks for, and drop them where told to."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.garbage import drop, garbage

    found = garbage(all_curves(), chosen.all)
    for heap in found:
        print(f"{heap.path.relative_to(paths.ROOT)}: {heap}")
    total = sum(len(heap.trial_ids) for heap in found)
    if not total:
        print("nothing to drop: every record is of a present curve")
    elif chosen.yes:
        n_dropped, problems = drop(found)
        print(f"dropped {n_dropped:,} records")
        if problems:
            raise FuelgaugeError("\n".join(problems))
    else:
        command = "fuelgauge gc --all --yes" if chosen.all else "fuelgauge gc --yes"
        print(f"{total:,} records would be dropped; do it with: {command}")


def retry(_: argparse.Namespace) -> None:
    """Take failed trials out of the store's account."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.status import forget_failures

    print(f"{forget_failures(all_curves())} failed trial(s) will run again with: make repro")


def track(_: argparse.Namespace) -> None:
    """Send what MLflow lacks."""
    from fuelgauge.tracking.catch_up import catch_up

    catch_up()


def retrain(_: argparse.Namespace) -> None:
    """Take in one month more."""
    from fuelgauge.months.retrain import retrain as take_in_a_month

    summary = take_in_a_month()
    print(f"{summary.read_text()}\nreport     {summary}")


def serve(chosen: argparse.Namespace) -> None:
    """Run the scoring server of a dataset's champion until it is interrupted."""
    from fuelgauge.config.compose import compose
    from fuelgauge.registry.server import serve as serve_champion

    serve_champion(compose(f"dataset={chosen.dataset}", *chosen.settings))


def ui(chosen: argparse.Namespace) -> None:
    """Run the MLflow UI until it is interrupted."""
    from fuelgauge.config.compose import compose
    from fuelgauge.tracking.tracker import chart_pages, safe_uri

    tracking = compose().tracking
    if tracking.uri.startswith("http"):
        print(f"the MLflow server is at {safe_uri(tracking.uri)}")
        return
    address = f"http://{chosen.host}:{chosen.port}"
    print(f"MLflow UI: {address}  (Ctrl-C ends it); the curves of")
    for name, page in chart_pages(tracking, address).items():
        print(f"  {name:<18} {page}")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracking.uri]
    sys.exit(subprocess.run([*command, "--host", chosen.host, "--port", chosen.port], check=False).returncode)


if __name__ == "__main__":
    main()
