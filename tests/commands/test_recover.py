"""``harness recover`` as a user types it."""

from __future__ import annotations

import json

import pytest

from harness.core.recording.transaction import SCHEMA


@pytest.fixture
def interrupted(project):
    """The project with the journal of a regeneration that was killed before its first step."""
    journal = project / ".harness" / "transaction" / "journal.json"
    journal.parent.mkdir(parents=True)
    journal.write_text(json.dumps({"schema": SCHEMA, "changes": []}))
    return project


def test_without_an_interruption_it_does_nothing(project, harness):
    before = {path: path.read_bytes() for path in (project / "golden").iterdir()}
    shown = harness("recover")
    assert (shown.code, shown.out) == (0, "no regeneration was interrupted\n")
    assert json.loads(harness("recover", "--json").out) == {"state": None, "paths": []}
    assert {path: path.read_bytes() for path in (project / "golden").iterdir()} == before


@pytest.mark.parametrize(("option", "state"), [((), "new"), (("--back",), "old")])
def test_an_interrupted_regeneration_is_ended(interrupted, harness, option, state):
    """``verify`` reports it until then."""
    assert "interrupted: regeneration" in harness("verify").out
    shown = harness("recover", *option, "--json")
    assert (shown.code, json.loads(shown.out)) == (0, {"state": state, "paths": []})
    assert harness("verify").code == 0


def test_a_damaged_journal_exits_with_2(interrupted, harness):
    (interrupted / ".harness" / "transaction" / "journal.json").write_text("{")
    shown = harness("recover")
    assert (shown.code, shown.out) == (2, "")
    assert "journal.json" in shown.err
