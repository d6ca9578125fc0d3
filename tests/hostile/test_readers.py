"""Every reader answers every broken file with one error, or reads it if it is harmless.

A new reader is a line in arena.py, a new harm one in harms.py.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from arena import READERS
from harms import HARMS, member, zipped

from harness.core.errors import HarnessError
from harness.core.storage.npz import read_archive

MOST_MB = 450  # above the size of the file; 512 is promised
CASES = [(reader, harm) for reader, row in READERS.items() for harm in HARMS[row.kind]]


def meet(attempt, folder, reader: str, harm: str):
    """Have *reader* read what *harm* left. Return the file and how it ended."""
    row = READERS[reader]
    path = folder / row.name
    HARMS[row.kind][harm].do(path, row)
    as_nobody = harm == "no permission" and os.geteuid() == 0  # root may read any file
    return path, attempt(task="read", name=reader, path=path, as_nobody=as_nobody)


@pytest.fixture
def open_folder():
    """A directory that other users may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize(("reader", "harm"), CASES)
def test_a_broken_file_is_refused_by_name_within_memory(attempt, tmp_path, open_folder, reader, harm):
    """One message names the file and what is wrong. The arena limits processor time to 5 s."""
    path, outcome = meet(attempt, open_folder if harm == "no permission" else tmp_path, reader, harm)
    harm = HARMS[READERS[reader].kind][harm]
    assert outcome.ended == "refused" or (harm.harmless and outcome.ended == "read"), outcome
    size = path.stat().st_size / 2**20 if path.is_file() and not path.is_symlink() else 0
    assert outcome.peak_mb < MOST_MB + size
    if outcome.ended == "refused":
        assert path.name in outcome.message
        assert harm.says in outcome.message
        assert outcome.message.isprintable()
        assert len(outcome.message) < 5000


@pytest.mark.parametrize("reader", READERS)
def test_a_sound_file_is_read(attempt, tmp_path, reader):
    """Else the other tests would prove nothing: all harms are done to this file."""
    path = tmp_path / READERS[reader].name
    path.write_bytes(READERS[reader].sound())
    outcome = attempt(task="read", name=reader, path=path)
    assert outcome.ended == "read", outcome


@pytest.mark.parametrize(
    "reader", [name for name, row in READERS.items() if row.kind in {"npz", "json", "journal", "registry"}]
)
def test_every_truncation_is_refused(tmp_path, reader):
    """At every length, except that a document without its last line break is whole."""
    row = READERS[reader]
    path, whole = tmp_path / row.name, row.sound()
    for length in range(len(whole.rstrip())):
        path.write_bytes(whole[:length])
        with pytest.raises(HarnessError) as caught:
            row.read(path)
        assert path.name in str(caught.value), length


def test_every_truncation_of_a_project_table_is_read_or_refused(tmp_path):
    """TOML has no end mark, so a part of it may be valid."""
    row = READERS["project table"]
    path, whole, refused = tmp_path / row.name, row.sound(), []
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            row.read(path)
        except HarnessError as error:
            refused.append(str(error))
    assert 0 < len(refused) < len(whole)
    assert all(path.name in message for message in refused)


def test_an_old_header_is_read_without_a_warning(tmp_path):
    """Python 2 wrote long integers with an L, about which numpy warns."""
    values = np.arange(3.0)
    old = member("{'descr': '<f8', 'fortran_order': False, 'shape': (3L,), }", values.tobytes())
    path = tmp_path / "old.npz"
    path.write_bytes(zipped(("old.npy", old))(READERS["archive"]))
    assert np.array_equal(read_archive(path)["old"], values)


@pytest.mark.skipif(os.name != "posix", reason="pipes have names on POSIX systems")
def test_the_arena_reports_other_exceptions(attempt, tmp_path):
    """Else the other tests could not fail: a reader that does not exist raises KeyError."""
    outcome = attempt(task="read", name="none", path=tmp_path)
    assert outcome.ended == "escaped"
    assert "KeyError" in outcome.message
