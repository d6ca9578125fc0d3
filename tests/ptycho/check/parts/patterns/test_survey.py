"""Each pattern beside its prediction: brightness, shift and what is left are those that were put in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts.patterns.survey import largest_usual, survey


def changed(data, change):
    stack = data.diffraction.copy()
    change(stack)
    return survey(Evidence.of(replace(data, diffraction=stack)))


def test_brightness_is_that_of_each_pattern(small_data):
    def dim(stack):
        stack[4] *= 0.5
        stack[7] = 0

    found = changed(small_data, dim)
    assert found.brightness[4] == pytest.approx(0.25, rel=0.02)
    assert found.factor[4] == pytest.approx(0.5, rel=0.01)
    assert np.flatnonzero(found.is_empty).tolist() == [7]
    assert np.delete(found.factor, 4) == pytest.approx(1, abs=0.01)


def test_most_patterns_may_be_empty(small_data):
    """The usual light is that of the bright ones, down to a tenth of the scan."""

    def close(stack):
        stack[:30] = 0

    assert np.flatnonzero(changed(small_data, close).is_empty).tolist() == list(range(30))


def test_noise_of_the_brightness_is_that_of_the_counts(small_data):
    """10^6 photons each: 0.1 %."""
    found = survey(Evidence.of(small_data))
    assert found.brightness.std() == pytest.approx(np.sqrt(found.brightness_variance.mean()), rel=0.3)


def test_shifts_are_found_and_taken_back(small_data):
    def move(stack):
        stack[3] = np.roll(stack[3], (2, -5), (0, 1))

    found = changed(small_data, move)
    assert found.shift[3].tolist() == [2, -5]
    assert not np.delete(found.shift, 3, axis=0).any()
    assert found.moved[3] < 0.1 * found.unexplained[3]


def test_a_bright_pixel_stands_out(small_data):
    def hit(stack):
        stack[9, 5, 6] += stack.max()

    found = changed(small_data, hit)
    assert found.outstanding.argmax() == 9
    assert found.brightest_at[9] == 5 * 32 + 6
    assert found.outstanding[9] > 10
    assert np.delete(found.outstanding, 9).max() < 3.4


def test_a_large_scan_is_surveyed_in_blocks(small_data):
    """The same numbers as in one piece."""
    index = np.tile(np.arange(36), 4)
    many = small_data.take(index)
    whole, one = survey(Evidence.of(many)), survey(Evidence.of(small_data))
    np.testing.assert_allclose(whole.unexplained, np.tile(one.unexplained, 4))
    np.testing.assert_allclose(whole.left, one.left)


def test_the_largest_usual_error_ignores_a_few_large_ones():
    errors = np.r_[np.full(20, 1.0), 100.0]
    assert largest_usual(errors, deviations=8, least=0.02) == pytest.approx(1.16**2)
