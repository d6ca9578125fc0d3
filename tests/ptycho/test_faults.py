"""Every fault of fixtures that is visible in the data is refused by the checks, simulated and measured."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from harness.core.domain.generators import rerun
from harness.core.errors import UnreadableError
from harness.core.storage.npz import read_archive
from harness.ptycho.check import consistency
from harness.ptycho.faults import FAULTS
from harness.ptycho.fixture import from_scan
from harness.ptycho.scan import contract

ROOT = Path(__file__).parents[2]
BY_ID = {fault.id: fault for fault in FAULTS}
FIXTURES = [fault for fault in FAULTS if fault.kind == "fixture"]
VISIBLE = [fault for fault in FIXTURES if not fault.unseen]
BLIND = [fault for fault in FIXTURES if fault.unseen]

CAUGHT = {
    "F01": ("consistency", "contrast"),
    "F02": ("consistency", "best explained by axes (H, W, N) stored as (N, H, W)"),
    "F03": ("consistency", "best explained by x and y swapped"),
    "F04": ("consistency", "best explained by overflowed bright pixels"),
    "F05": ("consistency", "best explained by intensity stored"),
    "F06": ("contract", "maximum"),
    "F07": ("contract", "float64"),
    "F08": ("contract", "unknown key"),
    "F09": ("consistency", "best explained by top-left coordinates"),
    "F09b": ("consistency", "off by (+"),
    "F10": ("consistency", "by a beam of several modes"),
    "F12": ("consistency", "best explained by patterns illuminated twice"),
    "F14": ("consistency", "best explained by the zero frequency at the corner"),
}
"""Which check reports each fault, and what it says."""


@pytest.fixture(scope="session", params=["minimal_v1", "star"])
def fixture_arrays(request):
    """The simulated fixture, and one of the measured scan."""
    if request.param == "minimal_v1":
        return request.getfixturevalue("minimal_fixture").arrays
    return from_scan(source=request.getfixturevalue("star_path")).arrays


def found(arrays):
    """Return what both checks find, as (check, what was found)."""
    reports = contract.check(arrays), consistency.check(arrays)
    return [(report.check, finding.found) for report in reports for finding in report.findings]


def test_the_data_without_a_fault_are_accepted(fixture_arrays):
    assert found(fixture_arrays) == []


@pytest.mark.parametrize("fault", VISIBLE, ids=lambda fault: fault.id)
def test_a_visible_fault_is_refused_and_named(fixture_arrays, fault):
    check, words = CAUGHT[fault.id]
    assert any(name == check and words in text for name, text in found(fault.inject(fixture_arrays)))


@pytest.mark.parametrize("fault", BLIND, ids=lambda fault: fault.id)
def test_a_fault_said_to_be_unseen_is_unseen(fixture_arrays, fault):
    """Faults that the table calls unseen give no finding."""
    assert found(fault.inject(fixture_arrays)) == []


@pytest.mark.parametrize("fault", FIXTURES, ids=lambda fault: fault.id)
def test_injecting_leaves_the_original_untouched(arrays, fault):
    before = {key: array.copy() for key, array in arrays.items()}
    injected = fault.inject(arrays)
    assert all(np.array_equal(before[key], arrays[key]) for key in before)
    assert injected.keys() != arrays.keys() or any(
        injected[key].dtype != arrays[key].dtype or not np.array_equal(injected[key], arrays[key])
        for key in arrays
    ), "and changes what it returns"


def test_a_photon_number_without_effect_is_recorded_and_does_nothing(minimal_fixture):
    """Fault F11: another number in the manifest, the same arrays."""
    faulty = BY_ID["F11"].inject(minimal_fixture.manifest)
    parameters = {**faulty.generator.parameters, "photons": 1e4}
    changed = msgspec.structs.replace(faulty.generator, parameters=parameters)
    made = rerun(msgspec.structs.replace(faulty, generator=changed), ROOT)
    assert made.manifest.digest == minimal_fixture.manifest.digest
    assert made.manifest.generator.parameters["photons"] == 1e4


def test_faults_have_different_numbers_and_their_docstrings_say_what_happened():
    assert len(BY_ID) == len(FAULTS)
    assert {fault.kind for fault in FAULTS} == {"fixture", "generator"}
    assert all((fault.inject.__doc__ or "").startswith(fault.id[:3]) for fault in FAULTS)


def test_pickled_metadata_are_refused_where_the_file_is_read(arrays, write):
    """Fault F08 as a file: nothing is unpickled."""
    path = write(BY_ID["F08"].inject(arrays))
    with pytest.raises(UnreadableError, match="metadata"):
        read_archive(path)


def test_squares_overflow_as_the_catalogue_says():
    """300^2 becomes 24464 in uint16."""
    counts = np.array([300], dtype=np.uint16)
    assert int((counts * counts)[0]) == 24464


def test_ground_truth_that_was_already_illuminated_is_named(arrays, scan):
    """Fault F12 in the ground truth: Y holds exit waves; the object's own patches are accepted."""
    from harness.ptycho.scan.forward import patches

    truth = patches(scan.object, scan.x, scan.y, scan.detector)
    assert found({**arrays, "Y": truth.astype(np.complex64)}) == []
    ((check, text),) = found({**arrays, "Y": (truth * scan.probe).astype(np.complex64)})
    assert check == "consistency"
    assert "already multiplied by the probe" in text


def test_ground_truth_of_other_positions_is_refused(arrays, scan):
    from harness.ptycho.scan.forward import patches

    truth = patches(scan.object, scan.x, scan.y, scan.detector)[::-1].astype(np.complex64)
    ((_, text),) = found({**arrays, "Y": truth})
    assert "best explained" not in text
