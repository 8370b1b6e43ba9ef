import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io

from fuelgauge.data.dataset import Examples
from fuelgauge.errors import ConfigError
from fuelgauge.models.knn import KNN
from fuelgauge.models.storage import StoredModelError, load, own_class, save
from tests.models.kinds import examples, many_worded
from tests.models.test_contract import FEW_STEPS, PAIRS, fitted, task_of


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_a_stored_model_predicts_bit_for_bit_what_it_did(name, kind, tmp_path):
    task = task_of(name)
    model = fitted(name, examples(kind, task, 60), examples(kind, task, 16, 2), FEW_STEPS)
    test = examples(kind, task, 30, 3)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is type(model)
    assert np.array_equal(again.predict(test), model.predict(test))
    assert again.count_parameters() == model.count_parameters()
    assert not [p for p in (tmp_path / "model").iterdir() if p.suffix in {".pkl", ".pt", ".ckpt", ".joblib"}]


@pytest.fixture
def stored(tmp_path):
    model = fitted("mlp", examples("table", "binary", 40), examples("table", "binary", 10, 2), FEW_STEPS)
    save(model, tmp_path)
    return tmp_path


class Evil:
    """An object whose pickle would run a command when it is read."""

    def __reduce__(self):
        return (os.system, ("touch /tmp/fuelgauge-was-here",))


def test_a_foreign_type_is_refused_by_name(stored):
    skops.io.dump({"scale": Evil()}, stored / "state.skops")
    with pytest.raises(StoredModelError, match=r"state.skops holds objects of type .*Evil.*; refused"):
        load(stored)


def test_a_type_that_only_another_model_declares_is_refused(stored):
    forest = fitted("random_forest", examples("table", "binary", 40), examples("table", "binary", 10, 2))
    state = {"scale": forest.forest.estimators_[0].tree_}
    skops.io.dump(state, stored / "state.skops")
    with pytest.raises(StoredModelError, match=r"holds objects of type sklearn\.tree\._tree\.Tree; refused"):
        load(stored)


def test_a_type_that_its_model_does_not_declare_is_refused_with_the_remedy(tmp_path, monkeypatch):
    model = fitted("knn", examples("matrix", "binary", 40), examples("matrix", "binary", 10, 2))
    save(model, tmp_path)
    assert type(load(tmp_path)) is KNN
    monkeypatch.setattr(KNN, "stored_types", KNN.stored_types[:1])
    with pytest.raises(
        StoredModelError,
        match=r"state.skops holds objects of type sklearn\.neighbors\._kd_tree\.KDTree; refused\. If the fit "
        r"of KNN makes them, name them in KNN\.stored_types \(fuelgauge\.models\.knn\)",
    ):
        load(tmp_path)


def test_a_file_cannot_declare_the_types_that_it_holds(stored):
    about = json.loads((stored / "model.json").read_text())
    about["hyperparameters"]["stored_types"] = ["sklearn.tree._tree.Tree"]
    (stored / "model.json").write_text(json.dumps(about))
    with pytest.raises(ConfigError, match="MLP has no hyperparameter 'stored_types'"):
        load(stored)


def test_a_foreign_class_is_refused_by_name(stored):
    about = json.loads((stored / "model.json").read_text())
    (stored / "model.json").write_text(json.dumps({**about, "target": "subprocess.Popen"}))
    with pytest.raises(StoredModelError, match="names 'subprocess.Popen', which is not a model .* refused"):
        load(stored)


@pytest.mark.parametrize(
    "target",
    ["fuelgauge.models.base.create", "fuelgauge.models.mlp.ColumnsEmbedding", "fuelgauge.models.nothing.X"],
)
def test_what_is_ours_but_no_model_is_refused(stored, target):
    about = json.loads((stored / "model.json").read_text())
    (stored / "model.json").write_text(json.dumps({**about, "target": target}))
    with pytest.raises(StoredModelError, match=r"which is not a model .* refused"):
        load(stored)


@pytest.mark.parametrize("value", [own_class, Path])
def test_functions_and_classes_that_our_modules_only_import_are_refused(stored, value):
    skops.io.dump({"scale": value}, stored / "state.skops")
    with pytest.raises(StoredModelError, match="refused"):
        load(stored)


@pytest.mark.parametrize("name", ["load_own", "predict", "own_format", "stored_types"])
def test_a_state_cannot_replace_a_method(stored, name):
    skops.io.dump({name: 3}, stored / "state.skops")
    with pytest.raises(StoredModelError, match=f"would replace {name} of the model; refused"):
        load(stored)


def test_a_state_that_is_no_mapping_is_refused(stored):
    skops.io.dump([1, 2], stored / "state.skops")
    with pytest.raises(StoredModelError, match="cannot be read"):
        load(stored)


@pytest.mark.parametrize("name", ["model.json", "state.skops", "weights.safetensors"])
@pytest.mark.parametrize("damage", [None, b"", b"\x80\x04nonsense"])
def test_a_missing_or_damaged_file_is_one_sentence(stored, name, damage):
    (stored / name).unlink()
    if damage is not None:
        (stored / name).write_bytes(damage)
    with pytest.raises(StoredModelError, match="cannot be read|does not describe a model"):
        load(stored)


def test_a_pickle_in_the_place_of_the_state_is_refused(stored, tmp_path):
    import pickle

    (stored / "state.skops").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(StoredModelError, match="cannot be read"):
        load(stored)


def test_a_model_is_stored_over_an_older_one(stored):
    model = fitted("logistic", examples("table", "binary", 40), examples("table", "binary", 10, 2))
    save(model, stored)
    test = examples("table", "binary", 20, 3)
    assert np.array_equal(load(stored).predict(test), model.predict(test))
    shutil.rmtree(stored)


@pytest.mark.parametrize("content", ['{"predict": {"a": 1}}', '{"numbers": {"a": "b"}}', "[1]", "{"])
def test_vocabularies_hold_numbered_words_and_replace_no_method(stored, content):
    (stored / "numbered.json").write_text(content)
    with pytest.raises(StoredModelError, match="numbered.json"):
        load(stored)


def archive_of(name: str, train: Examples, folder: Path) -> list[zipfile.ZipInfo]:
    """Fit and save a model, and return the files in its stored state."""
    save(fitted(name, train, examples("text", "binary", 10, 2), FEW_STEPS), folder)
    with zipfile.ZipFile(folder / "state.skops") as archive:
        return archive.infolist()


@pytest.mark.parametrize("name", [name for name, kind in PAIRS if kind == "text"])
def test_more_words_cost_no_more_files(name, tmp_path):
    few = examples("text", "binary", 40)
    assert len(archive_of(name, few, tmp_path)) == len(archive_of(name, many_worded(few), tmp_path))


@pytest.mark.parametrize("name", ["tfidf", "dan"])
def test_a_vocabulary_costs_no_file_a_word(name, tmp_path):
    files = archive_of(name, examples("text", "binary", 40), tmp_path)
    assert len(files) < 20
    assert sum(file.file_size for file in files) < 20_000


def test_a_part_that_lacks_a_field_of_today_is_refused(tmp_path):
    model = fitted("mlp", examples("table", "binary", 40), examples("table", "binary", 10, 2), FEW_STEPS)
    del vars(model.scale)["std"]
    save(model, tmp_path)
    with pytest.raises(StoredModelError, match="earlier version of the code: its TargetScale has no std"):
        load(tmp_path)
