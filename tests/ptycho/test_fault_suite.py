"""Every known fault of a scan against its sound twin: refused, named, and mended by the remedy, executed.

Scans and faults are those of the second simulator. Here each fault is injected into one small scan;
``benchmarks/diagnosis.py`` has more seeds, doses and sizes.
"""

from __future__ import annotations

import pytest
from second_simulator import UNUSUAL, Variant, make_scan, sound_scan
from second_simulator.faults import FAULTS
from second_simulator.judgement import LEAST_EVIDENCE, MOST_AFTER, judge, residual_energy

from harness.ptycho.check import consistency
from harness.ptycho.scan import contract

PHOTONS = 1e5
SEED = 3
SMALL = Variant("voronoi", "jittered", (32, 32), 36, PHOTONS)
"""Checked in a fraction of a second, and with every fault of the table large enough to be seen."""

NOT_REACHED: dict[str, str] = {}
"""Faults that are visible but not yet refused, named and mended on this scan: name -> what is missing."""

EVERY = 2
"""One fault in this many is tried here, each kind with neighbours of its own; the script tries all."""


def case(fault):
    """Return the parameter of one fault; if it is not reached, its test is expected to fail."""
    missing = NOT_REACHED.get(fault.name)
    marks = [pytest.mark.xfail(reason=missing, strict=True)] if missing else []
    return pytest.param(fault, id=f"{fault.part}: {fault.name}", marks=marks)


@pytest.mark.parametrize("fault", [case(fault) for fault in FAULTS[::EVERY]])
def test_a_fault_is_refused_named_and_mended(fault):
    """A fault that physics hides is listed with the reason, and its evidence is indeed too small."""
    found = judge(fault, PHOTONS, SEED, SMALL)
    if fault.hidden:
        assert found.evidence < LEAST_EVIDENCE
        return
    assert found.evidence >= LEAST_EVIDENCE
    assert found.refused
    assert found.named, f"{fault.label} was called: {found.said}"
    if fault.mended:
        assert found.after <= MOST_AFTER, f"{found.said} leaves {found.after:.3g} times the noise"


def test_the_sound_twin_is_accepted():
    arrays = make_scan(SMALL, SEED)
    assert contract.check(arrays).findings == ()
    assert consistency.check(arrays).findings == ()
    assert consistency.corrected(arrays)[1] == ()
    assert residual_energy(arrays) == pytest.approx(0.0017, rel=0.5)  # photon noise of 10^5


@pytest.mark.parametrize(
    "name", ["every place twice", "index all zeros", "whole pixels, 1000 photons", "gaps"]
)
def test_an_unusual_sound_scan_is_accepted(name):
    arrays = make_scan(UNUSUAL[name], 0)
    assert contract.check(arrays).findings == ()
    assert consistency.check(arrays).findings == ()


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_sound_scan_is_accepted(seed):
    """The first of three hundred; the others are checked by ``harness sensitivity --clean 314``."""
    arrays = sound_scan(seed)
    assert contract.check(arrays).findings == ()
    assert consistency.check(arrays).findings == ()


def test_every_fault_that_is_not_reached_is_in_the_table():
    names = {fault.name for fault in FAULTS}
    assert NOT_REACHED.keys() <= names
    assert all(len(reason.split()) > 2 for reason in NOT_REACHED.values())


def test_a_fault_that_cannot_be_seen_has_a_reason():
    hidden = [fault for fault in FAULTS if fault.hidden]
    assert [fault.name for fault in hidden] == ["probe of unit energy", "probe of another Fourier norm"]
    assert all(len(fault.hidden.split()) > 5 for fault in hidden)
