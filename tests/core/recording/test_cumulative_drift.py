"""Drift is measured from the last version and the first, has a limit, and restarts only on purpose."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from harness.core.baselines.baseline import Metric, encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.errors import RefusedError
from harness.core.recording.commit import commit
from harness.core.recording.cumulative_drift import DriftHistory, DriftLimit, drift_of
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.history import CumulativeDrift, Distance, read_history
from harness.core.registry.registry import history_path, read_registry

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.registry.history import Record
    from harness.core.storage.project import Project

PATH = "golden/lattice.smooth.json"
TOLERANCE = 0.25


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-C", str(folder), "-c", "commit.gpgsign=false", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(params=["in git", "without git"])
def any_project(empty, request) -> Project:
    """An empty project, in git and without, where the first version is soon lost."""
    if request.param == "in git":
        start_git(empty)
    return empty


@pytest.fixture
def in_git(empty) -> Project:
    start_git(empty)
    return empty


def start_git(project: Project) -> None:
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "config", "user.name", "Ada Lovelace")
    git(project.root, "config", "user.email", "ada@example.org")
    (project.root / "README").write_text("An example.")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "Begin")


def staged(folder: Path, **values: float) -> Staged:
    """Stage a baseline of metrics, each so many measured tolerances from 0."""
    path = folder / "staged.json"
    metrics = {name: Metric(TOLERANCE * value, TOLERANCE, (0.0, 0.0)) for name, value in values.items()}
    path.write_bytes(encode_baseline(msgspec.structs.replace(provisional_baseline({}), metrics=metrics)))
    return Staged(PATH, "baseline", path)


def step(project: Project, limit: DriftLimit = DriftLimit(), **values: float) -> DriftHistory | None:  # noqa: B008 - frozen
    """Record the metrics, and commit where there is git; return the file's drift."""
    changes = plan(project, [staged(project.root.parent, **values)], limit)
    text = " ".join(f"{name} {value:g}" for name, value in values.items())
    commit(project, changes, reason=f"step to {text}", command="pytest --force-regen")
    if (project.root / ".git").is_dir():
        git(project.root, "add", "-A")
        git(project.root, "commit", "-qm", f"Step to {text}")
    return changes[0].drift


def records(project: Project, path: str = PATH) -> tuple[Record, ...]:
    entry = read_registry(project.registry).entries[path]
    return read_history(project).chain(path, entry.record)


def newest(project: Project) -> CumulativeDrift:
    """Return the drift in the newest record."""
    return records(project)[-1].cumulative


def bytes_of(project: Project, contents) -> dict[str, bytes]:
    return {name: data for name, data in contents(project.root).items() if not name.startswith(".")}


def test_a_new_file_has_no_drift(any_project):
    """Its record leaves the key out."""
    assert step(any_project, ssim=0) is None
    assert newest(any_project) is msgspec.UNSET
    assert b"cumulative" not in history_path(any_project).read_bytes()


def test_every_change_is_measured_from_the_last_and_from_the_first(in_git):
    step(in_git, ssim=0)
    step(in_git, ssim=0.5)
    step(in_git, ssim=1.25)
    step(in_git, ssim=1)
    last, first = Distance(0.25, "ssim"), Distance(1.0, "ssim")
    assert newest(in_git) == CumulativeDrift(last, first, summed=1.5, restart=False)


def test_if_the_first_version_is_lost_the_sum_is_used(empty):
    step(empty, ssim=0)
    step(empty, ssim=0.5)
    drift = step(empty, ssim=0.25)
    assert newest(empty) == CumulativeDrift(Distance(0.25, "ssim"), None, summed=0.75, restart=False)
    assert drift.distance == Distance(0.75, "ssim")


def test_the_second_record_needs_no_git(empty):
    """The first version is the golden file itself."""
    step(empty, ssim=0)
    step(empty, ssim=0.5)
    assert newest(empty) == CumulativeDrift(
        Distance(0.5, "ssim"), Distance(0.5, "ssim"), summed=0.5, restart=False
    )


def test_the_farthest_metric_is_named_not_the_last_one_to_change(in_git):
    step(in_git, ssim=0, mae=0)
    step(in_git, ssim=3, mae=0)
    step(in_git, ssim=3, mae=1)
    assert newest(in_git) == CumulativeDrift(
        Distance(1.0, "mae"), Distance(3.0, "ssim"), summed=4.0, restart=False
    )


def test_small_changes_are_refused_once_their_sum_exceeds_the_limit(any_project, contents):
    """Five changes of 0.4 are 2 and pass; the sixth is refused, and nothing is written."""
    limit = DriftLimit(most=2)
    for number in range(6):
        step(any_project, limit, ssim=0.4 * number)
    before = bytes_of(any_project, contents)
    with pytest.raises(RefusedError) as caught:
        step(any_project, limit, ssim=2.4)
    assert bytes_of(any_project, contents) == before
    assert caught.value.thing == PATH
    assert "2 tolerances" in caught.value.expected
    assert caught.value.found.startswith("2.4 (ssim)")
    assert "6 records since " in caught.value.found
    assert "'step to ssim 2'" in caught.value.found
    assert "--golden-reset-drift" in caught.value.remedy


def test_back_and_forth_is_not_drift_if_git_has_the_first_version(in_git):
    limit = DriftLimit(most=2)
    for number in range(8):
        step(in_git, limit, ssim=number % 2)
    assert newest(in_git).summed == 7
    assert newest(in_git).from_first == Distance(1.0, "ssim")


def test_back_to_the_first_version_is_not_drift_without_git_either(empty):
    """What is staged is the first version, byte by byte."""
    step(empty, ssim=0)
    first = (empty.root / PATH).read_bytes()
    step(empty, ssim=1)
    item = staged(empty.root.parent, ssim=0)
    item.data.write_bytes(first)
    commit(empty, plan(empty, [item]), reason="back", command="c")
    assert newest(empty) == CumulativeDrift(
        Distance(1.0, "ssim"), Distance(0.0, ""), summed=2.0, restart=False
    )


def test_one_large_change_is_refused_like_many_small_ones(any_project):
    step(any_project, ssim=0)
    with pytest.raises(RefusedError, match=r"found 2\.5 \(ssim\)"):
        step(any_project, DriftLimit(most=2), ssim=2.5)


def test_without_a_limit_nothing_is_refused(any_project):
    for value in (0, 100, 1e6):
        step(any_project, ssim=value)
    assert drift_of(records(any_project)).distance.tolerances >= 1e6


def test_a_refused_file_takes_all_others_with_it(any_project, contents, tmp_path):
    step(any_project, ssim=0)
    before = bytes_of(any_project, contents)
    other = tmp_path / "other.txt"
    other.write_text("new")
    items = [Staged("golden/a.txt", "file", other), staged(tmp_path, ssim=9)]
    with pytest.raises(RefusedError):
        plan(any_project, items, DriftLimit(most=2))
    assert bytes_of(any_project, contents) == before


def test_a_restart_is_accepted_and_later_drift_is_measured_from_it(any_project):
    limit = DriftLimit(most=2)
    step(any_project, limit, ssim=0)
    step(any_project, DriftLimit(most=2, restart=True), ssim=5)
    text = newest(any_project)
    assert (text.restart, text.from_first) == (True, Distance(5.0, "ssim"))
    drift = step(any_project, limit, ssim=6.5)
    assert newest(any_project) == CumulativeDrift(
        Distance(1.5, "ssim"), Distance(1.5, "ssim"), summed=1.5, restart=False
    )
    assert [record.reason for record in drift.past] == ["step to ssim 5"]
    with pytest.raises(RefusedError):
        step(any_project, limit, ssim=7.5)


def test_the_newest_of_several_restarts_counts(in_git):
    step(in_git, ssim=0)
    for value in (5, 10):
        step(in_git, DriftLimit(most=2, restart=True), ssim=value)
    assert step(in_git, DriftLimit(most=2), ssim=11.5).distance == Distance(1.5, "ssim")


def test_what_no_tolerance_measures_exceeds_every_limit(in_git):
    """A metric that was added or removed, for example: its distance is not a number."""
    step(in_git, ssim=0)
    with pytest.raises(RefusedError, match="a change that no tolerance measures, in mae"):
        step(in_git, DriftLimit(most=1e9), ssim=0, mae=0)
    step(in_git, ssim=0, mae=0)
    assert newest(in_git) == CumulativeDrift(
        Distance(None, "mae"), Distance(None, "mae"), summed=None, restart=False
    )
    step(in_git, ssim=0, mae=1)
    assert newest(in_git) == CumulativeDrift(
        Distance(1.0, "mae"), Distance(None, "mae"), summed=None, restart=False
    )


def test_an_unknown_distance_exceeds_every_limit(empty):
    """The first version is lost, and one change has no number."""
    step(empty, ssim=0)
    step(empty, ssim=0, mae=0)
    with pytest.raises(RefusedError, match="an unknown distance"):
        step(empty, DriftLimit(most=1e9), ssim=0.5, mae=0)


def test_edited_golden_bytes_do_not_shorten_a_change(in_git):
    """The last version is what was recorded, not what is on disk."""
    step(in_git, ssim=0)
    (in_git.root / PATH).write_bytes(staged(in_git.root.parent, ssim=2.9).data.read_bytes())
    step(in_git, ssim=3)
    assert newest(in_git) == CumulativeDrift(
        Distance(3.0, "ssim"), Distance(3.0, "ssim"), summed=3.0, restart=False
    )


def test_a_change_from_a_lost_version_is_unknown(empty):
    step(empty, ssim=0)
    (empty.root / PATH).unlink()
    step(empty, ssim=1)
    assert newest(empty) == CumulativeDrift(None, None, summed=None, restart=False)


def test_restoring_a_damaged_file_is_not_drift(empty):
    step(empty, ssim=0)
    data = (empty.root / PATH).read_bytes()
    (empty.root / PATH).write_bytes(b"{")
    item = staged(empty.root.parent, ssim=0)
    item.data.write_bytes(data)
    commit(empty, plan(empty, [item], DriftLimit(most=1)), reason="restored", command="c")
    assert newest(empty) == CumulativeDrift(Distance(0.0, ""), Distance(0.0, ""), summed=0.0, restart=False)


def test_an_archive_drifts_and_its_manifest_has_no_drift(in_git, staged, record):
    """Arrays are measured in tolerances of their dtype."""
    image = np.ones((3, 4))  # one tolerance is 1e-7 of it
    for tolerances in (0, 1, 2):
        record(staged(arrays={"image": image + tolerances * 1e-7}, checks={"step": tolerances}))
        git(in_git.root, "add", "-A")
        git(in_git.root, "commit", "-qm", "Record it")
    drift = records(in_git, "golden/lattice.npz")[-1].cumulative
    assert (drift.from_first, drift.summed) == (Distance(2.0, "image"), 2.0)
    assert records(in_git, "golden/lattice.json")[-1].cumulative is msgspec.UNSET


def test_files_without_tolerances_have_no_drift(empty, tmp_path):
    for text in ("one", "two", "three"):
        (tmp_path / "table.txt").write_text(text)
        item = Staged("golden/table.txt", "file", tmp_path / "table.txt")
        commit(empty, plan(empty, [item], DriftLimit(most=1)), reason="r", command="c")
    assert records(empty, "golden/table.txt")[-1].cumulative is msgspec.UNSET


def test_the_first_distance_needs_no_git(empty):
    step(empty, ssim=0)
    assert step(empty, DriftLimit(most=2), ssim=1.5).distance == Distance(1.5, "ssim")


# Small changes that add up


@pytest.mark.parametrize(
    ("values", "slow"),
    [
        ((0, 0.5, 1), None),
        ((0, 0.5, 1, 1.5), Distance(1.5, "ssim")),
        ((0, 1.5), None),
        ((0, 0.5, 1.75), None),
        ((0, 1, 0, 1), None),
    ],
)
def test_slow_drift_is_more_than_a_tolerance_in_changes_of_less(in_git, values, slow):
    """A change that shows by itself and a file that returns are not slow drift."""
    for value in values:
        step(in_git, ssim=value)
    assert drift_of(records(in_git)).slow_drift == slow


def test_a_restart_ends_slow_drift(in_git):
    for value in (0, 0.5, 1, 1.5):
        step(in_git, ssim=value)
    step(in_git, DriftLimit(restart=True), ssim=1.75)
    assert drift_of(records(in_git)).slow_drift is None


def test_the_drift_of_a_first_record_or_of_none_is_none(in_git):
    assert drift_of(()) is None
    step(in_git, ssim=0)
    assert drift_of(records(in_git)) is None


def test_a_drift_counts_its_records_and_names_the_first_day(in_git):
    for value in (0, 0.5, 1):
        step(in_git, ssim=value)
    drift = drift_of(records(in_git))
    assert (drift.records, drift.since) == (3, records(in_git)[0].at[:10])
