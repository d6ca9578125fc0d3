"""``harness push`` sends what the store lacks, and says what it cannot send."""

from __future__ import annotations

import json


def test_what_the_store_lacks_is_sent_once(stored, harness_in):
    stored.object_of("golden/a.npz").unlink()
    shown = harness_in("push", "--dry-run")
    assert (shown.code, shown.out.splitlines()[0]) == (0, "would send golden/a.npz: 1.2 kB")
    assert not stored.object_of("golden/a.npz").exists()
    shown = harness_in("push")
    assert shown.code == 0
    assert shown.out == "sent golden/a.npz: 1.2 kB\nsent 1 file, 1.2 kB; the store had 1\n"
    assert stored.object_of("golden/a.npz").is_file()
    assert harness_in("push").out == "nothing to send: the store has all 2 files\n"


def test_a_name_is_enough(stored, harness_in):
    for path in ("golden/a.npz", "golden/b.bin"):
        stored.object_of(path).unlink()
    document = json.loads(harness_in("push", "golden/b.bin", "--json", "--jobs", 2).out)
    assert (document["sent"], document["failed"]) == (["golden/b.bin"], [])
    assert not stored.object_of("golden/a.npz").exists()


def test_what_is_neither_here_nor_there_is_a_finding(stored, harness_in):
    stored.object_of("golden/a.npz").unlink()
    (stored.root / "golden/a.npz").unlink()
    shown = harness_in("push")
    assert shown.code == 1
    assert "failed: golden/a.npz: golden/a.npz: expected the registered bytes" in shown.out


def test_a_store_that_does_not_answer(stored, harness_in):
    stored.take_away()
    shown = harness_in("push")
    assert shown.code == 2
    assert "file://" in shown.err


def test_a_project_without_a_store(stored, harness_in):
    (stored.root / "pyproject.toml").write_text("")
    shown = harness_in("push")
    assert (shown.code, "this project has no store" in shown.err) == (2, True)
