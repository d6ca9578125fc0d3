"""Cumulative drift end to end: many small regenerations in a user's project, and the limit that ends them."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

import harness.plugin.fixture_check  # noqa: F401 - numpy cannot be imported twice: an in-process run must find it
from harness.core.fixtures.fixture import make_fixture, read_fixture, write_fixture
from harness.core.registry.history import read_history
from harness.core.registry.registry import read_registry
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.registry.history import CumulativeDrift

# An array that starts at 0, where one tolerance is 1e-7, and a test that is stricter than that.
LATTICE = """
import os
import numpy as np
from harness import Generator, Source, make_fixture

def lattice():
    a = 1 + np.arange(12.0) / 1000 + float(os.environ["STEPS"]) * 1e-7
    call = Generator("lattice:lattice", 1, {})
    return make_fixture("lattice", {"a": a}, generator=call, source=Source("simulated", "none"))
"""
SUITE = """
from lattice import lattice

def test_lattice(fixture_regression):
    fixture_regression.check(lattice(), {"a": {"atol": 1e-9}})
"""
ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"


class Lattice:
    """A user's project whose array can be shifted, in tolerances."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.root: Path = pytester.path
        self.monkeypatch = monkeypatch

    def record(self, tolerances: float, *arguments: str) -> pytest.RunResult:
        """Record the array, shifted by a number of tolerances."""
        self.monkeypatch.setenv("STEPS", str(tolerances))
        reason = f"--golden-reason=to {tolerances:g}"
        return self.pytester.runpytest("--regen-all", "-p", "no:cacheprovider", reason, *arguments)

    def golden(self) -> dict[str, bytes]:
        files = [*self.root.glob("golden/*"), self.root / "registry.json"]
        return {file.name: file.read_bytes() for file in files}

    def cumulative(self) -> CumulativeDrift:
        """The drift that the archive's newest record keeps."""
        project = Project(self.root)
        digest = read_registry(project.registry).entries[ARCHIVE].record
        return read_history(project).records[digest].cumulative

    def git(self, *arguments: str) -> None:
        command = ["git", "-C", str(self.root), "-c", "commit.gpgsign=false", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "Record the lattice")


@pytest.fixture
def lattice(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Lattice:
    """The project with its first version recorded; it may drift by 2 tolerances."""
    pytester.makeini("[pytest]\ngolden_max_drift = 2\n")
    pytester.makepyfile(lattice=LATTICE, test_suite=SUITE)
    made = Lattice(pytester, monkeypatch)
    assert made.record(0).ret == 0
    return made


@pytest.fixture
def in_git(lattice: Lattice) -> Lattice:
    """The same project with its first version committed."""
    (lattice.root / ".gitignore").write_text("__pycache__\n.harness\n")
    lattice.git("init", "-q", "-b", "main")
    lattice.git("config", "user.name", "Ada Lovelace")
    lattice.git("config", "user.email", "ada@example.org")
    lattice.commit()
    return lattice


def test_the_sixth_of_six_small_changes_is_refused(in_git: Lattice, harness) -> None:
    """Five changes of 0.4 tolerances add up to 2, which is allowed; six add up to 2.4."""
    for number in range(1, 6):
        assert in_git.record(0.4 * number).ret == 0
        in_git.commit()
    before = in_git.golden()
    result = in_git.record(2.4)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert in_git.golden() == before
    refusal = (
        "nothing recorded: golden/lattice.npz: expected at most 2 tolerances from its first version "
        "(golden_max_drift), found 2.4 (a); 6 records since *: 3 older, * +0.4 'to 1.2', * +0.4 'to 1.6', "
        "* +0.4 'to 2'.*--golden-reset-drift*"
    )
    result.stdout.fnmatch_lines([refusal])
    assert list((in_git.root / ".harness" / "staged").iterdir()) == []
    done = harness("audit", "--root", in_git.root, "--json")
    report = json.loads(done.out)
    assert (done.code, report["broken"]) == (0, False)
    assert [f["path"] for f in report["findings"] if f["rule"] == "cumulative drift"] == [ARCHIVE]
    drift = {file["path"]: file["cumulative"] for file in report["files"]}
    assert drift[MANIFEST] is None
    assert {key: drift[ARCHIVE][key] for key in ("from_first", "summed", "records", "restart")} == {
        "from_first": {"name": "a", "tolerances": 2.0},
        "summed": 2.0,
        "records": 6,
        "restart": False,
    }


def test_a_reset_is_accepted_and_recorded(in_git: Lattice, harness) -> None:
    """Later drift is measured from there; the records before it are kept."""
    assert in_git.record(3).ret == pytest.ExitCode.USAGE_ERROR
    result = in_git.record(3, "--golden-reset-drift")
    result.stdout.fnmatch_lines(
        ["*3 from the first (a); 2 records since *; later drift is measured from here"]
    )
    in_git.commit()
    assert in_git.cumulative().restart
    assert in_git.record(4.5).ret == 0
    in_git.commit()
    assert in_git.cumulative().from_first.tolerances == 1.5
    done = harness("audit", "lattice", "--root", in_git.root)
    assert done.code == 0
    lines = [line.strip() for line in done.out.splitlines()]
    drift = next(number for number, line in enumerate(lines) if line.startswith("drift "))
    assert "; 2 records since " in lines[drift]
    assert lines[drift + 1].endswith("first version: to 3")
    assert lines[drift + 2].endswith("1.5 from the last, 1.5 from the first: to 4.5")


def test_back_and_forth_is_accepted_if_git_has_the_first_version(in_git: Lattice) -> None:
    """The distance from the first version counts, not the sum of all changes."""
    for tolerances in (1.5, 0, 1.5):
        assert in_git.record(tolerances).ret == 0
        in_git.commit()
    assert in_git.cumulative().summed == 4.5


def test_the_sum_is_refused_if_the_first_version_is_lost(lattice: Lattice) -> None:
    """Without git the distance may be less than the sum, but that cannot be shown."""
    assert lattice.record(1.5).ret == 0
    before = lattice.golden()
    result = lattice.record(0.75)
    result.stdout.fnmatch_lines(["nothing recorded: *found *2.25 (a)*"])
    assert lattice.golden() == before


def test_the_summary_shows_the_drift_of_each_changed_file(lattice: Lattice) -> None:
    """From the last version and from the first."""
    lattice.record(0.5)
    result = lattice.record(1)
    line = "  0.5 tolerances from the last version, at most 1 from the first (a); 3 records since 20*"
    result.stdout.fnmatch_lines([line])


def test_the_command_line_takes_precedence(lattice: Lattice) -> None:
    """Over the limit in the ini file."""
    assert lattice.record(1, "--golden-max-drift=0.5").ret == pytest.ExitCode.USAGE_ERROR
    assert lattice.record(9, "--golden-max-drift=0").ret == 0


def test_there_is_no_limit_by_default(lattice: Lattice) -> None:
    """A project asks for one."""
    lattice.pytester.makeini("[pytest]")
    assert lattice.record(1e6).ret == 0


def test_a_wrong_limit_is_a_usage_error(lattice: Lattice) -> None:
    """Before the first test, with nothing written."""
    lattice.pytester.makeini("[pytest]\ngolden_max_drift = two\n")
    before = lattice.golden()
    result = lattice.record(1)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*golden_max_drift: expected a number of tolerances*found 'two'*"])
    assert lattice.golden() == before


def test_ci_does_not_reset_the_drift(lattice: Lattice, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI never writes."""
    monkeypatch.setenv("CI", "true")
    before = lattice.golden()
    assert lattice.record(1, "--golden-reset-drift").ret == pytest.ExitCode.USAGE_ERROR
    assert lattice.golden() == before


def test_files_added_by_hand_are_measured(in_git: Lattice, harness) -> None:
    """``harness add`` records the drift; it has no limit, because each file is named on purpose."""
    path = in_git.root / ARCHIVE
    before = read_fixture(path)
    call, source = before.manifest.generator, before.manifest.source
    moved = make_fixture(before.name, {"a": before.arrays["a"] + 3e-7}, generator=call, source=source)
    files = write_fixture(moved, path.parent)
    done = harness("add", "--root", in_git.root, "--reason", "by hand", *files)
    assert done.code == 0, done.err
    assert in_git.cumulative().from_first.tolerances == 3.0


def test_without_git_the_sum_in_the_records_is_enough_to_refuse(in_git: Lattice) -> None:
    """A copy of the project without its repository."""
    for tolerances in (1.5, 0.5):
        in_git.record(tolerances)
        in_git.commit()
    shutil.rmtree(in_git.root / ".git")
    result = in_git.record(0.25)
    result.stdout.fnmatch_lines(["nothing recorded: *found *2.75 (a)*"])
