"""The documents: generated pages are fresh, links lead somewhere, commands are real, pages load nothing."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import fuelgauge.claims
from fuelgauge.claims.judging import claims
from fuelgauge.cli import parser
from fuelgauge.config.files import typed
from fuelgauge.models.base import FitContext, create
from fuelgauge.spec.model import ModelConfig
from fuelgauge.sweep.table import COLUMNS
from tests.claims.worlds import power_law, trial_table
from tests.conftest import CHECKOUT
from tests.models.kinds import examples

DOCS = CHECKOUT / "docs"
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
# Folders whose files name pages of the documents.
NAMING = ("src", "tests", "scripts", "pipelines", "benchmarks", "conf", ".github", "data/own")
NAMED = re.compile(r"\bdocs/[\w/]+\.(?:md|png)\b")


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(CHECKOUT).as_posix() for path in paths]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", CHECKOUT / "scripts/reference.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_what_the_script_writes(reference):
    stale = [
        name for name, text in reference.pages().items() if (reference.FOLDER / name).read_text() != text
    ]
    assert not stale, "run: python scripts/reference.py"


def test_every_option_of_the_command_line_is_explained(reference):
    silent = [
        (name, reference.call(action))
        for name, command in reference.commands(parser()).items()
        for action in reference.arguments(command)
        if not action.help
    ]
    assert not silent


def test_the_page_on_the_trial_table_names_its_columns_in_order():
    assert first_cells(DOCS / "reference/trial_table.md", "column") == COLUMNS


@pytest.mark.parametrize(("title", "group"), [("dataset", "dataset"), ("model", "model"), ("claim", "claim")])
def test_the_catalogue_names_only_what_there_is(title, group):
    named = first_cells(DOCS / "reference/catalogue.md", title)
    assert named
    assert not [name for name in named if not (CHECKOUT / f"conf/{group}/{name}.yaml").is_file()]


@pytest.mark.parametrize("name", names(PAGES))
def test_links_and_anchors_of_a_page_lead_somewhere(name):
    page = CHECKOUT / name
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if re.match(r"https?:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_pages_and_pictures_named_in_code_are_there():
    files = [path for folder in NAMING for path in (CHECKOUT / folder).rglob("*") if is_text(path)]
    missing = {
        (path.relative_to(CHECKOUT).as_posix(), named)
        for path in [
            *files,
            *PAGES,
            CHECKOUT / "pyproject.toml",
            CHECKOUT / "Makefile",
            CHECKOUT / "CITATION.cff",
        ]
        for named in NAMED.findall(path.read_text())
        if not (CHECKOUT / named).is_file()
    }
    assert not missing


@pytest.mark.parametrize("name", names(PAGES))
def test_commands_in_code_blocks_are_real(name, capsys):
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    wrong = [line for line in commands(CHECKOUT / name) if not is_real(line, targets)]
    assert not wrong, capsys.readouterr().err


def test_the_model_of_the_how_to_page_works(monkeypatch):
    code, settings = blocks("add_a_model")
    config = typed(ModelConfig, yaml.safe_load(settings), "the page")
    module = ModuleType(config.target.rpartition(".")[0])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "add_a_model.md", "exec"), module.__dict__)
    model = create(config.target, config.hyperparameters)
    rows = examples("table", "binary", 60)
    assert model.fit(rows, rows, FitContext(0, 1, "cpu", "roc_auc")) == config.hyperparameters["n_trees"]
    assert model.predict(rows).shape == (60, 2)
    assert model.count_parameters() > 0


def test_the_claim_of_the_how_to_page_works(tmp_path, monkeypatch):
    code, rules = blocks("add_a_claim")
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim/predict_time.yaml").write_text(rules)
    (tmp_path / "predict_time.py").write_text(code)
    monkeypatch.setattr(claims, "CONF", tmp_path)
    monkeypatch.setattr(fuelgauge.claims, "__path__", [*fuelgauge.claims.__path__, str(tmp_path)])
    curves = {"net": ("deep", power_law(1.0, 0.3, 0.05)), "line": ("linear", power_law(1.0, 0.3, 0.05))}
    trials = trial_table({f"d{i}": curves for i in range(8)})
    slow = {"net": lambda n: 3e-3 * n, "line": lambda n: 1e-3 * n}
    n_train = trials["n_train"]
    trials["predict_seconds"] = [slow[model](n) for model, n in zip(trials["model"], n_train, strict=True)]
    overall = [v for v in fuelgauge.analyze(trials).verdicts if v["level"] == "overall"]
    assert [v["verdict"] for v in overall] == ["supported"]
    assert "predict more slowly than linear models: supported. They took 3 times" in overall[0]["sentence"]


def test_the_readme_shows_the_two_commands_and_is_short():
    text = (CHECKOUT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert {"make repro", "make test"} <= {
        " ".join(line.split()[:2]) for line in commands(CHECKOUT / "README.md")
    }


@pytest.mark.slow
def test_the_site_builds_and_a_browser_loads_nothing_from_the_network(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md")))  # and 404.html
    loaded = [(page.name, address) for page in pages for address in Loads.of(page)]
    assert not [found for found in loaded if re.match(r"(https?:)?//", found[1])]


def test_the_site_has_no_fonts_analytics_or_repository_from_the_network():
    settings = yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text())
    assert settings["theme"]["font"] is False
    assert not {"repo_url", "extra_javascript", "extra_css"} & set(settings)
    assert set(settings["extra"]) == {"generator"}
    assert settings["plugins"] == ["search"]
    subprocess.run(["git", "check-ignore", "-q", settings["site_dir"]], cwd=CHECKOUT, check=True)


class Loads(HTMLParser):
    """Addresses that a browser loads for a page; links of the text are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            self.found += [
                value or "" for name, value in attrs if name in ("src", "href", "srcset", "poster")
            ]

    @classmethod
    def of(cls, page: Path) -> list[str]:
        loads = cls()
        loads.feed(page.read_text())
        return loads.found


def blocks(page: str) -> tuple[str, str]:
    """Return the Python and the YAML of a how-to page."""
    text = (DOCS / f"howto/{page}.md").read_text()
    (code,), (settings,) = (
        re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "yaml")
    )
    return code, settings


def first_cells(page: Path, title: str) -> list[str]:
    """Return the names in backticks that begin the rows of the tables with this first title."""
    found: list[str] = []
    is_inside = False
    for line in page.read_text().splitlines():
        if line.startswith(f"| {title} |"):
            is_inside = True
        elif not line.startswith("|"):
            is_inside = False
        elif is_inside and (match := re.match(r"\| `([^`]+)` \|", line)):
            found.append(match[1])
    return found


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    text = FENCE.sub("", page.read_text())
    headings = re.findall(r"^#{1,6} +(.*?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> Iterator[str]:
    """Yield the lines of code blocks that call fuelgauge or make, without assignments and comments."""
    for block in FENCE.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.strip().split(" && "):
                call = re.sub(r"^(\w+=\S+ )+", "", part)
                if re.match(r"(fuelgauge|make) \S", call):
                    yield call.split("  #")[0].split(" # ")[0].strip()


def is_real(line: str, targets: list[str]) -> bool:
    """Tell whether a line calls make with a target, or fuelgauge with arguments that it takes."""
    program, *words = shlex.split(line)
    if program == "make":
        return {word for word in words if "=" not in word} <= set(targets)
    if any(word.startswith("[") for word in words):  # a synopsis of the reference
        return words[0] in (
            "add",
            "adopt",
            "ask",
            "analyze",
            "champion",
            "gc",
            "predict",
            "profile",
            "retry",
            "serve",
            "ui",
            "verdict",
        )
    try:
        parser().parse_args(words)
    except SystemExit as end:
        return end.code == 0
    return True


def is_text(path: Path) -> bool:
    return path.is_file() and path.suffix in (".py", ".yaml", ".yml", ".md", ".toml", ".html", ".j2")
