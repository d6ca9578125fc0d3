"""``harness fetch`` without a publication brings golden files from the store."""

from __future__ import annotations

import json
import os

import pytest

from harness.commands.stores.from_store import is_publication


@pytest.fixture
def absent(stored):
    """The project without its golden files."""
    for name in ("a.npz", "b.bin"):
        (stored.root / "golden" / name).unlink()
    return stored


@pytest.mark.parametrize("words", [[], ["--missing"]])
def test_all_that_is_not_here_is_fetched(absent, harness_in, words):
    shown = harness_in("fetch", *words)
    assert shown.code == 0
    assert shown.out.splitlines()[-1] == "fetched 2 files, 1.2 kB"
    assert (absent.root / "golden/b.bin").read_bytes() == b"detector mask"
    assert harness_in("fetch").out == "nothing to fetch: all 2 files are here\n"
    assert harness_in("verify").code == 0


@pytest.mark.parametrize("word", ["golden/b.bin", "./golden/b.bin"])
def test_a_name_or_a_path_is_enough(absent, harness_in, word):
    document = json.loads(harness_in("fetch", word, "--json").out)
    assert (document["fetched"], document["failed"]) == (["golden/b.bin"], [])
    assert not (absent.root / "golden/a.npz").exists()


def test_a_changed_file_is_left_and_named(stored, harness_in):
    (stored.root / "golden/b.bin").write_bytes(b"something of somebody")
    shown = harness_in("fetch", "golden/b.bin")
    assert shown.code == 1
    assert "left: golden/b.bin is here with other bytes; delete it to fetch it\n" in shown.out
    assert (stored.root / "golden/b.bin").read_bytes() == b"something of somebody"


def test_it_works_in_ci(absent, harness_in):
    """Nothing is recorded."""
    before = (absent.root / "registry.json").read_bytes()
    assert harness_in("fetch", env={**os.environ, "CI": "true"}).code == 0
    assert (absent.root / "registry.json").read_bytes() == before


def test_a_dry_run_fetches_nothing(absent, harness_in):
    shown = harness_in("fetch", "--dry-run")
    assert (shown.code, shown.out.splitlines()[-1]) == (0, "would fetch 2 files, 1.2 kB")
    assert list((absent.root / "golden").glob("*.npz")) == []


def test_what_the_store_lacks_fails_and_the_rest_comes(absent, harness_in):
    absent.object_of("golden/a.npz").unlink()
    shown = harness_in("fetch")
    assert shown.code == 1
    assert "failed: golden/a.npz: the store file://" in shown.out
    assert (absent.root / "golden/b.bin").is_file()


def test_a_store_that_does_not_answer(absent, harness_in):
    absent.take_away()
    shown = harness_in("fetch")
    assert shown.code == 2
    assert not (absent.root / "golden/b.bin").exists()


def test_an_unknown_name(absent, harness_in):
    shown = harness_in("fetch", "nothing")
    assert (shown.code, "no golden file is called 'nothing'" in shown.err) == (2, True)


def test_without_a_store_the_setting_is_named(absent, harness_in):
    (absent.root / "pyproject.toml").write_text("")
    shown = harness_in("fetch")
    assert (shown.code, "this project has no store" in shown.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "asked", "published"),
    [
        ((), False, False),
        ((), True, True),
        (("doi:10.5281/zenodo.1",), False, True),
        (("10.5281/zenodo.1",), False, True),
        (("HTTPS://example.org/crate.zip",), False, True),
        (("golden/a.npz",), False, False),
        (("golden/a.npz",), True, True),
        (("crate",), False, True),
        (("typo",), False, False),
    ],
)
def test_what_a_command_line_is_about(stored, monkeypatch, words, asked, published):
    monkeypatch.chdir(stored.root)
    (stored.root / "crate").mkdir()
    assert is_publication(None, words, asked=asked) is published
