"""Reproductions: the result, its cause, and what differs from the record."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.fixtures.compare import compare
from harness.core.provenance.inert_parameters import Parameter
from harness.core.provenance.reproduce import Cause, Differing, Farthest, Reproduction, Result
from harness.report.reproduction import next_lines, parameter_lines, reproduction_lines

CODE = Differing(cause=Cause.CODE, thing="generator", recorded="sha256:0a", today="sha256:0b")


def test_a_reproduced_fixture_is_one_line():
    """Its name and the result."""
    assert reproduction_lines(Reproduction("lattice", Result.REPRODUCED)) == ["lattice: reproduced"]


def test_code_that_changed_without_effect_is_listed():
    """It is not a cause, because the arrays are the same."""
    reproduction = Reproduction("lattice", Result.REPRODUCED, differing=(CODE,))
    assert reproduction_lines(reproduction) == [
        "lattice: reproduced",
        "  code: generator: sha256:0a -> sha256:0b",
    ]


def test_the_farthest_element_within_the_tolerance():
    """In ULP, and where it is."""
    far = Farthest(array="a", index=(0, 1), ulp=2)
    reproduction = Reproduction(
        "lattice", Result.TOLERATED, cause=Cause.ENVIRONMENT, farthest=far, drift=compare({}, {})
    )
    assert reproduction_lines(reproduction) == [
        "lattice: within tolerance, at most 2 ULP, at a[0, 1]: environment"
    ]


def test_drift_shows_three_elements():
    """After everything that differs from the record."""
    drift = compare({"a": np.arange(4)}, {"a": np.arange(4) + 1})
    reproduction = Reproduction("lattice", Result.DRIFTED, cause=Cause.CODE, differing=(CODE,), drift=drift)
    lines = reproduction_lines(reproduction)
    assert lines[:3] == [
        "lattice: drifted: code",
        "  code: generator: sha256:0a -> sha256:0b",
        "  a: 4 of 4 elements differ (100 %)",
    ]
    assert lines[-2:] == ["    [2]: expected 2, found 3", "    ... and 1 more"]


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (
            Cause.NONDETERMINISM,
            "  two runs in a row gave different arrays: seed all random numbers, fix the order of operations",
        ),
        (
            Cause.DATA,
            "  source, code and environment are as recorded: the generator reads data not in its manifest",
        ),
    ],
)
def test_a_cause_that_no_record_shows_is_explained(cause, line):
    """The next step is in the line."""
    assert reproduction_lines(Reproduction("lattice", Result.DRIFTED, cause=cause)) == [
        f"lattice: drifted: {cause.value}",
        line,
    ]


def test_another_source_explains_itself():
    """The line about hidden data appears only if the record shows no difference."""
    source = Differing(cause=Cause.DATA, thing="source", recorded="xxh128:0a", today="xxh128:0b")
    assert reproduction_lines(
        Reproduction("lattice", Result.DRIFTED, cause=Cause.DATA, differing=(source,))
    ) == [
        "lattice: drifted: data",
        "  data: source: xxh128:0a -> xxh128:0b",
    ]


def test_why_nothing_was_made():
    """The detail follows the result."""
    reproduction = Reproduction("lattice", Result.SOURCE_MISSING, detail="expected source.npz, found no file")
    assert reproduction_lines(reproduction) == [
        "lattice: source missing",
        "  expected source.npz, found no file",
    ]


def test_parameters_are_live_or_inert():
    """With the value as recorded, and the reason."""
    live = Parameter(name="seed", value=0, live=True, why="1 changes the array a")
    inert = Parameter(name="photons", value=1e4, live=False, why="no array changes")
    assert parameter_lines((live, inert)) == [
        "  live: seed = 0: 1 changes the array a",
        "  inert: photons = 10000.0: no array changes",
    ]


def test_the_records_of_what_drifted_come_next():
    """Of the first one; nothing, if all were reproduced."""
    results = [Reproduction(name, Result.DRIFTED, cause=Cause.CODE) for name in ("wave front", "lattice")]
    assert next_lines(results) == ["next: harness audit 'wave front'"]
    assert next_lines([Reproduction("lattice", Result.REPRODUCED)]) == []
