"""What filters do to frequencies and to samples."""

import numpy as np
import pytest
from signalkit.filters import design, response, smooth


@pytest.mark.parametrize("order", [2, 3, 5])
@pytest.mark.parametrize("kind", ["butter", "bessel", "cheby1"])
def test_response(arrays_regression, kind, order):
    sections = design(kind, order=order, cutoff=0.25)
    frequency, gain = response(sections)
    arrays_regression.check({"sections": sections, "frequency": frequency, "gain": gain})


@pytest.mark.parametrize("cutoff", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("kind", ["butter", "cheby1"])
def test_step(arrays_regression, kind, cutoff):
    step = np.repeat([0.0, 1.0], 100)
    step = arrays_regression.inputs(step)
    arrays_regression.check(smooth(step, design(kind, order=3, cutoff=cutoff)))
