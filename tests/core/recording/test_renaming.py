"""A renamed golden file keeps its bytes and its records."""

from __future__ import annotations

import pytest

from harness.core.errors import HarnessError, RefusedError, UsageError
from harness.core.fixtures.fixture import read_fixture
from harness.core.fixtures.manifest import read_manifest
from harness.core.recording.renaming import Move, move, plan_moves
from harness.core.recording.staged import Staged
from harness.core.registry.history import versions
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verify

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"


def rename(project, old: str = "lattice", new: str = "optics/grid") -> tuple[Move, ...]:
    moves = plan_moves(project, old, new)
    move(project, moves, reason="clearer", command="harness mv lattice optics/grid")
    return moves


@pytest.mark.parametrize("old", ["lattice", ARCHIVE, MANIFEST])
@pytest.mark.parametrize("new", ["optics/grid", "golden/optics/grid.npz", "golden/optics/grid.json"])
def test_a_fixture_moves_with_its_manifest_and_baselines(project, old, new):
    assert plan_moves(project, old, new) == (
        Move(MANIFEST, "golden/optics/grid.json"),
        Move(ARCHIVE, "golden/optics/grid.npz"),
        Move(BASELINE, "golden/optics/grid.smooth.json"),
    )


def test_a_baseline_moves_alone(project):
    assert plan_moves(project, "lattice.smooth", "lattice.rough") == (
        Move(BASELINE, "golden/lattice.rough.json"),
    )


def test_a_slash_at_the_end_keeps_the_name(project):
    assert plan_moves(project, "lattice.smooth", "optics/") == (
        Move(BASELINE, "golden/optics/lattice.smooth.json"),
    )


@pytest.mark.parametrize("new", ["masks/m.tif", "golden/masks/m.tif", "masks/m"])
def test_a_plain_file_keeps_its_suffix(project, record, tmp_path, new):
    (tmp_path / "mask").write_bytes(b"II*")
    record([Staged("golden/mask.tif", "file", tmp_path / "mask")])
    assert plan_moves(project, "golden/mask.tif", new) == (Move("golden/mask.tif", "golden/masks/m.tif"),)


@pytest.fixture
def directory(project, record, staged, tmp_path):
    """A project with more golden files, as test modules have them."""
    (tmp_path / "mask").write_bytes(b"II*")
    record(
        [
            *staged("tests/test_waves/test_power"),
            *staged("tests/test_waves/TestFFT/test_power"),
            *staged("tests/test_waves_of_light/test_power"),
            Staged("golden/tests/test_waves/mask.tif", "file", tmp_path / "mask"),
        ]
    )
    return project


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tests/test_waves", "tests/test_optics"),
        ("tests/test_waves/", "golden/tests/test_optics"),
        ("golden/tests/test_waves", "tests/test_optics"),
        ("tests/test_waves.py", "tests/test_optics.py"),
    ],
)
def test_a_directory_moves_with_all_that_is_in_it(directory, old, new):
    assert plan_moves(directory, old, new) == tuple(
        Move(f"golden/tests/test_waves/{name}", f"golden/tests/test_optics/{name}")
        for name in (
            "TestFFT/test_power.json",
            "TestFFT/test_power.npz",
            "mask.tif",
            "test_power.json",
            "test_power.npz",
        )
    )


def test_a_directory_moves_into_another(directory):
    moves = plan_moves(directory, "tests/test_waves", "optics/")
    assert {item.new.rpartition("/")[0] for item in moves} == {
        "golden/optics/test_waves",
        "golden/optics/test_waves/TestFFT",
    }


def test_a_directory_moves_as_one_transaction(directory, chain):
    """Manifests have the new names, records continue, and the old directory is gone."""
    rename(directory, "tests/test_waves", "tests/test_optics")
    assert all(verdict.outcome.accepted for verdict in verify(directory))
    assert not (directory.golden / "tests" / "test_waves").exists()
    path = "golden/tests/test_optics/TestFFT/test_power"
    assert read_manifest(directory.locate(f"{path}.json")).name == "tests/test_optics/TestFFT/test_power"
    assert chain(directory, f"{path}.npz")[0].path == "golden/tests/test_waves/TestFFT/test_power.npz"
    assert (directory.golden / "tests" / "test_waves_of_light" / "test_power.npz").is_file()


def test_a_golden_file_with_the_name_of_a_directory_is_meant_first(directory, record, staged):
    """A slash means the directory."""
    record(staged("tests/test_waves"))
    assert len(plan_moves(directory, "tests/test_waves", "tests/test_optics")) == 2
    assert len(plan_moves(directory, "tests/test_waves/", "tests/test_optics")) == 5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tests/test_waves", "tests/test_waves", "a directory that is not in"),
        ("tests/test_waves", "tests/test_waves/old", "a directory that is not in"),
        ("tests/test_waves", "tests/test_waves_of_light", "is there already"),
        ("tests/test_waves", "tests/-x", "is not valid"),
        ("tests/test_waves", "../test_waves", "is not valid"),
        ("tests/test_wave", "tests/test_optics", "Did you mean"),
    ],
)
def test_a_directory_that_cannot_move_changes_nothing(directory, contents, old, new, words):
    before = contents(directory.root)
    with pytest.raises(HarnessError, match=words):
        rename(directory, old, new)
    assert contents(directory.root) == before


def test_bytes_stay_and_the_manifest_has_the_new_name(project):
    archive = project.locate(ARCHIVE).read_bytes()
    rename(project)
    assert project.locate("golden/optics/grid.npz").read_bytes() == archive
    assert read_manifest(project.locate("golden/optics/grid.json")).name == "optics/grid"
    assert read_fixture(project.locate("golden/optics/grid.npz")).name == "optics/grid"
    assert not project.locate(ARCHIVE).exists()
    assert all(verdict.outcome.accepted for verdict in verify(project))


def test_the_records_of_the_new_path_continue_those_of_the_old_one(project, chain):
    before = chain(project, MANIFEST)
    rename(project)
    records = chain(project, "golden/optics/grid.json")
    assert records[: len(before)] == before
    assert [(item.moved_to, item.moved_from) for item in records[len(before) :]] == [
        ("golden/optics/grid.json", before[-1].moved_from),
        (before[-1].moved_to, MANIFEST),
    ]
    assert records[-1].code == before[-1].code
    assert versions(records) == list(before)


def test_drift_is_measured_from_the_first_version_under_the_old_name(project, record, staged_baseline, chain):
    rename(project, "lattice.smooth", "lattice.rough")
    other = staged_baseline(mae=0.25, ssim=0.875 * (1 + 1e-7))
    record([Staged("golden/lattice.rough.json", "baseline", other.data)], "another")
    newest = chain(project, "golden/lattice.rough.json")[-1]
    assert newest.cumulative.from_first == newest.cumulative.from_last
    assert newest.cumulative.from_first.tolerances > 0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lattice", "lattice", "the name that it has"),
        ("lattice", "grid", "another file is there already"),
        ("lattice", "a.b", "not valid"),
        ("lattice", "../grid", "not valid"),
        ("lattice", "optics\\grid", "not valid"),
        ("nothing", "grid", "no golden file is called"),
        ("lattice.smooth", "Lattice.smooth", "differ"),
        ("lattice.smooth", "history", "there already"),
    ],
)
def test_what_cannot_be_renamed_changes_nothing(project, contents, old, new, words):
    (project.golden / "grid.npz").write_bytes(b"mine")
    (project.golden / "history.json").write_bytes(b"mine")
    before = contents(project.root)
    with pytest.raises(HarnessError, match=words):
        rename(project, old, new)
    assert contents(project.root) == before


def test_a_registered_name_is_taken(project, record, staged):
    record(staged("grid"))
    with pytest.raises(UsageError, match="a golden file is there already"):
        plan_moves(project, "lattice", "grid")


@pytest.mark.parametrize("missing", [False, True])
def test_other_bytes_are_not_renamed(project, missing):
    project.locate(ARCHIVE).unlink()
    if not missing:
        project.locate(ARCHIVE).write_bytes(b"other")
    with pytest.raises(RefusedError, match="registered bytes"):
        plan_moves(project, "lattice", "grid")


def test_a_file_that_changed_since_the_plan_is_refused(project, contents):
    moves = plan_moves(project, "lattice", "grid")
    project.locate(ARCHIVE).write_bytes(b"other")
    before = contents(project.golden)
    with pytest.raises(RefusedError, match="registered bytes"):
        move(project, moves, reason="r", command="c")
    assert contents(project.golden) == before


def test_the_registry_names_the_new_records(project):
    rename(project)
    assert read_registry(project.registry).entries.keys() == {
        "golden/optics/grid.json",
        "golden/optics/grid.npz",
        "golden/optics/grid.smooth.json",
    }
