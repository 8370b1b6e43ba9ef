from fuelgauge.report.summary import shown_ratio, summary, titled

JUDGED = {
    "claim": "data", "level": "overall", "modality": "tabular", "dataset": None, "control": False,
    "family_a": "deep", "family_b": "boosted", "effect": 0.82, "lo": 0.7, "hi": 0.95, "p": 0.01,
    "n_datasets": 24, "verdict": "refuted", "share": 0.2, "share_lo": 0.05, "share_hi": 0.4,
    "at_least": float("nan"), "less_than": 1.0, "detectable": 1.3, "sentence": "Across 24 datasets ...",
}  # fmt: skip


def test_the_answer_comes_first_and_each_claim_is_a_line():
    lines = summary([JUDGED, JUDGED | {"family_b": "forest", "less_than": 0.8}])
    needed = "deep models needed 0.82 times (0.7 to 0.95) the rows of forests on average"
    assert lines[0] == f"On 24 tables, {needed}: refuted."
    assert lines[-2].split("  ")[0] == "needs more data" and "boosted trees" in lines[-2]
    assert lines[-1].endswith("24    0.82 (0.7 to 0.95)  refuted: less than 0.8  20% (5-40)")
    assert all(len(line) <= 100 for line in lines[2:])


def test_an_undecided_answer_says_what_would_have_been_seen():
    lines = summary([JUDGED | {"verdict": "undecided"}])
    assert lines[1] == "A mean ratio above 1.3 or below 0.77 would be shown with probability .8."


def test_tables_are_preferred_to_all_datasets_where_they_were_judged():
    everything = JUDGED | {"modality": "all", "n_datasets": 30, "effect": 0.9}
    few = JUDGED | {"p": float("nan"), "n_datasets": 4}
    assert summary([everything, JUDGED])[0].startswith("On 24 tables")
    assert summary([everything, few])[0].startswith("On 30 datasets")


def test_one_dataset_is_answered_by_itself():
    few = JUDGED | {"p": float("nan"), "n_datasets": 1, "modality": "all"}
    own = JUDGED | {"level": "dataset", "dataset": "mine", "sentence": "On mine, no."}
    assert summary([few, own]) == ["REFUTED    On mine, no."]


def test_where_nothing_was_judged_one_line_says_so():
    nothing = JUDGED | {"p": float("nan"), "n_datasets": 0, "verdict": "undecided"}
    assert summary([nothing, nothing | {"modality": "all"}]) == [
        "No claim can be judged from this table; the notes say why."
    ]


def test_a_supported_claim_has_its_least_and_its_most():
    supported = JUDGED | {"verdict": "supported", "effect": 1.4, "lo": 1.04, "hi": 2.0}
    few, many, any_size = (
        summary([supported | {"at_least": least, "less_than": most}])[-1]
        for least, most in ((2 / 3, 10.0), (1.25, 10.0), (1.0, float("nan")))
    )
    assert few.endswith("1.4 (1.04 to 2)  supported: less than 10  20% (5-40)")
    assert "  supported: at least 1.25, less than 10  20%" in many
    assert any_size.endswith("supported  20% (5-40)")


def test_a_number_of_rows_is_no_ratio():
    passing = JUDGED | {"claim": "massive", "effect_name": "passing", "unit": "rows", "effect": 65536.0}
    unbounded = passing | {"lo": 0.0, "hi": float("inf"), "censored": "above"}
    assert shown_ratio(unbounded) == "> 65,536 rows (no interval)"
    assert shown_ratio(passing | {"lo": 4096.0, "hi": float("inf")}) == "65,536 rows (from 4,096)"
    assert shown_ratio(passing | {"lo": 4096.0, "hi": 262144.0}) == "65,536 rows (from 4,096 to 262,144)"
    assert titled(passing) == "passes only late"
    assert titled(JUDGED) == "needs more data"
