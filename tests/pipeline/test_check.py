"""Contestants of the user's own, from the how-to page and the README, end as trials."""

import logging
import re
import shutil
import sys
from collections.abc import Iterator

import pytest
import yaml

from fuelgauge import paths
from fuelgauge.config.compose import compose
from fuelgauge.config.files import typed
from fuelgauge.errors import ConfigError
from fuelgauge.pipeline.check import check_all
from fuelgauge.spec.model import ModelConfig
from fuelgauge.sweep.grid import plan_curve, why_not
from fuelgauge.sweep.trial import run_trial
from tests.conftest import CHECKOUT

MODELS = paths.CONF / "model"
PAGE = (CHECKOUT / "docs/howto/bring_your_own_model.md").read_text()
README = (CHECKOUT / "README.md").read_text()
HEAD = """from dataclasses import dataclass
import numpy as np
from fuelgauge.models.base import Model
"""
MINE = """
name: mine
target: mine.Mine
family: baseline
modalities: [sequence]
tasks: [multiclass]
"""


def block(page: str, kind: str, word: str) -> str:
    """Return the code block of a page that holds a word."""
    (found,) = [text for text in re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) if word in text]
    return found


@pytest.fixture
def own() -> Iterator[None]:
    """Remove what a test has added to conf/model, and forget its modules."""
    before = {*MODELS.iterdir()}
    yield
    for path in {*MODELS.iterdir()} - before:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in ("mine", "my_net"):
        sys.modules.pop(name, None)


def checked(name: str, text: str):
    (MODELS / f"{name}.yaml").write_text(text)
    config = compose("dataset=mnist1d", f"model={name}")
    config.models = [name]
    check_all(config)
    return config


def test_the_estimator_of_the_page_becomes_a_trial(own, featurized):
    text = block(PAGE, "yaml", "name: hist_boosting").replace("max_iter: 200", "max_iter: 5")
    curve = plan_curve(checked("hist_boosting", text))
    outcome = run_trial(curve.trials[0])
    assert 0 < outcome["loss"] < 1
    assert outcome["n_steps"] == 10  # both fits
    assert "scikit-learn" in curve.curve.versions


def test_the_net_of_the_page_becomes_a_trial(own, featurized):
    (MODELS / "my_net.py").write_text(block(PAGE, "python", "class MyNet"))
    text = block(PAGE, "yaml", "name: my_net").replace("max_epochs: 100", "max_epochs: 3")
    before = plan_curve(checked("my_net", text))
    assert 0 < run_trial(before.trials[0])["loss"] < 1


def test_the_class_of_the_readme_becomes_a_trial_whose_identity_holds_its_code(own, featurized, monkeypatch):
    from fuelgauge.sweep import fingerprint

    code = HEAD + block(README, "python", "class Mine")
    (MODELS / "mine.py").write_text(code)
    before = plan_curve(checked("mine", MINE))
    assert 0 < run_trial(before.trials[0])["loss"] < 1
    (MODELS / "mine.py").write_text(code.replace("/ len(train)", "/ (len(train) + 1)"))
    for cached in (fingerprint.file_of, fingerprint.imports, fingerprint.normalised):
        cached.cache_clear()
    assert plan_curve(compose("dataset=mnist1d", "model=mine")).curve.code != before.curve.code


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(name: .*?)```", README + PAGE, re.DOTALL))
def test_every_file_that_is_shown_fits_the_schema(text):
    typed(ModelConfig, yaml.safe_load(text), "the page")


def test_a_file_that_cannot_work_is_refused_with_its_name(own):
    text = block(README, "yaml", "name: hist_boosting")
    sentence = r"^conf/model/hist_boosting.yaml: classifier: LinearSVC has no predict_proba"
    with pytest.raises(ConfigError, match=sentence):
        checked("hist_boosting", re.sub("sklearn.*200", "sklearn.svm.LinearSVC", text))
    with pytest.raises(ConfigError, match="'Mine' is not a dataclass|'mine.Mine' cannot be imported"):
        checked("mine", MINE)


def test_what_can_be_measured_but_not_registered_is_said(own, caplog):
    text = block(README, "yaml", "name: hist_boosting")
    with caplog.at_level(logging.WARNING, "fuelgauge"):
        checked("hist_boosting", text)
        assert not caplog.records
        checked("hist_boosting", re.sub("sklearn.*200", "lightgbm.LGBMClassifier, verbose: -1", text))
    (record,) = caplog.records
    assert "conf/model/hist_boosting.yaml: it can be measured but not registered: the fit" in record.message


def test_a_foundation_model_without_package_or_weights_is_left_out_with_the_reason(own):
    text = block(PAGE, "yaml", "name: tabicl").replace("[tabicl]", "[no_such_package]")
    config = checked("tabicl", text.replace("modalities: [tabular]", "modalities: [tabular, sequence]"))
    assert why_not(config) == "the package no_such_package is not installed"
    config.model.needs = []
    assert why_not(config).endswith(
        "data/weights/tabicl-classifier-v2-20260212.ckpt do not exist; copy them there"
    )
