import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims.leads import CLASSICAL, COLUMNS, TREES, leaders, passing, shares
from tests.claims.worlds import Noise, power_law, trial_table

LITTLE = Noise(repeat=0.02, rows=0.0, model=0.005, own=0.005)
# Nets pass trees at 256 rows on the first, never within range on the second; on the third nothing differs.
CROSSES = {"tree": ("trees", power_law(1.0, 0.2, 0.0)), "net": ("deep", power_law(4.0, 0.45, 0.0))}
BEHIND = {"tree": ("trees", power_law(1.0, 0.4, 0.0)), "net": ("deep", power_law(1.5, 0.4, 0.0))}
EQUAL = {"tree": ("trees", power_law(1.0, 0.4, 0.0)), "net": ("deep", power_law(1.0, 0.4, 0.0))}
CONTROL = {"tree": ("trees", power_law(1.0, 0.4, 0.0)), "net": ("deep", power_law(0.5, 0.4, 0.0))}


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    truths = {"crosses": CROSSES, "behind": BEHIND, "equal": EQUAL, "control": CONTROL}
    datasets = pd.DataFrame(
        {"modality": "tabular", "control": [False, False, False, True], "test_share": 0.0},
        index=pd.Index(truths, name="dataset"),
    )
    return leaders(trial_table(truths, noise=LITTLE), datasets)


def test_leaders_are_known_answers(orders: pd.DataFrame) -> None:
    trees = orders[orders["rival"] == TREES].set_index(["dataset", "n"])["leader"]
    assert set(trees["behind"]) == {TREES}
    assert (trees["crosses"][32], trees["crosses"][256], trees["crosses"][8192]) == (TREES, "", "deep")
    assert set(trees["equal"]) == {""}


def test_controls_and_missing_sides_are_left_out(orders: pd.DataFrame) -> None:
    assert "control" not in set(orders["dataset"])
    assert set(orders["rival"]) == {CLASSICAL, TREES}
    table = trial_table({"d": {"tree": CROSSES["tree"], "line": ("linear", CROSSES["net"][1])}})
    about = pd.DataFrame({"modality": "", "control": False, "test_share": 0.0}, index=["d"])
    empty = leaders(table, about)
    assert empty.empty and list(empty.columns) == COLUMNS


def test_shares_count_each_dataset_once(orders: pd.DataFrame) -> None:
    counted = shares(orders[orders["rival"] == CLASSICAL]).set_index("n")
    assert counted.loc[32].to_dict() == {"deep": 0, "rival": 2, "neither": 1, "datasets": 3}
    assert counted.loc[8192].to_dict() == {"deep": 1, "rival": 1, "neither": 1, "datasets": 3}


def test_many_numbers_of_rows_are_rounded_to_powers_of_two() -> None:
    n = np.arange(33, 133)
    orders = pd.DataFrame({"dataset": "d", "n": n, "leader": np.where(n > 90, "deep", CLASSICAL)})
    counted = shares(orders)
    assert counted["n"].tolist() == [32, 64, 128] and counted["datasets"].tolist() == [1, 1, 1]
    assert counted["deep"].tolist() == [0, 0, 1]


def test_the_passing_is_known_from_what_is_shown(orders: pd.DataFrame) -> None:
    found = passing(orders[orders["rival"] == TREES])
    assert (found.n_datasets, found.n_known) == (3, 2)
    at = found.distribution
    assert at.left.tolist() == [128, 8192] and at.right.tolist() == [512, np.inf]
    assert at.mass == pytest.approx([0.5, 0.5])
    assert (found.median_lo, found.median_hi) == (0, np.inf)  # three datasets bound nothing


def test_rows_at_which_the_rival_leads_again_come_before_the_passing() -> None:
    orders = pd.DataFrame(
        {"dataset": "d", "n": [32, 64, 128, 256], "leader": ["deep", "deep", "trees", "deep"]}
    )
    found = passing(orders).distribution
    assert (found.left.tolist(), found.right.tolist()) == ([128], [256])
