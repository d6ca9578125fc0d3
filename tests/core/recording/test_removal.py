"""Golden files are removed with what belongs to them, and the history says so."""

from __future__ import annotations

import subprocess

import pytest

from harness.core.errors import RefusedError, UsageError
from harness.core.recording import transaction
from harness.core.recording.removal import baselines_of, remove, require_restorable, select
from harness.core.registry.history import read_history, versions
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verify

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"


def take_away(project, *paths: str) -> None:
    remove(project, paths, reason="not needed", command="harness rm lattice")


@pytest.mark.parametrize("word", ["lattice", ARCHIVE, MANIFEST])
def test_a_fixture_goes_with_its_manifest(project, word):
    assert select(project, [word]) == (MANIFEST, ARCHIVE)


@pytest.mark.parametrize("word", ["lattice.smooth", BASELINE])
def test_a_baseline_goes_alone(project, word):
    assert select(project, [word]) == (BASELINE,)


def test_a_plain_file_is_named_by_its_path(project, record, tmp_path):
    from harness.core.recording.staged import Staged

    (tmp_path / "mask").write_bytes(b"II*")
    record([Staged("golden/lattice.tif", "file", tmp_path / "mask")])
    assert select(project, ["golden/lattice.tif"]) == ("golden/lattice.tif",)
    assert select(project, ["lattice"]) == (MANIFEST, ARCHIVE)


def test_an_unknown_name_is_refused_with_the_closest_one(project):
    with pytest.raises(UsageError, match=r"is called 'latice'\. Did you mean lattice\?"):
        select(project, ["latice"])
    with pytest.raises(UsageError, match="harness verify"):
        select(project, ["xyz"])


def test_the_baselines_of_a_fixture_are_found(project):
    assert baselines_of(project, [ARCHIVE, MANIFEST]) == (BASELINE,)
    assert baselines_of(project, [ARCHIVE, MANIFEST, BASELINE]) == ()
    assert baselines_of(project, [BASELINE]) == ()


def test_files_entries_and_records_change_together(project):
    before = read_registry(project.registry).entries
    take_away(project, ARCHIVE, MANIFEST)
    assert not project.locate(ARCHIVE).exists()
    assert read_registry(project.registry).entries.keys() == {BASELINE}
    assert all(verdict.outcome.accepted for verdict in verify(project))
    history = read_history(project)
    end = history.records[history.ends()[ARCHIVE]]
    assert (end.removed, end.reason, end.previous) == (True, "not needed", before[ARCHIVE].record)
    assert end.sha256 == before[ARCHIVE].sha256


def test_empty_directories_go_too(project, record, staged):
    record(staged("optics/near/lattice"))
    take_away(project, "golden/optics/near/lattice.npz", "golden/optics/near/lattice.json")
    assert not (project.golden / "optics").exists()
    assert project.golden.is_dir()


def test_a_file_that_is_missing_already_can_be_removed(project):
    project.locate(ARCHIVE).unlink()
    require_restorable(project, [ARCHIVE, MANIFEST])
    take_away(project, ARCHIVE, MANIFEST)
    assert read_registry(project.registry).entries.keys() == {BASELINE}


def test_a_changed_file_is_not_restorable(project):
    project.locate(BASELINE).write_text("{}")
    with pytest.raises(RefusedError, match=r"lattice\.smooth\.json: changed since, so that nothing"):
        require_restorable(project, [BASELINE, ARCHIVE])


def test_in_git_a_file_must_be_committed(project):
    def git(*words: str) -> None:
        person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *person, *words], cwd=project.root, check=True, capture_output=True)

    git("init", "-q")
    (project.root / "README").write_text("x")
    git("add", "README")
    git("commit", "-qm", "Begin")
    with pytest.raises(RefusedError, match=r"and 1 more: not committed, .*--force"):
        require_restorable(project, [ARCHIVE, MANIFEST])
    git("add", "-A")
    git("commit", "-qm", "Record")
    require_restorable(project, [ARCHIVE, MANIFEST])


@pytest.mark.parametrize("back", [False, True])
def test_an_interrupted_removal_is_finished_or_undone(project, monkeypatch, contents, back):
    before = contents(project.root)
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "_set_all", _stop)
        with pytest.raises(KeyboardInterrupt):
            take_away(project, ARCHIVE, MANIFEST)
    assert project.is_interrupted
    (transaction.roll_back if back else transaction.roll_forward)(project)
    assert project.locate(ARCHIVE).exists() == back
    if back:
        after = {
            path: data for path, data in contents(project.root).items() if not path.startswith(".harness")
        }
        assert after == {path: data for path, data in before.items() if not path.startswith(".harness")}
    else:
        assert all(verdict.outcome.accepted for verdict in verify(project))


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_path_without_an_entry_is_refused(project, contents):
    before = contents(project.golden)
    with pytest.raises(RefusedError, match="another process has changed the registry"):
        take_away(project, ARCHIVE, "golden/other.npz")
    assert contents(project.golden) == before


def test_what_is_recorded_again_follows_the_removal(project, record, staged, chain):
    take_away(project, ARCHIVE, MANIFEST)
    record(staged(), "needed after all")
    records = chain(project, ARCHIVE)
    assert [item.reason for item in records] == ["first light", "not needed", "needed after all"]
    assert [item.reason for item in versions(records)] == ["needed after all"]
