import hashlib
import os
import sys
import types

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import nn

from fuelgauge.config.objects import lacking, wrong_weights
from fuelgauge.errors import ConfigError
from fuelgauge.models import storage
from fuelgauge.models.base import FitContext, FitError, create
from fuelgauge.models.foundation import Foundation
from tests.models.kinds import examples
from tests.models.test_contract import check, skill

CONTEXT = FitContext(seed=1, threads=1, device="cpu", metric="roc_auc")


class Attention(nn.Module):
    """A tiny net that predicts from training rows: a mean of their classes by similarity."""

    def __init__(self, sharpness: float):
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(sharpness))

    def forward(self, known, classes, new):
        weights = (-self.sharpness * torch.cdist(new, known)).softmax(dim=1)
        return weights @ nn.functional.one_hot(classes).float()


class InContext(ClassifierMixin, BaseEstimator):
    """The interface of tabicl.TabICLClassifier, which reads `config` and `state_dict` from its file."""

    def __init__(
        self, n_estimators=8, model_path=None, allow_auto_download=True, device=None, random_state=42
    ):
        self.n_estimators, self.model_path, self.device = n_estimators, model_path, device
        self.allow_auto_download, self.random_state = allow_auto_download, random_state

    def fit(self, x, y):
        assert not self.allow_auto_download
        content = torch.load(self.model_path, weights_only=True)
        self.net = Attention(**content["config"])
        self.net.load_state_dict(content["state_dict"])
        self.x, self.y = tensor(x), torch.as_tensor(y)
        return self

    @torch.inference_mode()
    def predict_proba(self, x):
        return self.net(self.x, self.y, tensor(x)).numpy()


def tensor(x):
    return torch.as_tensor(np.nan_to_num(x), dtype=torch.float32)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Return a file of tiny weights, beside an installed package that reads them."""
    package = types.ModuleType("incontext")
    package.InContext = InContext
    monkeypatch.setitem(sys.modules, "incontext", package)
    net = Attention(0.0)
    net.sharpness.data.fill_(5.0)
    path = tmp_path / "tiny.ckpt"
    torch.save({"config": {"sharpness": 0.0}, "state_dict": net.state_dict()}, path)
    return path


def described(path, sha256=None):
    return {"file": str(path), "sha256": sha256 or hashlib.sha256(path.read_bytes()).hexdigest()}


def model_of(weights):
    settings = {"classifier": {"_target_": "incontext.InContext"}, "classifier_weights": weights}
    return create("fuelgauge.models.foundation.Foundation", settings)


def test_the_net_predicts_from_the_training_rows(weights):
    model = model_of(described(weights))
    model.check(["binary"], ["tabular"])
    train, test = examples("table", "multiclass", 200), examples("table", "multiclass", 100, 3)
    assert model.fit(train, train.head(0), CONTEXT) == 1
    check(model.predict(test), test)
    assert skill(model.predict(test), test) > 0.3
    assert model.estimator.net.sharpness.item() == 5.0
    assert model.count_parameters() == 200 * 9
    assert storage.unstorable(model) == (
        "a foundation model is its weights and all training rows, which fuelgauge does not package."
    )


def test_weights_that_are_missing_or_others_are_one_sentence(weights, tmp_path):
    missing = {"file": str(tmp_path / "none.ckpt"), "sha256": "0" * 64}
    other = described(weights, "0" * 64)
    for wrong, sentence in (
        (missing, "none.ckpt do not exist; copy them there"),
        (other, f"SHA-256 {described(weights)['sha256']} and not 0000.*; get the file that was meant"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            model_of(wrong).check(["binary"], ["tabular"])
        with pytest.raises(FitError, match=sentence):
            model_of(wrong).fit(examples("table", "binary", 20), examples("table", "binary", 5), CONTEXT)
    with pytest.raises(FitError, match="classifier_weights must name the file and the sha256"):
        model_of({}).new("binary", CONTEXT)


class Evil:
    def __reduce__(self):
        return (os.system, ("touch evil",))


def test_a_file_with_code_is_refused_before_the_package_reads_it(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"config": Evil(), "state_dict": {}}, weights)
    with pytest.raises(FitError, match="hold something besides tensors, which is refused"):
        model_of(described(weights)).new("binary", CONTEXT)
    assert not (tmp_path / "evil").exists()


def test_an_estimator_without_a_path_of_weights_is_refused(weights):
    settings = {
        "classifier": {"_target_": "sklearn.linear_model.LogisticRegression"},
        "classifier_weights": described(weights),
    }
    with pytest.raises(FitError, match="LogisticRegression has no setting 'model_path'"):
        create("fuelgauge.models.foundation.Foundation", settings).new("binary", CONTEXT)


def test_what_this_machine_lacks_is_named(weights, tmp_path):
    settings = {"classifier": {"_target_": "x.Y"}, "classifier_weights": described(weights)}
    assert lacking(["numpy"], settings) is None
    assert lacking(["no_such_package"], settings) == "the package no_such_package is not installed"
    weights.write_bytes(b"others")
    assert "have the SHA-256" in lacking([], settings)
    weights.unlink()
    assert lacking([], settings) == f"the weights {weights} do not exist; copy them there"


def test_a_relative_file_begins_at_the_project(weights):
    problem = wrong_weights({"file": "data/weights/x.ckpt", "sha256": "0"})
    assert "/data/weights/x.ckpt do not exist" in problem


def test_tabicl_itself_reads_a_tiny_net(tmp_path):
    pytest.importorskip("tabicl", reason="the extra `foundation` is not installed")
    from tabicl._model.tabicl import TabICL

    small = {"embed_dim": 16, "col_num_blocks": 1, "col_nhead": 2, "col_num_inds": 4, "row_num_blocks": 1}
    small |= {"row_nhead": 2, "icl_num_blocks": 1, "icl_nhead": 2}
    torch.manual_seed(0)
    torch.save({"config": small, "state_dict": TabICL(**small).state_dict()}, tmp_path / "tiny.ckpt")
    model = Foundation(
        classifier={"_target_": "tabicl.TabICLClassifier", "n_estimators": 2},
        classifier_weights=described(tmp_path / "tiny.ckpt"),
    )
    model.check(["binary", "multiclass"], ["tabular"])
    train, test = examples("table", "multiclass", 60), examples("table", "multiclass", 20, 3)
    model.fit(train, train.head(0), CONTEXT)
    check(model.predict(test), test)
