"""The vocabulary of verdicts, and the exit code that they come to."""

from __future__ import annotations

import pytest

from harness.core.verdict import Outcome, Verdict, exit_code

ACCEPTED = {Outcome.SAME, Outcome.TOLERATED, Outcome.REPACKED}


@pytest.mark.parametrize("outcome", Outcome)
def test_three_outcomes_are_accepted_and_no_other(outcome):
    """One verdict that is not accepted among many that are makes the exit code 1."""
    assert outcome.accepted == (outcome in ACCEPTED)
    verdicts = [Verdict("a", Outcome.SAME), Verdict("b", outcome), Verdict("c", Outcome.REPACKED)]
    assert exit_code(verdicts) == (0 if outcome in ACCEPTED else 1)


def test_nothing_to_judge_is_no_drift():
    assert exit_code([]) == 0
