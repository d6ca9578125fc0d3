"""The figures that say whether training moved anything."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.pipeline.assess import MOVED, probe_error, relative_change, require_moved


def test_relative_change():
    """A change is told relative to where it started."""
    assert relative_change(np.array([3.0, 4.5]), np.array([3.0, 4.0])) == pytest.approx(0.1)


def test_probe_error_is_blind_to_a_factor():
    """A probe is known up to a complex factor; what is left is told."""
    stored = np.array([[1 + 1j, 2], [3j, 4]])
    assert probe_error(stored * 2j, stored) == pytest.approx(0, abs=1e-12)
    assert probe_error(stored.T, stored) > 0.1


@pytest.mark.parametrize("what", ["object", "probe"])
def test_movement_at_the_threshold(what):
    """Just above the threshold counts as moved; at it, and NaN, do not."""
    moved = {"object_change": 1.0, "probe_change": 1.0}
    require_moved({**moved, f"{what}_change": MOVED * 1.01})
    for still in (MOVED, 0.0, float("nan")):
        with pytest.raises(RefusedError, match=f"{what}_change"):
            require_moved({**moved, f"{what}_change": still})
