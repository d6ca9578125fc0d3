"""A session's state: verdicts on golden files, what workers send, and recording all or nothing."""

from __future__ import annotations

import shutil

import pytest

import harness.core.registry.registry
from harness.core.recording.staged import open_staging
from harness.core.registry.registry import read_registry
from harness.core.registry.unreferenced import recall
from harness.core.verdict import Outcome, Verdict
from harness.plugin.session import GoldenSession
from harness.plugin.settings import Settings

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.net.json"


def test_verdicts_are_on_the_files_as_they_are_now(session):
    """Not as they were when the session began."""
    assert session.verdicts([ARCHIVE, BASELINE]) == [
        Verdict(ARCHIVE, Outcome.SAME),
        Verdict(BASELINE, Outcome.SAME),
    ]
    (session.project.root / BASELINE).unlink()
    archive, baseline = session.verdicts([ARCHIVE, BASELINE])
    assert (archive.outcome, baseline.outcome) == (Outcome.SAME, Outcome.MISSING)


def test_a_file_without_an_entry_is_unregistered(session, empty):
    """Also if there is no registry."""
    expected = [Verdict("golden/other.npz", Outcome.UNREGISTERED, "not in registry.json")]
    assert session.verdicts(["golden/other.npz"]) == expected
    session.project.registry.unlink()
    assert session.verdicts(["golden/other.npz"]) == expected


def test_the_registry_is_decoded_once(session, monkeypatch):
    """And again only if its bytes change."""
    decode, calls = harness.core.registry.registry.decode_registry, []

    def counted(text: bytes, name: str):
        calls.append(name)
        return decode(text, name)

    monkeypatch.setattr(harness.core.registry.registry, "decode_registry", counted)
    for _ in range(3):
        session.verdicts([ARCHIVE])
    assert len(calls) == 1
    path = session.project.registry
    path.write_bytes(path.read_bytes() + b"\n")
    session.verdicts([ARCHIVE])
    assert len(calls) == 2


def test_the_controller_adds_what_a_worker_sends(session, stage_baseline):
    """The same staged files and the same used ones, through plain values."""
    stage_baseline(session, 0.75)
    session.used.add(BASELINE)
    controller = GoldenSession(session.project, session.settings)
    controller.add_worker(session.to_plain())
    session.notes.append("one element is small")
    session.staged, session.used = [], {ARCHIVE}
    controller.add_worker(session.to_plain())
    assert controller.notes == ["one element is small"]
    assert [item.path for item in controller.staged] == [BASELINE]
    assert controller.used == {ARCHIVE, BASELINE}


def test_staged_files_are_recorded(session, stage_baseline):
    """Golden file, registry and staged copy: written, updated, removed."""
    folder = stage_baseline(session, 0.75)
    session.settings = Settings(writes=True, reason="new probe", command="pytest --force-regen")
    session.record_staged(lambda _: None)
    assert [change.path for change in session.recorded] == [BASELINE]
    assert session.refusal is None
    assert session.verdicts([BASELINE]) == [Verdict(BASELINE, Outcome.SAME)]
    assert not folder.exists()


def test_the_staging_is_opened_once(empty, monkeypatch):
    """Opening it asks git, and looks at what every other check has staged."""
    opened = []
    monkeypatch.setattr(
        "harness.plugin.session.open_staging", lambda given: opened.append(given) or open_staging(given)
    )
    session = GoldenSession(empty, Settings(writes=True))
    assert len({session.staging_directory(name) for name in "abc"}) == 1
    assert opened == [empty]


def test_each_name_is_staged_in_a_directory_without_it(empty):
    """Two checks may have one name; names that differ by case are one on some systems."""
    session = GoldenSession(empty, Settings(writes=True))
    assert len({session.staging_directory(name) for name in ("a", "b", "A", "a", "B")}) == 3
    session.remove_staged()
    assert list((empty.workspace / "staged").iterdir()) == []
    assert session.staging_directory("a").is_dir()


def test_a_test_may_remove_the_workspace(empty):
    """It is opened again."""
    session = GoldenSession(empty, Settings(writes=True))
    shutil.rmtree(session.staging_directory("a").parents[1])
    assert session.staging_directory("a").is_dir()


def test_an_obstacle_prevents_recording(session, stage_baseline):
    """Nothing is written, and the staged copy is removed."""
    before = (session.project.root / BASELINE).read_bytes()
    folder = stage_baseline(session, 0.75)
    session.obstacles.append("test_other failed")
    session.record_staged(lambda _: None)
    assert (session.recorded, session.refusal) == ((), None)
    assert (session.project.root / BASELINE).read_bytes() == before
    assert not folder.exists()


def test_an_error_is_kept_and_nothing_is_recorded(session, stage_baseline):
    """Two tests record one name: both are named."""
    before = read_registry(session.project.registry)
    folders = [stage_baseline(session, 0.75, "test_a"), stage_baseline(session, 0.25, "test_b")]
    session.record_staged(lambda _: None)
    assert "test_a and test_b" in str(session.refusal)
    assert session.recorded == ()
    assert read_registry(session.project.registry) == before
    assert not any(folder.exists() for folder in folders)


def test_a_limit_is_passed_on(session, stage_baseline):
    """The cumulative drift of this session's files may not exceed it."""
    session.settings = Settings(writes=True, max_drift=1)
    stage_baseline(session, 0.75)
    session.record_staged(lambda _: None)
    assert "golden_max_drift" in str(session.refusal)


def test_unused_files_are_unreferenced(session):
    """Only golden files that tests compare with: not, for example, files added by hand."""
    session.used.add(ARCHIVE)
    assert session.unreferenced() == (MANIFEST, BASELINE)


def test_nothing_is_unreferenced_if_a_test_did_not_run(session):
    """It might have used the file."""
    session.gaps.append("test_other skipped")
    assert session.unreferenced() == ()


def test_unreferenced_files_are_saved_for_an_audit(session):
    """Unless a test did not run."""
    session.used.add(ARCHIVE)
    session.save_unreferenced()
    assert recall(session.project) == (MANIFEST, BASELINE)


def test_a_partial_run_saves_nothing(session):
    """The audit keeps what it knew before."""
    session.gaps.append("test_other skipped")
    session.save_unreferenced()
    assert recall(session.project) is None


class Unread(dict):
    """Results that must not be looked through."""

    def pop(self, *_):
        raise AssertionError


def test_the_first_attempt_of_a_test_looks_through_no_others(session):
    """Else the time of a session grew with the square of the number of its tests."""
    session.noted.tests = Unread()
    for number in range(3):
        session.begin(f"test_{number}")
    with pytest.raises(AssertionError):
        session.begin("test_0")
