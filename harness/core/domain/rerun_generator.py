"""Running a manifest's generator again in a new process: new interpreter, new directory, new hash seed.

``python -m harness.core.domain.rerun_generator MANIFEST DIRECTORY [SOURCE]`` writes the fixture to DIRECTORY.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.domain.generators import rerun
from harness.core.domain.sources import find_source
from harness.core.errors import (
    DependencyError,
    HarnessError,
    NondeterministicError,
    RemakeError,
    SourceMissingError,
    error_from_parts,
    error_to_parts,
)
from harness.core.fixtures.compare import compare
from harness.core.fixtures.difference_text import largest_difference
from harness.core.fixtures.fixture import read_fixture, write_fixture
from harness.core.fixtures.manifest import read_manifest
from harness.core.fixtures.tolerance import Tolerance

if TYPE_CHECKING:
    from harness.core.fixtures.fixture import Fixture
    from harness.core.storage.project import Project

_REFUSED = 3
_REFUSAL = "refusal"


def rerun_in_new_process(manifest: Path, source: Path | None = None) -> Fixture:
    """Return the fixture that a manifest's generator makes now, in a new process and an empty directory.

    Parameters
    ----------
    manifest : Path
        The manifest's file.
    source : Path, optional
        The source file, for a generator that reads one.

    Raises
    ------
    SourceMissingError
        If the generator reads a source and none is given.
    DependencyError
        If it needs a package that is not installed.
    RemakeError
        If it cannot be imported or called for another reason, or raises an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = [str(manifest.resolve()), folder, *([str(source.resolve())] if source else [])]
        done = subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", __name__, *arguments],
            cwd=folder,  # so that a generator that depends on the working directory is noticed
            env=_clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise _child_error(manifest, Path(folder), done)
        return read_fixture(next(Path(folder).rglob("*.npz")))


def require_reproducible(project: Project, manifest: Path) -> None:
    """Run a staged fixture's generator twice more, each time in a new process; all three must be the same.

    Parameters
    ----------
    project : Project
        Says where source files are.
    manifest : Path
        The staged manifest; its archive is beside it.

    Raises
    ------
    NondeterministicError
        If any two differ.
    SourceMissingError, DependencyError, RemakeError
        As :func:`rerun_in_new_process`.
    """
    staged = read_fixture(manifest.with_suffix(".npz"))
    source = find_source(project, staged.manifest.source)
    again = [rerun_in_new_process(manifest, source) for _ in range(2)]
    require_identical(staged.name, [staged, *again])


def require_identical(name: str, fixtures: list[Fixture]) -> None:
    """Raise :class:`NondeterministicError` unless all *fixtures* have the same arrays, bit by bit.

    The error names the first array that differs, and the index of its first different element.
    """
    first = fixtures[0]
    for other in fixtures[1:]:
        if other.manifest.digest == first.manifest.digest:
            continue
        names = first.arrays.keys() | other.arrays.keys()
        drift = compare(first.arrays, other.arrays, dict.fromkeys(names, Tolerance()))
        array = next(array for array in drift.arrays if not array.accepted or array.unequal_bits)
        where = next(
            (f"first at {list(item.index)}" for item in array.drifted_elements()), "in single bits only"
        )
        raise NondeterministicError(
            f"fixture {name!r}, array {array.name!r}",
            expected="the same values from every run of its generator",
            found=f"different ones, {where}, {largest_difference(array)}",
            remedy="Seed every random number and fix every order, then record it.",
        )


def _clean_environment() -> dict[str, str]:
    """Environment and import path of this process, but with a new hash seed."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    environment.pop("PYTHONHASHSEED", None)
    return environment


def _child_error(manifest: Path, folder: Path, done: subprocess.CompletedProcess[str]) -> HarnessError:
    """Build the error that the child process reported, or else one with its last line of output."""
    if done.returncode == _REFUSED:
        error = error_from_parts(json.loads((folder / _REFUSAL).read_bytes()))
        # These two say what is missing on this machine; any other error is a fault of the generator.
        if isinstance(error, (DependencyError, SourceMissingError)):
            return error
        found = str(error)
    else:
        lines = done.stderr.strip().splitlines()
        found = lines[-1] if lines else f"exit code {done.returncode}"
    return RemakeError(
        f"fixture {manifest.stem!r}",
        expected="a generator that makes it again in a new process",
        found=found,
        remedy="Declare the generator as an importable module:function, and record all of its parameters.",
    )


def _main(arguments: list[str]) -> int:
    manifest, folder, *source = map(Path, arguments)
    try:
        write_fixture(rerun(read_manifest(manifest), source[0] if source else None), folder)
    except HarnessError as error:
        (folder / _REFUSAL).write_text(json.dumps(error_to_parts(error)), "utf-8")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
