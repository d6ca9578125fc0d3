"""Slow drift, played end to end: many small regenerations in a user's project, and where they end."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

import harness.plugin.fixture_check  # noqa: F401 - in-process runs forget what they import first, and numpy loads once
from harness.core.storage.npz import read_archive, write_archive

if TYPE_CHECKING:
    from pathlib import Path

# An array that starts at 0, where one tolerance is 1e-7, and a test that is stricter than that.
LATTICE = """
import os
import numpy as np
from harness import Generator, Source, make_fixture

def lattice():
    a = np.arange(12.0) + float(os.environ["STEPS"]) * 1e-7
    call = Generator("lattice:lattice", 1, {})
    return make_fixture("lattice", {"a": a}, generator=call, source=Source("simulated", "none"))
"""
SUITE = """
from lattice import lattice

def test_lattice(fixture_regression):
    fixture_regression.check(lattice(), {"a": {"atol": 1e-9}})
"""
ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"


class Walker:
    """A user's project whose array can be moved, in tolerances."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.root: Path = pytester.path
        self.monkeypatch = monkeypatch

    def record(self, tolerances: float, *arguments: str) -> pytest.RunResult:
        """Regenerate with the array moved so far from 0."""
        self.monkeypatch.setenv("STEPS", str(tolerances))
        reason = f"--golden-reason=to {tolerances:g}"
        return self.pytester.runpytest("--regen-all", "-p", "no:cacheprovider", reason, *arguments)

    def golden(self) -> dict[str, bytes]:
        files = [*self.root.glob("golden/*"), self.root / "registry.json"]
        return {file.name: file.read_bytes() for file in files}

    def entry(self, path: str = ARCHIVE) -> dict:
        return json.loads((self.root / "registry.json").read_bytes())["entries"][path]

    def git(self, *arguments: str) -> None:
        command = ["git", "-C", str(self.root), "-c", "commit.gpgsign=false", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "Record the lattice")


@pytest.fixture
def walker(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Walker:
    """That project with its first version recorded; a walk of 2 tolerances is allowed."""
    pytester.makeini("[pytest]\ngolden_max_walk = 2\n")
    pytester.makepyfile(lattice=LATTICE, test_suite=SUITE)
    made = Walker(pytester, monkeypatch)
    assert made.record(0).ret == 0
    return made


@pytest.fixture
def in_git(walker: Walker) -> Walker:
    """The same project, its first version committed."""
    (walker.root / ".gitignore").write_text("__pycache__\n.harness\n")
    walker.git("init", "-q", "-b", "main")
    walker.git("config", "user.name", "Ada Lovelace")
    walker.git("config", "user.email", "ada@example.org")
    walker.commit()
    return walker


def test_the_sixth_of_six_small_steps_is_refused(in_git: Walker, harness) -> None:
    """Each 0.4 tolerances in one direction: five are 2, which is allowed, and six are 2.4."""
    for number in range(1, 6):
        assert in_git.record(0.4 * number).ret == 0
        in_git.commit()
    before = in_git.golden()
    result = in_git.record(2.4)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert in_git.golden() == before
    refusal = (
        "nothing recorded: golden/lattice.npz: expected a walk of at most 2 tolerances*, found 2.4 (a). "
        "It has 6 records since *: 3 older, * +0.4 'to 1.2', * +0.4 'to 1.6', * +0.4 'to 2'.*"
        "--golden-reset-drift*"
    )
    result.stdout.fnmatch_lines([refusal])
    assert list((in_git.root / ".harness" / "staged").iterdir()) == []
    done = harness("audit", "--root", in_git.root, "--json")
    told = json.loads(done.out)
    assert (done.code, told["broken"]) == (0, False)
    assert [f["path"] for f in told["findings"] if f["rule"] == "walk"] == [ARCHIVE]
    walks = {chain["path"]: chain["walk"] for chain in told["chains"]}
    assert walks[MANIFEST] is None
    assert {key: walks[ARCHIVE][key] for key in ("from_first", "summed", "records", "origin")} == {
        "from_first": {"name": "a", "tolerances": 2.0},
        "summed": 2.0,
        "records": 6,
        "origin": False,
    }


def test_a_new_origin_lets_it_pass_and_is_kept_in_the_record(in_git: Walker, harness) -> None:
    """What follows is measured from there; the chain of records goes on."""
    assert in_git.record(3).ret == pytest.ExitCode.USAGE_ERROR
    result = in_git.record(3, "--golden-reset-drift")
    result.stdout.fnmatch_lines(["*3 from the first (a), 2 records since *; the next walk starts here"])
    in_git.commit()
    assert in_git.entry()["record"]["walk"]["origin"] is True
    assert in_git.record(4.5).ret == 0
    in_git.commit()
    assert in_git.entry()["record"]["walk"]["from_first"] == {"name": "a", "tolerances": 1.5}
    done = harness("audit", "lattice", "--root", in_git.root)
    assert done.code == 0
    lines = [line.strip() for line in done.out.splitlines()]
    walk = next(number for number, line in enumerate(lines) if line.startswith("walk "))
    assert ", 2 records since " in lines[walk]
    assert lines[walk + 1].endswith("origin: to 3")
    assert lines[walk + 2].endswith("1.5 from the last, 1.5 from the first: to 4.5")


def test_back_and_forth_is_not_refused_where_git_has_the_first_version(in_git: Walker) -> None:
    for tolerances in (1.5, 0, 1.5):
        assert in_git.record(tolerances).ret == 0
        in_git.commit()
    assert in_git.entry()["record"]["walk"]["summed"] == 4.5


def test_the_sum_is_refused_where_nobody_has_the_first_version(walker: Walker) -> None:
    """Without git: the distance may be less, and nobody can tell."""
    assert walker.record(1.5).ret == 0
    before = walker.golden()
    result = walker.record(0.75)
    result.stdout.fnmatch_lines(["nothing recorded: *found 2.25 (a) in all steps together*"])
    assert walker.golden() == before


def test_the_summary_shows_each_changed_files_step_and_walk(walker: Walker) -> None:
    walker.record(0.5)
    result = walker.record(1)
    day = walker.entry()["history"][-1]["at"][:10]
    result.stdout.fnmatch_lines(
        [f"  0.5 tolerances from the last, at most 1 from the first (a), 3 records since {day}"]
    )


def test_the_command_line_goes_before_the_ini_file(walker: Walker) -> None:
    assert walker.record(1, "--golden-max-drift=0.5").ret == pytest.ExitCode.USAGE_ERROR
    assert walker.record(9, "--golden-max-drift=0").ret == 0


def test_there_is_no_limit_by_default(walker: Walker) -> None:
    walker.pytester.makeini("[pytest]")
    assert walker.record(1e6).ret == 0


@pytest.mark.parametrize("number", ["-1", "nan", "inf", "two", ""])
def test_a_limit_that_is_no_number_is_a_usage_error(walker: Walker, number: str) -> None:
    walker.pytester.makeini(f"[pytest]\ngolden_max_walk = {number}\n")
    before = walker.golden()
    result = walker.record(1)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*golden_max_drift: expected a number of tolerances*found '{number}'*"])
    assert walker.golden() == before


def test_ci_writes_no_new_origin_either(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    before = walker.golden()
    assert walker.record(1, "--golden-reset-drift").ret == pytest.ExitCode.USAGE_ERROR
    assert walker.golden() == before


def test_what_is_added_by_hand_walks_too(in_git: Walker, harness) -> None:
    """``harness add`` records the distance; it is deliberate, file by file, and refuses none."""
    path = in_git.root / ARCHIVE
    arrays = read_archive(path)
    write_archive(path, {"a": np.asarray(arrays["a"]) + 3e-7})
    done = harness("add", "--root", in_git.root, "--reason", "by hand", path)
    assert done.code == 0, done.err
    assert in_git.entry()["record"]["walk"]["from_first"] == {"name": "a", "tolerances": 3.0}


def test_a_clone_without_its_history_falls_back_on_the_sum(in_git: Walker, tmp_path: Path) -> None:
    """What the records say is enough to refuse."""
    for tolerances in (1.5, 0.5):
        in_git.record(tolerances)
        in_git.commit()
    shutil.rmtree(in_git.root / ".git")
    result = in_git.record(0.25)
    result.stdout.fnmatch_lines(["nothing recorded: *found 2.75 (a) in all steps together*"])
