from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from fuelgauge.report import ReportContext
from fuelgauge.report._contents import gather
from fuelgauge.report._page import render_page
from fuelgauge.report._verdicts import claims_of, headline
from fuelgauge.report.money import Prices
from tests.report.power_laws import MODELS, SHAPES, make_analysis, make_verdict

ATTACK = "</script><script>alert('x')</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """The tags, the scripts and the visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open_scripts = 0
        self.scripts: list[str] = []
        self.source = text
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self.open_scripts += 1

    def handle_endtag(self, tag: str) -> None:
        self.open_scripts -= tag == "script"

    def handle_data(self, data: str) -> None:
        if self.open_scripts:
            self.scripts[-1] += data
        else:
            self.text += data

    @property
    def payload(self) -> dict[str, Any]:
        return json.loads(self.scripts[0])

    @property
    def headline(self) -> str:
        return re.sub(r"\s+", " ", self.text)


def render(analysis: Any, context: ReportContext | None = None) -> Page:
    context = context or ReportContext()
    return Page(render_page(gather(analysis, context), context, {}))


@pytest.fixture(scope="module")
def page(analysis: SimpleNamespace, context: ReportContext) -> Page:
    return render(analysis, context)


def altered(analysis: SimpleNamespace, **changes: Any) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(analysis), **changes})


def test_loads_nothing_from_outside(page: Page) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "poster", "action"):
            address = attributes.get(name) or "#"
            assert tag == "a" or address.startswith(("data:", "#")), (tag, address)
    assert not re.search(r"@import|url\((?!#)", page.source)
    assert not any(call in page.scripts[1] for call in ("fetch(", "XMLHttpRequest", "import(", "innerHTML"))


def test_names_every_dataset_and_model(page: Page) -> None:
    for name in (*SHAPES, *MODELS, "undecided: too few datasets (3 of 6)"):
        assert name in page.headline
    drawn = {curve["name"] for dataset in page.payload["datasets"] for curve in dataset["curves"]}
    assert set(MODELS) | {"linear", "trees", "deep", "baseline"} == drawn


def test_says_what_the_context_holds(page: Page, context: ReportContext) -> None:
    for said in (*context.held_equal, *context.not_held_equal, "make repro", "no class Q", "78%", "0.1.0"):
        assert said in page.headline
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert "https://example.org/flights" in links


def test_no_order_is_claimed_where_none_is_shown(analysis: SimpleNamespace, page: Page) -> None:
    assert "deep at 32 to 16,384" in page.headline or "linear models at 32 to" in page.headline
    unknown = analysis.pairs.assign(better="", crossover_kind="not shown", crossover_above="")
    text = render(altered(analysis, pairs=unknown)).headline
    assert "neither not shown" in text and " at 32" not in text
    assert not re.search(r"\b(never|always)\b", text)


def test_names_from_data_cannot_become_markup(analysis: SimpleNamespace) -> None:
    renames = {"flights": ATTACK, "mlp": f"mlp {ATTACK}"}
    tables = {name: getattr(analysis, name).replace(renames) for name in ("trials", "curves", "pairs")}
    verdict = make_verdict(
        level="dataset", dataset=ATTACK, family_b=ATTACK, verdict="refuted", sentence=ATTACK
    )
    context = ReportContext(
        title=ATTACK,
        data_cards=[{"name": ATTACK, "url": "javascript:alert(1)", "citation": ATTACK}],
        held_equal=[ATTACK],
        failures=[{"dataset": ATTACK, "model": ATTACK, "status": "failed", "reason": ATTACK, "n_train": 32}],
        how_to_reproduce=[ATTACK],
    )
    hostile = altered(analysis, **tables, verdicts=[verdict], warnings=[ATTACK], flags=[{"text": ATTACK}])
    page = render(hostile, context)
    assert len(page.scripts) == 2
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert not any(str(attributes.get("href")).startswith("javascript") for _, attributes in page.tags)
    assert page.payload["datasets"][0]["name"] == ATTACK


def test_one_repeat_has_no_bands() -> None:
    page = render(make_analysis(repeats=1))
    assert "one repeat has no interval" in page.headline
    assert not any("lo" in curve for dataset in page.payload["datasets"] for curve in dataset["curves"])


def test_a_foreign_table_without_optional_columns(analysis: SimpleNamespace) -> None:
    needed = ["dataset", "model", "family", "n_train", "loss_mean"]
    models = analysis.curves[analysis.curves["level"] == "model"]
    bare = SimpleNamespace(curves=models[needed], trials=analysis.trials[["dataset", "model", "loss"]])
    page = render(bare)
    assert "No claim can be judged" in page.headline
    assert "no cost curves" in page.headline


def test_no_extrapolations_no_verdicts(analysis: SimpleNamespace) -> None:
    page = render(altered(analysis, extrapolations=pd.DataFrame(), verdicts=[], flags=[]))
    assert "extrapolated" not in page.headline
    assert "No curve was flagged." in page.headline


def test_an_empty_analysis_says_so() -> None:
    page = render(SimpleNamespace())
    assert "no learning curves in this table" in page.headline


def test_a_loss_of_zero_is_said(analysis: SimpleNamespace) -> None:
    curves = analysis.curves.copy()
    curves.loc[(curves["model"] == "xgboost") & (curves["n_train"] > 4000), "loss_mean"] = 0.0
    page = render(altered(analysis, curves=curves))
    assert "drawn hollow" in page.headline


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("supported",) * 3, "“Deep learning needs more data” is supported."),
        (
            ("supported", "refuted", "supported"),
            "supported against linear models and boosted trees; refuted against forests.",
        ),
    ],
)
def test_the_headline_follows_the_overall_verdicts(
    analysis: SimpleNamespace, words: tuple[str, str, str], sentence: str
) -> None:
    verdicts = [
        make_verdict(level="overall", modality="all", family_b=rival, verdict=word, n_datasets=8)
        for rival, word in zip(("linear", "forest", "boosted"), words, strict=True)
    ]
    assert sentence in render(altered(analysis, verdicts=verdicts)).headline


def test_with_one_dataset_the_headline_is_about_it() -> None:
    words = {"linear": "undecided", "forest": "undecided", "boosted": "refuted"}
    alone = [make_verdict(dataset="mine", family_b=rival, verdict=word) for rival, word in words.items()]
    across = make_verdict(level="overall", modality="all", dataset=None, n_datasets=1, verdict="undecided")
    found = headline([*alone, across | {"reason": "too few datasets (1 of 6)"}])
    assert found["sentence"] == (
        "On mine, “Deep learning needs more data” is undecided against linear models and forests; refuted "
        "against boosted trees."
    )
    assert [verdict["word"] for verdict in found["overall"]] == list(words.values())
    assert len(headline([*alone, across | {"reason": "shown", "n_datasets": 6}])["overall"]) == 1


def test_with_one_dataset_no_verdict_is_shown_twice(analysis: SimpleNamespace) -> None:
    alone = make_verdict(level="dataset", dataset="flights", family_b="linear", verdict="refuted",
                         sentence="On flights, it is refuted.")  # fmt: skip
    another = alone | {"dataset": "letter", "sentence": "On letter, it is refuted."}
    assert render(altered(analysis, verdicts=[alone])).text.count("On flights, it is refuted.") == 1
    both = render(altered(analysis, verdicts=[alone, another])).text
    assert "On flights, it is refuted." in both and "On letter, it is refuted." in both


def test_a_claim_without_datasets_does_not_make_the_headline(analysis: SimpleNamespace) -> None:
    about_sizes = next(v for v in analysis.verdicts if v["level"] == "overall")
    nothing = about_sizes | {"claim": "engine", "n_datasets": 0, "reason": "no deep model ran in all sizes"}
    found = headline([nothing])
    assert found["sentence"].startswith("No claim can be judged") and len(found["overall"]) == 1


def test_controls_do_not_count(analysis: SimpleNamespace) -> None:
    control = replace_control(analysis.verdicts, "mnist1d")
    page = render(altered(analysis, verdicts=control))
    assert "of 2 datasets" in page.headline


def replace_control(verdicts: list[dict[str, Any]], dataset: str) -> list[dict[str, Any]]:
    return [{**verdict, "control": verdict["dataset"] == dataset} for verdict in verdicts]


def test_sections_without_facts_are_left_out(analysis: SimpleNamespace) -> None:
    page = render(analysis, replace(ReportContext(), title="mine"))
    assert "What was held equal" not in page.headline
    assert "How to reproduce these numbers" not in page.headline


def test_what_a_pretrained_model_has_learned_from_stands_beside_its_curves_and_no_others(analysis):
    context = ReportContext(pretrained_on={"cnn1d": "pairs of sentences."})
    page = render(analysis, context)
    said = "is pretrained. The rows counted here do not include its pretraining: pairs of sentences."
    assert page.text.count(said) == 1  # cnn1d has a curve on one of the three datasets
    assert "cnn1d" in page.text[: page.text.index(said)][-40:]


def test_prices_are_shown_with_their_source_and_as_an_assumption(analysis: SimpleNamespace) -> None:
    prices = Prices("here", "EUR", core_hour=0.1, gpu_hour=2.0, source="what the invoice says")
    page = render(analysis, ReportContext(prices=prices))
    assert "What it costs" in page.headline and "what the invoice says" in page.headline
    assert "Edit conf/price/here.yaml" in page.headline
    curve = next(c for c in page.payload["datasets"][0]["curves"] if c["name"] == "mlp")
    assert curve["price"] == pytest.approx([1000 * 0.1 * s / 3600 for s in curve["fit"]], rel=1e-3)
    assert page.payload["currency"] == "EUR"


def test_without_prices_no_money_is_shown(page: Page) -> None:
    assert "What it costs" not in page.headline and 'data-unit="price"' not in page.source


def test_the_slide_is_drawn_with_its_rule(analysis: SimpleNamespace) -> None:
    points = pd.DataFrame(
        {
            "line": ["older algorithms"] * 2 + ["large net"] * 2,
            "n_train": [32, 64] * 2,
            "performance": [0.5, 0.6] * 2,
        }
    )
    found = SimpleNamespace(points=points, datasets=("d",), caption="Performance is what it is.")
    drawn = altered(analysis, further={"slide": found})
    page = render(drawn)
    assert "Performance is what it is." in page.headline
    assert [line["name"] for line in page.payload["slide"]] == ["older algorithms", "large net"]
    assert render(analysis).payload["slide"] == []


def test_published_verdicts_stand_beside_ours(analysis: SimpleNamespace) -> None:
    published = [
        make_verdict(level="overall", modality="all", family_b="linear", verdict="supported", n_datasets=205,
                     sentence="Across 205 datasets it holds."),
        make_verdict(level="overall", modality="tabular", family_b="linear", verdict="refuted", n_datasets=9,
                     sentence="By modality, which is left out."),
    ]  # fmt: skip
    text = render(analysis, ReportContext(published=published)).headline
    assert "Across 205 datasets it holds." in text and "By modality, which is left out." not in text
    assert "The same claims on published curves" not in render(analysis).headline


def test_a_claim_without_datasets_is_shown_if_it_says_what_to_do(analysis: SimpleNamespace) -> None:
    engine = make_verdict(
        claim="engine", level="overall", modality="all", family_b="tiny deep", verdict="undecided",
        n_datasets=0, reason="no deep model ran in all sizes", sentence="Set sizes in params.yaml.",
    )  # fmt: skip
    empty = {**engine, "claim": "time", "reason": "too few datasets (0 of 6)", "sentence": "Nothing at all."}
    text = render(altered(analysis, verdicts=[*analysis.verdicts, engine, empty])).headline
    assert "Set sizes in params.yaml." in text and "Nothing at all." not in text


def test_the_overview_has_a_column_for_a_claim_that_the_first_dataset_lacks() -> None:
    single = [{"claims": {"data": []}}, {"claims": {"data": [], "engine": []}}]
    assert claims_of(single) == ["data", "engine"]


def test_verdicts_with_other_members_stand_side_by_side(analysis: SimpleNamespace) -> None:
    def verdict(comparison: str, unexposed: bool, **fields: Any) -> dict[str, object]:
        return make_verdict(
            level="overall", modality="all", family_b="linear", comparison=comparison, unexposed=unexposed,
            counted=f"members {comparison}", **fields,
        )  # fmt: skip

    beside = [
        verdict("all", False, n_datasets=9, verdict="refuted", effect=0.7, lo=0.5, hi=0.9),
        verdict("primary", True, n_datasets=1, verdict="undecided", effect=1.3),
    ]
    judged = verdict("primary", False, n_datasets=9, verdict="supported", effect=1.6, sentence="It holds.")
    judged |= {"beside": beside, "note": "All members of that side count."}
    page = render(altered(analysis, verdicts=[judged]))
    assert "All members of that side count." in page.headline
    assert "all datasets datasets on which no default of these was chosen" in page.headline
    signs = page.headline.replace("\N{MULTIPLICATION SIGN}", "x")
    assert "members primary supported 1.6x, 9 datasets undecided 1.3x, 1 dataset" in signs
    assert "members all refuted 0.7x (0.5x to 0.9x), 9 datasets" in signs
    alone = render(altered(analysis, verdicts=[{**judged, "beside": beside[:1]}])).headline
    assert "members that count verdict" in alone and "no default of these" not in alone
    assert "members that count" not in render(altered(analysis, verdicts=[{**judged, "beside": []}])).headline


def test_the_ratios_are_those_of_the_members_that_a_verdict_counts(analysis: SimpleNamespace) -> None:
    families = analysis.pairs[analysis.pairs["level"] == "family"]
    judged = families.assign(der_median=7.0, der_median_censored="")
    page = render(altered(analysis, judged_pairs=judged))
    assert {row["der"] for row in page.payload["forest"]} == {7.0}
    assert "those that the verdict counts" in page.headline
    assert "those that the verdict counts" not in render(analysis).headline
