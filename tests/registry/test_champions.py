"""Orders about the champion: rollback, pin, reject, promote; the register stage obeys them."""

import json

import pytest

from fuelgauge import paths
from fuelgauge.cli import main
from fuelgauge.config.compose import compose
from fuelgauge.errors import ConfigError
from fuelgauge.registry import Decision, register
from fuelgauge.registry._stage import RegistrationStopped
from fuelgauge.registry.champions import Champions
from fuelgauge.registry.package import RefusedModelError
from fuelgauge.registry.versions import (
    CHALLENGER,
    CHAMPION,
    DECISION,
    PAST,
    PINNED,
    REJECTED,
    SHA256,
    Registry,
    RegistryError,
)
from tests.registry.made_trials import write_trials

SMALL = ("dataset=mnist1d", "registry.resamples=100")
NO_METRICS = {"n_train": 850, "n_test": 150, "metric": "accuracy", "improvement": None}


def decision(version: str, champion: str, won: bool = True, accuracy: float = 0.75) -> Decision:
    metrics = {"accuracy": {"value": accuracy, "lo": accuracy - 0.05, "hi": accuracy + 0.1}}
    content = {"dataset": "mnist1d", "version": version, "contestant": "dummy", "promoted": won, "won": won}
    return Decision.from_json(
        {**content, "reason": "it is better", "champion": champion, "metrics": metrics, **NO_METRICS}
    )


def made(*champions: str, extra: int = 0, past: bool = True) -> Champions:
    """Make versions without models; each of `champions` was promoted in turn, `extra` versions lost."""
    registry = Registry(compose().tracking)
    registry.make_model("mnist1d")
    before = ""
    for number in range(1, len(champions) + extra + 1):
        won = number <= len(champions)
        tags = {
            SHA256: "x",
            "model": "dummy",
            DECISION: json.dumps(decision(str(number), before, won).to_json()),
        }
        registry.client.create_model_version("mnist1d", "file:///nothing", tags=tags)
        if won:
            if past:
                registry.move("mnist1d", str(number))
            else:
                registry.client.set_registered_model_alias("mnist1d", CHAMPION, str(number))
            before = str(number)
    return Champions(registry, "mnist1d")


def champion() -> str:
    return Registry(compose().tracking).standing("mnist1d").number


def tags() -> dict[str, str]:
    return Registry(compose().tracking).client.get_registered_model("mnist1d").tags


@pytest.fixture(autouse=True)
def own(project):
    write_trials({"logistic": 0.5, "dummy": 0.9})


@pytest.mark.parametrize("past", [True, False])
def test_a_rollback_goes_back_one_champion_at_a_time_and_rejects_what_it_leaves(past):
    """Without the tag, as in registries of earlier releases, decisions say who was champion before."""
    champions = made("1", "2", "3", past=past)
    assert champions.rollback().startswith("version 2 of mnist1d is champion again; version 3 is rejected")
    assert champion() == "2"
    assert champions.rollback().startswith("version 1 of mnist1d is champion again; version 2 is rejected")
    assert champion() == "1"
    with pytest.raises(RegistryError, match="no earlier champion that is not rejected, so version 1 stays"):
        champions.rollback()
    assert champion() == "1"
    champions.allow("2")
    champions.promote("2")
    assert champion() == "2"
    champions.rollback()
    assert champion() == "1"


def test_a_pinned_version_is_champion_and_nothing_but_unpin_moves_it():
    champions = made("1", "2")
    assert "version 1 of mnist1d is pinned: it stays champion until: fuelgauge" in champions.pin("1")
    assert (champion(), tags()[PINNED]) == ("1", "1")
    for order in (champions.rollback, lambda: champions.promote("2"), lambda: champions.reject("1")):
        with pytest.raises(RegistryError, match="version 1 of mnist1d is pinned, and .* --unpin"):
            order()
    assert "version 1 of mnist1d is no longer pinned" in champions.unpin()
    assert "no version of mnist1d is pinned; nothing has changed" in champions.unpin()
    assert (champion(), PINNED in tags()) == ("1", False)


def test_a_rejected_champion_is_replaced_by_the_one_before_and_cannot_be_pinned():
    champions = made("1", "2")
    assert "version 2 of mnist1d is rejected, and version 1 is champion again" in champions.reject("2")
    assert champion() == "1"
    for order in (champions.pin, champions.promote):
        with pytest.raises(RegistryError, match="version 2 of mnist1d is rejected; undo .* --allow 2"):
            order("2")
    assert "there is no champion now, because no earlier one is left" in champions.reject("1")
    assert champion() == ""
    with pytest.raises(RegistryError, match="has no champion, so there is nothing to go back from"):
        champions.rollback()


def test_a_rejected_challenger_is_no_challenger():
    champions = made("1", extra=1)
    champions.client.set_registered_model_alias("mnist1d", CHALLENGER, "2")
    champions.reject("2")
    assert champions.registry.alias("mnist1d", CHALLENGER) is None
    assert champion() == "1"


def test_a_version_that_was_compared_with_another_champion_is_not_promoted():
    champions = made("1", "2", "3")
    champions.pin("1")
    champions.unpin()
    with pytest.raises(
        RegistryError, match="compared with version 2 as champion, but version 1 as champion is there now"
    ):
        champions.promote("3")
    assert champion() == "1"
    assert champions.promote("2") == "version 2 of mnist1d is champion now"
    assert champions.promote("2") == "version 2 of mnist1d is champion already; nothing has changed"


def test_versions_that_do_not_exist_or_were_not_registered_are_refused():
    champions = made("1")
    for order in (champions.pin, champions.reject, champions.allow, champions.promote):
        with pytest.raises(RegistryError, match="version '7' of mnist1d does not exist; versions: 1"):
            order("7")
    champions.client.create_model_version("mnist1d", "file:///nothing")
    with pytest.raises(RefusedModelError, match="models:/mnist1d/2 was not logged by a register run"):
        Champions(champions.registry, "mnist1d").pin("2")


def test_the_history_shows_the_loss_with_its_interval_the_decision_and_the_reason():
    champions = made("1", "2", extra=1)
    champions.rollback()
    third, second, first = champions.history()
    assert (first.version, first.loss, first.decision) == ("1", "0.25 (0.15 to 0.3)", "champion")
    assert second.decision == "rejected, former champion"
    assert second.reason.startswith("it is better; rejected by a rollback on ")
    assert third.decision == "not promoted"


def test_the_command_shows_and_orders(capsys):
    made("1", "2")
    main(["champion", "mnist1d"])
    shown = capsys.readouterr().out
    assert "champion    version 2, dummy, registered on 20" in shown
    assert "0.25 (0.15 to 0.3)" in shown
    main(["champion", "mnist1d", "--rollback"])
    assert "version 1 of mnist1d is champion again" in capsys.readouterr().out
    main(["champion", "mnist1d", "--allow", "2"])
    main(["champion", "mnist1d", "--pin", "2"])
    main(["champion", "mnist1d"])
    assert "pinned      version 2; undo with: fuelgauge champion mnist1d --unpin" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mnist1d"], "mnist1d has no registered version yet; make one with: make register DATASET=mnist1d"),
        (["mnist_1d"], "did you mean 'mnist1d'?"),
        (["--rollback"], "--rollback is about one dataset; name it: fuelgauge champion DATASET --rollback"),
        (["--promote", "mnist1d"], "--promote is about one dataset; name it"),
        ([], "name a dataset, or list datasets under register in params.yaml"),
    ],
)
def test_orders_that_cannot_be_carried_out_are_one_sentence(arguments, sentence):
    with pytest.raises(SystemExit) as ended:
        main(["champion", *arguments])
    assert sentence in str(ended.value)


def test_a_rejected_version_is_not_back_after_the_next_registration():
    write_trials({"logistic": 0.9, "dummy": 0.1})
    register(compose(*SMALL))
    write_trials({"logistic": 0.1, "dummy": 0.9})
    assert register(compose(*SMALL)).promoted
    Champions(Registry(compose().tracking), "mnist1d").rollback()
    again = register(compose(*SMALL))
    assert (again.version, again.promoted, again.reason) == ("2", False, "version 2 is rejected")
    assert "until: fuelgauge champion mnist1d --allow 2" in again.held_back
    assert champion() == "1"
    Champions(Registry(compose().tracking), "mnist1d").allow("2")
    assert register(compose(*SMALL)).promoted
    assert champion() == "2"
    assert json.loads(tags()[PAST]) == ["1", "2", "1"]


def test_a_better_challenger_does_not_replace_a_pinned_version():
    write_trials({"logistic": 0.9, "dummy": 0.1})
    register(compose(*SMALL))
    Champions(Registry(compose().tracking), "mnist1d").pin("1")
    write_trials({"logistic": 0.1, "dummy": 0.9})
    found = register(compose(*SMALL))
    assert (found.won, found.promoted, champion()) == (True, False, "1")
    unpin = "fuelgauge champion mnist1d --unpin"
    assert found.held_back == f"version 1 is pinned and stays champion until: {unpin}"
    Champions(Registry(compose().tracking), "mnist1d").unpin()
    assert register(compose(*SMALL)).promoted


def test_manual_promotion_waits_for_the_command_that_the_stage_names(capsys, caplog):
    manual = (*SMALL, "registry.promote=manual")
    caplog.set_level("INFO", "fuelgauge")
    found = register(compose(*manual))
    assert (found.won, found.promoted, champion()) == (True, False, "")
    assert "make it champion with: fuelgauge champion mnist1d --promote 1" in caplog.text
    report = json.loads((paths.REPORTS / "champions/mnist1d.json").read_text())
    assert (report["won"], report["promoted"]) == (True, False)
    assert (paths.REPORTS / "champions/mnist1d.md").read_text() == ""
    main(["champion", "mnist1d", "--promote"])
    assert "version 1 of mnist1d is champion now" in capsys.readouterr().out
    assert champion() == "1"
    assert register(compose(*manual)).promoted


def test_a_reported_version_that_has_not_won_is_not_promoted():
    champions = made("1", extra=1)
    folder = paths.REPORTS / "champions"
    with pytest.raises(RegistryError, match="does not exist, so there is no decision to carry out"):
        champions.promote_reported()
    folder.mkdir(parents=True)
    (folder / "mnist1d.json").write_text(json.dumps(decision("2", "1", won=False).to_json()))
    assert "version 2 of mnist1d is not to be promoted" in champions.promote_reported()
    assert champion() == "1"
    (folder / "mnist1d.json").write_text("{}")
    with pytest.raises(RegistryError, match="is not a report of the register stage"):
        champions.promote_reported()


def test_an_order_during_a_comparison_is_obeyed(monkeypatch):
    """The champion is read again right before the alias moves."""
    from fuelgauge.registry import _stage as stage

    write_trials({"logistic": 0.9, "dummy": 0.1})
    register(compose(*SMALL))
    write_trials({"logistic": 0.1, "dummy": 0.9})
    honest, compared = stage.Registration.compare, []

    def compare(self, champion, *rest):
        compared.append(str(champion.version))
        if len(compared) == 1:
            Champions(Registry(compose().tracking), "mnist1d").pin("1")
        return honest(self, champion, *rest)

    monkeypatch.setattr(stage.Registration, "compare", compare)
    found = register(compose(*SMALL))
    assert compared == ["1", "1"]
    assert (found.won, found.promoted, champion()) == (True, False, "1")


def test_a_winner_above_the_limit_stops_the_run_and_leaves_the_champion():
    write_trials({"logistic": 0.9, "dummy": 0.1})
    register(compose(*SMALL))
    kept = Registry(compose().tracking)
    perfect = {"accuracy": {"value": 0.99, "lo": 0.9, "hi": 1.0}}
    content = {**json.loads(kept.champion("mnist1d").tags[DECISION]), "metrics": perfect}
    kept.client.set_model_version_tag("mnist1d", "1", DECISION, json.dumps(content))
    write_trials({"logistic": 0.1, "dummy": 0.9})
    with pytest.raises(
        RegistrationStopped, match=r"on held-out rows is 0\.\d+, more than 50% above the 0.01 of version 1"
    ):
        register(compose(*SMALL, "registry.stop_loss=0.5"))
    report = json.loads((paths.REPORTS / "champions/mnist1d.json").read_text())
    assert (report["won"], report["promoted"], "registry.stop_loss" in report["stop"]) == (True, False, True)
    assert champion() == "1"
    assert register(compose(*SMALL, "registry.stop_loss=1000")).promoted


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("registry.promote=by_hand", "promote is 'by_hand', valid: auto, manual"),
        ("registry.stop_loss=-1", "registry.stop_loss is -1.0; it must be at least 0, or null"),
        ("registry.due_days=-3", "registry.due_days is -3.0; it must be at least 0, or null"),
    ],
)
def test_settings_out_of_range_are_refused(setting, sentence):
    with pytest.raises(ConfigError, match=sentence):
        compose("dataset=mnist1d", setting)


def test_a_rejection_is_a_tag_of_the_version():
    champions = made("1", "2")
    champions.reject("1")
    assert REJECTED in champions.client.get_model_version("mnist1d", "1").tags
