"""What both checks share: missing and damaged files, and where new ones are staged."""

from __future__ import annotations

import pytest

from harness.core.errors import GoldenMissingError
from harness.plugin.golden_check import GoldenCheck
from harness.plugin.metrics_check import MetricsRegression
from harness.plugin.session import GoldenSession, RecordedError
from harness.plugin.settings import Settings


@pytest.fixture
def check(request, tmp_path, session) -> GoldenCheck:
    """A check of a session that does not write."""
    return GoldenCheck(request, tmp_path, session)


def write_new(path) -> None:
    path.write_text("new")


def perform(check: GoldenCheck, name: str) -> bool:
    """Perform a check that finds a difference."""
    return check.perform(
        name,
        ".json",
        differences=lambda: ["a: 1"],
        report=lambda lines, obtained: ["they differ", *lines, obtained.name],
        dump=write_new,
    )


def test_a_missing_file_is_refused_with_both_remedies(check):
    """It may be new, or it may have been deleted."""
    with pytest.raises(GoldenMissingError) as caught:
        check.require_recorded("other.npz")
    assert str(caught.value) == (
        "golden file 'other.npz': expected a file at golden/other.npz, found none. "
        "Record it with `pytest --force-regen`, or, if it was deleted, restore it with "
        "`git checkout -- golden/other.npz`."
    )


def test_content_that_git_annex_did_not_fetch_is_named_with_the_command(check, session):
    """It was neither deleted nor never recorded."""
    (session.project.golden / "other.npz").symlink_to("../.git/annex/objects/a/b/SHA256-s1--0/SHA256-s1--0")
    with pytest.raises(GoldenMissingError, match="a link of git-annex to content that this clone") as caught:
        check.require_recorded("other.npz")
    assert caught.value.remedy == f"Run `git annex get golden/other.npz` in {session.project.root}."


def test_a_session_that_writes_may_record_it(request, tmp_path, project):
    """A file that exists is never missing."""
    session = GoldenSession(project, Settings(writes=True))
    assert GoldenCheck(request, tmp_path, session).require_recorded("other.npz") is None
    reading = GoldenSession(project, Settings())
    assert GoldenCheck(request, tmp_path, reading).require_recorded("lattice.npz") is None


def test_damage_is_a_line_for_each_file(check, session):
    """Intact files have none."""
    (session.project.golden / "lattice.json").unlink()
    size = (session.project.golden / "lattice.npz").stat().st_size
    assert size > 0
    (line,) = check.damage_lines(check.damaged("lattice.npz", "lattice.json"))
    assert line.startswith("golden/lattice.json: missing: expected ")


def test_a_difference_fails_without_a_traceback_and_stages_nothing(check, session, tmp_path):
    """No staging directory is made."""
    with pytest.raises(pytest.fail.Exception) as caught:
        perform(check, "lattice.net")
    expected = "they differ\na: 1\nlattice.net.obtained.json"
    assert (str(caught.value), caught.value.pytrace) == (expected, False)
    assert (tmp_path / "lattice.net.obtained.json").read_text() == "new"
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
