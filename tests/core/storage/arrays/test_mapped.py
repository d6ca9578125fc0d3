"""Pages of mapped files are freed, also those of views, and never those that would lose a change."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from harness.core.storage.arrays.mapped import is_mapped, release


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(1 << 18))
    return tmp_path / "a.npy"


@pytest.mark.parametrize(
    "view", [lambda a: a, np.asarray, lambda a: a[5:], lambda a: np.asarray(a).reshape(-1, 2)]
)
def test_a_view_of_a_mapped_array_is_mapped(path, view):
    assert is_mapped(view(np.load(path, mmap_mode="r")))


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 2))[0], [1.0], None])
def test_nothing_else_is(array):
    assert not is_mapped(array)
    release(array)


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system has no such call")
def test_released_pages_are_not_in_memory(path):
    mapped = np.load(path, mmap_mode="r")
    assert np.asarray(mapped).sum() == 0
    before = _resident(path)
    release(np.asarray(mapped))
    assert _resident(path) < before / 4


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_changes_are_kept(path, mode):
    mapped = np.load(path, mmap_mode=mode)
    mapped[:] = 7
    release(mapped)
    assert np.all(mapped == 7)


def _resident(path) -> int:
    """Bytes of a file that this process has in memory."""
    found, inside = 0, False
    with Path("/proc/self/smaps").open() as file:
        for line in file:
            inside = str(path) in line if "-" in line.split()[0] else inside
            if inside and line.startswith("Rss:"):
                found += int(line.split()[1]) * 1024
    return found
