"""Whether a test is expected to fail (xfail), so that its golden files are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def is_expected_to_fail(item: pytest.Item) -> bool:
    """Return whether an xfail marker applies to a test now; with ``--runxfail`` none does."""
    if getattr(item.config.option, "runxfail", True):
        return False
    try:
        from _pytest.skipping import evaluate_xfail_marks
    except ImportError:  # another version of pytest: rather leave a golden file alone than record it
        return any(True for _ in item.iter_markers("xfail"))
    return evaluate_xfail_marks(item) is not None
