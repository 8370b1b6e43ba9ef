"""The trial table of published curves, read from a made-up archive."""

from __future__ import annotations

import importlib.util
import io
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "evidence.py"
FOREST, NET = "sklearn.ensemble.RandomForestClassifier", "sklearn.neural_network.MLPClassifier"


@pytest.fixture(scope="module")
def evidence() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evidence", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["evidence"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def archive(tmp_path: Path, evidence: ModuleType) -> Path:
    learners = [FOREST, "sklearn.ensemble.ExtraTreesClassifier", NET, "sklearn.tree.DecisionTreeClassifier"]
    rows = [
        (learner, 3, n, outer, inner, 100, 0.5 + 0.1 * which, 0.6 + 0.1 * which + 0.02 * inner, 0.5, "x")
        for which, learner in enumerate(learners)
        for n in (16, 64)
        for outer in (0, 1)
        for inner in (0, 1)
    ]
    columns = ["learner", "openmlid", "size_train", "outer_seed", "inner_seed", "size_test", "score_valid"]
    table = pd.DataFrame(rows, columns=[*columns, "score_test", "traintime", "further"])
    content = table.to_csv(index=False).encode()
    path = tmp_path / "lcdb.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(evidence.MEMBER)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return path


def test_inner_seeds_are_averaged_and_other_learners_left_out(evidence: ModuleType, archive: Path) -> None:
    trials = evidence.trial_table(evidence.read_means(archive))
    assert set(trials["family"]) == {"trees", "deep"} and len(trials) == 3 * 2 * 2
    assert set(trials["subfamily"]) == {"forest", ""}
    forest = trials[trials["model"] == FOREST].iloc[0]
    assert forest["loss"] == pytest.approx(1 - 0.61) and forest["n_test"] == 100
    assert (forest["dataset"], forest["fit_seconds"]) == ("3", 0.5)


def test_a_family_is_its_best_member_by_validation_loss(evidence: ModuleType, archive: Path) -> None:
    best = evidence.best_members(evidence.trial_table(evidence.read_means(archive)))
    assert set(best["model"]) == {"forest", "deep"}
    assert best[best["model"] == "forest"]["loss"].to_numpy() == pytest.approx(1 - 0.71)


def test_the_cache_is_read_instead_of_the_archive(
    evidence: ModuleType, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "CACHE", tmp_path / "cache" / "means.parquet")
    monkeypatch.setattr(evidence, "fetch", lambda *_: archive)
    first = evidence.published_means()
    archive.unlink()
    pd.testing.assert_frame_equal(evidence.published_means(), first)
