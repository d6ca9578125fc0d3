"""A check counts once a test, by its worse outcome; all of it survives the way from worker to controller."""

from __future__ import annotations

from harness.core.obtained.results import ArrayResult, CheckResult
from harness.core.verdict import Outcome
from harness.plugin.outcomes.noted import Noted

DIGEST = "sha256:" + "0" * 64


def result(test="test_a", stem="a", outcome=Outcome.DRIFTED, **more) -> CheckResult:
    word = {Outcome.SAME: "identical", Outcome.DRIFTED: "drifted"}[outcome]
    return CheckResult(test, stem, "fixture", outcome, word, **more)


def noted(*results: CheckResult) -> Noted:
    made = Noted()
    for one in results:
        made.add(one)
    return made


def test_of_two_checks_under_one_name_the_worse_counts():
    """A subtest that drifts is not hidden by the next one."""
    same, drifted = result(outcome=Outcome.SAME), result()
    assert list(noted(drifted, same).checks()) == [drifted]
    assert list(noted(same, drifted).checks()) == [drifted]


def test_a_test_that_is_repeated_is_forgotten():
    made = noted(result(), result("test_b"))
    assert made.drop("test_a") == (result(),)
    assert made.drop("test_a") == ()
    assert list(made.checks()) == [result("test_b")]


def test_the_end_of_a_test_adds_its_time_and_why_it_does_not_count():
    made = noted(result(), result("test_b"))
    made.end("test_a", seconds=0.5)
    made.end("test_a", unfit="test_a was skipped")
    made.end("test_a", unfit="another")
    assert made.of("test_a") == (result(seconds=0.5, unfit="test_a was skipped"),)
    assert made.of("test_b") == (result("test_b"),)


def test_what_was_recorded_is_golden_now():
    """Whether its arrays or only its manifest changed."""
    made = noted(result(lines=("a: 1",)), result("test_b", "b"), result("test_c", "c"))
    made.recorded("golden", {"golden/a.npz", "golden/b.json"})
    words = {one.test: (one.word, one.outcome, one.lines) for one in made.checks()}
    assert words == {
        "test_a": ("recorded", Outcome.SAME, ()),
        "test_b": ("recorded", Outcome.SAME, ()),
        "test_c": ("drifted", Outcome.DRIFTED, ()),
    }


def test_a_worker_sends_everything():
    array = ArrayResult("power", Outcome.DRIFTED, share=2.0, worst=(5,), text="power: 1 of 33")
    sent = result(arrays=(array,), lines=("x",), files={"a.npz": DIGEST}, golden={"a.json": DIGEST})
    controller = noted(result("test_b"))
    controller.add_worker(noted(sent).to_plain())
    assert list(controller.checks()) == [result("test_b"), sent]


def test_results_are_sorted_and_dated():
    found = noted(result("test_b", "b"), result()).results(
        {"numpy": "2"}, DIGEST, seconds=1.5, complete=False
    )
    assert [check.stem for check in found.checks] == ["a", "b"]
    assert (found.seconds, found.environment, found.complete) == (1.5, {"numpy": "2"}, False)
    assert len(found.at) == len("2026-01-31T12:00:00Z")
