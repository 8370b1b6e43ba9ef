from fuelgauge.naming import contestant, inputs_of


def test_a_model_on_raw_features_goes_by_its_own_name():
    assert contestant("xgboost", "raw") == "xgboost"
    assert contestant("xgboost", "engineered") == "xgboost@engineered"


def test_engineered_features_of_any_modality_are_a_table():
    assert inputs_of("image", "raw") == "image"
    assert inputs_of("image", "engineered") == "tabular"
