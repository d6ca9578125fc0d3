"""A manifest's generator, run again in a clean process: new interpreter, new directory, new hash seed.

``python -m harness.core.domain.rerun_generator MANIFEST DIRECTORY [SOURCE]`` writes the fixture it makes into DIRECTORY.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.domain.generators import make_again
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
from harness.core.fixtures.fixture import read_fixture, write_fixture
from harness.core.fixtures.manifest import read_manifest
from harness.core.fixtures.tolerance import Tolerance

if TYPE_CHECKING:
    from harness.core.fixtures.fixture import Fixture

_REFUSED = 3
_REFUSAL = "refusal"
_PASSED_ON = (DependencyError, SourceMissingError)


def remake(manifest: Path, source: Path | None = None) -> Fixture:
    """Fixture that the generator in *manifest* makes today, in a clean process and directory.

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
        If it cannot be imported or called for another reason, or refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = [str(manifest.resolve()), folder, *([str(source.resolve())] if source else [])]
        done = subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", __name__, *arguments],
            cwd=folder,
            env=_clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise _remake_error(manifest, Path(folder), done)
        return read_fixture(next(Path(folder).glob("*.npz")))


def require_repeatable(name: str, fixtures: list[Fixture]) -> None:
    """Raise unless all *fixtures* have the same arrays; name the first that differs, and where."""
    first = fixtures[0]
    for other in fixtures[1:]:
        if other.manifest.digest == first.manifest.digest:
            continue
        names = first.arrays.keys() | other.arrays.keys()
        drift = compare(first.arrays, other.arrays, dict.fromkeys(names, Tolerance()))
        array = next(array for array in drift.arrays if not array.accepted or array.unequal_bits)
        where = next((list(difference.index) for difference in array.differences()), "its bits")
        raise NondeterministicError(
            f"fixture {name!r}, array {array.name!r}",
            expected="the same values from every run of its generator",
            found=f"others, first at {where}, by {array.max_absolute:.3g} at most",
            remedy="Seed every random number and fix every order; then record it.",
        )


def _clean_environment() -> dict[str, str]:
    """The environment with the import path of this process, and a hash seed of its own."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    environment.pop("PYTHONHASHSEED", None)
    return environment


def _remake_error(manifest: Path, folder: Path, done: subprocess.CompletedProcess[str]) -> HarnessError:
    if done.returncode == _REFUSED:
        error = error_from_parts(json.loads((folder / _REFUSAL).read_bytes()))
        if isinstance(error, _PASSED_ON):
            return error
        found = str(error)
    else:
        lines = done.stderr.strip().splitlines()
        found = lines[-1] if lines else f"exit code {done.returncode}"
    return RemakeError(
        f"fixture {manifest.stem!r}",
        expected="a generator that makes it in a clean process",
        found=found,
        remedy="Declare the generator as an importable module:function whose parameters are all recorded.",
    )


def _main(arguments: list[str]) -> int:
    manifest, folder, *source = map(Path, arguments)
    try:
        write_fixture(make_again(read_manifest(manifest), source[0] if source else None), folder)
    except HarnessError as error:
        (Path(folder) / _REFUSAL).write_text(json.dumps(error_to_parts(error)), "utf-8")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
