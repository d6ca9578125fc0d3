"""The specimens vary what an experiment may vary, and the checks accept them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check import consistency
from harness.ptycho.scan import contract
from harness.ptycho.specimens import SPECIMENS

BY_NAME = {specimen.name: specimen for specimen in SPECIMENS}


def parameters(key: str) -> set[object]:
    return {specimen.make.keywords[key] for specimen in SPECIMENS}


def test_there_are_twenty_different_ones():
    assert len(BY_NAME) == 20
    assert len(parameters("seed")) == 20
    assert parameters("detector") == {32, 64, 128}
    assert {1e4, 1e5, 1e6, 1e7, None} <= parameters("photons")
    assert len(parameters("step")) > 5
    assert len(parameters("beam")) > 3


@pytest.mark.parametrize("name", ["scan_00", "scan_04", "scan_05", "scan_14"])
def test_a_specimen_is_accepted(name):
    """The dimmest, the noise-free ones and the smallest; `harness sensitivity --clean` checks all."""
    arrays = BY_NAME[name].make().arrays
    assert contract.check(arrays).findings == ()
    assert consistency.check(arrays).findings == ()


def test_objects_and_probes_differ():
    one, other = BY_NAME["scan_05"].make().arrays, BY_NAME["scan_08"].make().arrays
    assert one["objectGuess"].shape == other["objectGuess"].shape
    assert not np.allclose(one["objectGuess"], other["objectGuess"])
    assert not np.allclose(abs(one["probeGuess"]), abs(other["probeGuess"]), rtol=0.1)
