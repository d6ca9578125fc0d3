"""Faults of registries and golden files that happened in real projects (R01 to R08), for a scratch copy.

Each function changes the :class:`~harness.core.storage.project.Project` it is given in place. If the harness
refuses to make the fault (recording in CI, for example), the error is raised and counts as a detection.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from harness.core.domain.interface import Fault
from harness.core.errors import RefusedError
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import encode_manifest, read_manifest
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged, staging_directory
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.golden_names import fixtures, manifest_of
from harness.core.registry.registry import describe_file, read_registry
from harness.core.storage import atomic as files
from harness.core.storage.atomic import replace_file
from harness.core.storage.npz import read_archive, write_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.core.fixtures.fixture import Fixture
    from harness.core.recording.plan import Change
    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project


def one_byte(project: Project) -> None:
    """R01: a disk error or a careless edit changed one byte of a golden archive."""
    archive = first_archive(project)
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)


def edited_manifest(project: Project) -> None:
    """R02: a number in a manifest was edited by hand; the arrays did not change."""
    path = manifest_of(first_archive(project))
    manifest = read_manifest(path)
    generator = msgspec.structs.replace(manifest.generator, version=manifest.generator.version + 1)
    replace_file(path, encode_manifest(msgspec.structs.replace(manifest, generator=generator)))


def edited_registry(project: Project) -> None:
    """R03: arrays were changed, and the manifest and registry entry edited to match."""
    archive = first_archive(project)
    write_fixture(_changed(archive), project.golden)  # its name may have directories
    registry = read_registry(project.registry)
    entries = dict(registry.entries)
    for path in (archive, manifest_of(archive)):
        entry = entries[project.relative(path)]
        entries[project.relative(path)] = describe_file(path, entry.kind, entry.record)
    replace_file(project.registry, encode_registry(Registry(entries)))


def missing_archive(project: Project) -> None:
    """R04: a golden archive was never pushed, or a clean-up deleted it."""
    first_archive(project).unlink()


def unregistered_archive(project: Project) -> None:
    """R05: a golden file was copied in beside the others and never registered."""
    write_archive(project.golden / "unregistered.npz", {"values": np.arange(4.0)})


def without_reason(project: Project) -> None:
    """R06: golden files were re-recorded without a reason."""
    commit(project, _plan_changed(project), reason="", command="pytest --force-regen")


def in_ci(project: Project) -> None:
    """R06: a CI job recorded golden files that it should have compared with."""
    file = project.golden / "stray.npz"
    write_archive(file, {"values": np.arange(4.0)})
    command = [sys.executable, "-m", "harness", "add", str(file), "--reason", "CI", "--root"]
    done = subprocess.run(  # noqa: S603 - this interpreter, our own verb
        [*command, str(project.root)],
        env={**os.environ, "CI": "true", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    file.unlink()
    if done.returncode:
        found = done.stderr.strip().splitlines()[-1].removeprefix("harness: ")
        raise RefusedError("harness add", expected="recorded files", found=found, remedy="", message=found)


def truncated_archive(project: Project) -> None:
    """R07: a download of a golden archive was cut off."""
    archive = first_archive(project)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])


def half_registry(project: Project) -> None:
    """R07: a process was killed while it wrote the registry in place."""
    data = project.registry.read_bytes()
    project.registry.write_bytes(data[: len(data) // 2])


def interrupted(project: Project) -> None:
    """R07: the machine went down in the middle of a recording."""
    changes = _plan_changed(project)
    with contextlib.suppress(KeyboardInterrupt), _interrupted_at(files, "remove"):
        commit(project, changes, reason="a finer mesh", command="pytest --force-regen")


def repacked(project: Project) -> None:
    """R08: the same arrays were repacked with another zlib: the bytes differ, the arrays do not."""
    archive = first_archive(project)
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in reversed(old.namelist())}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name, data in members.items():
            new.writestr(name, data)


def first_archive(project: Project) -> Path:
    """Path of the first golden fixture's archive.

    Raises
    ------
    RefusedError
        If the project has no golden fixture.
    """
    archive = next(fixtures(project), None)
    if archive is None:
        raise RefusedError(
            "registry.json",
            expected="a golden fixture to inject faults into",
            found="none",
            remedy="Record one first.",
        )
    return archive


def _changed(archive: Path) -> Fixture:
    """The fixture of a golden archive, with one number changed."""
    manifest = read_manifest(manifest_of(archive))
    return make_fixture(
        manifest.name,
        _with_one_number_changed(read_archive(archive)),
        generator=manifest.generator,
        source=manifest.source,
        transformations=manifest.transformations,
        checks=manifest.checks,
    )


def _plan_changed(project: Project) -> tuple[Change, ...]:
    """Plan that records a changed fixture, archive and manifest."""
    archive = first_archive(project)
    kinds: tuple[Kind, ...] = ("fixture", "manifest")
    made = write_fixture(_changed(archive), staging_directory(project))
    staged = [
        Staged(project.relative(archive.with_suffix(path.suffix)), kind, path)
        for kind, path in zip(kinds, made, strict=True)
    ]
    return plan(project, staged)


def _with_one_number_changed(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays, with one number of the largest array changed by a tenth."""
    name = max(arrays, key=lambda key: arrays[key].nbytes)
    changed = arrays[name].copy()
    index = np.unravel_index(int(np.argmax(np.abs(changed))), changed.shape)
    changed[index] = changed[index] * 9 // 10 if changed.dtype.kind in "iu" else changed[index] * 0.9
    return {**arrays, name: changed}


@contextlib.contextmanager
def _interrupted_at(module: Any, name: str) -> Iterator[None]:
    """Raise KeyboardInterrupt when *module* calls its function *name*, as a signal would."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = getattr(module, name)
    setattr(module, name, interrupt)
    try:
        yield
    finally:
        setattr(module, name, before)


FAULTS = (
    Fault("R01", "one byte of a golden file changed", "repository", one_byte),
    Fault("R02", "manifest edited by hand", "repository", edited_manifest),
    Fault("R03", "registry entry edited to match a tampered file", "repository", edited_registry),
    Fault("R04", "golden file missing", "repository", missing_archive),
    Fault("R05", "golden file that is not registered", "repository", unregistered_archive),
    Fault("R06", "recording without a reason", "repository", without_reason),
    Fault("R06b", "recording in CI", "repository", in_ci),
    Fault("R07", "truncated golden file", "repository", truncated_archive),
    Fault("R07b", "half-written registry", "repository", half_registry),
    Fault("R07c", "interrupted recording", "repository", interrupted),
    Fault("R08", "same arrays, other zip bytes: no drift", "repository", repacked, harmless=True),
)
"""All faults of repositories, sorted by id."""
