import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from fuelgauge.errors import ConfigError
from fuelgauge.models import storage
from fuelgauge.models.base import FitContext, FitError, create
from fuelgauge.models.estimator import Estimator, settings_of_trial
from tests.models.kinds import examples
from tests.models.test_contract import check, skill

CONTEXT = FitContext(seed=3, threads=2, device="cpu", metric="accuracy")
HERE = "tests.models.test_estimator"


@pytest.fixture(autouse=True)
def one_thread():
    """Limit the threads as a trial does; several would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def sklearn(classifier: str, regressor: str, **inputs: str) -> dict:
    return {
        "classifier": {"_target_": f"sklearn.{classifier}"},
        "regressor": {"_target_": f"sklearn.{regressor}"},
        **inputs,
    }


CASES = {
    "boosting": sklearn(
        "ensemble.HistGradientBoostingClassifier",
        "ensemble.HistGradientBoostingRegressor",
        missing="native",
        categories="native",
    ),
    "old boosting": sklearn("ensemble.GradientBoostingClassifier", "ensemble.GradientBoostingRegressor"),
    "process": sklearn(
        "gaussian_process.GaussianProcessClassifier", "gaussian_process.GaussianProcessRegressor"
    ),
    "machine": {
        "classifier": {"_target_": "sklearn.svm.SVC", "probability": True},
        "regressor": {"_target_": "sklearn.svm.SVR"},
    },
    "pipeline": {
        role: {
            "_target_": "sklearn.pipeline.make_pipeline",
            "_args_": [
                {"_target_": "sklearn.preprocessing.PolynomialFeatures"},
                {"_target_": f"sklearn.linear_model.{last}"},
            ],
        }
        for role, last in (("classifier", "LogisticRegression"), ("regressor", "Ridge"))
    },
}
for role in ("classifier", "regressor"):
    CASES["boosting"][role]["max_iter"] = 20
    CASES["old boosting"][role]["n_estimators"] = 20


def fitted(settings: dict, task: str, kind: str = "table") -> Estimator:
    model = create("fuelgauge.models.estimator.Estimator", settings)
    train = examples(kind, task, 100)
    assert model.fit(train, train.head(0), CONTEXT) >= 1
    return model


@pytest.mark.parametrize("name", CASES)
def test_an_estimator_learns_and_is_stored_bit_for_bit(name, tmp_path):
    tasks = ["binary", "regression"] if name == "process" else ["multiclass", "regression"]
    create("fuelgauge.models.estimator.Estimator", CASES[name]).check(tasks, ["tabular"])
    for task in tasks:
        model, test = fitted(CASES[name], task), examples("table", task, 40, 3)
        predicted = model.predict(test)
        check(predicted, test)
        assert name == "process" or skill(predicted, test) > 0.15
        assert model.count_parameters() > 1
        storage.save(model, tmp_path / task)
        assert np.array_equal(storage.load(tmp_path / task).predict(test), predicted)


def test_native_input_is_what_the_library_gets_by_hand():
    train, test = examples("table", "multiclass", 100), examples("table", "multiclass", 40, 3)
    settings = {**CASES["boosting"], "numbers": "plain"}
    model = create("fuelgauge.models.estimator.Estimator", settings)
    model.fit(train, train.head(0), CONTEXT)

    def by_hand(rows):
        return rows.x.assign(kind=pd.Categorical(rows.x["kind"], ["one", "zero"]))

    bare = HistGradientBoostingClassifier(max_iter=20, random_state=3).fit(by_hand(train), train.y)
    assert np.array_equal(model.predict(test), bare.predict_proba(by_hand(test)))


@pytest.mark.parametrize("kind", ["sequence", "colour", "matrix", "text"])
def test_every_kind_of_input_is_taken(kind):
    settings = {"classifier": {"_target_": "sklearn.linear_model.LogisticRegression"}}
    if kind == "text":
        steps = [{"_target_": "sklearn.feature_extraction.text.TfidfVectorizer"}, settings["classifier"]]
        settings = {"classifier": {"_target_": "sklearn.pipeline.make_pipeline", "_args_": steps}}
    test = examples(kind, "binary", 60, 3)
    assert skill(fitted(settings, "binary", kind).predict(test), test) > 0.15


def test_classes_without_a_training_row_have_probability_0():
    train = examples("table", "multiclass", 60)
    train.y[:] = np.arange(60) % 2 * 2  # class 1 has no row
    model = create("fuelgauge.models.estimator.Estimator", CASES["machine"])
    model.fit(train, train.head(0), CONTEXT)
    predicted = model.predict(train)
    check(predicted, train)
    assert not predicted[:, 1].any()
    train.y[:] = 2
    model.fit(train, train.head(0), CONTEXT)
    assert (model.predict(train)[:, 2] == 1).all()


def test_values_are_scaled_in_float64():
    train = examples("matrix", "regression", 60)
    far = replace(train, y=train.y + 1.7e9)
    model = create("fuelgauge.models.estimator.Estimator", CASES["pipeline"])
    model.fit(far, far.head(0), CONTEXT)
    near = create("fuelgauge.models.estimator.Estimator", CASES["pipeline"])
    near.fit(train, train.head(0), CONTEXT)
    assert model.predict(far) - 1.7e9 == pytest.approx(near.predict(train), abs=1e-4)


def test_seed_threads_and_limit_come_from_the_trial():
    forest = {"_target_": "sklearn.ensemble.RandomForestClassifier"}
    model = Estimator(classifier=forest)
    made = model.new("binary", replace(CONTEXT, step_limit=2))
    assert (made.n_jobs, made.random_state, made.n_estimators) == (2, 3, 2)
    steps = [{"_target_": "sklearn.preprocessing.StandardScaler"}, forest]
    pipe = {"_target_": "sklearn.pipeline.make_pipeline", "_args_": steps}
    made = Estimator(classifier=pipe).new("binary", CONTEXT)[-1]
    assert (made.n_jobs, made.random_state, made.n_estimators) == (2, 3, 100)

    class LikeCatBoost(BaseEstimator):
        def __init__(self, random_state=None, random_seed=None, thread_count=None):
            pass

        def get_params(self, deep=True):
            return {}

    assert settings_of_trial(LikeCatBoost(), CONTEXT) == {"random_state": 3, "thread_count": 2}


class Spoiler(ClassifierMixin, BaseEstimator):
    """It changes whatever it is given."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        x[:], y[:] = 7, 0
        return self

    def predict_proba(self, x):
        x[:] = 7
        return np.full((len(x), len(self.classes_)), 1 / len(self.classes_))


def test_an_estimator_that_changes_its_input_changes_a_copy():
    train = examples("table", "binary", 40)
    x, y = train.x.copy(), train.y.copy()
    for numbers, missing in (("plain", "native"), ("scaled", "median")):
        settings = {"classifier": {"_target_": f"{HERE}.Spoiler"}, "numbers": numbers, "missing": missing}
        model = create("fuelgauge.models.estimator.Estimator", settings)
        model.fit(train, train.head(0), CONTEXT)
        model.predict(train)
        pd.testing.assert_frame_equal(train.x, x)
        assert np.array_equal(train.y, y)


def one(classifier: str, **settings: object) -> dict:
    return {"classifier": {"_target_": classifier, **settings}}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            one("sklearn.svm.LinearSVC"),
            "LinearSVC has no predict_proba, .* wrap it in sklearn.calibration.CalibratedClassifierCV",
        ),
        (one("sklearn.svm.SVC"), "SVC has no predict_proba, .* set its probability to true"),
        (one("sklearn.linear_model.Ridge"), "Ridge is a regressor; name its classifier"),
        (
            one("sklearn.ensemble.RandomForestRegressor"),
            "RandomForestRegressor is a regressor; .* such as RandomForestClassifier",
        ),
        (
            one("sklearn.ensemble.HistGradientBoostingClasifier"),
            "'sklearn.ensemble' has no 'HistGradientBoostingClasifier', did you mean "
            "'HistGradientBoostingClassifier'",
        ),
        (one("sklearn.ensembel.X"), "'sklearn' has no 'ensembel', did you mean 'ensemble'"),
        (one("nowhere.X"), "cannot be imported: install 'nowhere', or write it as conf/model/nowhere.py"),
        (one("X"), "'X' names no module"),
        (one("sklearn.svm.SVC", kernal="rbf"), "SVC has no setting 'kernal', did you mean 'kernel'"),
        (
            {**one("sklearn.linear_model.LogisticRegression"), "missing": "native"},
            "LogisticRegression refuses missing values; set hyperparameters.missing to median",
        ),
        (
            {**one("sklearn.linear_model.LogisticRegression"), "missing": "nativ"},
            "missing is 'nativ'; it must be median or native",
        ),
        (
            {**one("xgboost.XGBClassifier", enable_categorical=False), "categories": "native"},
            "XGBClassifier refuses categories; set hyperparameters.categories to onehot or codes",
        ),
        ({}, "a binary task needs hyperparameters.classifier with a _target_; add it, or take binary out"),
        (one("pathlib.Path"), "Path is not an estimator; it has no fit or get_params"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence_before_the_sweep(settings, sentence):
    model = create("fuelgauge.models.estimator.Estimator", settings)
    with pytest.raises(ConfigError, match=sentence):
        model.check(["binary"], ["tabular"])


def test_what_only_made_up_rows_lack_is_not_refused():
    steps = [{"_target_": "sklearn.decomposition.PCA", "n_components": 8}]
    steps += [{"_target_": "sklearn.linear_model.LogisticRegression"}]
    settings = one("sklearn.pipeline.make_pipeline", _args_=steps)
    create("fuelgauge.models.estimator.Estimator", settings).check(["binary"], ["tabular"])
    assert fitted(settings, "binary").predict(examples("table", "binary", 9)).shape == (9, 2)
    steps[0]["n_components"] = 800
    with pytest.raises(FitError, match="Pipeline fails: ValueError: n_components=800 must be between"):
        fitted(settings, "binary")


class Odd(ClassifierMixin, BaseEstimator):
    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return np.zeros((len(x), 5))


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(FitError, match=r"Odd predicts an array of shape \(100, 5\); it must be \(100, 2\)"):
        fitted(one(f"{HERE}.Odd"), "binary").predict(examples("table", "binary", 100))


def test_an_estimator_of_unknown_types_is_measured_and_not_stored(tmp_path):
    model = fitted(one(f"{HERE}.Spoiler"), "binary")
    assert "holds objects of type tests.models.test_estimator.Spoiler" in storage.unstorable(model)
    with pytest.raises(storage.StoredModelError, match="the fit of Estimator holds objects"):
        storage.save(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_loading_imports_no_class_that_the_stored_file_names(tmp_path):
    model = fitted(CASES["pipeline"], "binary")
    storage.save(model, tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    about["hyperparameters"]["classifier"] = {"_target_": "os.system", "_args_": [f"touch {tmp_path}/evil"]}
    (tmp_path / "model.json").write_text(json.dumps(about))
    test = examples("table", "binary", 30, 3)
    assert np.array_equal(storage.load(tmp_path).predict(test), model.predict(test))
    assert not (tmp_path / "evil").exists()


def test_a_class_of_scikit_learn_as_the_target_names_the_adapter():
    with pytest.raises(ConfigError, match="write target: fuelgauge.models.estimator.Estimator"):
        create(f"{Ridge.__module__}.Ridge", {})
