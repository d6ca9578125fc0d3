"""Every engine starts from a flat object that is as bright as the patterns, and a probe out of focus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.engines.start import DEFOCUS, defocused, starting_point
from harness.ptycho.pipeline.configuration import Configuration


def test_behind_the_flat_object_the_probe_has_the_patterns_power(data):
    start = starting_point(data)

    predicted = np.sum(np.abs(start.probe.astype(complex) * start.object[0, 0]) ** 2)
    assert predicted == pytest.approx(np.mean(np.sum(data.diffraction.astype(float) ** 2, axis=(1, 2))))
    assert np.ptp(np.abs(start.object)) == 0
    assert start.object.shape == data.object.shape
    assert (start.object.dtype, start.probe.dtype) == (np.complex64, np.complex64)


def test_the_start_does_not_know_the_object(data):
    other = replace(data, object=np.zeros_like(data.object))

    assert np.array_equal(starting_point(data).object, starting_point(other).object)


def test_pixels_that_do_not_count_do_not_change_the_brightness(data):
    mask = np.ones(data.probe.shape, dtype=bool)
    mask[0] = False
    half = replace(data, mask=mask, diffraction=np.where(mask, np.ones_like(data.diffraction), 0))

    probe = np.sqrt(np.mean(np.abs(data.probe.astype(complex)) ** 2))
    assert starting_point(half).object[0, 0] == pytest.approx(1 / probe, rel=1e-6)


def test_the_probe_is_that_of_our_own_pipelines(data):
    torch = pytest.importorskip("torch", reason="our own pipelines need torch")
    from harness.ptycho.pipeline.model.forward import defocused as by_torch

    ours = by_torch(torch.from_numpy(data.probe.copy()), DEFOCUS).numpy()
    assert np.allclose(starting_point(data).probe, ours, atol=1e-6 * np.abs(ours).max())
    assert Configuration().defocus == DEFOCUS


def test_no_defocus_changes_nothing(data):
    assert np.allclose(defocused(data.probe, 0.0), data.probe)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_dark_and_broken_patterns_are_refused(data, value):
    with pytest.raises(RefusedError, match="finite values, not all zero"):
        starting_point(replace(data, diffraction=np.full_like(data.diffraction, value)))
