"""``harness check`` as a user types it."""

from __future__ import annotations

import json

import numpy as np

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
        "check": "finite", "findings": [FINDING], "measures": {"arrays": 1.0}, "notes": ["a note"]
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
