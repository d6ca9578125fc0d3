"""Files that did not change are not read again where that was asked for; never where it is uncertain."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from harness.core.registry.registry import stat_cache
from harness.core.registry.stat_cache import COARSEST_CLOCK, keep, recall, stamp
from harness.core.registry.verify import verify
from harness.core.verdict import Outcome, exit_code

FIXTURE = "golden/lattice.npz"
FILES = 3


@pytest.fixture
def trusting(project):
    """Verify as ``--trust-mtime`` does; return the verdicts, and how many files were not read."""

    def ask():
        cache = recall(project)
        verdicts = verify(project, cache.holds)
        keep(project, cache)
        return verdicts, cache.trusted

    return ask


@pytest.fixture
def settled(project, monkeypatch):
    """A clock that is well past every change of the golden files made so far."""
    monkeypatch.setattr(stat_cache, "_clock", lambda _: time.time_ns() + 2 * COARSEST_CLOCK)
    return project


def swapped(path) -> None:
    """Other bytes of the same size, with the time of modification that the file had."""
    before = path.stat()
    path.write_bytes(bytes(reversed(path.read_bytes())))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def outcome(verdicts, name: str = FIXTURE) -> Outcome:
    return next(verdict.outcome for verdict in verdicts if verdict.name == name)


def test_what_did_not_change_is_read_once(settled, trusting, monkeypatch):
    assert trusting() == (verify(settled), 0)
    monkeypatch.setattr(stat_cache, "holds", lambda *_: pytest.fail("a file was read"))
    assert trusting() == (verify(settled), FILES)
    assert trusting()[1] == FILES


def test_a_file_younger_than_the_clock_can_tell_is_read_again(project, trusting):
    """Its golden files were made a moment ago: a change within that moment would leave their times alone."""
    for name in ("lattice.npz", "lattice.json", "lattice.smooth.json"):
        os.utime(project.golden / name)
    assert [trusting()[1] for _ in range(3)] == [0, 0, 0]


def test_a_file_of_the_future_is_read_again(settled, trusting):
    os.utime(settled.root / FIXTURE, ns=(0, time.time_ns() + 10**15))
    assert [trusting()[1] for _ in range(2)] == [0, FILES - 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"other"),
        swapped,  # the time of change still tells
        lambda path: path.unlink(),
        lambda path: shutil.move(shutil.copy2(path, path.with_suffix(".new")), path),
    ],
)
def test_any_change_has_the_file_read_again(settled, trusting, change):
    trusting()
    change(settled.root / FIXTURE)
    verdicts, trusted = trusting()
    assert verdicts == verify(settled)
    assert trusted == FILES - 1


def test_what_was_wrong_stays_wrong(settled, trusting):
    """Only a digest that the registry has is remembered."""
    swapped(settled.root / FIXTURE)
    for _ in range(2):
        verdicts, trusted = trusting()
        assert exit_code(verdicts) == 1
        assert outcome(verdicts) is Outcome.CORRUPT
    assert trusted == FILES - 1


def test_another_digest_in_the_registry_has_the_file_read_again(settled, trusting):
    """The file is as it was; what is expected of it is not."""
    trusting()
    text = settled.registry.read_text()
    wanted = text.index('"xxh128:', text.index(FIXTURE)) + len('"xxh128:')
    settled.registry.write_text(text[:wanted] + "0" * 32 + text[wanted + 32 :])
    verdicts, trusted = trusting()
    assert outcome(verdicts) is Outcome.REPACKED  # its manifest still says that these are its arrays
    assert trusted == FILES - 1


def test_a_link_to_the_file_itself_is_not_the_file(settled, trusting):
    trusting()
    path = settled.root / FIXTURE
    path.rename(settled.root / "moved.npz")
    path.symlink_to(settled.root / "moved.npz")
    assert trusting() == (verify(settled), FILES - 1)


@pytest.mark.parametrize("data", [b"", b"\x81", b"nonsense", b"\x82\xa6schema\x02\xa5files\x80"])
def test_a_damaged_or_newer_memory_is_none(settled, trusting, data):
    trusting()
    (settled.root / ".harness/verified.msgpack").write_bytes(data)
    assert trusting() == (verify(settled), 0)
    assert trusting()[1] == FILES


def test_where_nothing_can_be_kept_all_files_are_read(settled, trusting):
    shutil.rmtree(settled.root / ".harness", ignore_errors=True)
    (settled.root / ".harness").write_text("a file in its place")
    assert [trusting()[1] for _ in range(2)] == [0, 0]


def test_nothing_is_kept_unless_it_is_asked_for(settled, contents):
    before = contents(settled.root)
    verify(settled)
    assert contents(settled.root) == before


def test_the_clock_is_that_of_the_files(project):
    """A file that is written now is no older than the clock said before."""
    now = stat_cache._clock(project)
    path = project.root / "now"
    path.touch()
    assert stamp(str(path)).modified >= now
    assert not list((project.root / ".harness").glob("clock*"))
