import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io

from fuelgauge.models.storage import StoredModelError, load, own_class, save
from tests.models.kinds import examples
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
    """What a pickle would run when it is read."""

    def __reduce__(self):
        return (os.system, ("touch /tmp/fuelgauge-was-here",))


def test_a_foreign_type_is_refused_by_name(stored):
    skops.io.dump({"scale": Evil()}, stored / "state.skops")
    with pytest.raises(StoredModelError, match=r"state.skops holds objects of type .*Evil.*; refused"):
        load(stored)


def test_a_foreign_class_is_refused_by_name(stored):
    about = json.loads((stored / "model.json").read_text())
    (stored / "model.json").write_text(json.dumps({**about, "target": "subprocess.Popen"}))
    with pytest.raises(StoredModelError, match="names 'subprocess.Popen', which is no model .* refused"):
        load(stored)


@pytest.mark.parametrize(
    "target",
    ["fuelgauge.models.base.create", "fuelgauge.models.mlp.ColumnsEmbedding", "fuelgauge.models.nothing.X"],
)
def test_what_is_ours_but_no_model_is_refused(stored, target):
    about = json.loads((stored / "model.json").read_text())
    (stored / "model.json").write_text(json.dumps({**about, "target": target}))
    with pytest.raises(StoredModelError, match=r"which is no model .* refused"):
        load(stored)


@pytest.mark.parametrize("value", [own_class, Path])
def test_functions_and_classes_that_our_modules_only_import_are_refused(stored, value):
    skops.io.dump({"scale": value}, stored / "state.skops")
    with pytest.raises(StoredModelError, match="refused"):
        load(stored)


@pytest.mark.parametrize("name", ["load_own", "predict", "own_format"])
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


@pytest.mark.parametrize("name", ["tfidf", "dan"])
def test_a_vocabulary_costs_no_file_a_word(name, tmp_path):
    model = fitted(name, examples("text", "binary", 40), examples("text", "binary", 10, 2), FEW_STEPS)
    save(model, tmp_path)
    with zipfile.ZipFile(tmp_path / "state.skops") as archive:
        assert len(archive.namelist()) < 20
        assert sum(entry.file_size for entry in archive.infolist()) < 20_000


def test_a_part_that_lacks_a_field_of_today_is_refused(tmp_path):
    model = fitted("mlp", examples("table", "binary", 40), examples("table", "binary", 10, 2), FEW_STEPS)
    del vars(model.scale)["frequencies"]
    save(model, tmp_path)
    with pytest.raises(StoredModelError, match="earlier version of the code: its TargetScale has no freq"):
        load(tmp_path)
