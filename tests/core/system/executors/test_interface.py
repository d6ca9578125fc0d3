"""Results in the order of the items, and work that has ended when the caller goes on."""

from __future__ import annotations

import pytest

from harness.core.system.executors.interface import run_in_order
from harness.core.system.executors.local import LocalExecutor


class Backwards:
    """An executor that is ready with the last item first, and notes that it was stopped."""

    scratch = None

    def __init__(self):
        self.stopped = False

    def run(self, call, items, *, label=str, apart=None):  # noqa: ARG002 - of the interface
        try:
            for index in reversed(range(len(items))):
                yield index, call(items[index])
        finally:
            self.stopped = True


@pytest.mark.parametrize(
    "executor", [Backwards(), LocalExecutor(), LocalExecutor(2)], ids=lambda x: str(x)[:20]
)
def test_results_are_in_the_order_of_the_items(executor):
    assert run_in_order(executor, str.upper, ["a", "b", "c"]) == ["A", "B", "C"]


def test_each_result_is_reported_when_it_is_ready():
    seen = []
    run_in_order(Backwards(), str.upper, ["a", "b"], on_result=lambda *found: seen.append(found))
    assert seen == [(1, "B", 1), (0, "A", 2)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_work_has_been_stopped_when_an_error_reaches_the_caller(error):
    executor = Backwards()

    def fail(_index, _result, _done):
        raise error

    with pytest.raises(error):
        run_in_order(executor, str.upper, ["a", "b"], on_result=fail)
    assert executor.stopped
