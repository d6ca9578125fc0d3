"""Source files are found by name and digest, in the places that the project lists."""

from __future__ import annotations

import pytest

from harness.core.fixtures.manifest import Source
from harness.core.rerun.sources import find_any, find_source
from harness.core.storage.digest import digest_file, sha256_file


@pytest.fixture
def scans(tmp_path, empty):
    """Two directories that the project lists; it also lists a file in a third."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    (empty.root / "pyproject.toml").write_text(
        '[tool.harness]\nsources = ["../one", "../other", "../third/scan.npz"]'
    )
    return one, other


def described(tmp_path, content: bytes) -> Source:
    """Describe a file scan.npz with this content, as a manifest does."""
    path = tmp_path / "described"
    path.write_bytes(content)
    return Source("scan.npz", digest_file(path))


def test_a_file_with_the_name_but_another_digest_is_skipped(empty, scans, tmp_path):
    (scans[0] / "scan.npz").write_bytes(b"other")
    (scans[1] / "scan.npz").write_bytes(b"scan")
    assert find_source(empty, described(tmp_path, b"scan")).resolve() == scans[1] / "scan.npz"


def test_a_file_with_another_name_is_not_found_even_with_the_right_digest(empty, scans, tmp_path):
    """A generator records the name, so a fixture from the renamed file would have another manifest."""
    (scans[0] / "copy.npz").write_bytes(b"scan")
    assert find_source(empty, described(tmp_path, b"scan")) is None
    assert find_source(empty, described(tmp_path, b"scan"), scans[0] / "copy.npz") is None


def test_a_given_file_or_directory_is_searched_first(empty, scans, tmp_path):
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


def test_find_any_returns_a_file_with_only_the_name_if_none_has_the_digest(empty, scans, tmp_path):
    """So that a reproduction can report that the data have changed."""
    source = described(tmp_path, b"scan")
    assert find_any(empty, source) is None
    (scans[1] / "scan.npz").write_bytes(b"other")
    assert find_source(empty, source) is None
    assert find_any(empty, source).resolve() == scans[1] / "scan.npz"


def test_a_source_given_by_its_sha256_is_found(empty, scans):
    file = scans[1] / "scan.npz"
    file.write_bytes(b"scan")
    source = Source("scan.npz", sha256_file(file))
    assert find_source(empty, source).resolve() == file
    assert find_source(empty, Source("scan.npz", "sha256:" + "0" * 64)) is None
