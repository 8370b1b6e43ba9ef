"""The usual ways to a learning curve, for benchmarks/sweep.py: bare loops, Hydra jobs, `learning_curve`."""

from __future__ import annotations

import copy
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn, optim

TEST_SHARE, VALIDATION_SHARE = 0.15, 0.2
EPOCHS, PATIENCE, BATCH, LEARNING_RATE, WEIGHT_DECAY = 20, 5, 64, 3e-3, 1e-2
N_CLASSES = 26


def split(file: str, n: int, repeat: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return inputs and targets of the fitting, validation and test rows of a trial."""
    with np.load(file) as rows:
        x, y = rows["x"], rows["y"]
    order = np.random.default_rng(repeat).permutation(len(y))
    n_test, n_validation = int(TEST_SHARE * len(y)), int(VALIDATION_SHARE * n)
    test, chosen = order[:n_test], order[n_test : n_test + n]
    return [(x[i], y[i]) for i in (chosen[n_validation:], chosen[:n_validation], test)]


def make_net() -> nn.Module:
    """Return an MLP 16-128-128-26."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, N_CLASSES)
    )


def bare_fit(file: str, n: int, repeat: int) -> float:
    """Train in a hand-written loop; return the accuracy on the test rows."""
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(repeat)
    (x, y), (x_val, y_val), (x_test, y_test) = [
        (torch.from_numpy(x), torch.from_numpy(y)) for x, y in split(file, n, repeat)
    ]
    net = make_net()
    optimizer = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    best, state, waited = np.inf, net.state_dict(), 0
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(y)).split(min(BATCH, len(y) // 4)):
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            loss = cross_entropy(net(x_val), y_val).item()
        waited = 0 if loss < best else waited + 1
        if loss < best:
            best, state = loss, copy.deepcopy(net.state_dict())
        if waited == PATIENCE:
            break
    net.load_state_dict(state)
    with torch.no_grad():
        return (net(x_test).argmax(1) == y_test).float().mean().item()


def bare(file: str, repeats: int, anchors: list[int]) -> None:
    """Run all bare fits one after another on one thread; print their wall seconds in total."""
    import torch

    torch.set_num_threads(1)
    bare_fit(file, anchors[0], 0)
    started = time.perf_counter()
    for n in anchors:
        for repeat in range(repeats):
            bare_fit(file, n, repeat)
    print(time.perf_counter() - started)


def usual() -> None:
    """Run one trial per Hydra job with Lightning, as common project templates do."""
    import hydra
    import lightning
    import torch
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
    from lightning.pytorch.loggers import MLFlowLogger
    from omegaconf import DictConfig
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader, TensorDataset

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_net()

        def training_step(self, batch: list[Tensor], _: int) -> Tensor:
            loss = cross_entropy(self.net(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: list[Tensor], _: int) -> None:
            self.log("val_loss", cross_entropy(self.net(batch[0]), batch[1]))

        def test_step(self, batch: list[Tensor], _: int) -> None:
            self.log("test_accuracy", (self.net(batch[0]).argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self) -> optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    @hydra.main(version_base="1.3", config_path=None)
    def job(config: DictConfig) -> None:
        started = Path.cwd() / "started"
        if not started.exists():
            started.write_text(str(time.time() - process_start()), encoding="utf-8")
        torch.set_num_threads(1)
        lightning.seed_everything(config.repeat)
        parts = [
            TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
            for x, y in split(config.rows, config.n, config.repeat)
        ]
        fitting = DataLoader(parts[0], batch_size=min(BATCH, len(parts[0]) // 4), shuffle=True)
        validation, test = (DataLoader(part, batch_size=1024) for part in parts[1:])
        trainer = lightning.Trainer(
            max_epochs=EPOCHS,
            accelerator="cpu",
            callbacks=[ModelCheckpoint(monitor="val_loss"), EarlyStopping("val_loss", patience=PATIENCE)],
            logger=MLFlowLogger(
                "usual", f"n={config.n} repeat={config.repeat}", f"sqlite:///{Path.cwd()}/usual.db"
            ),
        )
        module = Module()
        trainer.fit(module, fitting, validation)
        trainer.test(module, test, ckpt_path="best", weights_only=False)

    job()


def process_start() -> float:
    """Return the time at which this process started, in seconds since the epoch."""
    import psutil

    return psutil.Process().create_time()


def learning_curve(file: str, repeats: int, anchors: list[int]) -> None:
    """Measure the learning curve of XGBoost with scikit-learn, on all cores."""
    import xgboost
    from sklearn.model_selection import ShuffleSplit
    from sklearn.model_selection import learning_curve as curve

    with np.load(file) as rows:
        x, y = rows["x"], rows["y"]
    model = xgboost.XGBClassifier(n_estimators=60, max_bin=64, learning_rate=0.2, n_jobs=1)
    sizes = [n - int(VALIDATION_SHARE * n) for n in anchors]
    splits = ShuffleSplit(repeats, test_size=TEST_SHARE, random_state=0)
    curve(model, x, y, train_sizes=sizes, cv=splits, n_jobs=-1, scoring="accuracy")


def main() -> None:
    """Run the way that the first argument names: `bare`, `usual` or `learning_curve`."""
    what = sys.argv.pop(1)
    if what == "usual":
        usual()
        return
    file, repeats, anchors = sys.argv[1:]
    {"bare": bare, "learning_curve": learning_curve}[what](
        file, int(repeats), [int(n) for n in anchors.split(",")]
    )


if __name__ == "__main__":
    main()
