import pytest

from fuelgauge.report import figures


@pytest.mark.parametrize("names", [["logistic", "random_forest", "xgboost", "mlp", "realmlp"], ["a"], []])
def test_a_legend_lies_within_its_picture(names):
    picture = figures._new_figure(6.4, 4.2)
    ax = picture.subplots()
    for name in names:
        ax.plot([1, 2], [1, 2], label=name)
    figures._add_legend(picture, [ax])
    picture.draw_without_rendering()
    box = picture.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= picture.bbox.x1
