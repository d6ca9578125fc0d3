"""A walk is measured from the last record and the first, ends at its leash, and starts anew on purpose."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from harness.core.baselines.baseline import Metric, encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.errors import RefusedError
from harness.core.provenance.audit import audit
from harness.core.provenance.evidence import gather
from harness.core.provenance.finding import Rank
from harness.core.recording.commit import commit
from harness.core.recording.cumulative_drift import DriftHistory, DriftLimit, drift_of
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.format import SCHEMA, Registry
from harness.core.registry.history import CumulativeDrift, Distance, record_digest
from harness.core.registry.registry import read_registry
from harness.core.storage.documents import encode_document

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.storage.project import Project

PATH = "golden/lattice.smooth.json"
TOLERANCE = 0.25


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-C", str(folder), "-c", "commit.gpgsign=false", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(params=["in git", "without git"])
def any_project(empty, request) -> Project:
    """An empty project, in git and without: there the first version is soon lost."""
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
    """Stage a baseline of metrics that many tolerances from 0, each tolerance measured."""
    path = folder / "staged.json"
    metrics = {name: Metric(TOLERANCE * value, TOLERANCE, (0.0, 0.0)) for name, value in values.items()}
    path.write_bytes(encode_baseline(msgspec.structs.replace(provisional_baseline({}), metrics=metrics)))
    return Staged(PATH, "baseline", path)


def step(project: Project, leash: DriftLimit = DriftLimit(), **values: float) -> DriftHistory | None:  # noqa: B008 - frozen
    """Record the metrics, and commit where there is git; return the file's course."""
    changes = plan(project, [staged(project.root.parent, **values)], leash)
    told = " ".join(f"{name} {value:g}" for name, value in values.items())
    commit(project, changes, reason=f"step to {told}", command="pytest --force-regen")
    if (project.root / ".git").is_dir():
        git(project.root, "add", "-A")
        git(project.root, "commit", "-qm", f"Step to {told}")
    return changes[0].course


def newest(project: Project) -> Walk:
    return read_registry(project.registry).entries[PATH].record.walk


def bytes_of(project: Project, contents) -> dict[str, bytes]:
    return {name: data for name, data in contents(project.root).items() if not name.startswith(".")}


def forge(project: Project, place: int, **parts) -> None:
    """Set parts of a record's walk by hand, counted from the newest."""
    entry = read_registry(project.registry).entries[PATH]
    records = [entry.record, *entry.history]
    walk = msgspec.structs.replace(records[place].walk, **parts)
    records[place] = msgspec.structs.replace(records[place], walk=walk)
    made = msgspec.structs.replace(entry, record=records[0], history=tuple(records[1:]))
    project.registry.write_bytes(encode_document(Registry(SCHEMA, {PATH: made})))


def forget_walks(project: Project) -> None:
    """Let every record be as this package wrote it before there were walks, chained as it was then."""
    entry = read_registry(project.registry).entries[PATH]
    previous, records = None, []
    for record in (*reversed(entry.history), entry.record):
        records.append(msgspec.structs.replace(record, walk=msgspec.UNSET, previous=previous))
        previous = record_digest(records[-1])
    newer, *older = reversed(records)
    made = msgspec.structs.replace(entry, record=newer, history=tuple(older))
    project.registry.write_bytes(encode_document(Registry(SCHEMA, {PATH: made})))


def test_a_new_file_has_no_walk_and_is_an_origin(any_project):
    """Its record is what it was before there were walks."""
    assert step(any_project, ssim=0) is None
    assert newest(any_project) is msgspec.UNSET
    assert b"walk" not in any_project.registry.read_bytes()


def test_every_step_is_measured_from_the_last_and_from_the_first(in_git):
    step(in_git, ssim=0)
    step(in_git, ssim=0.5)
    step(in_git, ssim=1.25)
    step(in_git, ssim=1)
    last, first = Distance(0.25, "ssim"), Distance(1.0, "ssim")
    assert newest(in_git) == Walk(last, first, summed=1.5, origin=False)


def test_where_the_first_version_is_lost_the_sum_stands_in(empty):
    step(empty, ssim=0)
    step(empty, ssim=0.5)
    course = step(empty, ssim=0.25)
    assert newest(empty) == Walk(Distance(0.25, "ssim"), None, summed=0.75, origin=False)
    assert course.reach == Distance(0.75, "ssim")


def test_the_second_record_needs_no_git(empty):
    """The first version is the golden file itself."""
    step(empty, ssim=0)
    step(empty, ssim=0.5)
    assert newest(empty) == Walk(Distance(0.5, "ssim"), Distance(0.5, "ssim"), summed=0.5, origin=False)


def test_the_farthest_metric_is_named_not_the_one_that_moved_last(in_git):
    step(in_git, ssim=0, mae=0)
    step(in_git, ssim=3, mae=0)
    step(in_git, ssim=3, mae=1)
    assert newest(in_git) == Walk(Distance(1.0, "mae"), Distance(3.0, "ssim"), summed=4.0, origin=False)


def test_small_steps_are_refused_where_their_sum_leaves_the_leash(any_project, contents):
    """Five steps of 0.4 are 2 and pass; the sixth is refused, and nothing is written."""
    leash = DriftLimit(longest=2)
    for number in range(6):
        step(any_project, leash, ssim=0.4 * number)
    before = bytes_of(any_project, contents)
    with pytest.raises(RefusedError) as caught:
        step(any_project, leash, ssim=2.4)
    assert bytes_of(any_project, contents) == before
    assert caught.value.thing == PATH
    assert "2 tolerances" in caught.value.expected
    assert caught.value.found.startswith("2.4 (ssim)")
    assert "6 records since " in caught.value.found
    assert "'step to ssim 2'" in caught.value.found
    assert "--golden-reset-drift" in caught.value.remedy


def test_back_and_forth_is_no_walk_where_git_has_the_first_version(in_git):
    leash = DriftLimit(longest=2)
    for number in range(8):
        step(in_git, leash, ssim=number % 2)
    assert newest(in_git).summed == 7
    assert newest(in_git).from_first == Distance(1.0, "ssim")


def test_back_to_the_first_version_is_no_walk_without_git_either(empty):
    """What is staged is the first version, byte by byte."""
    step(empty, ssim=0)
    first = (empty.root / PATH).read_bytes()
    step(empty, ssim=1)
    item = staged(empty.root.parent, ssim=0)
    item.data.write_bytes(first)
    commit(empty, plan(empty, [item]), reason="back", command="c")
    assert newest(empty) == Walk(Distance(1.0, "ssim"), Distance(0.0, ""), summed=2.0, origin=False)


def test_one_long_step_is_refused_like_many_short_ones(any_project):
    step(any_project, ssim=0)
    with pytest.raises(RefusedError, match=r"found 2\.5 \(ssim\)"):
        step(any_project, DriftLimit(longest=2), ssim=2.5)


def test_without_a_leash_no_walk_is_refused(any_project):
    for value in (0, 100, 1e6):
        step(any_project, ssim=value)
    assert drift_of(records(any_project)).reach.tolerances >= 1e6


def test_a_refused_file_takes_all_others_with_it(any_project, contents, tmp_path):
    step(any_project, ssim=0)
    before = bytes_of(any_project, contents)
    other = tmp_path / "other.txt"
    other.write_text("new")
    items = [Staged("golden/a.txt", "file", other), staged(tmp_path, ssim=9)]
    with pytest.raises(RefusedError):
        plan(any_project, items, DriftLimit(longest=2))
    assert bytes_of(any_project, contents) == before


def test_a_new_origin_is_accepted_and_starts_the_walk_anew(any_project):
    leash = DriftLimit(longest=2)
    step(any_project, leash, ssim=0)
    step(any_project, DriftLimit(longest=2, new_origin=True), ssim=5)
    told = newest(any_project)
    assert (told.origin, told.from_first) == (True, Distance(5.0, "ssim"))
    course = step(any_project, leash, ssim=6.5)
    assert newest(any_project) == Walk(Distance(1.5, "ssim"), Distance(1.5, "ssim"), summed=1.5, origin=False)
    assert [record.reason for record in course.past] == ["step to ssim 5"]
    with pytest.raises(RefusedError):
        step(any_project, leash, ssim=7.5)


def test_the_newest_of_several_origins_counts(in_git):
    step(in_git, ssim=0)
    for value in (5, 10):
        step(in_git, DriftLimit(longest=2, new_origin=True), ssim=value)
    assert step(in_git, DriftLimit(longest=2), ssim=11.5).reach == Distance(1.5, "ssim")


def test_what_no_tolerance_measures_is_beyond_every_leash(in_git):
    """A metric that came or went, for one: its walk could not be seen from the first version."""
    step(in_git, ssim=0)
    with pytest.raises(RefusedError, match="a change that no tolerance measures, in mae"):
        step(in_git, DriftLimit(longest=1e9), ssim=0, mae=0)
    step(in_git, ssim=0, mae=0)
    assert newest(in_git) == Walk(Distance(None, "mae"), Distance(None, "mae"), summed=None, origin=False)
    step(in_git, ssim=0, mae=1)
    assert newest(in_git) == Walk(Distance(1.0, "mae"), Distance(None, "mae"), summed=None, origin=False)


def test_a_walk_of_unknown_length_is_beyond_every_leash(empty):
    """The first version is lost, and so is the length of a step."""
    step(empty, ssim=0)
    step(empty, ssim=0, mae=0)
    with pytest.raises(RefusedError, match="unknown length"):
        step(empty, DriftLimit(longest=1e9), ssim=0.5, mae=0)


def test_edited_golden_bytes_do_not_shorten_a_step(in_git):
    """The last version is what was recorded, not what lies there."""
    step(in_git, ssim=0)
    (in_git.root / PATH).write_bytes(staged(in_git.root.parent, ssim=2.9).data.read_bytes())
    step(in_git, ssim=3)
    assert newest(in_git) == Walk(Distance(3.0, "ssim"), Distance(3.0, "ssim"), summed=3.0, origin=False)


def test_a_step_from_a_version_that_is_lost_is_unknown(empty):
    step(empty, ssim=0)
    (empty.root / PATH).unlink()
    step(empty, ssim=1)
    assert newest(empty) == Walk(None, None, summed=None, origin=False)


def test_a_damaged_file_that_is_put_right_has_not_moved(empty):
    step(empty, ssim=0)
    data = (empty.root / PATH).read_bytes()
    (empty.root / PATH).write_bytes(b"{")
    item = staged(empty.root.parent, ssim=0)
    item.data.write_bytes(data)
    commit(empty, plan(empty, [item], DriftLimit(longest=1)), reason="mended", command="c")
    assert newest(empty) == Walk(Distance(0.0, ""), Distance(0.0, ""), summed=0.0, origin=False)


def test_an_archive_walks_and_its_manifest_follows(in_git, staged, record):
    """Arrays are measured in tolerances of their dtype; a manifest has no walk of its own."""
    image = np.zeros((3, 4))
    for tolerances in (0, 1, 2):
        record(staged(arrays={"image": image + tolerances * 1e-7}, checks={"step": tolerances}))
        git(in_git.root, "add", "-A")
        git(in_git.root, "commit", "-qm", "Record it")
    entries = read_registry(in_git.registry).entries
    walk = entries["golden/lattice.npz"].record.walk
    assert (walk.from_first, walk.summed) == (Distance(2.0, "image"), 2.0)
    assert entries["golden/lattice.json"].record.walk is msgspec.UNSET


def test_files_without_tolerances_walk_freely(empty, tmp_path):
    for text in ("one", "two", "three"):
        (tmp_path / "table.txt").write_text(text)
        item = Staged("golden/table.txt", "file", tmp_path / "table.txt")
        commit(empty, plan(empty, [item], DriftLimit(longest=1)), reason="r", command="c")
    assert read_registry(empty.registry).entries["golden/table.txt"].record.walk is msgspec.UNSET


def test_files_recorded_before_there_were_walks_go_on(in_git):
    """Their distance from the first version is found in git; how long the steps were, nobody knows."""
    step(in_git, ssim=0)
    step(in_git, ssim=1)
    forget_walks(in_git)
    git(in_git.root, "commit", "-aqm", "As it was")
    step(in_git, DriftLimit(longest=2), ssim=1.5)
    assert newest(in_git) == Walk(Distance(0.5, "ssim"), Distance(1.5, "ssim"), summed=None, origin=False)
    with pytest.raises(RefusedError):
        step(in_git, DriftLimit(longest=2), ssim=2.5)


def test_an_old_file_with_one_record_needs_no_git(empty):
    step(empty, ssim=0)
    assert step(empty, DriftLimit(longest=2), ssim=1.5).reach == Distance(1.5, "ssim")


def records(project: Project):
    entry = read_registry(project.registry).entries[PATH]
    return (*reversed(entry.history), entry.record)


# What an audit makes of it


def findings(project: Project, rule: str, rank: Rank) -> list[str]:
    return [f.detail for f in audit(gather(project)) if (f.rule, f.rank) == (rule, rank)]


def test_an_audit_finds_an_honest_walk_sound(in_git):
    for value in (0, 0.5, 1):
        step(in_git, ssim=value)
    assert audit(gather(in_git)) == ()


def test_an_audit_notes_small_steps_that_led_far(in_git):
    for value in (0, 0.5, 1, 1.5):
        step(in_git, ssim=value)
    told = findings(in_git, "walk", Rank.INFORMATIONAL)
    assert [line.partition(" in ")[0] for line in told] == ["1.5 tolerances from the first version (ssim)"]
    step(in_git, DriftLimit(new_origin=True), ssim=1.75)
    assert findings(in_git, "walk", Rank.INFORMATIONAL) == []


@pytest.mark.parametrize("values", [(0, 1.5), (0, 0.5, 1.75), (0, 1, 0, 1)])
def test_a_step_that_shows_and_a_walk_that_returns_are_not_noted(in_git, values):
    for value in values:
        step(in_git, ssim=value)
    assert findings(in_git, "walk", Rank.INFORMATIONAL) == []


@pytest.mark.parametrize(
    "parts",
    [{"from_first": Distance(0.1, "ssim")}, {"from_last": None}, {"summed": 0.1}, {"origin": True}],
)
def test_a_forged_walk_breaks_the_chain(in_git, parts):
    for value in (0, 1, 2):
        step(in_git, ssim=value)
    forge(in_git, 1, **parts)
    assert len(findings(in_git, "chain", Rank.BROKEN)) == 1


def test_git_tells_of_a_forged_walk_in_the_newest_record(in_git):
    for value in (0, 1, 2):
        step(in_git, ssim=value)
    forge(in_git, 0, summed=0.1)
    assert len(findings(in_git, "rewritten", Rank.BROKEN)) == 1
