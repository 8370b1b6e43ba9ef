"""The scoring function and its app: every body gets an answer, and every answer is counted."""

import asyncio
import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuelgauge.registry import _scoring as scoring
from fuelgauge.registry._metrics import BUCKETS, Metrics
from fuelgauge.registry._scoring import RequestLog, Scorer, ScoringApp
from fuelgauge.registry._seen import Notes
from tests.registry.clients import ROW, client_query, served

ABOUT = {"dataset": "clients", "version": "7", "model": "logistic"}
CSV = "usage,plan,zip,active,joined\n-0.5,3,01002,TRUE,05.12.2024\n0.5,1,99,FALSE,2024-12-06\n"


@pytest.fixture(scope="module")
def scorer(tmp_path_factory) -> Scorer:
    folder = tmp_path_factory.mktemp("clients")
    answering = served(folder, client_query(folder))
    return Scorer(SimpleNamespace(get_raw_model=lambda: answering))


def ask(scorer: Scorer, content: object, kind: str = "application/json") -> tuple[int, dict]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = scorer(body, kind)
    return answer.status, json.loads(answer.body)


def labels(answer: dict) -> list[float]:
    return [row["probabilities"]["yes"] for row in answer["predictions"]]


def test_all_formats_of_a_body_give_the_same_answer(scorer):
    status, wanted = ask(scorer, {"dataframe_records": [ROW]})
    assert status == 200
    assert set(wanted["predictions"][0]) == {"label", "probabilities"}
    bodies = [
        {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())], "index": [3]}},
        {"instances": [ROW]},
        {"inputs": [ROW]},
        {"inputs": {name: [value] for name, value in ROW.items()}},
        {"inputs": ROW},
        {"dataframe_records": [{**ROW, "joined": "2024-12-05", "active": True, "zip": 1002, "more": []}]},
    ]
    for body in bodies:
        assert ask(scorer, body) == (200, wanted)
    status, answer = ask(scorer, CSV.encode(), "text/csv; charset=UTF-8")
    assert status == 200
    assert labels(answer)[0] == labels(wanted)[0]
    assert [row.get("unseen") for row in answer["predictions"]] == [None, ["zip"]]
    assert ask(scorer, b"\xef\xbb\xbf" + CSV.replace(",", ";").encode(), "text/csv") == (200, answer)


DEEP = 100_000
REFUSED = [
    (b"[" * DEEP, 400, "the body is nested too deeply"),
    (b'{"a":' * DEEP, 400, "the body is nested too deeply"),
    (b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", 400, "row 1 is not an object"),
    (b"{", 400, "the body is not valid JSON"),
    (b"", 400, "the body is not valid JSON"),
    (b"\xff", 400, "the body is not UTF-8"),
    (b"9" * 5000, 400, "the body is not valid JSON"),
    ([], 400, "must be a JSON object with one of the keys dataframe_split"),
    ({"inputs": ROW, "instances": [ROW]}, 400, "must be a JSON object with one of the keys"),
    ({"dataframe_records": []}, 400, "the query has no rows"),
    ({"dataframe_records": ROW}, 400, "dataframe_records must be a list of rows"),
    ({"dataframe_records": [3]}, 400, "row 1 is not an object"),
    ({"dataframe_records": [ROW, {}]}, 400, "row 2 has no column 'usage'"),
    ({"dataframe_records": [{**ROW, "zip": [1]}]}, 400, "column 'zip': row 1 is not a text, number"),
    ({"dataframe_records": [{**ROW, "zip": "\ud800"}]}, 400, "cannot be read"),
    ({"dataframe_records": [{**ROW, "usage": 2**70}, {**ROW, "usage": "x"}]}, 400, "column 'usage'"),
    ({"dataframe_records": [{**ROW, "zip": 10**400}]}, 200, None),
    ({"dataframe_records": [{**ROW, "usage": float("inf")}]}, 400, "'usage' is infinite"),
    ({"dataframe_records": [{**ROW, "joined": "9" * 99}]}, 400, "column 'joined': row 1 holds '999"),
    ({"dataframe_split": {"columns": ["a", "a"], "data": []}}, 400, "has the column 'a' twice"),
    ({"dataframe_split": {"columns": list(ROW), "data": [[1]]}}, 400, "row 1 is not a list of 5 values"),
    ({"dataframe_split": []}, 400, "two lists, columns and data"),
    ({"inputs": {"usage": [1, 2], "plan": [1]}}, 400, "different numbers of rows"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
def test_a_body_that_is_not_valid_is_refused_in_one_sentence(scorer, body, status, message):
    found, answer = ask(scorer, body)
    assert found == status
    assert message is None or message in answer["message"]
    assert "Traceback" not in str(answer)
    assert message is None or set(answer) == {"error_code", "message"}


CSV_REFUSED = [
    (
        CSV.replace("05.12", "05/12"),
        "query: column 'joined': row 1 holds '05/12.2024', which is not a date by",
    ),
    (CSV.replace("0.5,1", "much,1"), "query: column 'usage' is listed as numeric, but row 2 holds 'much'"),
    (CSV.replace("zip", "zap"), "query has no column 'zip'"),
    (CSV.replace("TRUE,", "TRUE,,"), "row 1 has 6 values, but the header has 5"),
    (CSV.split("\n")[0] + "\n", "query holds a header but no rows"),
    ('"' + CSV, "query"),
    ("", "query is empty"),
]


@pytest.mark.parametrize(("body", "message"), CSV_REFUSED)
def test_a_csv_body_that_is_not_valid_is_refused_with_column_and_row(scorer, body, message):
    status, answer = ask(scorer, body.encode(), "text/csv")
    assert status == 400
    assert message in answer["message"]


@pytest.mark.parametrize(
    "kind", ["", "text/html", "application/x-www-form-urlencoded", "text/csv; charset=x"]
)
def test_another_content_type_is_refused(scorer, kind):
    status, answer = ask(scorer, CSV.encode(), kind)
    assert status == 415
    assert "send " in answer["message"]


def test_a_model_that_fails_is_logged_and_no_traceback_is_sent(scorer, monkeypatch, caplog):
    monkeypatch.setattr(scorer.served.model, "predict", lambda _: 1 / 0)
    status, answer = ask(scorer, {"inputs": ROW})
    assert (status, answer["error_code"]) == (500, "INTERNAL_ERROR")
    assert "Traceback" not in str(answer)
    assert "ZeroDivisionError" in caplog.text


class Asked:
    """Requests to an app without a server."""

    def __init__(self, app: ScoringApp):
        self.app = app

    def __call__(self, *parts: bytes, path: str = "/invocations", method: str = "POST", **headers: str):
        messages = [
            {"type": "http.request", "body": part, "more_body": place < len(parts)}
            for place, part in enumerate(parts, 1)
        ]
        sent = []

        async def receive():
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": named}
        asyncio.run(self.app(scope, receive, send))
        self.unread = len(messages)
        return sent[0]["status"], sent[1]["body"].decode()


def app(scorer: Scorer, max_bytes: int = 10_000, requests: RequestLog | None = None) -> Asked:
    return Asked(ScoringApp(scorer, None, ABOUT, Metrics(), requests or RequestLog(), max_bytes))


GOOD = json.dumps({"dataframe_records": [ROW]}).encode()
JSON = {"content_type": "application/json"}


def test_a_body_over_the_limit_is_refused_before_it_is_read(scorer):
    asked = app(scorer, max_bytes=200)
    assert asked(GOOD, **JSON)[0] == 200
    assert asked(GOOD[:50], GOOD[50:], **JSON)[0] == 200
    status, answer = asked(b"x" * 150, b"x" * 100, b"never read", **JSON)
    assert (status, asked.unread) == (413, 1)
    assert "larger than 0.000191 MiB (registry.max_body_mib)" in answer
    assert asked(b"never read", content_length="201", **JSON)[0] == 413
    assert asked.unread == 1
    assert asked(GOOD, content_length="many", **JSON)[0] == 200
    assert asked(content_length="10", **JSON) == (400, json.dumps(json.loads(asked(**JSON)[1])))


def test_an_answer_that_takes_too_long_is_given_up(scorer, monkeypatch):
    monkeypatch.setattr(scoring, "SECONDS", 0.0)
    assert app(scorer)(GOOD, **JSON)[0] == 504


def values(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_metrics_in_the_format_of_prometheus(scorer):
    asked = app(scorer)
    for change in ({}, {"usage": None, "zip": "9"}, {"usage": 5, "joined": "2099-01-01"}, {"usage": "x"}):
        asked(json.dumps({"inputs": {**ROW, **change}}).encode(), **JSON)
    asked(b"", **JSON)
    status, text = asked(path="/metrics", method="GET")
    found = values(text)
    assert status == 200
    assert found['fuelgauge_requests_total{status="200"}'] == 3
    assert found['fuelgauge_requests_total{status="400"}'] == 2
    assert found["fuelgauge_rows_total"] == 3
    assert (
        found['fuelgauge_request_seconds_bucket{le="+Inf"}'] == found["fuelgauge_request_seconds_count"] == 5
    )
    buckets = [found[f'fuelgauge_request_seconds_bucket{{le="{end}"}}'] for end in BUCKETS]
    assert buckets == sorted(buckets)
    assert found["fuelgauge_request_seconds_sum"] > 0
    assert found['fuelgauge_champion_info{dataset="clients",version="7",model="logistic"}'] == 1
    assert found['fuelgauge_missing_inputs_total{column="usage"}'] == 1
    assert found['fuelgauge_out_of_range_inputs_total{column="usage"}'] == 1
    assert found['fuelgauge_out_of_range_inputs_total{column="joined"}'] == 1
    assert found['fuelgauge_unseen_categories_total{column="zip"}'] == 1
    assert text.endswith("\n")


def test_a_column_name_is_escaped_in_the_metrics():
    metrics = Metrics()
    metrics.add(200, 0.1, 1, Notes(missing={'a "b"\\\n': 1}))
    assert 'fuelgauge_missing_inputs_total{column="a \\"b\\"\\\\\\n"} 1\n' in metrics.text(ABOUT)


def test_the_request_log_is_off_or_holds_no_values_unless_asked(scorer, tmp_path, caplog):
    body = json.dumps({"inputs": {**ROW, "zip": "secret"}}).encode()
    app(scorer)(body, **JSON)
    assert not list(tmp_path.iterdir())
    for name, with_values in (("plain", False), ("all", True)):
        asked = app(scorer, requests=RequestLog(str(tmp_path / name), with_values))
        asked(body, **JSON)
        asked(b'{"inputs": "secret"}', **JSON)
        first, second = (json.loads(line) for line in (tmp_path / name).read_text().splitlines())
        assert (first["status"], first["rows"], first["unseen"]) == (200, 1, {"zip": 1})
        assert (first["version"], second["status"], second["rows"]) == ("7", 400, 0)
        assert ("secret" in (tmp_path / name).read_text()) == with_values
        assert ("query" in first, "answer" in first) == (with_values, with_values)
    asked = app(scorer, requests=RequestLog(str(tmp_path / "no" / "folder")))
    with caplog.at_level(logging.WARNING):
        assert [asked(body, **JSON)[0] for _ in range(2)] == [200, 200]
    assert caplog.text.count("cannot be written") == 1


def test_arrays_outside_the_type_of_the_rows_are_refused():
    from fuelgauge.errors import DataError
    from fuelgauge.registry.query import Query

    query = Query(None, SimpleNamespace(text=()), None, None, shape=(2, 2), dtype="uint8")
    assert query.table(np.array([[[1.0, 2], [3, 255]]])).num_rows == 1
    for wrong, message in (
        ([[[1.5, 2], [3, 4]]], "whole numbers from 0 to 255"),
        ([[[256, 2], [3, 4]]], "whole numbers from 0 to 255"),
        ([[[float("nan"), 2], [3, 4]]], "whole numbers from 0 to 255"),
        ([[1, 2]], r"does not match expected shape \(-1, 2, 2\)"),
    ):
        with pytest.raises(DataError, match=message):
            query.table(np.array(wrong))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
values_ = st.recursive(
    scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3)
)
dates = st.datetimes().map(str) | st.dates().map(lambda day: day.strftime("%d.%m.%Y"))
rows_ = st.fixed_dictionaries({name: st.just(value) | values_ | dates for name, value in ROW.items()})
bodies_ = (
    st.fixed_dictionaries({"dataframe_records": st.lists(rows_ | values_, max_size=3)})
    | st.fixed_dictionaries({"inputs": rows_ | values_ | st.lists(rows_, max_size=2)})
    | st.fixed_dictionaries({"instances": values_ | st.lists(rows_, max_size=2)})
    | st.fixed_dictionaries(
        {"dataframe_split": st.fixed_dictionaries({"columns": st.just(list(ROW)) | values_, "data": values_})}
    )
    | values_
)
raw_ = bodies_.map(lambda content: json.dumps(content).encode()) | st.binary(max_size=200)
csv_ = st.lists(st.lists(scalars.map(str), min_size=4, max_size=6), max_size=4).map(
    lambda rows: "\n".join([CSV.split("\n")[0], *map(",".join, rows)]).encode("utf-8", "replace")
)


@pytest.mark.slow
@settings(max_examples=1000, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(raw_ | csv_, st.sampled_from(["application/json", "text/csv"]) | st.text(max_size=20))
def test_no_body_makes_the_server_fail_or_hang(scorer, body, kind):
    answer = scorer(body, kind)
    assert answer.status in (200, 400, 415), answer.body
    content = json.loads(answer.body)
    assert "Traceback" not in str(content)
    if answer.status == 200:
        assert all(row["label"] in ("no", "yes") for row in content["predictions"])
    else:
        assert content["message"]


def test_a_csv_body_is_utf_8_whatever_the_encoding_of_the_dataset_s_file(tmp_path):
    query = client_query(tmp_path, encoding="cp1252", delimiter=";", decimal=",", missing=["none", ""])
    answering = served(tmp_path, query)
    scorer = Scorer(SimpleNamespace(get_raw_model=lambda: answering))
    rows = 'usage;plan;zip;active;joined\n"0,5";3;Köln;none;05.12.2024\n'
    status, answer = ask(scorer, rows.encode(), "text/csv")
    assert (status, answer["predictions"][0]["unseen"]) == (200, ["zip"])
    values = {**ROW, "usage": 0.5, "zip": "Köln", "active": None}
    assert ask(scorer, {"inputs": values}) == (200, answer)
    (tmp_path / "rows.csv").write_bytes(rows.encode("cp1252"))
    table = query.reading.opened(tmp_path / "rows.csv", query.dataset, "rows.csv").read_all()
    assert query.table(table)["zip"].to_pylist() == ["Köln"]
