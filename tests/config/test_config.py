from dataclasses import asdict, fields, replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from fuelgauge import paths
from fuelgauge.config import files
from fuelgauge.config.checks import check_dataset, check_model
from fuelgauge.config.compose import all_curves, check_overrides, compose, models_of, params_of
from fuelgauge.config.files import check_complete, every_claim, load_params, model_modules, options, typed
from fuelgauge.errors import ConfigError
from fuelgauge.pipeline.check import check_all
from fuelgauge.spec.params import Config, Params
from tests.conftest import CHECKOUT, PARAMS


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"repeat": 3}, "params.yaml: unknown setting 'repeat', did you mean 'repeats'"),
        ({"anchors": {"strat": 3}}, "params.yaml, anchors: unknown setting 'strat', did you mean 'start'"),
        (
            {"datasets": ["lettr"]},
            "params.yaml, datasets: there is no dataset 'lettr', did you mean 'letter'",
        ),
        ({"models": ["xgbost"]}, "there is no model 'xgbost', did you mean 'xgboost'"),
        ({"claims": ["dat"]}, "there is no claim 'dat', did you mean 'data'"),
        ({"prices": "clod"}, "there is no price 'clod', did you mean 'cloud'"),
        ({"datasets": []}, "datasets is empty"),
        ({"models": ["mlp", "mlp"]}, "models names one twice"),
        ({"repeats": "many"}, "params.yaml, repeats: Value 'many' of type 'str' could not be converted"),
        ({"repeats": 0}, "repeats is 0; it must be at least 1"),
        (
            {"anchors": {"start": 64, "factor": 1}},
            "anchors.factor is 1.0; it must be at least 1.01 and finite",
        ),
        ({"anchors": {"start": 64, "stop": 32}}, "anchors.stop is 32"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
        ({"device": "gpu"}, "device is 'gpu', did you mean 'cpu'|device is 'gpu', valid"),
        ({"split": {"test_fraction": 1.5}}, "split.test_fraction must lie between 0 and 1"),
        ({"features": "engineered"}, r"features is 'engineered'; write a list, \[engineered\]"),
        ({"features": ["enginered"]}, "there is no feature_set 'enginered', did you mean 'engineered'"),
        ({"features": []}, "features is empty"),
        ({"searches": ["tep"]}, "params.yaml, searches: there is no search 'tep', did you mean 'tpe'"),
        ({"searches": "tpe"}, r"searches is 'tpe'; write a list, \[tpe\]"),
        ({"sizes": []}, "sizes is empty"),
        ({"register": ["letter"]}, "register: 'letter' is not in datasets"),
        ({"sizes": ["large", "large"]}, "sizes names one twice"),
        ({"claims": ["time", "time"]}, "claims names one twice"),
        ({"claims": "al"}, r"params.yaml: claims is 'al'; write a list, \[al\]"),
        (
            {"models": "all", "exclude": ["xgbost"]},
            "exclude: there is no model 'xgbost', did you mean 'xgboost'",
        ),
        ({"models": "all", "exclude": "mlp"}, r"exclude is 'mlp'; write a list, \[mlp\]"),
        ({"exclude": ["mlp"]}, "exclude needs models: all; delete exclude, or write models: all"),
        ({"models": "all", "exclude": options("model")}, "models is empty; name at least one"),
        ({"data": {"until": date(2013, 6, 1)}}, "params.yaml, data.until: Value 'date' is not a supported"),
    ],
)
def test_a_slip_in_params_is_one_sentence_with_the_nearest_name(tmp_path, change, sentence):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(PARAMS), **change}))
    with pytest.raises(ConfigError, match=sentence):
        load_params(path)


@pytest.mark.parametrize("lost", ["register", "exclude", "prices", "claims", "data", "split"])
def test_a_setting_that_dvc_needs_is_named_with_the_line_to_add(lost, tmp_path, monkeypatch):
    content = {key: value for key, value in yaml.safe_load(PARAMS).items() if key != lost}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError) as raised:
        check_complete(path)
    said, lines = str(raised.value).split("\n", 1)
    assert said == f"params.yaml lacks {lost}, and DVC needs every setting; add these lines to the file:"
    path.write_text(path.read_text() + lines)
    check_complete(path)
    load_params(path)


def test_a_block_of_the_basic_settings_lacks_all_others(tmp_path):
    (tmp_path / "params.yaml").write_text("datasets: [letter]\nmodels: [dummy]\n")
    with pytest.raises(ConfigError, match="lacks exclude, features, .*, claims, prices, register, and DVC"):
        check_complete(tmp_path / "params.yaml")
    written_out = {f.name for f in fields(Params)} - {"limits"}
    assert set(yaml.safe_load((CHECKOUT / "params.yaml").read_text())) == written_out


def test_the_largest_anchors_of_a_model_stand_behind_its_name(tmp_path):
    models = ["dummy", {"xgboost": {"all": 256, "letter": 1024}}]
    params = load_params(written(tmp_path, models=models))
    assert params["models"] == ["dummy", "xgboost"]
    config = Config(limits=params["limits"])

    def largest(model, dataset):
        named = replace(config, model=replace(config.model, name=model))
        return replace(named, dataset=replace(config.dataset, name=dataset)).largest_anchor

    assert (largest("xgboost", "letter"), largest("xgboost", "flights")) == (1024, 256)
    assert largest("dummy", "letter") == float("inf")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"models": [{"dummy": 256}]}, r"models: write the largest anchor as in - dummy: \{all: 65536\}"),
        (
            {"models": [{"dummy": {"all": 7}}]},
            "largest anchor of dummy is 7; it must be at least anchors.start",
        ),
        ({"models": [{"dummy": {"leter": 256}}]}, "models, dummy: .*'leter'.*letter"),
        ({"models": [{"dumy": {"all": 256}}]}, "models: .*'dumy'.*dummy"),
        ({"limits": {"dummy": {"all": 256}}}, "write the largest anchor of a model under models"),
    ],
)
def test_a_wrong_largest_anchor_is_one_sentence(tmp_path, change, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load_params(written(tmp_path, **change))


def test_a_folder_of_options_is_listed_once_for_all_names(tmp_path, monkeypatch):
    listed = []
    monkeypatch.setattr(files, "options", lambda group: listed.append(group) or options(group))
    load_params(written(tmp_path, datasets=["letter", "mnist1d", "diamonds"], models="all"))
    assert listed.count("dataset") == 1


def test_a_dataset_that_git_does_not_know_is_said_in_a_copy_of_the_project(tmp_path, monkeypatch):
    (tmp_path / "conf/dataset").mkdir(parents=True)
    (tmp_path / "conf/dataset/clients.yaml").write_text("name: clients\n")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with pytest.raises(ConfigError, match="no dataset 'clients'.*run: git add conf/dataset/clients.yaml"):
        load_params(written(tmp_path, datasets=["clients"]))


def test_options_have_the_types_that_hydra_gives_them():
    text = "a: 1e-3\nb: 2024-01-01\nc: 1_000\nd: on\ne: 1.5\nf: .5\ng: '1'\n"
    assert files.read_yaml(text, "x") == OmegaConf.to_container(OmegaConf.create(text))
    for group in ("model", "dataset", "search"):
        for name in options(group):
            path = paths.CONF / group / f"{name}.yaml"
            loaded = OmegaConf.to_container(OmegaConf.load(path))
            assert files.read_yaml(path.read_text(), name) == loaded
    with pytest.raises(ConfigError, match="conf/x.yaml is not valid YAML: .*duplicate key"):
        files.read_yaml("a: 1\na: 2\n", "conf/x.yaml")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("+model.hyperparameters.depht=3", "xgboost has no hyperparameter 'depht', valid"),
        (
            "++model.hyperparameters.max_round=3",
            "xgboost has no hyperparameter 'max_round', did you mean 'max_rounds'",
        ),
        ("++anchors.strat=3", "unknown setting 'anchors.strat', did you mean 'start'"),
    ],
)
def test_an_added_setting_that_nothing_reads_is_refused(override, sentence):
    with pytest.raises(ConfigError, match=f"command line: {sentence}"):
        check_overrides(["model=xgboost", "dataset=letter", override])


@pytest.mark.parametrize(
    "override", ["+model.hyperparameters.parameters.gamma=1", "+dataset.source.path=x", "+repeats=3"]
)
def test_an_added_setting_that_is_read_passes(override):
    check_overrides(["model=xgboost", "dataset=letter", override])


@pytest.mark.parametrize("name", ["report", "Default", "default"])
def test_a_dataset_does_not_take_a_name_that_mlflow_uses(name):
    dataset = replace(compose("dataset=letter").dataset, name=name)
    with pytest.raises(ConfigError, match=f"conf/dataset/{name}.yaml: MLflow and the report use the name"):
        check_dataset(dataset)


def test_params_that_are_a_list_are_said(tmp_path):
    (tmp_path / "params.yaml").write_text("[a, b]")
    with pytest.raises(ConfigError, match="holds no settings .*, but a list"):
        load_params(tmp_path / "params.yaml")


def test_params_that_are_not_yaml_or_not_there_are_said(tmp_path):
    (tmp_path / "params.yaml").write_text("datasets: [a\nb: }")
    with pytest.raises(ConfigError, match="is not valid YAML"):
        load_params(tmp_path / "params.yaml")
    with pytest.raises(ConfigError, match="does not exist: run this inside a checkout"):
        load_params(tmp_path / "nope.yaml")


def test_the_shipped_params_are_valid():
    params = load_params(CHECKOUT / "params.yaml")
    assert len(params["datasets"]) >= 8, (
        "fewer give no verdict across datasets (docs/explanation/protocol.md)"
    )


# The models of the profiles full and xl before they could write `models: all`, and those that joined later.
def written(folder: Path, **settings: object) -> Path:
    (folder / "params.yaml").write_text(yaml.safe_dump({**yaml.safe_load(PARAMS), **settings}))
    return folder / "params.yaml"


@pytest.mark.parametrize("profile", ["full", "xl"])
def test_the_large_profiles_ask_for_all_models_and_claims(profile):
    text = (CHECKOUT / f"conf/experiment/{profile}.yaml").read_text()
    assert yaml.safe_load(text)["models"] == yaml.safe_load(text)["claims"] == "all"
    params = load_params(CHECKOUT / f"conf/experiment/{profile}.yaml")
    excluded = yaml.safe_load(text)["exclude"]
    assert params["models"] == [name for name in options("model") if name not in excluded]
    assert sorted(params["claims"]) == ["data", "depth", "engine", "massive", "pattern", "time"]
    assert (params["features"], params["sizes"], params["searches"]) == (["raw"], ["default"], ["none"])


def test_all_models_are_those_in_conf_sorted_by_name_but_for_the_excluded_ones(tmp_path):
    everything = load_params(written(tmp_path, models="all"))["models"]
    assert everything == sorted(everything) == options("model")
    params = load_params(written(tmp_path, models="all", exclude=["mlp", "dummy"]))
    assert params["models"] == [name for name in options("model") if name not in ("mlp", "dummy")]
    assert "exclude" not in params, "the list is complete: nothing is left to exclude"


def test_all_claims_are_those_in_conf_by_their_order_then_by_name(tmp_path, monkeypatch):
    (tmp_path / "claim").mkdir()
    for name, order in (("a", ""), ("b", "order: 2"), ("c", "order: 1"), ("d", "")):
        (tmp_path / "claim" / f"{name}.yaml").write_text(f"claim: {name}\n{order}\n")
    monkeypatch.setattr(paths, "CONF", tmp_path)
    assert every_claim() == ["c", "b", "a", "d"]


def test_everything_behind_params_yaml_sees_a_list_of_models_and_of_claims():
    original = paths.PARAMS.read_bytes()
    written(paths.PARAMS.parent, models="all", claims="all", exclude=["mlp"])
    try:
        config = compose()
        assert config.models == [name for name in options("model") if name != "mlp"]
        assert set(config.claims) == set(options("claim"))
        assert config.exclude == []
        assert {curve.model.name for curve in all_curves()} == set(config.models)
        assert params_of(["model=xgboost,mlp"]).models == ["xgboost", "mlp"]
        assert compose("model=mlp").model.name == "mlp"
        with pytest.raises(ConfigError, match="exclude works in params.yaml only; on the command line name"):
            compose("exclude=[dummy]")
    finally:
        paths.PARAMS.write_bytes(original)


def test_the_schema_has_a_default_for_every_setting_but_datasets_and_models():
    written_out = yaml.safe_load((CHECKOUT / "params.yaml").read_text())
    assert set(written_out) == {f.name for f in fields(Params)} - {"limits"}
    required = {"datasets": ["letter"], "models": ["mlp"]}
    defaults = asdict(typed(Params, required, "params.yaml"))
    chosen = {"datasets", "models", "claims"}
    assert {key: defaults[key] for key in written_out if key not in {*chosen, "anchors"}} == {
        key: value for key, value in written_out.items() if key not in {*chosen, "anchors"}
    }
    assert defaults["anchors"] == {**written_out["anchors"], "stop": None}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dataset=lettr"], "there is no dataset 'lettr', did you mean 'letter'"),
        (["-m", "model=mlp,xgb"], "there is no model 'xgb', did you mean 'xgboost'"),
        (["repeets=3"], "unknown setting 'repeets', did you mean 'repeats'"),
        (["anchors.sotp=3"], "unknown setting 'anchors.sotp', did you mean 'stop'"),
        (["model.hyperparameters.widht=3", "model=mlp"], "hyperparameters.widht"),
        (["model=[a"], "cannot read the overrides"),
    ],
)
def test_a_slip_on_the_command_line_is_one_sentence(arguments, sentence):
    with pytest.raises(ConfigError, match=sentence):
        check_overrides(arguments)
        compose(*[a for a in arguments if "=" in a])


def test_valid_overrides_pass():
    check_overrides(
        ["-m", "model=mlp,xgboost", "dataset=letter", "+new=1", "model=glob(*)", "anchors.stop=64"]
    )


GROUPED = [(group, name) for group in ("dataset", "model", "search") for name in options(group)]


@pytest.mark.parametrize(("group", "name"), GROUPED)
def test_every_configuration_composes_into_the_schema(group, name):
    config = compose(f"{group}={name}")
    assert getattr(config, group).name == name
    assert config.datasets == yaml.safe_load(PARAMS)["datasets"]


def test_a_value_of_the_wrong_type_is_refused_before_any_compute():
    with pytest.raises(ConfigError, match="threads"):
        compose("threads=several")


def test_descriptions_that_contradict_themselves_are_refused():
    config = compose("dataset=letter", "model=mlp")
    config.dataset.metric = "roc_auc"
    with pytest.raises(
        ConfigError, match=r"conf/dataset/letter.yaml: metric is 'roc_auc', valid: accuracy, log_loss"
    ):
        check_dataset(config.dataset)
    config.model.family = "forest"
    with pytest.raises(ConfigError, match=r"conf/model/mlp.yaml: family is 'forest'"):
        check_model(config.model)
    config.model.family, config.model.subfamily = "deep", "forest"
    with pytest.raises(ConfigError, match="subfamily 'forest' does not belong to the family deep"):
        check_model(config.model)


def test_a_file_that_names_something_else_is_refused():
    path = paths.CONF / "model/twin.yaml"
    path.write_text((paths.CONF / "model/dummy.yaml").read_text())
    config = compose("dataset=mnist1d")
    config.models = ["twin"]
    try:
        with pytest.raises(ConfigError, match="conf/model/twin.yaml: its name is 'dummy'; it must be 'twin'"):
            check_all(config)
    finally:
        path.unlink()


def test_a_misspelt_hyperparameter_is_refused_before_any_compute():
    path = paths.CONF / "model/twin.yaml"
    text = (paths.CONF / "model/logistic.yaml").read_text()
    path.write_text(text.replace("name: logistic", "name: twin").replace("max_iter:", "max_itr:"))
    config = compose("dataset=mnist1d")
    config.models = ["twin"]
    try:
        with pytest.raises(ConfigError, match="no hyperparameter 'max_itr', did you mean 'max_iter'"):
            check_all(config)
    finally:
        path.unlink()


def test_the_tracking_database_outlives_a_copy_made_by_a_dvc_experiment(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert compose().tracking.uri == f"sqlite:///{paths.ROOT}/mlflow.db"
    monkeypatch.setenv("DVC_ROOT", "/main/checkout")
    assert compose().tracking.uri == "sqlite:////main/checkout/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://example.test:1")
    assert compose().tracking.uri == "http://example.test:1"
    assert compose("tracking=none").tracking.uri == ""


@pytest.fixture
def twin():
    """Write a model of another text into conf/model and compose with it."""
    path = paths.CONF / "model/twin.yaml"

    def write(old: str, new: str):
        text = (paths.CONF / "model/logistic.yaml").read_text().replace("name: logistic", "name: twin")
        assert old in text
        path.write_text(text.replace(old, new))
        config = compose("dataset=mnist1d")
        config.models = ["twin"]
        return config

    yield write
    path.unlink()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("low: 1.0e-3", "low: 2.0e+3", "conf/model/twin.yaml, search.C: low and high are 2000.0 and 1000.0"),
        ("low: 1.0e-3", "low: 0.0", "search.C: a logarithmic range begins above 0"),
        ("type: float, low", "type: flot, low", "search.C: type is 'flot', did you mean 'float'"),
        ("high: 1.0e+3, log: true", "high: 1.0e+3, lgo: true", "lgo"),
        (
            "\n  C: {type: float, low: 1.0e-3, high: 1.0e+3, log: true}",
            "\n  C: {type: choice}",
            "needs values",
        ),
        ("\n  C: {type", "\n  D: {type", "conf/model/twin.yaml: there is no hyperparameter 'D'"),
        ("tiny: {C:", "tiny: {D:", "conf/model/twin.yaml: there is no hyperparameter 'D'"),
        ("tiny: {C:", "tiny: {C.inner:", "'C' is not a mapping, so there is no 'C.inner'"),
        ("tiny: {C:", "default: {C:", "capacity names a size 'default'"),
        ("tiny: {C:", "ti/ny: {C:", "capacity names a size 'ti/ny'"),
        ("type: float, low: 1.0e-3", "type: int, low: 0.5", "low, high and step of an int must be whole"),
        ("high: 1.0e+3, log: true", "high: 1.0e+3, step: -1", "step is -1.0; it must be above 0 and fit"),
        ("high: 1.0e+3, log: true", "high: 1.0, step: 2", "step is 2.0; it must be above 0 and fit"),
    ],
)
def test_a_slip_in_a_search_space_or_a_size_is_refused_before_any_compute(twin, old, new, sentence):
    with pytest.raises(ConfigError, match=sentence):
        check_all(twin(old, new))


def test_a_search_without_an_end_and_an_unknown_size_are_refused():
    with pytest.raises(ConfigError, match=r"conf/search/tpe.yaml: the search would never end"):
        compose("search=tpe", "search.trials=null")
    with pytest.raises(ConfigError, match="only the search 'none' has the method none"):
        compose("search.method=tpe", "search.trials=4")
    with pytest.raises(ConfigError, match="only the search 'none' has the method none"):
        compose("search=tpe", "search.method=none")
    with pytest.raises(ConfigError, match="command line: no model has a size 'larg', did you mean 'large'"):
        check_overrides(["-m", "size=default,larg"])
    with pytest.raises(ConfigError, match="trials is 0; it must be above 0"):
        compose("search=random", "search.trials=0")
    config = compose("dataset=mnist1d", "model=mlp")
    config.sizes = ["default", "hgue"]
    with pytest.raises(ConfigError, match="params.yaml, sizes: no model has a size 'hgue'"):
        check_all(config)


@pytest.mark.parametrize(
    ("arguments", "models"),
    [
        (["dataset=letter"], []),
        (["-m", "model=xgboost,mlp", "dataset=letter"], ["xgboost", "mlp"]),
        (["model=mlp", "model.hyperparameters.width=64"], ["mlp"]),
        (["model=mlp,mlp"], ["mlp"]),
        (["model=glob(*)"], []),
    ],
)
def test_the_models_of_a_run_are_those_of_its_command_line(arguments, models):
    assert models_of(arguments) == models


def test_the_parameters_of_a_run_are_known_before_hydra_where_it_is_about_who_runs_on_what():
    params = params_of(["-m", "dataset=letter,digits", "model=mlp", "tracking=none"])
    assert params is not None
    assert (params.datasets, params.models) == (["letter", "digits"], ["mlp"])
    assert params_of([]) == params_of(["size=tiny"]) == params_of(["model=glob(*)"])
    assert not any(
        map(params_of, (["threads=2"], ["device=cuda"], ["executor=ray"], ["hydra.launcher=joblib"]))
    )


def test_modules_of_models_are_named_once():
    modules = model_modules(("mlp", "xgboost", "mlp", "no_such_model"))
    assert modules == ("fuelgauge.models.mlp", "fuelgauge.models.xgboost")


def test_every_model_but_the_baseline_has_a_search_space_and_a_dial():
    for name in options("model"):
        model = compose(f"model={name}").model
        if model.family != "baseline":
            assert model.search, name
            assert list(model.capacity) == ["tiny", "small", "large"], name


def test_all_curves_are_those_that_would_be_composed_one_by_one(monkeypatch):
    params = {**yaml.safe_load(PARAMS), "datasets": ["letter", "mnist1d"], "searches": ["none", "tpe"]}
    params |= {"sizes": ["default", "large"], "features": ["raw", "engineered"]}
    monkeypatch.setattr("fuelgauge.config.compose.load_params", lambda: params)
    curves = list(all_curves())
    assert len(curves) == 2 * 2 * 3 * 2 * 2
    assert len({(c.dataset.name, c.contestant) for c in curves}) == len(curves)
    alone = compose(
        "dataset=mnist1d", "feature_set=engineered", "model=mlp", "size=large", "search=tpe"
    )  # fmt: skip
    (found,) = [c for c in curves if (c.dataset.name, c.contestant) == ("mnist1d", alone.contestant)]
    assert found == alone
