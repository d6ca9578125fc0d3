"""``harness recover`` as a user types it."""

from __future__ import annotations

import json

import pytest

from harness.core.recording import transaction
from harness.core.storage.project import Project


@pytest.fixture
def interrupted(project, monkeypatch):
    """The project with a regeneration of two files that was interrupted before it changed the first."""

    def stop(_project: Project) -> None:
        raise KeyboardInterrupt

    (project / "golden" / "a.txt").write_text("old")
    monkeypatch.setattr(transaction, "roll_forward", stop)
    with pytest.raises(KeyboardInterrupt):
        transaction.apply(
            Project(project),
            [transaction.Write("golden/a.txt", b"new"), transaction.Write("golden/b.txt", b"new")],
        )
    return project


def test_without_an_interruption_it_does_nothing(project, harness):
    before = {path: path.read_bytes() for path in (project / "golden").iterdir()}
    shown = harness("recover")
    assert (shown.code, shown.out) == (0, "no regeneration was interrupted\n")
    assert json.loads(harness("recover", "--json").out) == {
        "schema": 1, "verb": "recover", "state": None, "paths": []
    }  # fmt: skip
    assert {path: path.read_bytes() for path in (project / "golden").iterdir()} == before


def test_an_interrupted_regeneration_is_finished(interrupted, harness):
    """``verify`` reports it until then. All files are new."""
    assert "interrupted: regeneration" in harness("verify").out
    shown = harness("recover")
    assert (shown.code, shown.out) == (0, "golden/a.txt: new\ngolden/b.txt: new\nnext: harness status\n")
    assert (interrupted / "golden" / "a.txt").read_text() == "new"
    assert (interrupted / "golden" / "b.txt").read_text() == "new"
    assert "interrupted" not in harness("verify").out


def test_what_was_removed_is_called_so(interrupted, harness):
    """A file that only the undone regeneration had made."""
    shown = harness("recover", "--back")
    assert (shown.code, shown.out) == (0, "golden/a.txt: old\ngolden/b.txt: removed\nnext: harness status\n")


def test_back_undoes_an_interrupted_regeneration(interrupted, harness):
    """All files are old; one that did not exist is gone."""
    shown = harness("recover", "--back", "--json")
    assert (shown.code, json.loads(shown.out)) == (
        0, {"schema": 1, "verb": "recover", "state": "old", "paths": ["golden/a.txt", "golden/b.txt"]}
    )  # fmt: skip
    assert (interrupted / "golden" / "a.txt").read_text() == "old"
    assert not (interrupted / "golden" / "b.txt").exists()
    assert "interrupted" not in harness("verify").out


def test_a_file_that_was_changed_since_is_not_overwritten(interrupted, harness):
    """It is named, with exit code 1, and nothing is changed."""
    (interrupted / "golden" / "a.txt").write_text("mine")
    shown = harness("recover")
    assert (shown.code, shown.out) == (1, "")
    assert "golden/a.txt" in shown.err
    assert (interrupted / "golden" / "a.txt").read_text() == "mine"
    assert not (interrupted / "golden" / "b.txt").exists()


def test_a_damaged_journal_exits_with_2(interrupted, harness):
    (interrupted / ".harness" / "transaction" / "journal.json").write_text("{")
    shown = harness("recover")
    assert (shown.code, shown.out) == (2, "")
    assert "journal.json" in shown.err
