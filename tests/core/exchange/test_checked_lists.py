"""The files of a list: where they are, and that all have its hashes."""

from __future__ import annotations

import hashlib

import pytest

from harness.core.errors import RefusedError
from harness.core.exchange.checked_lists import Place, check_files
from harness.core.exchange.file_lists import Listed
from harness.core.storage.project import Project


@pytest.fixture
def listed(tmp_path):
    """Write a file and list it, with its own hash or that of other content."""

    def make(name, content=b"a", hashed=None, algorithm="sha256", *, exists=True):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if exists:
            path.write_bytes(content)
        digest = hashlib.new(algorithm, content if hashed is None else hashed).hexdigest()
        return Listed(name, algorithm, digest, (name,))

    return make


def test_each_file_is_found_where_it_is(tmp_path, listed):
    items = [listed("golden/a.bin"), listed("data/b.bin", algorithm="md5"), listed("gone.bin", exists=False)]
    checked = check_files(Project(tmp_path), tmp_path / "data", items)
    assert [item.place for item in checked] == [Place.GOLDEN, Place.ELSEWHERE, Place.NOWHERE]
    assert [item.path and item.path.name for item in checked] == ["a.bin", "b.bin", None]


def test_of_two_files_the_one_with_the_hash_is_meant(tmp_path, listed):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.bin").write_bytes(b"older")
    checked = check_files(Project(tmp_path), tmp_path / "data", [listed("a.bin")])
    assert checked[0].path == tmp_path / "a.bin"


def test_other_hashes_are_refused_all_at_once(tmp_path, listed):
    items = [listed(f"{number}.bin", hashed=b"other") for number in range(7)]
    with pytest.raises(RefusedError, match=r"7 of 8 files .*: 0.bin, 1.bin, 2.bin, 3.bin, 4.bin and 2 more"):
        check_files(Project(tmp_path), tmp_path, [*items, listed("fine.bin")])
