"""A frozen encoder embeds a dataset once, before its first trial, and its cost is kept apart."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.errors import DataError
from fuelgauge.models import embeddings
from fuelgauge.spec.dataset import FeatureTypes
from fuelgauge.sweep import embedding
from fuelgauge.sweep.embedding import embed, embed_once, is_due
from fuelgauge.sweep.embedding_costs import costs_of
from fuelgauge.sweep.runner import run_curve
from fuelgauge.tracking.tracker import NoTracker
from tests.data.made import make
from tests.models.kinds import examples
from tests.models.tiny import PLACES, sentence_weights

NAME = "made_texts"
DESCRIPTION = f"""
name: {NAME}
title: made
modality: text
task: binary
metric: accuracy
target: y
source: {{_target_: fuelgauge.data.made.given, name: made}}
features: {{text: text}}
duplicates: keep
licence: none
citation: none
"""


@pytest.fixture
def texts(project):
    """Featurize texts, some of them more than once, as a dataset of the project."""
    given = examples("text", "binary", 200)
    table = pd.DataFrame({"text": [*given.x, "good film"], "y": [*given.y, 1]})
    settings = {"name": NAME, "modality": "text", "metric": "accuracy"}
    make(paths.DATA, table, features=FeatureTypes(text="text"), **settings)
    description = paths.CONF / "dataset" / f"{NAME}.yaml"
    description.write_text(DESCRIPTION)
    yield sorted(set(table["text"]))
    description.unlink()
    shutil.rmtree(paths.DATA / "embeddings", ignore_errors=True)


def composed(**weights):
    pin = {**sentence_weights(), **weights}
    encoder = "model.hyperparameters.encoder"
    return compose(
        f"dataset={NAME}",
        "model=minilm",
        "tracking=none",
        "anchors.stop=64",
        f"{encoder}.weights.file={pin['file']}",
        f"{encoder}.weights.sha256={pin['sha256']}",
        f"{encoder}.tokens={PLACES}",
    )


def test_the_second_trial_embeds_nothing_and_the_cost_is_known(texts, caplog):
    config = composed()
    with caplog.at_level("INFO"):
        table = run_curve(config, lambda *_: NoTracker())
    assert (table["status"] == "done").all()
    assert caplog.text.count("embeds all rows, once for all trials") == 1
    assert f"embedded {len(texts)} rows in" in caplog.text
    (about,) = costs_of(NAME)
    assert about["n_rows"] == about["n_embedded"] == len(texts)
    assert about["cpu_seconds"] > 0
    assert 0 < about["peak_memory_mb"] < 3000
    kept = embeddings.kept(embedding.folder_for(config).parent.name)
    assert set(embeddings.keys_of(texts)) == kept[0].places.keys()
    assert not is_due(config)


def test_rows_that_are_kept_are_not_embedded_again_when_the_dataset_changes(texts):
    config = composed()
    folder, target = embedding.folder_for(config), config.model.target
    settings = {"name": NAME, "features": "raw", "target": target}
    encoder = config.model.hyperparameters["encoder"]
    embed(**settings, encoder=encoder, folder=folder)
    vectors = np.load(folder / embeddings.VECTORS)
    about = json.loads((folder / embeddings.ABOUT).read_text())
    (folder / embeddings.ABOUT).write_text(json.dumps({**about, "fingerprint": "another"}))
    assert is_due(config)
    embed(**settings, encoder=encoder, folder=folder)
    assert not is_due(config)
    assert costs_of(NAME)[0]["n_embedded"] == 0
    assert np.array_equal(np.load(folder / embeddings.VECTORS), vectors)


def test_an_encoder_that_fails_says_why_in_one_sentence(texts):
    with pytest.raises(DataError, match=f"{NAME}: minilm could not embed its rows: the weights .* not 000"):
        embed_once(composed(sha256="0" * 64))


def test_a_model_without_an_encoder_is_never_due(texts):
    assert not is_due(compose(f"dataset={NAME}", "model=tfidf"))
