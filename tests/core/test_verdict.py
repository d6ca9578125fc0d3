"""Which outcomes are accepted, and the exit code of several verdicts."""

from __future__ import annotations

import pytest

from harness.core.verdict import Outcome, Verdict, exit_code

ACCEPTED = {Outcome.SAME, Outcome.TOLERATED, Outcome.REPACKED}


@pytest.mark.parametrize("outcome", Outcome)
def test_three_outcomes_are_accepted_and_no_other(outcome):
    """One verdict that is not accepted among many that are makes the exit code 1, or 2 if it is not known."""
    assert outcome.accepted == (outcome in ACCEPTED)
    verdicts = [Verdict("a", Outcome.SAME), Verdict("b", outcome), Verdict("c", Outcome.REPACKED)]
    assert exit_code(verdicts) == (0 if outcome in ACCEPTED else 2 if outcome is Outcome.UNKNOWN else 1)


def test_what_cannot_be_told_outweighs_a_finding():
    verdicts = [Verdict("a", Outcome.DRIFTED), Verdict("b", Outcome.UNKNOWN), Verdict("c", Outcome.SAME)]
    assert exit_code(verdicts) == exit_code(verdicts[::-1]) == 2


def test_no_verdicts_give_exit_code_zero():
    assert exit_code([]) == 0


def test_a_verdict_is_frozen():
    """Reports share verdicts between rooms, so none may change one."""
    verdict = Verdict("a", Outcome.SAME)
    for name in (*verdict._fields, "note"):
        with pytest.raises(AttributeError):
            setattr(verdict, name, "b")


def test_outcomes_are_plain_words():
    """JSON output and messages show the value as it is."""
    assert all(str(outcome.value) == outcome for outcome in Outcome)
    assert len({outcome.value for outcome in Outcome}) == len(Outcome)
