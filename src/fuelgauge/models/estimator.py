"""Any estimator with scikit-learn's interface, named in a file of conf/model."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_regressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder
from threadpoolctl import threadpool_limits

from fuelgauge.config.objects import TARGET, build
from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.models.base import FitContext, FitError, Model, all_classes
from fuelgauge.models.preprocessing import ChannelScaler, Scaler, as_matrix

__all__ = ["Estimator", "Inputs", "made_up", "own_settings"]

CHOICES = {
    "numbers": ("scaled", "plain"),
    "missing": ("median", "native"),
    "categories": ("onehot", "codes", "native"),
    "values": ("scaled", "plain"),
}
# HistGradientBoosting takes at most 255 categories a column, as its bins are bytes.
MAX_CATEGORIES = 255
# Settings that the trial decides, by the names that they have in scikit-learn and in libraries like it.
SEEDS, THREADS = ("random_state", "random_seed"), ("n_jobs", "thread_count")
LENGTHS = ("n_estimators", "max_iter", "iterations")
MADE_UP_ROWS = 48
# Types of fitted scikit-learn estimators that skops does not trust by itself. They hold data and no code.
KERNELS = (
    "CompoundKernel",
    "ConstantKernel",
    "DotProduct",
    "ExpSineSquared",
    "Exponentiation",
    "Matern",
    "PairwiseKernel",
    "Product",
    "RBF",
    "RationalQuadratic",
    "Sum",
    "WhiteKernel",
)
LOSSES = ("HalfTweedieLoss", "HalfTweedieLossIdentity")
STORED_TYPES = (
    # HistGradientBoosting checks a table with categories by a partial function.
    "functools.partial",
    "sklearn.utils.validation.check_array",
    *(f"sklearn.gaussian_process.kernels.{name}" for name in KERNELS),
    *(f"sklearn._loss.loss.{name}" for name in LOSSES),
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)


@dataclass
class Estimator(Model):
    """An estimator with scikit-learn's interface, behind an encoder that makes its input.

    The estimator is made anew for each fit from the settings in the model's file. It receives a copy of its
    input, class codes without gaps, and the seed and the threads of the trial. Validation rows are not used.

    The encoder is fitted on the training rows. Images and sequences are flattened. Texts are handed on as a
    list of strings, for a pipeline that begins with a vectorizer.

    Parameters
    ----------
    classifier, regressor
        Estimator for classes and estimator for values. `_target_` is its class, and all other keys are its
        settings. Settings may be estimators too. A task whose estimator is missing is not supported.
    numbers
        `scaled` to mean 0 and variance 1, or `plain`.
    missing
        Missing numbers: replaced by the `median`, with a column that marks them, or `native`: NaN.
    categories
        Categories: `onehot` columns, `codes` as numbers, or `native`: columns of a table, of type category.
    values
        Values of a regression: `scaled` to mean 0 and variance 1 in the fit, or `plain`.
    """

    stored_types: ClassVar[tuple[str, ...]] = STORED_TYPES

    classifier: dict[str, Any] = field(default_factory=dict)
    regressor: dict[str, Any] = field(default_factory=dict)
    numbers: str = "scaled"
    missing: str = "median"
    categories: str = "onehot"
    values: str = "scaled"

    def check(self, tasks: Sequence[str], modalities: Sequence[str]) -> None:
        """Fit the estimator on a few rows that are made up, with missing numbers and categories.

        Raises
        ------
        ConfigError
            A setting is not valid, or the estimator does not suit a task or its input.
        """
        for name, valid in CHOICES.items():
            if getattr(self, name) not in valid:
                raise ConfigError(f"{name} is '{getattr(self, name)}'; it must be {' or '.join(valid)}.")
        context = FitContext(seed=0, threads=1, device="cpu", metric="")
        for task in tasks:
            rows = made_up(modalities[0], task)
            try:
                with threadpool_limits(context.threads):
                    self.fit(rows, rows.head(0), context)
                    self.predict(rows)
            except FitError as error:
                # Data may have what these rows lack, such as enough columns. Then the trial says what fails.
                if error.__cause__ is None or self.remedy(error.__cause__):
                    raise ConfigError(str(error)) from error

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the encoder and the estimator. A step is an iteration or a member of an ensemble."""
        estimator = self.new(train.task, context)
        self.inputs = Inputs(self.numbers, self.missing, self.categories).fit(train)
        self.classes, targets = self.targets_of(train)
        self.estimator = None
        if train.task != "regression" and len(self.classes) == 1:
            return 1  # a constant; most classifiers refuse a single class
        x = self.inputs.transform(train)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                estimator.fit(x, targets)
            except Exception as error:
                raise FitError(self.refusal(estimator, error)) from error
        self.estimator = estimator
        return max(1, n_steps(estimator))

    def targets_of(self, train: Examples) -> tuple[np.ndarray, np.ndarray]:
        """Return the classes that have a row, and their codes without gaps; or no classes, and values."""
        if train.task != "regression":
            return np.unique(train.y, return_inverse=True)
        is_scaled = self.values == "scaled" and np.ptp(train.y) > 0
        self.mean, self.std = (float(train.y.mean()), float(train.y.std())) if is_scaled else (0.0, 1.0)
        return np.empty(0, dtype=np.int64), (train.y - self.mean) / self.std

    def new(self, task: str, context: FitContext) -> Any:
        """Return an unfitted estimator for a task, with the settings of the trial.

        Raises
        ------
        FitError
            The file names no estimator for the task, or one for another task.
        """
        role = "regressor" if task == "regression" else "classifier"
        settings = getattr(self, role)
        if TARGET not in settings:
            raise FitError(
                f"a {task} task needs hyperparameters.{role} with a {TARGET}; add it, or take {task} out of "
                "tasks."
            )
        estimator = build(settings, f"hyperparameters.{role}")
        name = type(estimator).__name__
        if not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
            raise FitError(f"{role}: {name} is not an estimator; it has no fit or get_params.")
        if role == "classifier" and is_regressor(estimator):
            raise FitError(f"classifier: {name} is a regressor; name its classifier, such as {other(name)}.")
        if role == "regressor" and is_classifier(estimator):
            raise FitError(f"regressor: {name} is a classifier; name its regressor, such as {other(name)}.")
        if role == "classifier" and not hasattr(estimator, "predict_proba"):
            remedy = "wrap it in sklearn.calibration.CalibratedClassifierCV"
            if "probability" in estimator.get_params():
                remedy = "set its probability to true"
            raise FitError(
                f"classifier: {name} has no predict_proba, and classes are judged by probabilities; {remedy}."
            )
        return estimator.set_params(**settings_of_trial(estimator, context))

    def refusal(self, estimator: Any, error: Exception) -> str:
        """Return one sentence on why an estimator fails, with the setting that helps."""
        name, reason = type(estimator).__name__, " ".join(str(error).split()).split(". ")[0].rstrip(".")
        if remedy := self.remedy(error):
            return f"{name} refuses {remedy} ({reason})."
        return f"{name} fails: {type(error).__name__}: {reason}."

    def remedy(self, error: BaseException) -> str:
        """Return what an estimator refuses and which setting helps; empty if the input is not the reason."""
        text = str(error).lower()
        if self.missing == "native" and any(word in text for word in ("nan", "missing", "infin")):
            return "missing values; set hyperparameters.missing to median"
        if self.categories == "native" and any(word in text for word in ("categor", "string", "dtype")):
            return "categories; set hyperparameters.categories to onehot or codes"
        return ""

    def count_parameters(self) -> int:
        """Return the number of numbers in the arrays and trees of the fitted estimator, at least 1.

        Numbers that compiled code of other libraries holds are not counted.
        """
        return max(1, count_numbers(self.estimator, set()))

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or class probabilities. A class without a training row gets 0.

        Raises
        ------
        FitError
            The estimator fails, or its probabilities do not have the shape (rows, classes).
        """
        if self.estimator is None:
            return all_classes(np.ones((len(examples), 1)), self.classes, examples.n_classes)
        x, is_regression = self.inputs.transform(examples), examples.task == "regression"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answer = self.estimator.predict(x) if is_regression else self.estimator.predict_proba(x)
            except Exception as error:
                raise FitError(self.refusal(self.estimator, error)) from error
        predicted = np.asarray(answer, dtype=np.float64)
        wanted = (len(examples),) if is_regression else (len(examples), len(self.classes))
        if is_regression and predicted.shape == (len(examples), 1):
            predicted = predicted[:, 0]
        if predicted.shape != wanted:
            raise FitError(
                f"{type(self.estimator).__name__} predicts an array of shape {predicted.shape}; it must be "
                f"{wanted}."
            )
        if is_regression:
            return predicted * self.std + self.mean
        return all_classes(predicted, self.classes, examples.n_classes)


class Inputs:
    """Encoder of examples for an estimator, fitted on the training rows.

    Parameters
    ----------
    numbers, missing, categories
        Form of numbers, of missing numbers and of categories, as in `Estimator`.
    """

    def __init__(self, numbers: str, missing: str, categories: str):
        self.numbers, self.missing, self.categories = numbers, missing, categories

    def fit(self, examples: Examples) -> Inputs:
        """Learn medians, scales and categories."""
        numbers, categories = parts(examples)
        self.scaler: Any = None
        if is_image(examples) and self.numbers == "scaled":
            self.scaler = ChannelScaler().fit(np.asarray(examples.x))
        elif numbers.shape[1]:
            self.scaler = self.number_steps().fit(numbers)
        self.encoder: Any = self.category_encoder().fit(categories) if categories.shape[1] else None
        return self

    def number_steps(self) -> Pipeline:
        """Return the unfitted steps for numbers."""
        steps: list[Any] = [FunctionTransformer()]
        if self.missing == "median":
            steps = [SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)]
        if self.numbers == "scaled":
            steps.append(Scaler())
        return make_pipeline(*steps)

    def category_encoder(self) -> OneHotEncoder | OrdinalEncoder:
        """Return the unfitted encoder of categories. The rarest of more than 255 share one place."""
        if self.categories == "onehot":
            return OneHotEncoder(
                handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES, sparse_output=False
            )
        absent = np.nan if self.missing == "native" or self.categories == "native" else -1
        return OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=absent,
            encoded_missing_value=absent,
            max_categories=MAX_CATEGORIES,
        )

    def transform(self, examples: Examples) -> Any:
        """Return a new matrix of shape (rows, columns), a table where categories are native, or texts."""
        if is_text(examples):
            return [str(text) for text in examples.x]
        numbers, categories = parts(examples)
        if isinstance(self.scaler, ChannelScaler):
            numbers = as_matrix(self.scaler.transform(np.asarray(examples.x)))
        elif self.scaler is not None:
            numbers = np.array(self.scaler.transform(numbers))
        if self.encoder is None:
            return numbers
        codes = self.encoder.transform(categories)
        if self.categories != "native":
            return np.hstack([numbers, codes])
        table = pd.DataFrame(numbers, columns=[f"number_{i}" for i in range(numbers.shape[1])])
        for i, column in enumerate(codes.T):
            known = range(len(self.encoder.categories_[i]))
            table[f"category_{i}"] = pd.Categorical(column, categories=list(map(float, known)))
        return table


def parts(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of the numbers as float64 and of the categories as objects, shape (rows, columns)."""
    x = examples.x
    if is_text(examples):
        return np.empty((len(x), 0)), np.empty((len(x), 0), dtype=object)
    if not isinstance(x, pd.DataFrame):
        return as_matrix(x).astype(np.float64), np.empty((len(x), 0), dtype=object)
    categorical = list(examples.categorical)
    numbers = x.drop(columns=categorical).to_numpy(np.float64, na_value=np.nan, copy=True)
    return numbers, x[categorical].astype(object).where(x[categorical].notna(), np.nan).to_numpy(copy=True)


def is_image(examples: Examples) -> bool:
    """Return whether the examples are images."""
    return isinstance(examples.x, np.ndarray) and examples.x.dtype == np.uint8


def is_text(examples: Examples) -> bool:
    """Return whether the examples are texts."""
    return isinstance(examples.x, np.ndarray) and examples.x.dtype == object


def settings_of_trial(estimator: Any, context: FitContext) -> dict[str, Any]:
    """Return the seed, the threads and the limit of steps under the names that an estimator has for them."""
    given: dict[str, Any] = estimator.get_params()
    known = {**dict.fromkeys(own_settings(estimator)), **given}
    changes: dict[str, Any] = {}
    for place in {name.rpartition("__")[0] for name in known}:
        prefix = f"{place}__" if place else ""
        for names, value in ((SEEDS, context.seed), (THREADS, context.threads)):
            # Libraries with two names for one setting refuse to get both.
            name = next((prefix + each for each in names if prefix + each in known), None)
            if name:
                changes[name] = value
    for name, value in given.items():
        is_length = name.rpartition("__")[2] in LENGTHS and type(value) is int
        if context.step_limit and is_length:
            changes[name] = min(value, context.step_limit)
    return changes


def own_settings(estimator: Any) -> Iterator[str]:
    """Yield the named arguments of an estimator's constructor, which CatBoost's get_params leaves out."""
    for name, parameter in inspect.signature(type(estimator).__init__).parameters.items():
        if name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            yield name


def n_steps(estimator: Any) -> int:
    """Return the number of iterations of a fitted estimator, or of its members; 1 if it says neither."""
    if isinstance(estimator, Pipeline):
        return n_steps(estimator[-1])
    iterations = getattr(estimator, "n_iter_", None)
    if iterations is not None:
        return int(np.max(iterations))
    return len(getattr(estimator, "estimators_", ()))


def count_numbers(value: Any, seen: set[int]) -> int:
    """Return how many numbers the parts of a fitted estimator hold, each part once."""
    if id(value) in seen or isinstance(value, str | bytes | type):
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.size
    if hasattr(value, "node_count"):
        return int(value.node_count)
    return sum(count_numbers(each, seen) for each in inner(value))


def inner(value: Any) -> Iterable[Any]:
    """Return the parts of a collection, and what an object has learned in its fit."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | np.ndarray):
        return value
    known = value.get_params(deep=False) if hasattr(value, "get_params") else {}
    # A pipeline fits its steps in place; other settings are not fitted.
    return [
        each for name, each in getattr(value, "__dict__", {}).items() if name not in known or name == "steps"
    ]


def other(name: str) -> str:
    """Return the name that the estimator of the other kind would have."""
    if name.endswith("Regressor"):
        return name.removesuffix("Regressor") + "Classifier"
    return name.removesuffix("Classifier") + "Regressor" if name.endswith("Classifier") else "another class"


def made_up(modality: str, task: str) -> Examples:
    """Return a few rows without meaning. A table has missing numbers and categories."""
    rng = np.random.default_rng(0)
    n_classes = {"binary": 2, "multiclass": 3}.get(task, 0)
    y = np.arange(MADE_UP_ROWS) % n_classes if n_classes else rng.normal(size=MADE_UP_ROWS)
    if modality == "text":
        words = np.array([f"word {code} of text {i % 7}" for i, code in enumerate(y)], dtype=object)
        return Examples(words, y, task, n_classes)
    if modality == "image":
        return Examples(rng.integers(0, 256, (MADE_UP_ROWS, 8, 8, 1)).astype(np.uint8), y, task, n_classes)
    if modality == "sequence":
        return Examples(rng.normal(size=(MADE_UP_ROWS, 16, 1)).astype(np.float32), y, task, n_classes)
    x = pd.DataFrame({"a": rng.normal(size=MADE_UP_ROWS), "b": rng.normal(size=MADE_UP_ROWS)})
    x.loc[::5, "b"] = np.nan
    x["kind"] = np.array(["one", "two", None] * (MADE_UP_ROWS // 3), dtype=object)
    return Examples(x, y, task, n_classes, ("kind",))
