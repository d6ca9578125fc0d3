"""What both checks share: missing and damaged files, and where new ones are staged."""

from __future__ import annotations

import os
import shutil

import pytest

from harness.core.errors import GoldenMissingError
from harness.core.obtained.results import ArrayResult
from harness.core.storage.digest import sha256_file
from harness.core.verdict import Outcome
from harness.plugin.golden_check import GoldenCheck, Kept, NewFiles
from harness.plugin.metrics_check import MetricsRegression
from harness.plugin.session import DifferenceError, GoldenSession, RecordedError
from harness.plugin.settings import Settings


@pytest.fixture
def check(request, tmp_path, session) -> GoldenCheck:
    """A check of a session that does not write."""
    return MetricsRegression(request, tmp_path, session)


def write_new(path) -> None:
    path.write_text("new")


def perform(check: GoldenCheck, name: str) -> bool:
    """Perform a check that finds a difference."""
    return check.perform(
        new_files(name),
        differences=lambda: ["a: 1"],
        report=lambda lines, obtained: ["they differ", *lines, *check.diff_lines(f"{name}.json", obtained)],
        note=lambda lines, kept: check.note(name, Outcome.DRIFTED, "drifted", lines=lines, files=kept.files),
    )


def new_files(name: str = "other") -> NewFiles:
    return NewFiles(name, {".json": write_new})


def test_a_missing_file_is_refused_with_both_remedies(check):
    """It may be new, or it may have been deleted."""
    with pytest.raises(GoldenMissingError) as caught:
        check.require_recorded("other.npz", new_files())
    assert str(caught.value) == (
        "golden file 'other.npz': expected a file at golden/other.npz, found none. "
        "Record it with `pytest --force-regen`, or, if it was deleted, restore it with "
        "`git checkout -- golden/other.npz`."
    )


def test_what_was_renamed_is_searched_for_the_first_missing_files_only(check, monkeypatch):
    """Each search goes through all names of the registry: after a renamed module, all files are missing."""
    searched = []
    monkeypatch.setattr(
        "harness.core.recording.renamed_test.find_renaming", lambda *words, **_: searched.append(words[2])
    )
    for number in range(30):
        with pytest.raises(GoldenMissingError):
            check.require_recorded(f"other{number}.json", new_files(f"other{number}"))
    assert searched == [f"golden/other{number}.json" for number in range(20)]


def test_content_that_git_annex_did_not_fetch_is_named_with_the_command(check, session):
    """It was neither deleted nor never recorded."""
    (session.project.golden / "other.npz").symlink_to("../.git/annex/objects/a/b/SHA256-s1--0/SHA256-s1--0")
    with pytest.raises(GoldenMissingError, match="a link of git-annex to content that this clone") as caught:
        check.require_recorded("other.npz", new_files())
    assert caught.value.remedy == f"Run `git annex get golden/other.npz` in {session.project.root}."


def test_a_session_that_writes_may_record_it(request, tmp_path, project):
    """A file that exists is never missing."""
    session = GoldenSession(project, Settings(writes=True))
    assert GoldenCheck(request, tmp_path, session).require_recorded("other.npz", new_files()) is None
    reading = GoldenSession(project, Settings())
    assert GoldenCheck(request, tmp_path, reading).require_recorded("lattice.npz", new_files()) is None
    assert not list(session.noted.checks())


def test_damage_is_a_line_for_each_file(check, session):
    """Intact files have none."""
    (session.project.golden / "lattice.json").unlink()
    size = (session.project.golden / "lattice.npz").stat().st_size
    assert size > 0
    (line,) = check.damage_lines(check.damaged("lattice.npz", "lattice.json"))
    assert line.startswith("golden/lattice.json: missing: expected ")


def test_a_difference_fails_without_a_traceback_and_stages_nothing(check, session, tmp_path):
    """No staging directory is made, and nothing outside of the workspace."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DifferenceError) as caught:
        perform(check, "lattice.net")
    expected = (
        "they differ\na: 1\nTo see all differences, run\n"
        "  harness diff golden/lattice.net.json .harness/obtained/lattice.net.json"
    )
    assert (str(caught.value), caught.value.pytrace) == (expected, False)
    obtained = session.project.root / ".harness" / "obtained" / "lattice.net.json"
    assert obtained.read_text() == "new"
    outside = [path for path in sorted(tmp_path.rglob("*")) if session.project.workspace not in path.parents]
    assert outside == [path for path in before if session.project.workspace not in path.parents]
    assert not isinstance(caught.value, RecordedError)
    assert session.staged == []
    assert not (session.project.root / ".harness" / "staged").exists()


def test_a_new_file_is_staged_and_golden_files_stay(request, tmp_path, empty):
    """The failure names the golden path, and says when it is written."""
    session = GoldenSession(empty, Settings(writes=True))
    with pytest.raises(RecordedError) as caught:
        perform(MetricsRegression(request, tmp_path, session), "other")
    assert str(caught.value) == (
        "File not found in data directory, created:\n- golden/other.json\n"
        "It is written at the end of the session, unless a test fails for another reason."
    )
    (staged,) = session.staged
    assert (staged.path, staged.kind, staged.data.read_text()) == ("golden/other.json", "baseline", "new")
    assert staged.test == request.node.nodeid
    assert staged.place.endswith(f"test_golden_check.py:{perform.__code__.co_firstlineno + 2}")
    assert not empty.golden.exists()


def test_a_difference_is_noted_with_what_was_compared_and_saved(check, session, request):
    """The digest of the golden file is that of the registry."""
    with pytest.raises(DifferenceError):
        perform(check, "lattice.net")
    (result,) = session.noted.checks()
    root, name = session.project.root, "lattice.net.json"
    assert (result.test, result.stem, result.kind) == (request.node.nodeid, "lattice.net", "baseline")
    assert (result.outcome, result.word, result.lines) == (Outcome.DRIFTED, "drifted", ("a: 1",))
    assert result.golden == {name: sha256_file(root / "golden" / name)}
    assert result.files == {name: sha256_file(root / ".harness" / "obtained" / name)}
    assert session.raised == {request.node.nodeid}


def test_a_missing_golden_file_is_noted_with_what_would_be_golden(check, session):
    with pytest.raises(GoldenMissingError):
        check.require_recorded("other.json", new_files(), lambda: "all zero")
    (result,) = session.noted.checks()
    assert (result.outcome, result.word, result.golden, result.unfit) == (
        Outcome.MISSING,
        "missing",
        {},
        "all zero",
    )
    assert result.obtained == ("other.json",)
    assert (session.project.root / ".harness" / "obtained" / "other.json").read_text() == "new"


def test_a_damaged_golden_file_is_noted_as_it_is(check, session):
    """So that nobody takes the result for one about the registered file."""
    path = session.project.golden / "lattice.net.json"
    path.write_bytes(path.read_bytes() + b"\n")
    damaged = check.damaged("lattice.net.json")
    check.note("lattice.net", damaged[0].outcome, "drifted", damaged=damaged)
    (result,) = session.noted.checks()
    assert result.golden == {"lattice.net.json": sha256_file(path)}
    assert result.golden["lattice.net.json"] != session.registry().entries["golden/lattice.net.json"].sha256


def test_a_session_that_keeps_nothing_saves_nothing(check, session):
    session.keeps = False
    assert check.keep(new_files()) == Kept()
    assert not session.project.workspace.joinpath("obtained").exists()


def test_the_data_of_a_check_that_passed_are_saved_on_request(check, session):
    assert check.keep_accepted(new_files()) == {}
    session.keeps_accepted = True
    assert list(check.keep_accepted(new_files())) == ["other.json"]


@pytest.mark.parametrize("place", [".harness", ".harness/obtained"])
def test_nothing_is_saved_through_a_link(check, session, tmp_path_factory, place):
    """A clone may have brought it along."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = session.project.root / place
    if session.project.workspace.is_dir():
        shutil.rmtree(session.project.workspace)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(elsewhere)
    kept = check.keep(new_files())
    assert (kept.files, kept.shown) == ({}, "")
    assert kept.problem.startswith("The obtained data could not be saved: ")
    assert "symbolic link" in kept.problem
    assert list(elsewhere.iterdir()) == []


def test_the_command_continues_on_a_second_line_where_it_is_long(check):
    """A terminal has 80 columns; without obtained data there is nothing to compare."""
    assert check.diff_lines("a.npz", "") == []
    stem = "tests/test_waves/test_spectrum"
    lines = check.diff_lines(f"{stem}.npz", f".harness/obtained/{stem}.npz")
    if os.name == "nt":
        assert len(lines) == 2
    else:
        assert lines[1:] == [
            f"  harness diff golden/{stem}.npz \\",
            f"    .harness/obtained/{stem}.npz",
        ]
        assert max(map(len, lines)) <= 80


def test_the_outcome_is_a_property_of_the_test(check, request):
    """One for each golden name; a later one replaces it."""
    power = ArrayResult("power", Outcome.DRIFTED, share=12.0, worst=(5,))
    check.note("other", Outcome.SAME, "identical")
    check.note("other", Outcome.DRIFTED, "drifted", [power])
    check.note("lattice.net", Outcome.SAME, "identical")
    mine = [pair for pair in request.node.user_properties if pair[0].startswith("golden:")]
    assert mine == [
        ("golden:other", "drifted 12 tolerances in power at [5]"),
        ("golden:lattice.net", "identical"),
    ]
