"""A variation of the brightness is described in as few numbers as it needs."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.parts.patterns.brightness import descriptions, normalised_by

LIT = np.ones(40, dtype=bool)
NOISE = 1e-4


def first(beam, counts=LIT, normalised=""):
    noisy = beam * (1 + np.sqrt(NOISE) * np.random.default_rng(0).standard_normal(len(beam)))
    return descriptions(noisy, np.full(len(beam), NOISE), counts, normalised)[0]


def test_a_step_is_named_with_its_place():
    found = first(np.where(np.arange(40) < 13, 1.0, 0.6))
    assert "from pattern 13 on: 0." in found.name
    assert found.parameters == 2
    assert found.factors[[0, -1]] == pytest.approx([1, 0.6], rel=0.02)


def test_a_decay_is_named_with_its_size():
    found = first(0.5 ** np.linspace(0, 1, 40))
    assert "decays along the scan, to 0." in found.name
    np.testing.assert_allclose(found.factors / found.factors[0], 0.5 ** np.linspace(0, 1, 40), rtol=0.02)


def test_a_beam_that_varies_has_a_factor_for_each_pattern():
    beam = 1 + 0.2 * np.random.default_rng(1).standard_normal(40)
    found = first(beam)
    assert "varies by" in found.name
    assert found.parameters == 40
    np.testing.assert_allclose(found.factors, beam, rtol=0.05)


def test_dark_patterns_are_left_out():
    beam = np.where(np.arange(40) < 13, 1.0, 0.6)
    counts = np.arange(40) % 5 != 2
    found = first(np.where(counts, beam, 0.0), counts)
    assert "from pattern 13 on" in found.name


def test_normalised_patterns_are_recognised():
    stack = np.random.default_rng(0).random((6, 4, 4)).astype(np.float32)
    assert not normalised_by(stack, LIT[:6])
    assert normalised_by(stack / stack.max(axis=(1, 2), keepdims=True), LIT[:6]) == "maximum"
    norm = np.linalg.norm(stack, axis=(1, 2), keepdims=True)
    assert normalised_by(stack / norm, LIT[:6]) == "energy"
    found = first(np.linspace(0.8, 1.2, 40), normalised="energy")
    assert "normalised by its own energy" in found.name
