import sys

import pytest

from fuelgauge.config import objects
from fuelgauge.config.objects import build, load_class, targets
from fuelgauge.errors import ConfigError


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return a folder of the user's own modules, as conf/model is one."""
    monkeypatch.setattr(objects, "OWN_CODE", tmp_path / "conf/model")
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "conf/model").mkdir(parents=True)
    yield tmp_path / "conf/model"
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def test_a_class_in_a_file_beside_those_of_the_models_is_found(own):
    (own / "own_file.py").write_text("class Mine:\n    pass\n")
    assert load_class("own_file.Mine", "here").__name__ == "Mine"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("own_a", "class Mine: pass", "here: 'own_a' has no 'Min', did you mean 'Mine'"),
        ("own_b", "import no_such_thing", "'own_b.Min' .* imports 'no_such_thing', which is not installed"),
        ("own_c", "1 / 0", "'own_c.Min' cannot be imported: ZeroDivisionError"),
        ("own_d", "def (", "'own_d.Min' cannot be imported: SyntaxError"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_sentence(own, name, text, sentence):
    (own / f"{name}.py").write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        load_class(f"{name}.Min", "here")


def test_settings_become_objects_at_any_depth():
    settings = {
        "_target_": "collections.OrderedDict",
        "_args_": [[["a", {"_target_": "datetime.timedelta", "days": 2}], ["b", [1, {"c": None}]]]],
    }
    built = build(settings, "here")
    assert list(built) == ["a", "b"]
    assert built["a"].days == 2
    assert built["b"] == [1, {"c": None}]
    assert list(targets(settings)) == ["collections.OrderedDict", "datetime.timedelta"]


def test_what_a_class_does_not_accept_is_one_sentence():
    with pytest.raises(
        ConfigError, match="here: datetime.timedelta does not accept its settings: unsupported"
    ):
        build({"_target_": "datetime.timedelta", "days": "x"}, "here")


def test_a_class_is_named_by_the_target_or_by_a_hyperparameter_of_a_file(own):
    (own / "net.yaml").write_text("target: a.A\nhyperparameters: {module: {_target_: b.B}}\n")
    assert [objects.is_named(path) for path in ("a.A", "b.B", "os.system")] == [True, True, False]
