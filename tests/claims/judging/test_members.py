import numpy as np
import pandas as pd
import pytest

from fuelgauge.claims.judging.members import family_trials


def table(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["model", "family", "loss", "val_loss"])
    return frame.assign(dataset="d", n_train=64, repeat=0)


def test_the_lowest_validation_loss_chooses_and_never_the_test_loss() -> None:
    found, warnings = family_trials(table(("a", "deep", 0.1, 0.5), ("b", "deep", 0.9, 0.4)))
    assert found[["model", "loss"]].to_numpy().tolist() == [["family:deep", 0.9]]
    assert not warnings


def test_the_choice_is_made_anew_in_each_repeat_and_anchor() -> None:
    first = table(("a", "deep", 0.1, 0.5), ("b", "deep", 0.9, 0.4))
    second = table(("a", "deep", 0.1, 0.3), ("b", "deep", 0.9, 0.4))
    both = pd.concat([first, second.assign(repeat=1), second.assign(n_train=128)])
    found, _ = family_trials(both)
    chosen = found.set_index(["n_train", "repeat"])["loss"].to_dict()
    assert chosen == {(64, 0): 0.9, (64, 1): 0.1, (128, 0): 0.1}


def test_forests_and_boosted_trees_are_families_of_their_own() -> None:
    trials = table(("a", "trees", 0.1, 0.5), ("b", "trees", 0.2, 0.4), ("c", "trees", 0.3, 0.3))
    found, _ = family_trials(trials.assign(subfamily=["forest", "boosted", ""]))
    by_name = found.set_index("model")["loss"].to_dict()
    assert by_name == {"family:forest": 0.1, "family:boosted": 0.2, "family:trees": 0.3}
    assert set(found["family"]) == {"trees"}


def test_equal_members_stand_for_their_family_together_whatever_their_names() -> None:
    tied = table(("b", "deep", 0.2, 0.4), ("a", "deep", 0.3, 0.4), ("c", "deep", 0.9, 0.5))
    tied = tied.assign(fit_seconds=[1.0, np.nan, 7.0], device=["cpu", "cuda", "cpu"])
    for names in ({}, {"a": "b", "b": "a"}):
        found, _ = family_trials(tied.replace({"model": names}))
        assert found["loss"].tolist() == [pytest.approx(0.25)]
        assert found["fit_seconds"].tolist() == [1.0]
        assert found["device"].tolist() == [{"a": "cuda", "b": "cpu"}[names.get("a", "a")]]


def test_only_members_of_the_same_cell_share_a_tie() -> None:
    first = table(("a", "deep", 0.2, 0.4), ("b", "deep", 0.4, 0.4))
    second = table(("a", "deep", 0.5, 0.4), ("b", "deep", 0.6, 0.3)).assign(repeat=1)
    found, _ = family_trials(pd.concat([first, second], ignore_index=True))
    assert found.set_index("repeat")["loss"].to_dict() == {0: pytest.approx(0.3), 1: 0.6}


def test_the_choice_loss_chooses_where_the_table_has_it() -> None:
    trials = table(("a", "deep", 0.1, 0.3), ("b", "deep", 0.9, 0.4)).assign(choice_loss=[0.7, 0.6])
    assert family_trials(trials)[0]["loss"].tolist() == [0.9]
    assert family_trials(trials.drop(columns="val_loss"))[0]["loss"].tolist() == [0.9]


def test_losses_of_two_kinds_are_never_compared() -> None:
    """By either kind alone b or a would win; across kinds c has the lowest number."""
    rows = (("a", "deep", 0.1, 0.30), ("b", "deep", 0.5, 0.40), ("c", "deep", 0.9, 0.35))
    mixed = table(*rows).assign(choice_loss=[0.6, 0.5, np.nan])
    complete = table(*rows).assign(choice_loss=[0.6, 0.5, 0.7], repeat=1)
    found, warnings = family_trials(pd.concat([mixed, complete], ignore_index=True))
    assert found.set_index("repeat")["loss"].to_dict() == {0: 0.1, 1: 0.5}
    assert not warnings


def test_a_member_without_either_loss_does_not_change_the_kind() -> None:
    rows = (("a", "deep", 0.1, 0.3), ("b", "deep", 0.5, 0.4), ("c", "deep", 0.9, np.nan))
    found, warnings = family_trials(table(*rows).assign(choice_loss=[0.6, 0.5, np.nan]))
    assert found["loss"].tolist() == [0.5]
    assert len(warnings) == 1 and warnings[0].endswith("curve: c.")


def test_a_member_without_validation_loss_is_not_chosen_and_this_is_said() -> None:
    found, warnings = family_trials(table(("a", "deep", 0.1, np.nan), ("b", "deep", 0.9, 0.4)))
    assert found["loss"].tolist() == [0.9]
    assert warnings == [
        "Trials without choice_loss and val_loss cannot be chosen for their family's curve: a."
    ]


def test_an_only_member_needs_no_validation_loss() -> None:
    found, warnings = family_trials(table(("a", "deep", 0.1, np.nan)).drop(columns="val_loss"))
    assert found["loss"].tolist() == [0.1] and not warnings


def test_a_family_without_any_validation_loss_has_no_curve_and_this_is_said() -> None:
    found, warnings = family_trials(table(("a", "deep", 0.1, np.nan), ("b", "deep", 0.9, np.nan)))
    assert found.empty
    assert warnings == [
        "These families have no choice_loss or val_loss to choose a member by, so they have no family curve: "
        "deep on d."
    ]
