"""Which golden files belong together, by kind in the registry and by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath

import pytest

from harness.core.registry.golden_names import (
    archive_of,
    baselines,
    fixtures,
    manifest_of,
    name_of,
    split_baseline_name,
)
from harness.core.storage.project import Project


def test_fixtures_are_their_archives(project, record, staged):
    """Sorted, and neither manifests nor other archives."""
    record(staged("another"))
    assert list(fixtures(project)) == [project.golden / "another.npz", project.golden / "lattice.npz"]


def test_a_baseline_names_its_fixture_and_its_pipeline(project):
    (found,) = baselines(project)
    assert found.fixture == project.golden / "lattice.npz"
    assert found.pipeline == "smooth"
    assert found.path == project.golden / "lattice.smooth.json"


def test_an_empty_project_has_neither(empty):
    assert [*fixtures(empty), *baselines(empty)] == []


@pytest.mark.parametrize("name", ["golden/lattice", "golden/lattice.smooth", "golden/sub/a"])
def test_an_archive_and_its_document_are_found_from_each_other(name):
    """For a fixture and for a pipeline's arrays, as paths of the registry and of the system."""
    for kind in (Path, PurePosixPath):
        archive, document = kind(f"{name}.npz"), kind(f"{name}.json")
        assert (manifest_of(archive), archive_of(document)) == (document, archive)


@pytest.mark.parametrize(
    ("stem", "parts"),
    [("lattice.smooth", ("lattice", "smooth")), ("lattice", ("lattice", "")), ("a.b.c", ("a", "b.c"))],
)
def test_a_stem_is_split_at_its_first_dot(stem, parts):
    assert split_baseline_name(stem) == parts


def test_dots_of_directories_do_not_separate():
    assert split_baseline_name("optics.v2/lattice.net.b") == ("optics.v2/lattice", "net.b")
    assert split_baseline_name("optics.v2/lattice") == ("optics.v2/lattice", "")


@pytest.mark.parametrize(
    ("golden", "path", "name"),
    [
        ("golden", "golden/lattice.npz", "lattice"),
        ("golden", "golden/optics/lattice.smooth.json", "optics/lattice.smooth"),
        ("data/golden", "data/golden/a.npz", "a"),
        ("golden", "elsewhere/a.npz", "elsewhere/a"),
    ],
)
def test_a_name_is_the_path_below_the_golden_directory(golden, path, name):
    assert name_of(Project(Path("/repository"), golden), path) == name


def test_fixtures_in_directories_have_their_own_baselines(project, record, staged, staged_baseline):
    record(staged("optics/lattice"))
    record([dataclasses.replace(staged_baseline(mae=0.5), path="golden/optics/lattice.smooth.json")])
    found = {item.path: item.fixture for item in baselines(project)}
    assert found[project.golden / "optics/lattice.smooth.json"] == project.golden / "optics/lattice.npz"
    assert found[project.golden / "lattice.smooth.json"] == project.golden / "lattice.npz"
