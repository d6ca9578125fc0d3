"""Repositories of golden files to measure on, made quickly and registered as `harness add` would."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.registry.format import Entry, Registry, encode_registry
from harness.core.registry.history import Environment, Record, append, record_digest
from harness.core.registry.registry import describe_file, history_path
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from harness.core.fixtures.fixture import Fixture

_ENVIRONMENT = Environment({
    "python": "3.11.7", "platform": "Linux-6.1-x86_64", "cpu": "x86_64", "cores": "2", "numpy": "2.4.6",
    "torch": "2.13.0+cpu", "golden-harness": "0.1.0", "xxhash": "3.6.0",
})  # fmt: skip
_BLANK = Entry("file", 4096, f"xxh128:{'0' * 32}", f"sha256:{'0' * 64}", f"sha256:{'0' * 64}")


def register(root: Path, entries: Mapping[str, Entry]) -> None:
    """Write the registry and the history of *entries*, each with one record."""
    records = {path: _record(path, entry) for path, entry in entries.items()}
    recorded = {path: entry._replace(record=record_digest(records[path])) for path, entry in entries.items()}
    (root / "registry.json").write_bytes(encode_registry(Registry(recorded)))
    history_path(Project(root)).write_bytes(append(b"", [_ENVIRONMENT, *records.values()]))


def _record(path: str, entry: Entry) -> Record:
    return Record(
        path=path,
        sha256=entry.sha256,
        at="2026-01-01T00:00:00Z",
        by="A Scientist",
        reason="First golden files of the beam time in January",
        commit="0" * 40,
        dirty=False,
        command="harness add golden",
        environment=record_digest(_ENVIRONMENT),
        previous=None,
    )


def files(root: Path, count: int, size: int) -> list[str]:
    """Write and register *count* files of *size* random bytes; return their paths below *root*."""
    paths, entries = [f"golden/part_{n // 1000:03d}/{n:06d}.bin" for n in range(count)], {}
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(size))
        entries[path] = describe_file(file, "file")
    register(root, entries)
    return paths


def sparse_files(root: Path, count: int, size: int) -> None:
    """Register *count* files of *size* zeros that take no disk."""
    (root / "golden").mkdir(parents=True, exist_ok=True)
    every = [root / "golden" / f"{number:03d}.bin" for number in range(count)]
    for file in every:
        with file.open("wb") as stream:
            stream.truncate(size)
    entry = describe_file(every[0], "file")
    register(root, {f"golden/{file.name}": entry for file in every})


def many_entries(count: int) -> Registry:
    """Return a registry of *count* entries whose files need not be there."""
    names = (f"golden/part_{n // 1000:03d}/{n:06d}.bin" for n in range(count))
    return Registry({name: _BLANK._replace(size=n) for n, name in enumerate(names)})


def fixture(name: str, arrays: Mapping[str, np.ndarray]) -> Fixture:
    """Fixture of *arrays*."""
    return make_fixture(
        name, arrays, generator=Generator("made:up", 1), source=Source("simulated", "xxh128:0")
    )


def record(root: Path, made: Fixture) -> None:
    """Make *made* golden, in a registry of its own."""
    project = Project(root)
    archive, manifest = write_fixture(made, project.golden)
    register(
        root,
        {
            f"golden/{archive.name}": describe_file(archive, "fixture"),
            f"golden/{manifest.name}": describe_file(manifest, "manifest"),
        },
    )
