import json

import lightning
import numpy as np
import pytest
import torch
from torch import nn

from fuelgauge.config import objects
from fuelgauge.errors import ConfigError
from fuelgauge.models import storage
from fuelgauge.models.base import FitContext, FitError, create
from fuelgauge.models.lightning_module import Batches, Net
from tests.models.kinds import examples
from tests.models.test_contract import check, skill

HERE = "tests.models.test_lightning_module"
CONTEXT = FitContext(seed=1, threads=1, device="cpu", metric="roc_auc")


class Plain(lightning.LightningModule):
    """It knows nothing of fuelgauge."""

    def __init__(self, shape, n_outputs, width=16, rate=1e-2, breaks_at=None):
        super().__init__()
        self.rate, self.breaks_at = rate, breaks_at
        inputs = int(np.prod(shape))
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, n_outputs)
        )

    def forward(self, x):
        return self.layers(x)

    def training_step(self, batch, i):
        x, y = batch
        outputs = self(x)
        if outputs.shape[1] == 1:
            loss = nn.functional.mse_loss(outputs.squeeze(1), y)
        else:
            loss = nn.functional.cross_entropy(outputs, y)
        self.log("train_loss", loss)
        return loss * float("nan") if self.global_step + 1 == self.breaks_at else loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.rate)


class Wide(Plain):
    def forward(self, x):
        return super().forward(x)[:, :1].expand(-1, 7)


class Bare(lightning.LightningModule):
    def __init__(self, width=3):
        super().__init__()


def net(name="Plain", settings=None, **changes):
    module = {"_target_": f"{HERE}.{name}", **(settings or {})}
    return create("fuelgauge.models.lightning_module.Net", {"module": module, "max_epochs": 20, **changes})


@pytest.mark.parametrize(
    ("kind", "task"),
    [("table", "binary"), ("table", "regression"), ("image", "multiclass"), ("channels", "binary")],
)
def test_a_plain_module_learns(kind, task):
    model = net()
    assert model.fit(examples(kind, task, 200), examples(kind, task, 50, 2), CONTEXT) > 4
    test = examples(kind, task, 100, 3)
    check(model.predict(test), test)
    assert skill(model.predict(test), test) > 0.15
    assert model.count_parameters() > 16


def test_the_best_epoch_is_kept_and_the_refit_makes_as_many_on_all_rows():
    train, validation = examples("table", "binary", 120), examples("table", "binary", 40, 2)
    model = net(settings={"rate": 0.1}, patience=3, max_epochs=200)
    steps = model.fit(train, validation, CONTEXT)
    assert steps == 4 * (model.best_epoch + 3)
    short = net(settings={"rate": 0.1}, patience=3, max_epochs=model.best_epoch)
    short.fit(train, validation, CONTEXT)
    assert np.array_equal(short.predict(validation), model.predict(validation))
    again = net(settings={"rate": 0.1}, patience=3, max_epochs=200)
    assert again.refit(train, model, CONTEXT) == 4 * model.best_epoch
    assert np.array_equal(again.predict(validation), model.predict(validation))  # the same rows in a refit


def test_no_row_is_left_out():
    batches = Batches(torch.arange(10), torch.arange(10), 4)
    seen = torch.cat([inputs for inputs, _ in batches])
    assert len(batches) == 5
    assert sorted(seen.tolist()) == list(range(10))


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (net(settings={"breaks_at": 3}), "the training loss of Plain is nan at step 3; look at its loss"),
        (net("Wide"), r"Wide.forward returns the shape \(8, 7\); it must be \(8, 2\): rows, n_outputs"),
        (net("Bare"), "Bare.__init__ needs an argument 'shape'"),
        (net("nothing_like_it"), f"'{HERE}' has no 'nothing_like_it'"),
        (net("examples"), "examples is not a LightningModule of the package lightning"),
        (net(settings={"widht": 3}), "Plain has no setting 'widht', did you mean 'width'"),
        (Net(), "hyperparameters.module needs a _target_"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence_before_the_sweep(model, sentence):
    with pytest.raises(ConfigError, match=sentence):
        model.check(["binary"], ["tabular"])


def test_a_loss_that_is_not_finite_in_a_trial_is_a_typed_error():
    model = net(settings={"rate": 1e30})
    with pytest.raises(FitError, match="loss of Plain is (nan|inf) (at|after) step"):
        model.fit(examples("table", "regression", 60), examples("table", "regression", 20, 2), CONTEXT)


def test_a_stored_module_is_loaded_only_if_a_file_in_conf_names_it(tmp_path, monkeypatch):
    rows = examples("table", "binary", 60)
    model = net(max_epochs=2)
    model.fit(rows, rows.head(20), CONTEXT)
    storage.save(model, tmp_path / "stored")
    with pytest.raises(storage.StoredModelError, match=f"no file in conf/model names {HERE}.Plain"):
        storage.load(tmp_path / "stored")
    monkeypatch.setattr(objects, "OWN_CODE", tmp_path)
    content = {"target": "x", "hyperparameters": {"module": {"_target_": f"{HERE}.Plain"}}}
    (tmp_path / "net.yaml").write_text(json.dumps(content))
    assert np.array_equal(storage.load(tmp_path / "stored").predict(rows), model.predict(rows))
