"""Commands need memory for the largest array, or for a block of a file, and not for all of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from arena import READERS
from harms import inflating, member, shaped, zipped

from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.registry.format import Entry, Registry, encode_registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1 << 20
ARRAYS, ARRAY_MIB = 8, 24
SEVERAL_MIB = ARRAYS * ARRAY_MIB


@pytest.fixture
def pair(tmp_path):
    """Two archives of several arrays each; one number of one array differs."""

    def make(save: Callable[..., None]) -> tuple[Path, Path]:
        arrays = {f"x{i}": np.full(ARRAY_MIB * MIB // 8, i, "f8") for i in range(ARRAYS)}
        save(tmp_path / "one.npz", **arrays)
        arrays["x3"][7] = 0
        save(tmp_path / "other.npz", **arrays)
        return tmp_path / "one.npz", tmp_path / "other.npz"

    return make


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_diff_holds_one_array_of_each_side(attempt, tmp_path, pair, save):
    """Of 384 MiB in all, less than half."""
    files = [file.name for file in pair(save)]
    outcome = attempt(task="command", arguments=["diff", *files], folder=tmp_path)
    assert outcome.ended == "exit 1"
    assert outcome.shown.startswith(f"x3: 1 of {ARRAY_MIB * MIB // 8} elements differ")
    assert outcome.peak_mb < SEVERAL_MIB


def test_textconv_holds_one_array(attempt, tmp_path, pair):
    one, _ = pair(np.savez_compressed)
    outcome = attempt(task="command", arguments=["textconv", one.name], folder=tmp_path)
    assert (outcome.ended, outcome.shown.count("\n")) == ("exit 0", ARRAYS)
    assert outcome.peak_mb < SEVERAL_MIB / 2


@pytest.fixture
def repository(tmp_path):
    """A project with a golden directory, without a registry."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / "golden").mkdir()
    return tmp_path


def test_add_reads_a_large_file_in_blocks(attempt, repository):
    """A sparse file, which takes no space on disk."""
    (repository / "golden/large.bin").touch()
    os.truncate(repository / "golden/large.bin", 256 * MIB)
    arguments = ["add", "golden/large.bin", "--reason", "large"]
    outcome = attempt(task="command", arguments=arguments, folder=repository)
    assert outcome.ended == "exit 0", outcome
    assert outcome.peak_mb < 64


@pytest.mark.parametrize("registered", [False, True])
def test_add_holds_one_array_of_a_fixture(attempt, repository, registered):
    """Also of one that replaces another."""
    golden, reason = ["golden/large.npz", "golden/large.json"], ["--reason", "large"]
    arrays = {f"x{i}": np.full(ARRAY_MIB * MIB // 8, i, "f8") for i in range(ARRAYS)}
    for last in (1, 2)[: 1 + registered]:
        arrays["x0"][-1] = last
        fixture = make_fixture(
            "large", arrays, generator=Generator("example:large", 1), source=Source("simulated", "xxh128:0")
        )
        archive, _ = write_fixture(fixture, repository / "golden")
        np.savez_compressed(archive, **arrays)
        outcome = attempt(task="command", arguments=["add", *golden, *reason], folder=repository)
        assert outcome.ended == "exit 0", outcome
        assert outcome.peak_mb < SEVERAL_MIB


ARCHIVE = "golden/lattice.npz"
HUGE = {
    "a size that the file does not have": zipped(("huge.npy", member(shaped("(1000000000000,)")))),
    "zeros that are said to be less": inflating(1 << 31, 64 * MIB),
    "zeros that are said to be as many": inflating(1 << 31, 1 << 31),
}


@pytest.mark.parametrize("harm", HUGE)
@pytest.mark.parametrize(
    "call",
    [
        "add golden/lattice.npz golden/lattice.json --reason huge",
        "diff golden/lattice.npz golden/lattice.npz",
    ],
)
def test_a_huge_member_costs_no_memory(attempt, repository, call, harm):
    fixture = make_fixture(
        "lattice",
        {"image": np.arange(3)},
        generator=Generator("example:lattice", 1),
        source=Source("simulated", "xxh128:0"),
    )
    archive, _ = write_fixture(fixture, repository / "golden")
    archive.write_bytes(HUGE[harm](READERS["archive"]))
    outcome = attempt(task="command", arguments=call.split(), folder=repository)
    assert outcome.ended == "exit 2", outcome
    assert outcome.message.count("\n") == 1
    assert outcome.peak_mb < 128
    assert not (repository / "registry.json").exists()


def registry(**sizes: int) -> bytes:
    """A registry of 20,000 files, some of them with another size and digest."""
    entries = {}
    for number in range(20_000):
        name = f"file{number:06}"
        size = sizes.get(name, number)
        digests = f"sha256:{number:064x}", f"sha256:{number:064x}"
        entries[f"golden/scans/{name}.npz"] = Entry("file", size, f"xxh128:{size:032x}", *digests)
    return encode_registry(Registry(entries))


@pytest.mark.parametrize(("theirs", "ended"), [({"file000002": 7}, "exit 0"), ({"file000001": 7}, "exit 1")])
def test_large_registries_are_merged_in_a_few_times_their_size(attempt, tmp_path, theirs, ended):
    """Three files of 6 MiB, with and without a conflict."""
    sides = {"base": registry(), "ours": registry(file000001=5), "theirs": registry(**theirs)}
    for name, data in sides.items():
        (tmp_path / f"{name}.json").write_bytes(data)
    arguments = ["merge-registry", "base.json", "ours.json", "theirs.json"]
    outcome = attempt(task="command", arguments=arguments, folder=tmp_path)
    assert outcome.ended == ended, outcome
    assert outcome.peak_mb < 8 * sum(map(len, sides.values())) / MIB
