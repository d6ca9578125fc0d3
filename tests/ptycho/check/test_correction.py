"""Sizes read like figures with an error bar."""

from harness.ptycho.check.correction import Size


def test_a_size_has_its_uncertainty_and_unit():
    assert str(Size("offset along x", -0.25, 0.004, "px")) == "offset along x -0.25 +- 0.004 px"
