"""The `fuelgauge` command line: everything that is not a stage of the pipeline."""

from __future__ import annotations

import argparse
import io
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
from fuelgauge.errors import FuelgaugeError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from fuelgauge.intake.add import Added

__all__ = ["parser", "print_verdicts"]

DUE = 3  # exit code of `fuelgauge champion --check` if a retraining is due
ALONE = "List this dataset alone in params.yaml, with sizes up to all of its rows."
WIDE = 250  # width of a table, in characters, when the output is not a terminal


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command.

    An error that the user can correct ends the process with exit code 1 and one sentence.

    Parameters
    ----------
    arguments
        Command line without the program's name; None: the arguments of the process.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale may lack a character of a table
    chosen = parser().parse_args(arguments)
    chosen.typed = shlex.join(["fuelgauge", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        chosen.run(chosen)
        sys.stdout.flush()
    except FuelgaugeError as error:
        sys.exit(f"fuelgauge: {error}")
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        "fuelgauge",
        description="Measure how much data a model needs: learning curves of classical and deep models.",
        add_help=False,
    )
    add_help(top)
    top.add_argument(
        "--version",
        action="version",
        version=f"fuelgauge {__version__}",
        help="Show the version and exit.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND", title="commands")

    def add(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, add_help=False)
        command.set_defaults(run=run)
        add_help(command)
        return command

    describe_ask(
        add("ask", ask, "Tell which model is best for a table, and whether more data would change that.")
    )
    adopt_command = add("adopt", adopt, "Make a dataset of the pipeline from a table that ask has answered.")
    adopt_command.add_argument(
        "folder", type=Path, metavar="FOLDER", help="Folder of the answer, such as ask_customers."
    )
    adopt_command.add_argument("--force", action="store_true", help="Overwrite a dataset of the same name.")
    adopt_command.add_argument("--alone", action="store_true", help=ALONE)
    add_command = add("add", add_data, "Make a dataset from a table, a folder of images or an .npz file.")
    describe_add(add_command)
    told = add("verdict", verdict, "Print the verdict of the last evaluation and the path of its report.")
    told.add_argument(
        "dataset", nargs="?", help="Dataset whose verdicts are printed; default: across datasets."
    )
    told.add_argument("--all", action="store_true", help="Print every verdict in a sentence.")
    add("status", status, "Show done, failed, skipped and remaining trials of every learning curve.")
    add("plan", plan, "Show the trials of the next run and estimate how long they take.")
    profile_command = add(
        "profile", profile, "Replace params.yaml by a profile, such as smoke, quick or full."
    )
    profile_command.add_argument(
        "name", metavar="NAME", help="Name of a file in conf/experiment, without .yaml."
    )
    profile_command.add_argument(
        "--force", action="store_true", help="Overwrite a params.yaml that has changes of your own."
    )
    gc_command = add("gc", collect_garbage, "Delete outdated trial records; without --yes, only count them.")
    gc_command.add_argument(
        "--all", action="store_true", help="Include learning curves that params.yaml does not name."
    )
    gc_command.add_argument(
        "--yes", action="store_true", help="Delete the records instead of only counting them."
    )
    retry_command = add("retry", retry, "Let failed trials run again in the next run.")
    retry_command.add_argument(
        "--failed", action="store_true", help="Only failed trials, which is always so."
    )
    seed_command = add("seed", seed, "Put the trials of a trial table back into the trial store.")
    seed_command.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="Trial table in Parquet format (reports/trials.parquet).",
    )
    add("track", track, "Send finished trials that MLflow lacks from the trial store to MLflow.")
    add("retrain", retrain, "Add one month of data, run the pipeline, register, and report the changes.")
    describe_champion(
        add("champion", champion, "Show the champion of a dataset and its history, or decide about it.")
    )
    serve_command = add("serve", serve, "Serve predictions of a dataset's champion over HTTP.")
    serve_command.add_argument("dataset", metavar="DATASET", help="Name of the dataset.")
    serve_command.add_argument(
        "settings", nargs="*", metavar="SETTING", help="Setting to override, such as registry.port=5002."
    )
    predict_command = add("predict", predict, "Answer every row of a file with a dataset's champion.")
    predict_command.add_argument("dataset", metavar="DATASET", help="Name of the dataset.")
    predict_command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="CSV, Excel, Parquet or JSON lines file with the columns of the dataset.",
    )
    predict_command.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="CSV or .parquet file for the answers (default: the terminal).",
    )
    ui_command = add("ui", ui, "Start the MLflow UI on this machine.")
    ui_command.add_argument("--port", default="5000", help="Port to listen on (default: 5000).")
    ui_command.add_argument(
        "--host",
        default="127.0.0.1",
        help="Address to listen on (default: 127.0.0.1); any other one opens the UI to the network.",
    )
    analyze_command = add("analyze", analyze, "Evaluate the claims on a trial table of your own.")
    analyze_command.add_argument(
        "table", type=Path, metavar="TABLE", help="Trial table in Parquet or CSV format."
    )
    analyze_command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="Folder for the report, tables and plots."
    )
    analyze_command.add_argument(
        "--claims", nargs="+", metavar="CLAIM", help="Claims to evaluate (default: all in conf/claim)."
    )
    return top


def add_help(command: argparse.ArgumentParser) -> None:
    """Add the option for help, worded like the other options."""
    command.add_argument("-h", "--help", action="help", help="Show this message and exit.")


def describe_champion(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `fuelgauge champion` to its parser."""
    command.add_argument(
        "dataset",
        nargs="?",
        default="",
        metavar="DATASET",
        help="Name of the dataset (default: each one under `register` in params.yaml).",
    )
    order = command.add_mutually_exclusive_group()
    order.add_argument(
        "--rollback",
        action="store_true",
        help="Go back to the previous champion, and reject the present one.",
    )
    order.add_argument("--pin", metavar="V", help="Make version V the champion, and keep it whatever comes.")
    order.add_argument("--unpin", action="store_true", help="Let registrations move the champion again.")
    order.add_argument("--reject", metavar="V", help="Bar version V from being champion.")
    order.add_argument("--allow", metavar="V", help="Undo the rejection of version V.")
    order.add_argument(
        "--promote",
        nargs="?",
        const="",
        metavar="V",
        help="Make version V the champion (default: the winner in reports/champions).",
    )
    order.add_argument(
        "--check", action="store_true", help="Exit with code 3 if a retraining is due, and say why."
    )


def describe_ask(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `fuelgauge ask` to its parser."""
    command.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="CSV, Excel, Parquet or Arrow file, in any folder."
    )
    command.add_argument("--target", default="", metavar="COLUMN", help="Column to predict.")
    command.add_argument(
        "--time",
        default="",
        metavar="COLUMN",
        help="Time column: train on earlier rows, test on later rows; none refuses a guess.",
    )
    command.add_argument(
        "--group",
        default="",
        metavar="COLUMN",
        help="Group column: keep all rows of a group on one side of each split; none refuses a guess.",
    )
    command.add_argument(
        "--text", default="", metavar="COLUMN", help="Text column: use it as the only input."
    )
    command.add_argument(
        "--task", default="", help="binary, multiclass or regression (default: guessed from the target)."
    )
    describe_reading(command)
    command.add_argument(
        "--metric",
        default="",
        help="roc_auc, accuracy, log_loss, rmse or mae (default: the usual one of the task).",
    )
    command.add_argument(
        "--minutes", type=float, default=3.0, help="Time for the answer in minutes (default: 3)."
    )
    command.add_argument(
        "--label-price", type=float, metavar="PRICE", help="Price of one further label, in any currency."
    )
    command.add_argument(
        "--core-hour", type=float, metavar="PRICE", help="Price of an hour of one core, for the line COST."
    )
    command.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="FILE:NAME",
        help="Model of your own, such as mine.py:make: a function or class that makes an object with fit "
        "and predict; repeatable.",
    )
    command.add_argument(
        "--resume", action="store_true", help="Go on with the last question that was asked in this folder."
    )


def ask(chosen: argparse.Namespace) -> None:
    """Answer a question about a table and print the answer while it grows."""
    from fuelgauge.answer import terminal

    if chosen.resume:
        terminal.resume(chosen.minutes)
        return
    if chosen.file is None:
        raise FuelgaugeError("Name a table: fuelgauge ask FILE --target COLUMN.")
    terminal.ask_file(
        chosen.file,
        chosen.target,
        chosen.minutes,
        time=chosen.time,
        group=chosen.group,
        text=chosen.text,
        drop=tuple(chosen.drop),
        categorical=tuple(chosen.categorical),
        numeric=tuple(chosen.numeric),
        task=chosen.task,
        decimal=tuple(chosen.decimal),
        missing=tuple(chosen.missing),
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        metric=chosen.metric,
        label_price=chosen.label_price,
        core_hour=chosen.core_hour,
        models=tuple(chosen.model),
    )


def adopt(chosen: argparse.Namespace) -> None:
    """Make a dataset of the pipeline from a table that was asked about."""
    from fuelgauge.answer import adopt as adopting

    print_added(adopting.adopt(chosen.folder, chosen.typed, chosen.force, chosen.alone))


def describe_add(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `fuelgauge add` to its parser."""
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "path",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="CSV, Excel, Parquet, Arrow, JSON lines or .npz file; or a folder of Parquet files or images.",
    )
    source.add_argument("--suite", help="Suite of OpenML datasets in conf/suite, such as cc18.")
    command.add_argument("--target", default="", metavar="COLUMN", help="Column to predict.")
    command.add_argument(
        "--name", default="", help="Name of the dataset (default: taken from the file name)."
    )
    command.add_argument(
        "--task", default="", help="binary, multiclass or regression (default: guessed from the target)."
    )
    command.add_argument(
        "--time",
        default="",
        metavar="COLUMN",
        help="Time column: train on earlier rows, test on later rows.",
    )
    command.add_argument(
        "--group",
        default="",
        metavar="COLUMN",
        help="Group column: keep all rows of a group on one side of each split.",
    )
    command.add_argument(
        "--text", default="", metavar="COLUMN", help="Text column: make a text dataset of it alone."
    )
    describe_reading(command)
    command.add_argument(
        "--size", type=int, metavar="PIXELS", help="Height and width to resize images to (default: guessed)."
    )
    command.add_argument(
        "--sequences",
        action="store_true",
        help="Treat each row of a 2-D array in an .npz file as a sequence.",
    )
    command.add_argument("--force", action="store_true", help="Overwrite a dataset of the same name.")
    command.add_argument("--alone", action="store_true", help=ALONE)


def describe_reading(command: argparse.ArgumentParser) -> None:
    """Add the arguments that say how the columns of a table are read."""
    several: dict[str, Any] = {"action": "append", "default": []}
    command.add_argument("--drop", **several, metavar="COLUMN", help="Column to leave out; repeatable.")
    command.add_argument(
        "--categorical", **several, metavar="COLUMN", help="Numeric column that holds categories; repeatable."
    )
    command.add_argument(
        "--numeric", **several, metavar="COLUMN", help="Column to use as numbers; repeatable."
    )
    command.add_argument(
        "--decimal",
        **several,
        metavar="MARK",
        help="Decimal mark of the file, or COLUMN=MARK for one column; repeatable (default: detected).",
    )
    command.add_argument(
        "--missing",
        **several,
        metavar="VALUE",
        help="Additional text that marks a missing value; repeatable.",
    )
    command.add_argument(
        "--delimiter", default="", help="Delimiter of a CSV file (default: detected from its first rows)."
    )
    command.add_argument("--encoding", default="utf-8", help="Encoding of a CSV file (default: utf-8).")


def add_data(chosen: argparse.Namespace) -> None:
    """Make a dataset from a user's file and print the guesses, or add the datasets of a suite."""
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
        numeric=tuple(chosen.numeric),
    )
    request = add.Request(
        chosen.path,
        wishes,
        command=chosen.typed,
        name=chosen.name,
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        missing=tuple(chosen.missing),
        decimal=tuple(chosen.decimal),
        size=chosen.size,
        sequences=chosen.sequences,
        force=chosen.force,
        alone=chosen.alone,
    )
    print_added(add.add(request))


def print_added(added: Added) -> None:
    """Print the guesses, the warnings and the next step."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from fuelgauge.intake.describe import summary

    table = Table("", "guess", "reason")
    for row in summary(added.guess):
        table.add_row(*map(escape, row))
    Console().print(table)
    for warning in added.guess.warnings:
        print(f"look at this: {warning}")
    if added.is_copied:
        print(f"copied       to {added.file.relative_to(paths.durable_root(paths.ROOT))}")
    print(f"wrote        {added.description.relative_to(paths.ROOT)}: check the guesses in it")
    if added.n_others:
        print(
            f"params.yaml  lists {added.name} beside {added.n_others} other datasets; "
            "for it alone, up to all of its rows, repeat this with: --alone --force"
        )
    else:
        print(f"params.yaml  lists {added.name} alone; its sizes go up to anchors.stop (null: all rows)")
    print("next         dvc repro")
    if added.guess.modality in ("tabular", "text"):
        file, target = shlex.quote(os.path.relpath(added.file)), shlex.quote(added.guess.target)
        print(f"or           fuelgauge ask {file} --target {target}    (an answer in three minutes)")


def verdict(chosen: argparse.Namespace) -> None:
    """Print the verdict of the last evaluation: in short, in full or on a dataset."""
    from fuelgauge.report.summary import FEW_DATASETS, summary

    path = paths.REPORTS / "verdicts.json"
    if not path.is_file():
        raise FuelgaugeError(f"{path} does not exist; make it with: make repro")
    verdicts = json.loads(path.read_text(encoding="utf-8"))
    if chosen.dataset:
        from fuelgauge.report.outlook import outlook

        print_lines(lambda trials: outlook(trials, chosen.dataset))
        print_dataset(verdicts, chosen.dataset)
    elif chosen.all:
        print_verdicts(verdicts)
    else:
        if len({v["dataset"] for v in verdicts if v["level"] == "dataset"}) <= FEW_DATASETS:
            from fuelgauge.report.outlook import answers

            print_lines(answers)
        print("\n".join(summary(verdicts)))
        print("\neach claim in a sentence: fuelgauge verdict --all, or fuelgauge verdict DATASET")
    print(f"\nreport     {paths.REPORTS / 'index.html'}")
    print("MLflow UI  make ui, then http://127.0.0.1:5000")


def print_lines(about: Callable[[pd.DataFrame], list[str]]) -> None:
    """Print lines about the trials of the last evaluation, and an empty one, if there are any."""
    from fuelgauge.claims.statistics.trial_table import read_trials

    path = paths.REPORTS / "trials.parquet"
    if path.is_file() and (lines := about(read_trials(path).trials)):
        print("\n".join([*lines, ""]))


def print_dataset(verdicts: list[dict[str, Any]], dataset: str) -> None:
    """Print the verdicts on one dataset.

    Raises
    ------
    FuelgaugeError
        There is no verdict on it; the message names the nearest dataset.
    """
    own = [v for v in verdicts if v.get("dataset") == dataset]
    if not own:
        names = sorted({str(v["dataset"]) for v in verdicts if v.get("dataset")})
        raise FuelgaugeError(f"There is no verdict on the dataset '{dataset}', {nearest(dataset, names)}.")
    for v in own:
        print(f"{v['verdict'].upper():<10} {v['sentence']} {v.get('note', '')}".rstrip())


def print_verdicts(verdicts: list[dict[str, Any]]) -> None:
    """Print one line per verdict, starting with those over all datasets and what stands beside them."""
    for level in ("overall", "dataset"):
        for v in verdicts:
            if v["level"] == level and (level == "dataset" or v["modality"] == "all"):
                print(f"{v['verdict'].upper():<10} {v['sentence']} {v.get('note', '')}".rstrip())
                for beside in v.get("beside", ()) if level == "overall" else ():
                    print(f"{'':<10} beside it: {beside['short']}")


def analyze(chosen: argparse.Namespace) -> None:
    """Evaluate the claims on a trial table, and write tables, plots and the report."""
    from fuelgauge.claims.analysis import analyze as analyze_table
    from fuelgauge.report import write_report
    from fuelgauge.report.summary import summary

    analysis = analyze_table(chosen.table, chosen.out, chosen.claims)
    write_report(analysis, chosen.out)
    for warning in analysis.warnings:
        print(f"note: {warning}", file=sys.stderr)
    print("\n".join(summary(analysis.verdicts)))
    print(f"\nreport     {chosen.out / 'index.html'}")


def status(_: argparse.Namespace) -> None:
    """Print the progress of every learning curve in params.yaml."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.status import curve_state

    states = list(map(curve_state, all_curves()))
    titles = ["dataset", "model", "done", "failed", "skipped", "to do", "reason"]
    print_table(titles, (state.cells() for state in states))
    for state in states:
        for failure in state.failures:
            print(failure)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table as wide as the terminal.

    Where the output is not a terminal the table may be `WIDE` characters wide, so that cells are not cut.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*titles)
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def plan(_: argparse.Namespace) -> None:
    """Print the trials of the next run, and an estimate of their time from the costs of past trials."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.plan import grid_plan

    planned = grid_plan(all_curves())
    if planned.curves:
        titles = ["dataset", "model", "done", "failed", "skipped", "to do", "time of fits"]
        print_table(titles, planned.rows())
    for line in planned.summary():
        print(line)


def profile(chosen: argparse.Namespace) -> None:
    """Replace params.yaml by a profile."""
    from fuelgauge.pipeline.profiles import use_profile

    use_profile(chosen.name, chosen.force)
    print(f"params.yaml is now profile {chosen.name}; next: make repro (fuelgauge plan estimates the time)")


def collect_garbage(chosen: argparse.Namespace) -> None:
    """Count the records that no configuration asks for, and delete them if the user said so."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.garbage import drop, garbage

    found = garbage(all_curves(), chosen.all)
    for heap in found:
        print(f"{heap.path.relative_to(paths.ROOT)}: {heap}")
    total = sum(len(heap.trial_ids) for heap in found)
    if not total:
        print("nothing to delete: every record belongs to a present learning curve")
    elif chosen.yes:
        n_dropped, problems = drop(found)
        print(f"deleted {n_dropped:,} records")
        if problems:
            raise FuelgaugeError("\n".join(problems))
    else:
        command = "fuelgauge gc --all --yes" if chosen.all else "fuelgauge gc --yes"
        print(f"{total:,} records can be deleted; delete them with: {command}")


def retry(_: argparse.Namespace) -> None:
    """Mark failed trials in the trial store, so that the next run repeats them."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.status import forget_failures

    print(f"{forget_failures(all_curves())} failed trial(s) will run again in the next run: make repro")


def seed(chosen: argparse.Namespace) -> None:
    """Put the trials of a table into the trial store, and say what was refused."""
    from fuelgauge.config.compose import all_curves
    from fuelgauge.sweep.seed import seed as seed_store

    seeded = seed_store(chosen.table, all_curves())
    print("\n".join(seeded.lines()))
    if seeded.refused and not (seeded.added or seeded.known):
        raise FuelgaugeError("no trial of the table could be used; the store is unchanged.")
    print("next: fuelgauge plan shows what is left to run, and make repro runs it")


def track(_: argparse.Namespace) -> None:
    """Send finished trials that MLflow lacks to MLflow."""
    from fuelgauge.tracking.catch_up import catch_up

    catch_up()


def retrain(_: argparse.Namespace) -> None:
    """Add one month of data, retrain, and print the report."""
    from fuelgauge.months.retrain import retrain as add_a_month

    summary = add_a_month()
    print(f"{summary.read_text(encoding='utf-8')}\nreport     {summary}")


def champion(chosen: argparse.Namespace) -> None:
    """Show champion, challenger and history of datasets, or carry out an order about the champion."""
    from fuelgauge.config.compose import compose

    names = [chosen.dataset] if chosen.dataset else compose().register
    ordered = [key for key in ("rollback", "pin", "unpin", "reject", "allow") if getattr(chosen, key)]
    if not chosen.dataset and (ordered or chosen.promote):
        order = [*ordered, "promote"][0]
        raise FuelgaugeError(f"--{order} is about one dataset; name it: fuelgauge champion DATASET --{order}")
    if not names:
        raise FuelgaugeError("name a dataset, or list datasets under register in params.yaml.")
    problems, due = [], []
    for name in names:
        try:
            due += champion_of(name, chosen, ordered)
        except FuelgaugeError as error:
            problems.append(str(error))
    if problems:
        raise FuelgaugeError("\n".join(problems))
    if chosen.check and due:
        sys.exit(DUE)


def champion_of(name: str, chosen: argparse.Namespace, ordered: Sequence[str]) -> list[str]:
    """Show the champion of a dataset or carry out an order, and return why a retraining is due."""
    from fuelgauge.config.compose import compose
    from fuelgauge.months.due import reasons
    from fuelgauge.registry.champions import Champions
    from fuelgauge.registry.versions import Registry

    config = compose(f"dataset={name}")
    champions = Champions(Registry(config.tracking), name)
    for key in ordered:
        value = getattr(chosen, key)
        print(getattr(champions, key)(*([] if value is True else [value])))
    if chosen.promote is not None:
        print(champions.promote(chosen.promote) if chosen.promote else champions.promote_reported())
    if ordered or chosen.promote is not None:
        return []
    due = reasons(config, champions)
    if not chosen.check:
        print("\n".join([f"dataset     {name}", *champions.summary()]))
        titles = ["version", "date", "contestant", "loss (interval)", "decision", "reason"]
        print_table(titles, (row.cells() for row in champions.history()))
    for reason in due:
        print(f"retraining is due: {reason}")
    if chosen.check and not due:
        print(f"{name}: no retraining is due")
    return due


def serve(chosen: argparse.Namespace) -> None:
    """Run the prediction server of a dataset's champion until it is interrupted."""
    from fuelgauge.config.compose import compose
    from fuelgauge.registry.server import serve as serve_champion

    serve_champion(compose(f"dataset={chosen.dataset}", *chosen.settings))


def predict(chosen: argparse.Namespace) -> None:
    """Write the answers of a dataset's champion to the rows of a file."""
    from fuelgauge.config.compose import compose
    from fuelgauge.registry.predict import predict as predict_file

    done = predict_file(compose(f"dataset={chosen.dataset}"), chosen.file, chosen.out)
    print(f"{done.n_rows:,} rows answered by version {done.version}", file=sys.stderr)
    for column, n_rows in done.unseen.items():
        print(f"look at this: {n_rows:,} rows have a new category in column '{column}'", file=sys.stderr)


def ui(chosen: argparse.Namespace) -> None:
    """Run the MLflow UI until it is interrupted."""
    from fuelgauge.config.compose import compose
    from fuelgauge.tracking.overview import pages
    from fuelgauge.tracking.tracker import safe_uri

    tracking = compose().tracking
    if tracking.uri.startswith("http"):
        print(f"MLflow server: {safe_uri(tracking.uri)}")
        return
    address = f"http://{chosen.host}:{chosen.port}"
    print(f"MLflow UI: {address}  (stop it with Ctrl-C). Pages to compare on:")
    for name, page in pages(tracking, address).items():
        print(f"  {name:<18} {page}")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracking.uri]
    sys.exit(subprocess.run([*command, "--host", chosen.host, "--port", chosen.port], check=False).returncode)


if __name__ == "__main__":
    main()
