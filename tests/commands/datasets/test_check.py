"""``harness check`` as a user types it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.core.storage.npz import write_archive
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.simulate import simulate

FINDING = {"check": "finite", "key": "wave", "expected": "finite values", "found": "NaN", "remedy": "Fix it."}


def test_a_finding_exits_with_1(project, harness):
    """The text has its key, what was expected, what was found and the next step; then measures and notes."""
    np.savez(project / "bad.npz", wave=np.array([1.0, np.nan]))
    shown = harness("check", "--project", "bad.npz")
    assert shown.code == 1
    assert (
        "bad.npz: finite: refused, 1 finding\n"
        "  wave: expected finite values, found NaN\n"
        "    Fix it.\n"
        "  arrays: 1\n"
        "  note: a note\n"
    ) in shown.out


def test_json_has_every_report(project, harness):
    np.savez(project / "bad.npz", wave=np.array([1.0, np.nan]))
    shown = harness("check", "--project", "bad.npz", "--json")
    assert shown.code == 1
    (report,) = [report for report in json.loads(shown.out)["reports"] if report["check"] == "finite"]
    assert report == {
        "check": "finite", "findings": [FINDING], "measures": {"arrays": 1.0}, "notes": ["a note"],
        "tables": [],
    }  # fmt: skip


def test_valid_data_are_accepted(project, harness):
    """Checks of other domains that cannot judge the data leave a note and no finding."""
    shown = harness("check", "--project", "golden/waves.npz")
    assert "waves.npz: finite: accepted\n" in shown.out
    assert shown.code == (1 if "refused" in shown.out else 0)


def test_no_code_of_the_current_directory_is_run_unasked(project, harness):
    """Neither a declared check nor a module with an installed one's name. A note says what was not run."""
    for name in ("waves", "scipy", "numpy", "json"):
        (project / f"{name}.py").write_text("raise SystemExit('code of the directory was run')\n")
    shown = harness("check", "golden/waves.npz", safe_path=True)
    assert "code of the directory" not in shown.out + shown.err
    assert "finite" not in shown.out
    assert shown.err.endswith("note: not run: finite, declared in pyproject.toml; add --project\n")


def test_a_missing_file_exits_with_2(project, harness):
    shown = harness("check", "nothing.npz")
    assert (shown.code, shown.out) == (2, "")
    assert "nothing.npz" in shown.err


@pytest.fixture
def swapped(project):
    """A scan whose x and y were exchanged."""
    scan = simulate(positions=36, detector=32, step=6.0)
    write_archive(project / "scan.npz", contract_form(replace(scan, x=scan.y, y=scan.x).arrays())[0])
    return project / "scan.npz"


def test_a_corrected_copy_is_written_and_checked(project, harness, swapped):
    """The exit code is that of the copy; the file itself stays as it was."""
    stored = swapped.read_bytes()
    shown = harness("check", "scan.npz", "--apply", "right.npz")
    assert "right.npz: written, with these corrections:\n  Exchange xcoords and ycoords.\n" in shown.out
    assert "right.npz: consistency: accepted\n" in shown.out
    assert shown.code == 0
    assert swapped.read_bytes() == stored
    assert harness("check", "right.npz").code == 0
    assert harness("check", "scan.npz").code == 1


def test_the_table_of_parts_is_printed(project, harness, swapped):
    shown = harness("check", "scan.npz")
    assert "    part      accounts for  by\n" in shown.out
    assert "    position  100%          x and y swapped (a finding)\n" in shown.out


def test_a_copy_in_json(project, harness, swapped):
    document = json.loads(harness("check", "scan.npz", "--apply", "right.npz", "--json").out)
    assert document["applied"] == ["Exchange xcoords and ycoords."]
    assert document["copy"] == "right.npz"
    assert [report["findings"] for report in document["copy_reports"]] == [[], []]


def test_nothing_is_written_if_nothing_can_be_corrected(project, harness):
    shown = harness("check", "golden/waves.npz", "--apply", "copy.npz")
    assert "copy.npz: not written, because no check found anything that it can correct\n" in shown.out
    assert not (project / "copy.npz").exists()


@pytest.mark.parametrize(
    ("copy", "found"), [("scan.npz", "of this name"), ("no/such.npz", "no directory no")]
)
def test_a_copy_overwrites_nothing(project, harness, swapped, copy, found):
    stored = swapped.read_bytes()
    shown = harness("check", "scan.npz", "--apply", copy)
    assert (shown.code, shown.out) == (2, "")
    assert found in shown.err
    assert swapped.read_bytes() == stored
