import pytest

from fuelgauge.spec.names import contestant, inputs_of, model_of


def test_a_model_on_raw_features_goes_by_its_own_name():
    assert contestant("xgboost", "raw") == "xgboost"
    assert contestant("xgboost", "engineered") == "xgboost@engineered"
    assert contestant("mlp", size="large") == "mlp-large"
    assert contestant("mlp", "raw", "default", "tpe") == "mlp+tpe"
    assert contestant("mlp", "engineered", "large", "tpe") == "mlp-large+tpe@engineered"


def test_engineered_features_of_any_modality_are_a_table():
    assert inputs_of("image", "raw") == "image"
    assert inputs_of("image", "engineered") == "tabular"


@pytest.mark.parametrize(
    "name", ["mlp", "mlp-large", "mlp+tpe", "mlp-large+tpe@engineered", "mlp@engineered"]
)
def test_the_model_of_a_contestant(name):
    assert model_of(name) == "mlp"
