"""Which models are compared on a table, by rule and budget."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from fuelgauge.answer._question import Question, Workplace
from fuelgauge.answer.own import Own, check, hand_over
from fuelgauge.config.files import read_yaml, typed
from fuelgauge.config.objects import lacking
from fuelgauge.data.dataset import Dataset
from fuelgauge.report.money import Prices
from fuelgauge.spec.dataset import DatasetConfig
from fuelgauge.spec.description import Description
from fuelgauge.spec.features import FeatureSetConfig
from fuelgauge.spec.model import ModelConfig, SearchConfig
from fuelgauge.spec.names import NO_SEARCH, RAW
from fuelgauge.spec.params import Config
from fuelgauge.spec.splits import SplitRule
from fuelgauge.spec.trials import Curve
from fuelgauge.sweep.grid import make_curve, too_wide

SETTINGS = Path(__file__).with_name("settings")
FEW_ROWS = 3_000
MANY_CATEGORIES = 50
SHORT = 1.0  # minutes below which neither nets nor a second kind of boosted trees are due
LONG = 10.0  # minutes from which other settings of the trees are tried, too
# Other settings of boosted trees than the published default: smaller trees, and trees on half of the columns.
# They are a list to try and no result of a search; the race drops those that are clearly behind.
OTHER_SETTINGS: dict[str, tuple[str, dict[str, float]]] = {
    "lightgbm_small": ("lightgbm", {"num_leaves": 8, "learning_rate": 0.05, "min_data_in_leaf": 20}),
    "lightgbm_slow": ("lightgbm", {"num_leaves": 31, "learning_rate": 0.02, "feature_fraction": 0.5}),
    "xgboost_small": ("xgboost", {"max_depth": 3, "learning_rate": 0.05, "colsample_bytree": 0.7}),
}
OWN = "own"
BASELINE = "dummy"
NETS = {"tabular": ("mlp", "realmlp", "realmlp_s", "tabm"), "text": ("dan",)}
# CPU seconds of a trial per row, to begin with: nets of a fixed number of passes, and one that stops early.
SECONDS_A_ROW = {"mlp": 0.0006, "dan": 0.001, "realmlp": 0.004, "realmlp_s": 0.004, "tabm": 0.04}
KEPT_PREDICTIONS = 40_000
TITLES = {
    "dummy": "a constant",
    "logistic": "linear",
    "ridge": "linear",
    "xgboost": "boosted trees (XGBoost)",
    "lightgbm": "boosted trees (LightGBM)",
    "lightgbm_small": "boosted trees (LightGBM, small)",
    "lightgbm_slow": "boosted trees (LightGBM, slow)",
    "xgboost_small": "boosted trees (XGBoost, small)",
    "catboost": "boosted trees (CatBoost)",
    "extra_trees": "extra trees",
    "mlp": "net (MLP)",
    "realmlp": "net (RealMLP)",
    "realmlp_s": "net (RealMLP-S)",
    "tabm": "net (TabM)",
    "tfidf": "linear on words (TF-IDF)",
    "wordllama": "pretrained words (WordLlama)",
    "dan": "net (word vectors)",
}


@dataclass(frozen=True)
class Contestant:
    """A model in the comparison.

    Parameters
    ----------
    curve
        Everything that its trials have in common.
    is_core
        Whether the first answer waits for it.
    is_net
        Whether it is a net, which joins only if the time is enough.
    is_own
        Whether it is the user's.
    """

    curve: Curve
    is_core: bool
    is_net: bool
    is_own: bool

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.curve.model

    @property
    def title(self) -> str:
        """Name of the model in words."""
        return TITLES.get(self.name, self.name)


def title(model: str) -> str:
    """Return the name of a model in words."""
    return TITLES.get(model, model)


@dataclass(frozen=True)
class Frame:
    """What all contestants share: the table, the split, the repeats and the rows to train on."""

    config: DatasetConfig
    description: Description
    split: SplitRule
    repeats: int
    n_pool: int
    seed: int = 0

    def curve(self, model: ModelConfig) -> Curve:
        """Return the learning curve of a model on the table."""
        return make_curve(self.settings(model), self.description, self.n_pool)

    def settings(self, model: ModelConfig) -> Config:
        """Return the settings of a sweep of one model on the table."""
        return Config(
            datasets=[self.config.name],
            models=[model.name],
            repeats=self.repeats,
            seed=self.seed,
            split=self.split,
            device="cpu",
            threads=1,
            keep_predictions=KEPT_PREDICTIONS,
            dataset=self.config,
            feature_set=FeatureSetConfig(name=RAW),
            model=model,
            search=SearchConfig(name=NO_SEARCH, method="none"),
        )


def contestants(
    frame: Frame,
    dataset: Dataset,
    question: Question,
    minutes: float,
    place: Workplace,
    objects: Mapping[str, Any],
    known: Collection[str] = (),
) -> list[Contestant]:
    """Return the models that are compared, those of the first answer first and the nets last.

    Always a constant, a linear model and XGBoost. LightGBM and a net come with a minute or more. CatBoost
    comes if a column has more than 50 categories, extra trees with fewer than 3,000 rows. With ten minutes or
    more, both come on any table, and other settings of boosted trees. Models with trials in the journal
    (`known`) stay in the comparison.
    """
    about = frame.description
    core, nets = core_models(about), NETS.get(about.inputs, ())
    due = {*further_models(about, dataset, minutes >= LONG), *nets} if minutes >= SHORT else set()
    asked = [name for name in (*further_models(about, dataset, True), *nets) if name in due or name in known]
    models = [model_config(name) for name in (*core, *asked)]
    found = [
        Contestant(frame.curve(model), model.name in core, model.name in nets, False)
        for model in models
        if is_able(model, frame)
    ]
    own = [
        Contestant(frame.curve(model), False, False, True)
        for model in own_models(question, about, place, objects)
    ]
    return [*(each for each in found if not each.is_net), *own, *(each for each in found if each.is_net)]


def core_models(about: Description) -> list[str]:
    """Return the models of the first answer."""
    if about.inputs == "text":
        return [BASELINE, "tfidf"]
    return [BASELINE, "ridge" if about.task == "regression" else "logistic", "xgboost"]


def further_models(about: Description, dataset: Dataset, is_long: bool) -> list[str]:
    """Return the models that join after the first answer; more of them if there is much time."""
    if about.inputs == "text":
        return ["wordllama"]
    names = ["lightgbm"]
    if about.inputs == "tabular" and (is_long or most_categories(dataset) > MANY_CATEGORIES):
        names.append("catboost")
    if about.n_rows < FEW_ROWS or is_long:
        names.append("extra_trees")
    return [*names, *OTHER_SETTINGS] if is_long else names


def most_categories(dataset: Dataset) -> int:
    """Return the number of categories of the column that has most of them."""
    return max((len(dataset.table[name].unique()) for name in dataset.description.categorical), default=0)


def is_able(model: ModelConfig, frame: Frame) -> bool:
    """Return whether a model can be fitted on the table with what is installed here."""
    about = frame.description
    fits = about.inputs in model.modalities and about.task in model.tasks
    return (
        fits
        and not too_wide(frame.settings(model), about)
        and lacking(model.needs, model.hyperparameters) is None
    )


@functools.cache
def model_config(name: str) -> ModelConfig:
    """Return the file of a model, which travels with the package, or another setting of one."""
    if name in OTHER_SETTINGS:
        base, parameters = OTHER_SETTINGS[name]
        usual = model_config(base)
        own = {**usual.hyperparameters, "parameters": parameters}
        return replace(usual, name=name, hyperparameters=own)
    path = SETTINGS / "model" / f"{name}.yaml"
    model: ModelConfig = typed(ModelConfig, read_yaml(path.read_text(encoding="utf-8"), path.name), path.name)
    return model


@functools.cache
def prices() -> Prices:
    """Return the prices of compute, which travel with the package."""
    return Prices(**yaml.safe_load((SETTINGS / "price" / "cloud.yaml").read_text(encoding="utf-8")))


def own_models(
    question: Question, about: Description, place: Workplace, objects: Mapping[str, Any]
) -> list[ModelConfig]:
    """Return the user's models as the pipeline would describe them."""
    found = []
    for given in question.models:
        file, make = check(given)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        found.append(own_model(file.stem, about, {"file": str(file), "make": make, "sha256": sha256}))
    for name, estimator in objects.items():
        path = place.work / f"own_{name}.object"
        settings = {"object": str(path), "sha256": hand_over(estimator, path)}
        found.append(own_model(name, about, settings))
    return found


def own_model(name: str, about: Description, hyperparameters: Mapping[str, Any]) -> ModelConfig:
    """Return the description of a model of the user."""
    return ModelConfig(
        name=name,
        target=f"{Own.__module__}.{Own.__qualname__}",
        family=OWN,
        modalities=[about.inputs],
        tasks=[about.task],
        hyperparameters=dict(hyperparameters),
    )
