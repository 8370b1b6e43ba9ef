from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from fuelgauge.report import ReportContext, _page
from fuelgauge.report._contents import LEAD_COLUMNS, gather
from fuelgauge.report._page import render_page
from fuelgauge.report._verdicts import answer, matrix
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
        text = self.scripts[0].strip()
        return json.loads(text if text.startswith("{") else gzip.decompress(base64.b64decode(text)))

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
    for name in (*SHAPES, *MODELS, "no answer across datasets: too few datasets (3 of 6)"):
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


def across(**fields: Any) -> dict[str, Any]:
    """Return a verdict across datasets that was judged."""
    judged = {"p": 0.01, "effect": 1.6, "lo": 1.2, "hi": 2.1, "n_datasets": 24, "detectable": 1.4}
    shares = {"share": 0.8, "share_lo": 0.6, "share_hi": 0.9, "n_above": 5, "n_below": 1, "at_least": 1.25}
    return make_verdict(level="overall", **{"modality": "all", **judged, **shares, **fields})


def plain(text: str) -> str:
    return text.replace("\N{MULTIPLICATION SIGN}", "x").replace("\N{THIN SPACE}", " ")


def said(words: dict[str, str], **fields: Any) -> dict[str, str]:
    return answer([across(family_b=rival, verdict=word, **fields) for rival, word in words.items()])


def test_the_answer_is_one_sentence_with_its_size_and_what_was_asked() -> None:
    found = said({"linear": "supported", "forest": "supported", "boosted": "refuted"}, modality="tabular")
    assert found["sentence"] == (
        "On 24 tables, deep models need at least 1.25 times the rows of linear models and forests and need "
        "fewer rows than boosted trees."
    )
    assert found["asked"] == "The claim: “Deep learning needs more data.”"
    assert "1.6x (1.2 to 2.1) the rows of boosted trees. Mean, with 95% interval." in plain(found["sizes"])


def test_an_answer_without_a_size_says_the_direction() -> None:
    found = said({"linear": "supported", "boosted": "refuted"}, at_least=None)
    assert found["sentence"] == (
        "On 24 datasets, deep models need more rows than linear models and need fewer than boosted trees."
    )


def test_the_most_that_is_shown_stands_beside_the_direction() -> None:
    few, many = {"at_least": 1.0, "less_than": 10}, {"at_least": 2.0, "less_than": 10}
    found = said({"linear": "supported", "boosted": "supported"}, **few)
    assert found["sentence"] == (
        "On 24 datasets, deep models need more rows than linear models and boosted trees, but less than 10 "
        "times as many."
    )
    sides = [
        across(family_b="linear", verdict="supported", **few),
        across(family_b="boosted", verdict="refuted"),
    ]
    assert answer(sides)["sentence"].endswith("10 times as many, and need fewer than boosted trees.")
    assert (
        "at least 2 times the rows of linear models, but less than 10 times"
        in said({"linear": "supported"}, **many)["sentence"]
    )


def test_a_size_may_be_shown_where_the_direction_is_not() -> None:
    found = said({"linear": "undecided", "forest": "undecided"}, less_than=10)
    assert found["sentence"] == (
        "On 24 datasets, deep models need less than 10 times the rows of linear models and forests. "
        "Whether they need more or fewer rows is open."
    )


def test_the_open_direction_names_its_rivals_where_another_is_decided() -> None:
    sides = [across(family_b="linear", verdict="supported"), across(family_b="forest", verdict="undecided",
             at_least=None, less_than=10)]  # fmt: skip
    assert answer(sides)["sentence"] == (
        "On 24 datasets, deep models need at least 1.25 times the rows of linear models. "
        "Against forests the direction is open (less than 10 times)."
    )


def test_what_is_not_shown_is_said_to_be_not_shown() -> None:
    found = said({"linear": "undecided", "forest": "undecided"})
    needed = "are not shown to need more or fewer rows than linear models and forests."
    assert found["sentence"] == f"On 24 datasets, deep models {needed}"


def test_the_facts_say_how_many_datasets_are_controls(analysis: SimpleNamespace) -> None:
    first = analysis.trials["dataset"].iloc[0]
    trials = analysis.trials.assign(control=analysis.trials["dataset"] == first)
    assert "1 control not counted" in render(altered(analysis, trials=trials)).headline
    assert "not counted" not in render(analysis).headline


def test_another_claim_is_answered_by_its_verdicts() -> None:
    found = said({"linear": "supported", "forest": "refuted"}, claim="time", effect_name="time_ratio")
    assert (
        found["sentence"] == "On 24 datasets, it is supported against linear models; refuted against forests."
    )


def test_tables_are_answered_where_they_were_judged() -> None:
    everything = across(family_b="linear", verdict="refuted", n_datasets=30)
    tables = across(family_b="linear", verdict="supported", modality="tabular")
    assert answer([everything, tables])["sentence"].startswith("On 24 tables, deep models need at least 1.25")
    assert answer([everything])["sentence"].startswith("On 30 datasets, deep models need fewer")


def test_with_one_dataset_the_answer_is_about_it() -> None:
    words = {"linear": "undecided", "forest": "undecided", "boosted": "refuted"}
    alone = [make_verdict(dataset="mine", family_b=rival, verdict=word) for rival, word in words.items()]
    few = across(dataset=None, n_datasets=1, verdict="undecided", p=None, family_b="linear")
    found = answer([*alone, few | {"reason": "too few datasets (1 of 6)"}])
    assert found["sentence"] == (
        "On mine, deep models need fewer rows than boosted trees. "
        "Against linear models and forests the direction is open."
    )
    assert "one dataset only" in found["note"]


def test_with_one_dataset_the_lines_are_about_it_and_no_claim_lacks_datasets(
    analysis: SimpleNamespace,
) -> None:
    alone = make_verdict(level="dataset", dataset="flights", family_b="linear", verdict="refuted", effect=0.5,
                         lo=0.4, hi=0.7, sentence="On flights, it is refuted.")  # fmt: skip
    few = across(n_datasets=1, verdict="undecided", p=None, family_b="linear", sentence="Too few.")
    few["reason"] = "too few datasets (1 of 6)"
    text = plain(render(altered(analysis, verdicts=[alone, few])).headline)
    assert "needs more data linear refuted 0.5x 0.4 to 0.7" in text
    assert "too few" not in text.lower() and text.count("On flights, it is refuted.") == 1


def test_too_few_datasets_are_said_with_what_single_ones_show(page: Page) -> None:
    assert "There is no answer across datasets: too few datasets (3 of 6)." in page.headline
    assert "Against linear models: " in page.headline and "of 3 datasets" in page.headline


def test_a_claim_is_a_line_with_its_three_readings(analysis: SimpleNamespace) -> None:
    judged = across(family_b="linear", verdict="supported", sentence="It holds on average.")
    text = render(altered(analysis, verdicts=[judged])).headline
    line = "needs more data linear supported at least 1.25x 1.6x 1.2 to 2.1 80% 60 to 90% 5 / 1 24 1.4x"
    assert line in plain(text) and text.count("It holds on average.") == 1


def test_every_dataset_and_question_is_a_mark_that_opens_its_curves(page: Page) -> None:
    marks = [
        attributes
        for tag, attributes in page.tags
        if tag == "a" and str(attributes.get("class")).startswith("m ")
    ]
    assert len(marks) == 2 * len(SHAPES)
    targets = {attributes.get("id") for tag, attributes in page.tags if tag == "details"}
    assert all(str(mark["href"])[1:] in targets for mark in marks)
    assert {str(mark["class"]).split()[1] for mark in marks} <= {"supported", "refuted", "undecided"}


def test_the_matrix_has_an_empty_cell_where_a_question_was_not_asked() -> None:
    one = make_verdict(level="dataset", dataset="a", family_b="linear", verdict="refuted", effect=0.5)
    other = one | {"dataset": "b", "claim": "time", "family_b": "forest"}
    found = matrix([one, other], ["a"])
    assert found["rivals"] == ["linear", "forests"] and list(found["claims"].values()) == [1, 1]
    (a, b) = found["rows"]
    assert (a["place"], b["place"]) == (0, None) and a["cells"][1] is None and b["cells"][0] is None
    assert a["cells"][0]["word"] == "refuted" and a["cells"][0]["size"].startswith("0.5")


def test_no_sentence_is_said_twice(analysis: SimpleNamespace, context: ReportContext) -> None:
    verdicts = [
        across(family_b="forest", verdict="supported", sentence="Across all, it holds."),
        *analysis.verdicts,
    ]
    text = render(altered(analysis, verdicts=verdicts), context).headline
    for verdict in verdicts:
        assert text.count(str(verdict["sentence"])) <= 1
    assert "Across all, it holds." in text


def test_controls_do_not_count(analysis: SimpleNamespace) -> None:
    control = replace_control(analysis.verdicts, "mnist1d")
    page = render(altered(analysis, verdicts=control))
    assert "of 2 datasets" in page.headline and "sequence, control" in page.headline


def replace_control(verdicts: list[dict[str, Any]], dataset: str) -> list[dict[str, Any]]:
    return [{**verdict, "control": verdict["dataset"] == dataset} for verdict in verdicts]


def test_sections_without_facts_are_left_out(analysis: SimpleNamespace) -> None:
    page = render(analysis, replace(ReportContext(), title="mine"))
    assert "How it was measured" not in page.headline and "The data" not in page.headline
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
    assert "1,000 fits" not in page.text and 'data-unit="price"' not in page.source


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
    assert "members all refuted 0.7x (0.5 to 0.9), 9 datasets" in signs
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


def test_a_long_payload_is_packed_and_holds_the_same(
    analysis: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_page = render(analysis)
    monkeypatch.setattr(_page, "LONGEST_PLAIN_JSON", 100)
    packed = render(analysis)
    assert packed.payload == plain_page.payload
    assert len(packed.scripts[0]) < len(plain_page.scripts[0]) / 2


def test_scores_are_drawn_in_the_metric_of_the_dataset(analysis: SimpleNamespace) -> None:
    trials = analysis.trials.assign(metric="roc_auc")
    datasets = render(altered(analysis, trials=trials)).payload["datasets"]
    assert {(dataset["metric"], dataset["isScore"]) for dataset in datasets} == {("roc auc", True)}
    assert not render(analysis).payload["datasets"][0]["isScore"]


def test_the_ratios_come_first_where_nobody_is_shown_to_lead(analysis: SimpleNamespace) -> None:
    verdicts = [across(family_b="boosted", verdict="undecided", modality="tabular")]
    order = pd.DataFrame([("a", "tabular", "trees", 64, "")], columns=LEAD_COLUMNS)
    titles = "Rows that deep models need for the same loss", "Who is shown to have the lower loss"
    for leader, first in (("", titles[0]), ("deep", titles[1])):
        page = render(altered(analysis, verdicts=verdicts, leads=order.assign(leader=leader)))
        hero = page.text.split("The claims")[0]
        assert [title in hero for title in titles] == [title == first for title in titles]
        assert all(page.text.count(title) == 1 for title in titles)
