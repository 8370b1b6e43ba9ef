from fuelgauge.sweep.status import CurveState


def test_trials_that_are_not_known_yet_are_a_question_mark():
    known = CurveState("letter", "mlp", done=2, waiting=[32, 64])
    unknown = CurveState("letter", "mlp", why_not="not featurized", is_unprepared=True)
    assert known.cells() == ["letter", "mlp", "2", "0", "0", "2", ""]
    assert unknown.cells()[5] == "?"
