"""Results do not depend on the number of processes, and errors reach the caller."""

from __future__ import annotations

import os

import pytest

from harness.core.errors import UsageError
from harness.core.storage.project import require_inner
from harness.core.system.parallel import in_processes

MARKING = """
import os

def mark(item):
    os.environ["HARNESS_EXAMPLE"] = item
    return os.getpid()
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_gives_its_index_and_result(jobs):
    assert dict(in_processes(str.upper, ["a", "b", "c"], jobs)) == {0: "A", 1: "B", 2: "C"}


def test_no_items_give_no_results():
    assert list(in_processes(str.upper, [], 2)) == []


def test_a_variable_that_a_call_sets_stays_in_its_process(module):
    module("marking", MARKING)
    import marking

    found = dict(in_processes(marking.mark, ["a", "b", "c"], 2)).values()
    assert os.getpid() not in found
    assert "HARNESS_EXAMPLE" not in os.environ


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_reaches_the_caller(jobs):
    with pytest.raises(Exception, match="outside") as caught:
        list(in_processes(require_inner, ["inside", "../outside"], jobs))
    assert caught.value.exit_code == 1
    assert not isinstance(caught.value, UsageError)
