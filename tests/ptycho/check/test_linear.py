"""Linear algebra is done on finite numbers alone."""

import numpy as np
import pytest

from harness.ptycho.check.linear import finite


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_end_the_fit(value):
    with pytest.raises(np.linalg.LinAlgError):
        finite(np.array([[1.0, value]]))
