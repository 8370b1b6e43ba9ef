"""The dial of every model turns: sizes differ in the order in which they are given."""

import pytest

from fuelgauge.models.base import FitContext, create
from fuelgauge.spec.hyperparameters import changed
from tests.models.kinds import KINDS, examples
from tests.models.test_contract import CONFIGS, FEW_STEPS, METRIC, task_of

SIZES = ("tiny", "small", "default", "large")


def n_parameters(name: str, size: str) -> int:
    config = CONFIGS[name]
    sized = changed(config["hyperparameters"], config["capacity"].get(size, {}), name)
    kind, task = KINDS[config["modalities"][0]][0], task_of(name)
    model = create(config["target"], sized)
    step_limit = FEW_STEPS if config["family"] == "deep" else None
    context = FitContext(0, 1, "cpu", METRIC[task], step_limit)
    # on fewer rows early stopping, and not the depth, decides how many nodes the trees have
    model.fit(examples(kind, task, 1000), examples(kind, task, 200, 2), context)
    return model.count_parameters()


@pytest.mark.parametrize("name", [n for n, c in CONFIGS.items() if c["family"] in ("deep", "trees")])
def test_the_sizes_of_a_net_and_of_trees_rise_in_their_order(name):
    counts = [n_parameters(name, size) for size in SIZES]
    assert counts == sorted(set(counts))


# Of dan most parameters are the vectors of words, which are few here.
NETS = [n for n, c in CONFIGS.items() if c["family"] == "deep" and n != "dan"]


@pytest.mark.parametrize("name", NETS)
def test_the_sizes_of_a_net_span_two_decades(name):
    assert n_parameters(name, "large") >= 100 * n_parameters(name, "tiny")
