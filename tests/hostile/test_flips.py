"""Files with random bytes changed, and documents with each value replaced in turn."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from arena import READERS, lattice
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.core.storage.documents import encode_document
from harness.core.storage.npz import read_archive

DOCUMENTS = [name for name, row in READERS.items() if row.kind in {"json", "journal"}]
flipped = settings(
    deadline=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("reader", READERS)
@flipped
@given(data=st.data())
def test_changed_bytes_are_read_or_refused(tmp_path, reader, data):
    """Up to eight bytes changed anywhere: a value or an error with the file's name."""
    row = READERS[reader]
    path, whole = tmp_path / row.name, bytearray(row.sound())
    changes = st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=8)
    for at, byte in data.draw(changes):
        whole[at] = byte
    path.write_bytes(whole)
    try:
        row.read(path)
    except HarnessError as error:
        message = str(error)
        assert path.name in message or "reference" in message  # an object that a table names


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_a_changed_byte_of_an_archive_gives_the_same_arrays_or_an_error(tmp_path, mask):
    """Every byte in turn, with its lowest, its highest, or all bits flipped: never other arrays."""
    whole, path = READERS["archive"].sound(), tmp_path / "lattice.npz"
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])
        with contextlib.suppress(HarnessError):
            found = read_archive(path)
            assert found.keys() == lattice().keys(), at
            assert all(np.array_equal(found[name], array) for name, array in lattice().items()), at


ODD = (None, True, -1, 10**30, 1e308, "", "\x00\x1b[2J", "../..", "/etc", "a" * 5000, [], {}, [[]], {"": 0})


@pytest.mark.parametrize("reader", DOCUMENTS)
def test_each_value_replaced_by_an_odd_one_is_read_or_refused(tmp_path, reader):
    """Wrong types, wrong paths, huge and negative numbers, at every place of the document."""
    row = READERS[reader]
    path, refused = tmp_path / row.name, []
    for odd in ODD:
        for changed in replaced(json.loads(row.sound()), odd):
            path.write_bytes(encode_document(changed))
            try:
                row.read(path)
            except HarnessError as error:
                refused.append(error)
    assert len(refused) > len(ODD)
    assert all(error.remedy for error in refused)


def replaced(value, odd):
    """Yield copies of a JSON value, each with one value or one key replaced."""
    yield odd
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in steps:
        for changed in replaced(item, odd):
            copy = value.copy()
            copy[step] = changed
            yield copy
    if isinstance(value, dict) and isinstance(odd, str):
        for key in value:
            yield {(odd if k == key else k): v for k, v in value.items()}
