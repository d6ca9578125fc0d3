"""What ``import harness`` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import harness


def test_every_public_name_is_there():
    """Each name in ``__all__`` leads to an object of that name, and ``dir`` lists it."""
    for name in harness.__all__:
        assert getattr(harness, name).__name__ == name
    assert dir(harness) == sorted(harness.__all__)


def test_unknown_name_is_an_attribute_error():
    """A name that nobody offers is refused as Python does it."""
    with pytest.raises(AttributeError, match="no attribute 'bogus'"):
        _ = harness.bogus


def test_import_brings_neither_numpy_nor_torch():
    """``import harness`` is light."""
    code = "import sys, harness; print([m for m in ('numpy', 'torch', 'pytest', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
