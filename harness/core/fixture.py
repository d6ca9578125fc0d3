"""Named arrays and their manifest, as one frozen value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from harness.core.archive import read_archive, write_archive
from harness.core.document import replace_file
from harness.core.errors import UnreadableError, UsageError
from harness.core.files import make_directory, writing_to
from harness.core.manifest import (
    SCHEMA,
    Generator,
    Manifest,
    Source,
    decode_manifest,
    describe_arrays,
    encode_manifest,
    read_manifest,
    set_digest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Fixture:
    """What a generator emits.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        Read-only.
    manifest : Manifest
        Describes exactly these arrays; :func:`make_fixture` sees to it.
    """

    arrays: Mapping[str, np.ndarray]
    manifest: Manifest

    @property
    def name(self) -> str:
        """The fixture's name, as in ``golden/<name>.npz``."""
        return self.manifest.name


def make_fixture(  # noqa: PLR0913 - a manifest has these parts, and all are named by the caller
    name: str,
    arrays: Mapping[str, np.ndarray],
    *,
    generator: Generator,
    source: Source,
    transformations: Sequence[str] = (),
    checks: Mapping[str, float] = MappingProxyType({}),
) -> Fixture:
    """Describe *arrays* and freeze both. The manifest is as it will be read back.

    Parameters
    ----------
    name : str
        Letters, digits, ``_`` and ``-``: a file's name. A dot separates a baseline's pipeline from it.
    arrays : mapping of str to ndarray
        Any shapes and plain dtypes; copied.
    generator, source, transformations, checks
        As in :class:`~harness.core.manifest.Manifest`.

    Raises
    ------
    UsageError
        If the name is no file name, an array's dtype is not a plain one, or a parameter or check has no place
        in JSON: neither number, text, list nor table, or not finite.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"fixture {name!r}",
            expected="a name of letters, digits, _ and -",
            found=repr(name),
            remedy="Rename the fixture.",
        )
    specs = describe_arrays(arrays)
    manifest = Manifest(
        schema=SCHEMA,
        name=name,
        digest=set_digest(specs),
        arrays=specs,
        generator=generator,
        source=source,
        transformations=tuple(transformations),
        checks=dict(checks),
    )
    return Fixture(_frozen(arrays), decode_manifest(encode_manifest(manifest), name=name))


def write_fixture(fixture: Fixture, directory: str | PathLike[str]) -> tuple[Path, Path]:
    """Write ``<name>.npz`` and its manifest ``<name>.json`` into *directory*; return both paths."""
    folder = Path(directory)
    make_directory(folder)
    archive, manifest = folder / f"{fixture.name}.npz", folder / f"{fixture.name}.json"
    staged = archive.with_suffix(".npz.tmp")
    try:
        write_archive(staged, fixture.arrays)
        replace_file(manifest, encode_manifest(fixture.manifest))
        with writing_to(archive):
            staged.replace(archive)
    finally:
        staged.unlink(missing_ok=True)
    return archive, manifest


def read_fixture(path: str | PathLike[str]) -> Fixture:
    """Fixture from ``<name>.npz`` and the manifest beside it.

    Raises
    ------
    UnreadableError
        If either file is missing or damaged, or the manifest describes other arrays.
    """
    arrays = read_archive(path)
    manifest = read_manifest(Path(path).with_suffix(".json"))
    require_described(path, arrays, manifest)
    return Fixture(_frozen(arrays), manifest)


def require_described(
    path: str | PathLike[str], arrays: Mapping[str, np.ndarray], manifest: Manifest
) -> None:
    """Raise :class:`UnreadableError` unless *manifest* describes exactly *arrays*."""
    found, told = describe_arrays(arrays), manifest.arrays
    differing = sorted(name for name in found.keys() | told.keys() if found.get(name) != told.get(name))
    if not differing and set_digest(told) == manifest.digest:
        return
    raise UnreadableError(
        str(path),
        expected="the arrays that its manifest describes",
        found=f"others in {', '.join(differing) or 'the digest of all'}",
        remedy="Generate both files again, together.",
    )


def _frozen(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    copies = {name: np.array(arrays[name]) for name in sorted(arrays)}
    for copy in copies.values():
        copy.flags.writeable = False
    return MappingProxyType(copies)
