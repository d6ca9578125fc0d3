"""What is shown on one page, and the command that follows from it."""

from __future__ import annotations

import pytest

from harness.core.baselines.array_tolerances import encode_tolerances, merged
from harness.core.baselines.baseline import encode_baseline, read_baseline
from harness.core.baselines.calibrate import certificate
from harness.core.fixtures.manifest import read_manifest
from harness.core.recording import transaction
from harness.core.recording.removal import remove
from harness.core.recording.renaming import move, plan_moves
from harness.core.recording.staged import Staged
from harness.core.registry.status import Recording, read_status
from harness.core.registry.unreferenced import remember
from harness.core.registry.verify import verify

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"


def test_verdicts_are_those_of_verify(project):
    assert read_status(project).verdicts == verify(project)
    project.locate(ARCHIVE).unlink()
    assert read_status(project).verdicts == verify(project)


def test_records_of_one_recording_are_shown_together(project, record, staged):
    """The newest recording is first."""
    record(staged("other"), "second light")
    first, second = sorted(read_status(project).recordings, key=lambda item: item.reason)
    assert first.paths == (MANIFEST, ARCHIVE, BASELINE)
    assert second.paths == ("golden/other.json", "golden/other.npz")
    assert (first.reason, second.reason) == ("first light", "second light")


def test_a_removal_is_among_the_records(project):
    remove(project, [BASELINE], reason="not needed", command="harness rm")
    (removal,) = (item for item in read_status(project).recordings if item.what == "removed")
    assert removal == Recording(removal.at, removal.by, "not needed", (BASELINE,), "removed")


def test_a_renaming_is_shown_once_with_the_new_paths(project):
    moves = plan_moves(project, "lattice", "grid")
    move(project, moves, reason="clearer", command="harness mv")
    (renaming,) = (item for item in read_status(project).recordings if item.reason == "clearer")
    assert (renaming.what, renaming.paths) == ("renamed", tuple(item.new for item in moves))


def test_a_baseline_of_one_run_is_not_calibrated(project, record, tmp_path):
    assert read_status(project).uncalibrated == (BASELINE,)
    baseline = read_baseline(project.locate(BASELINE))
    measured = baseline.__class__(
        schema=baseline.schema,
        metrics=baseline.metrics,
        controls={},
        certificate=certificate("three runs", [{}, {"threads": "2"}, {"noise": "1"}]),
    )
    (tmp_path / "measured.json").write_bytes(encode_baseline(measured))
    record([Staged(BASELINE, "baseline", tmp_path / "measured.json")])
    assert read_status(project).uncalibrated == ()


def test_tolerances_of_other_arrays_are_not_calibrated(project, record, tmp_path):
    for golden, expected in (
        (read_manifest(project.locate(MANIFEST)).digest, (BASELINE,)),
        ("xxh128:" + "0" * 32, (BASELINE, "golden/lattice.tolerances.json")),
    ):
        file = tmp_path / "tolerances.json"
        file.write_bytes(encode_tolerances(merged(golden, {}, [])))
        record([Staged("golden/lattice.tolerances.json", "tolerances", file)])
        assert read_status(project).uncalibrated == expected


def test_unreferenced_files_are_those_that_were_remembered(project):
    assert read_status(project).unreferenced is None
    remember(project, [ARCHIVE])
    assert read_status(project).unreferenced == (ARCHIVE,)


def test_the_next_command_is_the_most_urgent(project):
    """From the last to the first."""
    remember(project, [])
    assert read_status(project).next == 'harness calibrate --reason "..."'
    remember(project, [ARCHIVE])
    assert read_status(project).next == "harness rm --unreferenced --dry-run"
    (project.golden / "a new.txt").touch()
    assert read_status(project).next == "harness add 'golden/a new.txt' --reason \"...\""
    (project.golden / "b.txt").touch()
    assert read_status(project).next == 'harness add golden --reason "..."'
    project.locate(ARCHIVE).unlink()
    status = read_status(project)
    (missing,) = (verdict for verdict in status.verdicts if verdict.name == ARCHIVE)
    assert f"`{status.next}`" in missing.remedy


def test_all_well_is_0_and_a_difference_is_1(project):
    assert read_status(project).exit_code == 0
    project.locate(ARCHIVE).unlink()
    assert read_status(project).exit_code == 1


def test_an_interruption_cannot_be_judged(project, monkeypatch):
    def stop(_project: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(transaction, "roll_forward", stop)
    with pytest.raises(KeyboardInterrupt):
        transaction.apply(project, [transaction.Write("golden/a.txt", b"new")])
    status = read_status(project)
    assert status.interrupted is not None
    assert (status.exit_code, status.next) == (2, "harness recover")


def test_a_damaged_history_does_not_hide_the_verdicts(project):
    (project.golden / "history.jsonl").write_text("{\n")
    status = read_status(project)
    assert status.verdicts == verify(project)
    assert "history.jsonl" in status.obstacle
    assert (status.exit_code, status.recordings) == (2, ())
    assert status.next.startswith("git checkout -- ")


def test_a_damaged_baseline_has_a_verdict_only(project):
    project.locate(BASELINE).write_text("{")
    status = read_status(project)
    assert status.uncalibrated == ()
    assert status.exit_code == 1


def test_an_empty_registry_leads_to_the_first_recording(empty):
    empty.registry.write_text('{"entries": {}, "schema": 2}')
    status = read_status(empty)
    assert (status.exit_code, status.next) == (0, 'pytest --regen-all --golden-reason "first"')
