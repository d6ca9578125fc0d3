"""Verbs of golden files take what they need from the store, or say that it does not answer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.core.storage.npz import write_archive

PROJECT = """
[project]
name = "waves"
version = "1"
description = "Waves"
license = "MIT"
authors = [{name = "Ada Lovelace"}]
"""


@pytest.fixture
def absent(stored):
    """The project without its golden files."""
    for name in ("a.npz", "b.bin"):
        (stored.root / "golden" / name).unlink()
    return stored


def test_status_asks_for_sizes_alone(absent, harness_in):
    """So it does not see other bytes of the same size, which verify does."""
    place = absent.object_of("golden/b.bin")
    place.unlink()
    place.write_bytes(b"x" * len(b"detector mask"))
    assert harness_in("status").code == 0
    shown = harness_in("verify")
    assert shown.code == 1
    assert "corrupt: golden/b.bin: expected xxh128:" in shown.out


def test_a_store_that_does_not_answer_is_no_verdict(absent, harness_in):
    absent.take_away()
    for verb in ("verify", "status"):
        shown = harness_in(verb)
        assert shown.code == 2
        assert "cannot tell: golden/a.npz: the store file://" in " ".join(shown.out.split())
        assert shown.out.splitlines()[-1] == "next: harness verify"
    assert harness_in("audit").code == 2
    shown = harness_in("verify", "--format", "github")
    assert (shown.code, "::error file=golden/a.npz" in shown.out) == (2, True)


def test_a_verdict_says_where_the_file_is(absent, harness_in):
    shown = harness_in("verify", "-v")
    assert shown.code == 0
    assert shown.out.splitlines()[0].startswith("same: golden/a.npz: in the store, file://")
    assert shown.out.splitlines()[-1] == "2 of 2 golden files match the registry, 2 of them in the store."


def test_a_renamed_file_is_fetched_first(absent, harness_in):
    shown = harness_in("mv", "golden/b.bin", "golden/masks/", "--reason", "tidy")
    assert shown.code == 0, shown.err
    assert (absent.root / "golden/masks/b.bin").read_bytes() == b"detector mask"
    assert harness_in("verify").code == 0


def test_a_file_in_the_store_may_be_removed(stored, harness_in):
    """Git does not have it, and its object stays."""
    place = stored.object_of("golden/b.bin")
    shown = harness_in("rm", "golden/b.bin", "--reason", "no longer used")
    assert shown.code == 0, shown.err
    assert place.is_file()


def test_a_file_that_only_this_clone_has_is_not_removed(stored, harness_in):
    stored.object_of("golden/b.bin").unlink()
    shown = harness_in("rm", "golden/b.bin", "--reason", "no longer used")
    assert (shown.code, "not committed, so that nothing could restore it" in shown.err) == (1, True)
    stored.take_away()
    assert harness_in("rm", "golden/b.bin", "--reason", "no longer used").code == 2
    assert (stored.root / "golden/b.bin").is_file()


def test_another_version_is_compared_with_the_one_in_the_store(absent, harness_in):
    """Its differences are in the record; both objects are in the store."""
    old = absent.object_of("golden/a.npz")
    write_archive(absent.root / "golden/a.npz", {"line": np.arange(120.0) + 1})
    assert harness_in("add", "golden/a.npz", "--reason", "another gain").code == 0
    assert old.is_file()
    assert absent.object_of("golden/a.npz").is_file()
    assert absent.object_of("golden/a.npz") != old


def test_nothing_is_added_without_the_store(stored, harness_in):
    before = (stored.root / "registry.json").read_bytes()
    (stored.root / "golden/c.bin").write_bytes(b"new")
    stored.take_away()
    shown = harness_in("add", "golden/c.bin", "--reason", "new")
    assert shown.code == 2
    assert shown.err.startswith("harness: nothing was recorded, because the store file://")
    assert (stored.root / "registry.json").read_bytes() == before


def test_what_is_published_is_fetched_first(absent, harness_in):
    settings = absent.root / "pyproject.toml"
    settings.write_text(settings.read_text() + PROJECT)
    (absent.root / "LICENSE").write_text("MIT")
    pytest.importorskip("rocrate", reason="the extra `publish` is not installed")
    shown = harness_in("publish", "--output", "crate", "--allow-dirty")
    assert shown.code == 0, shown.err
    assert (absent.root / "crate/golden/b.bin").read_bytes() == b"detector mask"


def test_revisions_are_compared_without_fetching_what_is_equal(absent, harness_in):
    """Equal digests need no bytes."""
    absent.git("commit", "-q", "--allow-empty", "-m", "nothing")
    shown = harness_in("diff", "HEAD~1", "HEAD", "--json")
    assert (shown.code, json.loads(shown.out)["same"]) == (0, 2)
    assert not (absent.root / ".harness/cache").exists()


def test_a_path_that_only_the_store_has(absent, harness_in):
    """The error says how to get the file; for other paths it is click's alone."""
    shown = harness_in("add", "golden/b.bin", "--reason", "again")
    assert shown.code == 2
    assert (
        shown.err.splitlines()[-1] == "Only the store has that golden file: run `harness fetch golden/b.bin`."
    )
    assert "Only the store" not in harness_in("add", "golden/c.bin", "--reason", "new").err
    (absent.root / "pyproject.toml").write_text("")
    assert "Only the store" not in harness_in("add", "golden/b.bin", "--reason", "again").err


def test_a_golden_file_is_fetched_to_be_compared_with_another(absent, harness_in):
    write_archive(absent.root / "mine.npz", {"line": np.arange(120.0) + 1})
    shown = harness_in("diff", "golden/a.npz", "mine.npz")
    assert (shown.code, (absent.root / "golden/a.npz").is_file()) == (1, True)
