"""Which marks of a test say that it is expected to fail."""

from __future__ import annotations

import pytest

from harness.plugin.expected_failure import is_expected_to_fail


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("", False),
        ("@pytest.mark.xfail", True),
        ("@pytest.mark.xfail(strict=True, raises=ValueError)", True),
        ("@pytest.mark.xfail(run=False)", True),
        ("@pytest.mark.xfail(False, reason='elsewhere')", False),
        ("@pytest.mark.xfail('sys.version_info > (3,)', reason='here')", True),
        ("@pytest.mark.skipif(False, reason='elsewhere')", False),
    ],
)
def test_marks_that_apply(pytester: pytest.Pytester, monkeypatch, mark: str, expected: bool):
    """As pytest itself decides; with --runxfail none does."""
    text = f"import pytest\n\n{mark}\ndef test_func():\n    pass\n"
    item = pytester.getitem(text)
    assert is_expected_to_fail(item) is expected
    monkeypatch.setattr(item.config.option, "runxfail", True)
    assert is_expected_to_fail(item) is False
