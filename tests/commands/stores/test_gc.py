"""``harness gc`` removes what nothing names and is old enough, and nothing where it cannot tell."""

from __future__ import annotations

import json
import os
import time

import pytest

DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture
def lost(stored):
    """An object that nothing names, a month old."""
    place = stored.store / "sha256" / "00" / ("0" * 62)
    place.parent.mkdir()
    place.write_bytes(b"lost")
    os.utime(place, (time.time() - 30 * 86400,) * 2)
    return place


def test_a_dry_run_lists_and_removes_nothing(lost, harness_in):
    shown = harness_in("gc", "--dry-run")
    assert shown.code == 0
    first, second, third = shown.out.splitlines()
    assert first.startswith(f"would remove {DIGEST}: 4 bytes, stored ")
    assert second.startswith("would remove 1 object, 4 bytes, from file://")
    assert third == "kept 2 objects that the repository names"
    assert lost.is_file()


def test_what_nothing_names_is_removed(lost, stored, harness_in):
    document = json.loads(harness_in("gc", "--json").out)
    assert (document["removed"], document["named"]) == ([DIGEST], 2)
    assert not lost.exists()
    assert stored.object_of("golden/a.npz").is_file()


def test_what_is_younger_is_kept(lost, harness_in):
    shown = harness_in("gc", "--grace", 31)
    assert shown.code == 0
    assert shown.out.splitlines()[-1] == (
        "kept 2 objects that the repository names, and 1 that it does not, younger than 31 days"
    )
    assert lost.is_file()


def test_nothing_is_removed_in_ci(lost, harness_in):
    shown = harness_in("gc", env={**os.environ, "CI": "true"})
    assert (shown.code, "objects of a store are not removed in CI (CI is set)" in shown.err) == (2, True)
    assert harness_in("gc", "--dry-run", env={**os.environ, "CI": "true"}).code == 0
    assert lost.is_file()


def test_nothing_is_removed_from_a_shallow_clone(lost, stored, run_harness, tmp_path):
    (stored.root / "more.txt").write_text("more")
    stored.git("add", "more.txt")
    stored.git("commit", "-q", "-m", "more")
    stored.git("clone", "-q", "--depth=1", stored.root.as_uri(), str(tmp_path / "shallow"))
    shown = run_harness("gc", "--grace", 0, cwd=tmp_path / "shallow")
    assert (shown.code, "a shallow clone, which leaves out commits" in shown.err) == (2, True)
    assert lost.is_file()


def test_help_says_to_whom_a_store_belongs(harness_in):
    words = " ".join(harness_in("gc", "--help").out.split())
    assert "The store must belong to this repository alone" in words
    assert "`git fetch --all` first" in words
