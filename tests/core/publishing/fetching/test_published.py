"""The golden files of a publication agree with its registry, records and manifests, whoever wrote it."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from published_waves import PATHS, STEM, contents, with_sums

from harness.core.errors import HarnessError
from harness.core.publishing.fetching.published import read_published
from harness.core.storage.npz import write_archive

HISTORY = "golden/history.jsonl"
SUMS = "SHA256SUMS"


@pytest.fixture
def members(archive):
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name != SUMS}


@pytest.fixture
def forged(members, tmp_path):
    """Return a function that changes members, makes a list of sums that fits, and reads the result."""

    def read(**changes):
        changed = {**members, **{name.replace("__", "/"): data for name, data in changes.items()}}
        kept = {name: data for name, data in changed.items() if data is not None}
        path = tmp_path / "forged.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in with_sums(kept).items():
                archive.writestr(name, data)
        folder = tmp_path / "unpacked"
        folder.mkdir()
        return read_published(path, folder)

    return read


def refuses(forged, match, **changes):
    with pytest.raises(HarnessError, match=match):
        forged(**changes)


def test_a_publication_has_all_golden_files_with_their_records(forged):
    published = forged()
    assert tuple(published.files) == PATHS
    assert [len(file.records) for file in published.files.values()] == [1, 2, 2, 2]
    assert published.select([STEM]) == tuple(path for path in PATHS if path != "golden/mask.tif")


def test_what_a_golden_file_is_called_in_the_metadata_is_not_believed(forged, members):
    metadata = json.loads(members["ro-crate-metadata.json"])
    metadata["@graph"][0]["name"] = "forged"
    forged(**{"ro-crate-metadata.json": json.dumps(metadata).encode()})


def test_a_golden_file_with_other_bytes_is_refused(forged):
    refuses(forged, "expected the size and digests of its registry", **{"golden/mask.tif": b"x" * 64})


def test_a_forged_entry_contradicts_its_record(forged, members):
    import tempfile
    from pathlib import Path

    from harness.core.registry.format import Registry, decode_registry, encode_registry
    from harness.core.storage.digest import digests_of_file

    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "mask.tif")
        file.write_bytes(b"forged")
        xxh128, sha256 = digests_of_file(file)
    entries = dict(decode_registry(members["registry.json"], "registry.json").entries)
    old = entries["golden/mask.tif"]
    entries["golden/mask.tif"] = old._replace(size=6, xxh128=xxh128, sha256=sha256)
    refuses(
        forged,
        "its newest record vouches for other bytes",
        **{"registry.json": encode_registry(Registry(entries)), "golden/mask.tif": b"forged"},
    )


@pytest.mark.parametrize("number", range(3))
def test_a_missing_line_of_the_history_is_refused(forged, members, number):
    lines = members[HISTORY].splitlines(keepends=True)
    del lines[number]
    refuses(forged, "record is missing|environment that its records name", **{HISTORY: b"".join(lines)})


def test_a_changed_record_is_refused(forged, members):
    changed = members[HISTORY].replace(b"version 0", b"version 9")
    refuses(forged, "record is missing", **{HISTORY: changed})


def test_a_record_that_is_not_one_is_refused(forged, members):
    refuses(forged, "history", **{HISTORY: members[HISTORY] + b'{"type": "record"}\n'})


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"registry.json": None}, "no registry.json in it"),
        ({"registry.json": b"{}"}, "registry"),
        ({HISTORY: None}, "no history.jsonl in a golden directory"),
        ({"other/history.jsonl": b""}, "2 history.jsonl in a golden directory"),
        ({"golden/mask.tif": None}, "golden/mask.tif in its registry, and not in it"),
        ({"golden/more.txt": b""}, "golden/more.txt not in its registry"),
    ],
)
def test_a_publication_that_is_not_whole_is_refused(forged, changes, match):
    refuses(forged, match, **changes)


def recorded_again(members, path, data):
    """Return changes of members: other bytes of a file, and an entry and a record that fit."""
    import hashlib

    import msgspec
    import xxhash

    from harness.core.registry.format import Registry, decode_registry, encode_registry
    from harness.core.registry.history import append, decode_history, record_digest

    history = decode_history(members[HISTORY], "history")
    entries = dict(decode_registry(members["registry.json"], "registry.json").entries)
    entry = entries[path]
    sha256 = f"sha256:{hashlib.sha256(data).hexdigest()}"
    record = msgspec.structs.replace(history.records[entry.record], sha256=sha256, previous=entry.record)
    digests = {"xxh128": f"xxh128:{xxhash.xxh3_128_hexdigest(data)}", "sha256": sha256}
    entries[path] = entry._replace(size=len(data), record=record_digest(record), **digests)
    return {
        path: data,
        "registry.json": encode_registry(Registry(entries)),
        HISTORY: append(members[HISTORY], [record]),
    }


def test_arrays_that_their_manifest_does_not_describe_are_refused(forged, members, tmp_path):
    write_archive(tmp_path / "other.npz", {"power": np.zeros(4)})
    changes = recorded_again(members, f"golden/{STEM}.npz", (tmp_path / "other.npz").read_bytes())
    refuses(forged, "power|time", **changes)


@pytest.mark.parametrize("suffix", [".npz", ".json", ".energy.json"])
def test_a_file_that_is_not_of_its_kind_is_refused(forged, members, suffix):
    refuses(forged, ".", **recorded_again(members, f"golden/{STEM}{suffix}", b"PK nothing of the kind"))


def test_a_pickled_array_is_refused(forged, members, tmp_path):
    np.savez(tmp_path / "other.npz", power=np.array([{}], dtype=object))
    changes = recorded_again(members, f"golden/{STEM}.npz", (tmp_path / "other.npz").read_bytes())
    refuses(forged, ".", **changes)


def test_a_manifest_of_another_name_is_refused(forged, members):
    text = members[f"golden/{STEM}.json"].replace(b'"name": "strings/plucked"', b'"name": "strings/bowed"')
    refuses(forged, "a manifest of 'strings/plucked'", **recorded_again(members, f"golden/{STEM}.json", text))


def test_nothing_is_written_beside_the_directory(forged, tmp_path):
    before = set(contents(tmp_path))
    forged()
    assert {name for name in contents(tmp_path).keys() - before if not name.startswith("unpacked/")} == {
        "forged.zip"
    }
