"""A customer's sentence is answered with its intent, the probability, and the next two intents."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from fuelgauge.config.objects import OTHER_FOLDER
from fuelgauge.data.dataset import Dataset
from fuelgauge.data.ingest import ingest
from fuelgauge.features.featurize import featurize
from fuelgauge.models import storage
from fuelgauge.models.base import FitContext, create
from fuelgauge.registry._scoring import Scorer
from fuelgauge.registry.loader import MODEL, Served
from fuelgauge.registry.query import Query
from fuelgauge.spec.features import FeatureSetConfig
from tests.conftest import CHECKOUT
from tests.data.catalogue import load

PAGE = CHECKOUT / "docs" / "howto" / "serve_a_champion.md"
INTENTS = {
    "card_arrival": ["Where is my new card?", "My card has not arrived", "I still wait for my card"],
    "lost_or_stolen_card": ["My card was stolen", "I lost my card", "Somebody took my card"],
    "exchange_rate": ["What is your exchange rate?", "How do you set the rate for euros?", "Rate of dollars"],
    "top_up_failed": ["My top up failed", "Why did the top-up not work?", "I cannot top up"],
}


@pytest.fixture(scope="module")
def scorer(tmp_path_factory) -> Scorer:
    """Serve a model on a tiny file of the format of BANKING77, by the description of that dataset."""
    folder = tmp_path_factory.mktemp("tickets")
    rows = [f'"{text}",{intent}' for intent, texts in INTENTS.items() for text in texts]
    content = "\n".join(["text,category", *rows, ""]).encode()
    (folder / "train.csv").write_bytes(content)
    pin = {"url": "https://example.org/train.csv", "file": "train.csv"}
    described = load("banking77")
    files = {"train": {**pin, "sha256": hashlib.sha256(content).hexdigest()}}
    dataset = replace(described, source={**described.source, "files": files})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OTHER_FOLDER, str(folder))
        raw = ingest(dataset, folder / "raw")
    raw_set = FeatureSetConfig(name="raw")
    featurize(dataset, raw_set, folder / "raw", folder / "features")
    made = Dataset.open("banking77", "raw", folder / "features")
    query = Query.of(raw, dataset, raw_set, made.description).with_seen(pq.read_table(raw))
    train = made.take(np.arange(len(made.target)))
    model = create("fuelgauge.models.tfidf.TfIdf", {"C": 10.0})
    model.fit(train, train, FitContext(0, 1, "cpu", "accuracy"))
    query.save(folder)
    storage.save(model, folder / MODEL)
    return Scorer(SimpleNamespace(get_raw_model=lambda: Served(folder)))


def asked(scorer: Scorer, *texts: str) -> dict:
    body = json.dumps({"dataframe_records": [{"text": text} for text in texts]})
    answer = scorer(body.encode(), "application/json")
    assert answer.status == 200
    return json.loads(answer.body)


def test_the_command_of_the_page_prints_intent_probability_and_the_next_two(scorer):
    answer = asked(scorer, "Has my card arrived?")
    (program,) = re.findall(r"""python -c "(.*?)"$""", PAGE.read_text(), re.MULTILINE)
    printed = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(answer), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(printed) == 3
    first = answer["predictions"][0]["probabilities"]["card_arrival"]
    assert printed[0].split() == ["card_arrival", f"{first:.3f}"]
    shares = [float(line.split()[1]) for line in printed]
    assert shares == sorted(shares, reverse=True)
    assert {line.split()[0] for line in printed} < set(INTENTS)


def test_odd_texts_are_answered(scorer):
    odd = ["", "x" * 100_000, "Wo ist meine Karte?", "💳 😡", "<p>Where is <b>my card</b>?</p>"]
    for row in asked(scorer, *odd)["predictions"]:
        assert sum(row["probabilities"].values()) == pytest.approx(1)
