"""Findings say what was found and what is left; the copy has what the remedies say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check import budget
from harness.ptycho.check.consistency import check, corrected
from harness.ptycho.check.search import account_for
from harness.ptycho.scan.residual import Dataset


def broken_twice(arrays):
    """Pattern 5 is dead, and all positions are 1.5 px off."""
    dark = arrays["diffraction"].copy()
    dark[5] = 0
    return {**arrays, "diffraction": dark, "xcoords": arrays["xcoords"] + 1.5}


def test_a_finding_has_the_residual_before_and_after(small_data):
    (finding,) = budget.findings(
        "consistency", account_for(replace(small_data, x=small_data.y, y=small_data.x))
    )
    assert finding.key == "xcoords, ycoords"
    assert "best explained by x and y swapped" in finding.found
    assert "of it photon noise" in finding.found
    assert finding.remedy.startswith("Exchange xcoords and ycoords. Residual: ")
    assert "after correction, of which photon noise is" in finding.remedy


def test_a_partial_remedy_is_called_partial(small):
    """Each of two findings says its share, and the first what it leaves."""
    first, second = check(broken_twice(small)).findings
    assert "explained in part (" in first.found
    assert "This is a partial remedy: " in first.remedy
    assert second.found.startswith("with the above corrected, an excess that is left, best explained by ")
    assert "partial" not in second.remedy


def test_the_table_has_a_row_for_each_part(small):
    (table,) = check(broken_twice(small)).tables
    assert [row[0] for row in table.rows] == [part.name for part in budget.PARTS]
    rows = {part: (share, by) for part, share, by in table.rows}
    assert rows["pattern"][1].endswith("(a finding)")
    assert rows["position"][1].endswith("(a finding)")
    assert rows["value"] == ("-", "")


def test_sound_data_have_no_table(small):
    assert check(small).tables == ()


def test_the_corrected_copy_passes(small):
    """Arrays of removed patterns are shortened together, dtypes are kept, and the copy has no finding."""
    stored = {**broken_twice(small), "scan_index": np.arange(36)}
    stored["diffraction"] = stored["diffraction"].astype(np.float32)
    copy, remedies = corrected(stored)
    assert len(remedies) == 2
    assert {len(copy[key]) for key in ("diffraction", "xcoords", "ycoords", "scan_index")} == {35}
    assert 5 not in copy["scan_index"]
    assert copy["diffraction"].dtype == np.float32
    assert check(copy).findings == ()


def test_nothing_is_changed_if_nothing_is_wrong(small):
    copy, remedies = corrected(small)
    assert remedies == ()
    assert all(copy[key] is small[key] for key in small)


def test_arrays_that_physics_cannot_use_are_returned_as_they_are(small):
    unusable = {**small, "probeGuess": small["probeGuess"] * np.nan}
    assert corrected(unusable)[1] == ()
    assert corrected({"diffraction": small["diffraction"]})[1] == ()


def test_remedies_are_applied_in_turn(small):
    """The same as the account's own corrected dataset."""
    stored = broken_twice(small)
    account = account_for(Dataset.of(stored))
    done = budget.with_remedies(stored, account.findings)
    assert done["xcoords"] == pytest.approx(account.corrected.stored.x)
