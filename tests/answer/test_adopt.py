from pathlib import Path

import pandas as pd
import pytest
import yaml

from fuelgauge import cli, paths
from fuelgauge.answer._question import Memory, Question, Reading, Workplace, remember, stamp
from fuelgauge.data.sources import files
from fuelgauge.errors import ConfigError
from tests.answer.test_ask import shop


@pytest.fixture
def asked(tmp_path):
    """Return the folder of an answer; params.yaml, conf/dataset and data/own are as before afterwards."""
    path = tmp_path / "little_shop.csv"
    shop(120).to_csv(path, index=False)
    question = Question.of_file(path, "bought", drop=("receipt",), metric="log_loss", time="none")
    place = Workplace(tmp_path, question.name)
    remember(Memory(question, Reading(), *stamp(question)), place)
    params = paths.PARAMS.read_bytes()
    yield place.work
    paths.PARAMS.write_bytes(params)
    (paths.CONF / "dataset" / "little_shop.yaml").unlink(missing_ok=True)
    (files.OWN / "little_shop.csv").unlink(missing_ok=True)


def test_an_answer_becomes_a_dataset_with_the_settings_of_its_question(asked, capsys):
    cli.main(["adopt", str(asked)])
    described = yaml.safe_load((paths.CONF / "dataset" / "little_shop.yaml").read_text())
    assert described["metric"] == "log_loss"
    assert described["target"] == "bought"
    assert "receipt" not in str(described["features"])
    assert "little_shop" in yaml.safe_load(paths.PARAMS.read_text())["datasets"]
    assert pd.read_csv(files.OWN / "little_shop.csv").equals(shop(120))
    assert "dvc repro" in capsys.readouterr().out


def test_a_folder_without_an_answer_is_refused(tmp_path):
    from fuelgauge.answer.adopt import adopt

    with pytest.raises(ConfigError, match="holds no answer"):
        adopt(Path(tmp_path / "ask_nothing"))
