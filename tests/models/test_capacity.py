"""The declared sizes of a model rise in their order."""

import pytest

from fuelgauge.models.base import FitContext, create
from fuelgauge.spec.hyperparameters import changed
from tests.models.kinds import KINDS, examples, many_worded
from tests.models.test_contract import CONFIGS, METRIC, task_of

SIZES = ("tiny", "small", "default", "large")


def n_parameters(name: str, size: str) -> int:
    config = CONFIGS[name]
    sized = changed(config["hyperparameters"], config["capacity"].get(size, {}), name)
    kind, task = KINDS[config["modalities"][0]][0], task_of(name)
    model = create(config["target"], sized)
    # a few rounds show the size of trees; all of them take minutes
    step_limit = {"deep": 1, "boosted": 10}.get(config.get("subfamily") or config["family"])
    context = FitContext(0, 1, "cpu", METRIC[task], step_limit)
    # on fewer rows, early stopping and not the depth decides the number of nodes
    train = examples(kind, task, 1000)
    if "vocabulary" in sized:  # many words, so that the model and not the data limits the vocabulary
        train = many_worded(train)
    model.fit(train, examples(kind, task, 200, 2), context)
    return model.count_parameters()


@pytest.mark.parametrize("name", [n for n, c in CONFIGS.items() if c["family"] in ("deep", "trees")])
def test_the_sizes_of_a_net_and_of_trees_rise_in_their_order(name):
    counts = [n_parameters(name, size) for size in SIZES]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("name", [n for n, c in CONFIGS.items() if c["family"] == "deep"])
def test_the_sizes_of_a_net_span_two_decades(name):
    assert n_parameters(name, "large") >= 100 * n_parameters(name, "tiny")
