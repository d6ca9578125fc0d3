"""Natural units change no prediction, and masks of single patterns are refused where there is one for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.engines.packages.units import common_mask, natural
from harness.ptycho.engines.start import starting_point


@pytest.mark.parametrize("brightness", [1.0, 30.0])
def test_natural_units_have_an_object_of_one_and_the_same_physics(data, brightness):
    start = starting_point(data)

    scaled, units = natural(start, brightness)

    assert np.allclose(np.abs(scaled.object), 1)
    assert np.allclose(scaled.predict(), brightness * start.predict(), atol=1e-5 * brightness)
    assert np.allclose(scaled.object * units.object, start.object)
    assert np.allclose(scaled.probe * units.probe, start.probe)


def test_one_mask_for_all_patterns(data):
    mask = np.ones(data.probe.shape, dtype=bool)
    mask[2, 3] = False
    stack = np.broadcast_to(mask, data.diffraction.shape)
    other = stack.copy()
    other[1, 5, 5] = False

    assert common_mask("theirs", data).all()
    assert np.array_equal(common_mask("theirs", replace(data, mask=mask)), mask)
    assert np.array_equal(common_mask("theirs", replace(data, mask=stack)), mask)
    with pytest.raises(RefusedError, match="engine 'theirs' takes one mask for all patterns"):
        common_mask("theirs", replace(data, mask=other))
