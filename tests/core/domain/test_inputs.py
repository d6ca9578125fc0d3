"""Every array that a stage read otherwise than the manifest has it is told, and no other."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.domain.run_pipeline import misread
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.storage.digest import digest_array

IMAGE = np.linspace(0, 1, 8, dtype=np.float32)


@pytest.fixture
def manifest():
    arrays = {"image": IMAGE, "scan_index": np.arange(8)}
    return make_fixture("f", arrays, generator=Generator("m:f", 1), source=Source("s", "none")).manifest


def test_what_was_read_as_it_is_stored_is_well(manifest):
    """Not every array has to be read, nor by every stage."""
    assert misread(manifest, {"train": {"image": digest_array(IMAGE)}, "infer": {}}) == ()


@pytest.mark.parametrize(
    "read",
    [IMAGE.astype(np.float16), IMAGE.astype(np.float16).astype(np.float32), IMAGE[::-1], IMAGE.reshape(2, 4)],
    ids=["half precision", "half precision on the way", "another order", "another shape"],
)
def test_another_digest_is_told_of_the_stage_that_read_it(manifest, read):
    """A loss that no tolerance would see is one."""
    found = {"train": {"image": digest_array(IMAGE)}, "infer": {"image": digest_array(read)}}
    (line,) = misread(manifest, found)
    assert line == f"infer read image: expected {digest_array(IMAGE)}, found {digest_array(read)}"


def test_an_array_that_the_manifest_does_not_have_is_told(manifest):
    (line,) = misread(manifest, {"train": {"phase": "xxh128:1"}})
    assert line == "train read phase: expected no such array, found xxh128:1"
