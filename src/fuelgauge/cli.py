"""The `fuelgauge` command: what is not a stage of the pipeline."""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fuelgauge import __version__, paths
from fuelgauge.errors import FuelgaugeError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error of the user's ends with exit code 1 and one sentence."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen = parser().parse_args(arguments)
    try:
        chosen.run(chosen)
    except FuelgaugeError as error:
        sys.exit(f"fuelgauge: {error}")
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

    add("verdict", verdict, "print the verdict and where the report is")
    add("status", status, "print what of every curve is done, failed and left to do")
    add("retry", retry, "give failed trials another chance in the next run")
    add("track", track, "send to MLflow what the trial store has and MLflow lacks")
    ui_command = add("ui", ui, "open the MLflow UI on this machine")
    ui_command.add_argument("--port", default="5000")
    ui_command.add_argument("--host", default="127.0.0.1", help="another address opens it to the network")
    analyze_command = add("analyze", analyze, "judge the claims on any trial table")
    analyze_command.add_argument("table", type=Path, metavar="TABLE", help="Parquet or CSV")
    analyze_command.add_argument("--out", type=Path, required=True, metavar="DIR")
    analyze_command.add_argument("--claims", nargs="+", metavar="CLAIM", help="default: all in conf/claim")
    return top


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
    from rich.console import Console
    from rich.table import Table

    from fuelgauge.entry import all_curves
    from fuelgauge.sweep.status import curve_state

    table = Table("dataset", "model", "done", "failed", "skipped", "to do", "why not")
    failures = []
    for state in map(curve_state, all_curves()):
        table.add_row(*state.cells())
        failures += state.failures
    Console().print(table)
    for failure in failures:
        print(failure)


def retry(_: argparse.Namespace) -> None:
    """Take failed trials out of the store's account."""
    from fuelgauge.sweep.status import forget_failures

    print(f"{forget_failures()} failed trial(s) will run again with: make repro")


def track(_: argparse.Namespace) -> None:
    """Send what MLflow lacks."""
    from fuelgauge.catch_up import catch_up

    catch_up()


def ui(chosen: argparse.Namespace) -> None:
    """Run the MLflow UI until it is interrupted."""
    from fuelgauge.entry import compose
    from fuelgauge.tracking import safe_uri

    uri = compose().tracking.uri
    if uri.startswith("http"):
        print(f"the MLflow server is at {safe_uri(uri)}")
        return
    print(f"MLflow UI: http://{chosen.host}:{chosen.port}  (Ctrl-C ends it)")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    sys.exit(subprocess.run([*command, "--host", chosen.host, "--port", chosen.port], check=False).returncode)


if __name__ == "__main__":
    main()
