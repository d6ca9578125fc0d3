"""Finding a fixture's source by name and digest."""

from __future__ import annotations

import pytest

from harness.core.domain.settings import source_places
from harness.core.domain.sources import find_any, find_source
from harness.core.errors import UsageError
from harness.core.fixtures.manifest import Source
from harness.core.storage.digest import digest_file


@pytest.fixture
def scans(tmp_path, empty):
    """Two directories that the project lists."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    (empty.root / "pyproject.toml").write_text(
        '[tool.harness]\nsources = ["../one", "../other", "../third/scan.npz"]'
    )
    return one, other


def described(tmp_path, content: bytes) -> Source:
    path = tmp_path / "described"
    path.write_bytes(content)
    return Source("scan.npz", digest_file(path))


def test_places_are_relative_to_the_root(empty, scans, tmp_path):
    found = [place.resolve() for place in source_places(empty.root)]
    assert found == [tmp_path / "one", tmp_path / "other", tmp_path / "third" / "scan.npz"]


def test_sources_that_are_no_list_of_paths_are_refused(empty):
    (empty.root / "pyproject.toml").write_text("[tool.harness]\nsources = 3")
    with pytest.raises(UsageError, match="sources"):
        source_places(empty.root)


def test_the_file_with_the_digest_is_found_behind_one_that_only_has_the_name(empty, scans, tmp_path):
    (scans[0] / "scan.npz").write_bytes(b"other")
    (scans[1] / "scan.npz").write_bytes(b"scan")
    assert find_source(empty, described(tmp_path, b"scan")).resolve() == scans[1] / "scan.npz"


def test_a_file_of_another_name_is_none_whatever_its_digest(empty, scans, tmp_path):
    """A generator records the name: made from another, the manifest would differ."""
    (scans[0] / "copy.npz").write_bytes(b"scan")
    assert find_source(empty, described(tmp_path, b"scan")) is None
    assert find_source(empty, described(tmp_path, b"scan"), scans[0] / "copy.npz") is None


def test_a_given_place_comes_first(empty, scans, tmp_path):
    for folder in (*scans, tmp_path / "third", tmp_path / "given"):
        folder.mkdir(exist_ok=True)
        (folder / "scan.npz").write_bytes(b"scan")
    source, given = described(tmp_path, b"scan"), tmp_path / "given"
    assert find_source(empty, source, given) == given / "scan.npz"
    assert find_source(empty, source, given / "scan.npz") == given / "scan.npz"


def test_a_listed_file_is_found(empty, scans, tmp_path):
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "scan.npz").write_bytes(b"scan")
    assert find_source(empty, described(tmp_path, b"scan")).resolve() == tmp_path / "third" / "scan.npz"


def test_a_namesake_is_found_where_no_file_has_the_digest(empty, scans, tmp_path):
    """For a reproduction that says: the data differ."""
    source = described(tmp_path, b"scan")
    assert find_any(empty, source) is None
    (scans[1] / "scan.npz").write_bytes(b"other")
    assert find_source(empty, source) is None
    assert find_any(empty, source).resolve() == scans[1] / "scan.npz"
