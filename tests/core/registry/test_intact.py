"""Files are read in batches, elsewhere; only those that are certainly intact are reported."""

from __future__ import annotations

import pytest

from harness.core.registry import intact
from harness.core.registry.intact import find_intact
from harness.core.registry.verify import verify
from harness.core.system.executors.local import LocalExecutor


def test_only_intact_files_are_reported(drifted):
    assert find_intact(drifted, LocalExecutor()) == {
        verdict.name for verdict in verify(drifted) if verdict.outcome.value == "same"
    }
    archive = drifted.golden / "optics" / "waves.npz"
    archive.write_bytes(archive.read_bytes()[:-1])
    (drifted.golden / "optics" / "waves.json").unlink()
    found = find_intact(drifted, LocalExecutor())
    assert not {"golden/optics/waves.npz", "golden/optics/waves.json"} & found
    assert found


@pytest.mark.parametrize("sha256", [False, True])
def test_verdicts_are_the_same_with_and_without(drifted, sha256):
    """Also of files that drifted, are missing, or have no entry."""
    (drifted.golden / "new.npz").touch()
    (drifted.golden / "optics" / "waves.json").unlink()
    archive = drifted.golden / "optics" / "waves.npz"
    archive.write_bytes(archive.read_bytes()[:-1])
    found = find_intact(drifted, LocalExecutor(), sha256=sha256)
    assert verify(drifted, sha256=sha256, intact=found) == verify(drifted, sha256=sha256)


@pytest.mark.parametrize(("files", "size", "batches"), [(1, 1 << 30, 4), (1000, 1, 4), (2, 1 << 30, 2)])
def test_batches_are_small_and_leave_nothing_out(drifted, monkeypatch, files, size, batches):
    monkeypatch.setattr(intact, "_FILES", files)
    monkeypatch.setattr(intact, "_BYTES", size)
    seen = []
    found = find_intact(drifted, LocalExecutor(), progress=seen.append)
    assert found == {verdict.name for verdict in verify(drifted)}
    assert seen == [(number + 1) / batches for number in range(batches)]


def test_a_path_that_leaves_the_project_is_left_to_who_asks(drifted, tmp_path):
    """The error is raised there, as it is without workers."""
    folder = drifted.golden / "optics"
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    assert not {path for path in find_intact(drifted, LocalExecutor()) if "optics" in path}
