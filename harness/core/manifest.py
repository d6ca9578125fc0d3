"""What a fixture is and how it was made, as deterministic JSON.

The same source, parameters and code version give the same bytes: no dates, hosts or paths are in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.digest import combine_digests, digest_array
from harness.core.document import decode_document, encode_document, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    import numpy as np

SCHEMA = 1


class ArraySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shape, dtype and content digest of one array."""

    shape: tuple[int, ...]
    dtype: str
    digest: str


class Generator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The call that makes a fixture: ``module:function``, its version, its parameters."""

    call: str
    version: int
    parameters: dict[str, Any] = {}


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a fixture was made from: a file's name without its directory, or ``simulated``, and its digest."""

    name: str
    digest: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fixture's description; ``digest`` is the digest of all its arrays together.

    Attributes
    ----------
    transformations : tuple of str
        What was done to the source's arrays, in order, ``"diffraction: float64 -> float32"``.
    checks : dict of str to float
        What was measured before the fixture was accepted.
    """

    schema: int
    name: str
    digest: str
    arrays: dict[str, ArraySpec]
    generator: Generator
    source: Source
    transformations: tuple[str, ...] = ()
    checks: dict[str, int | float] = {}  # a count is still one when it is read back


def describe_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, ArraySpec]:
    """Shape, dtype and digest of every array."""
    return {
        name: ArraySpec(shape=tuple(array.shape), dtype=array.dtype.name, digest=digest_array(array))
        for name, array in sorted(arrays.items())
    }


def set_digest(specs: Mapping[str, ArraySpec]) -> str:
    """Digest of all arrays together."""
    return combine_digests({name: spec.digest for name, spec in specs.items()})


def encode_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON of *manifest*."""
    return encode_document(manifest)


def decode_manifest(data: bytes, *, name: str) -> Manifest:
    """Manifest from JSON; *name* is what an error calls it."""
    return decode_document(data, Manifest, name=name, schema=SCHEMA)


def read_manifest(path: str | PathLike[str]) -> Manifest:
    """Manifest from a file; raises as :func:`harness.core.document.decode_document`."""
    return read_document(path, Manifest, schema=SCHEMA)


def manifest_differences(expected: Manifest, found: Manifest) -> list[str]:
    """In what two manifests differ beside their arrays' digests, a line each.

    Checks are measurements: they are compared to three digits, or to 1e-9 where they measure rounding alone,
    and all else exactly.
    """
    lines = [
        f"manifest {key}: expected {one!r}, found {other!r}"
        for key, one, other in _pairs(expected, found)
        if one != other
    ]
    names = sorted(expected.checks.keys() | found.checks.keys())
    checks = [(name, expected.checks.get(name), found.checks.get(name)) for name in names]
    return lines + [
        f"manifest checks.{name}: expected {one}, found {other}"
        for name, one, other in checks
        if not _alike(one, other)
    ]


def _pairs(expected: Manifest, found: Manifest) -> Iterator[tuple[str, Any, Any]]:
    """What two manifests say under each key that has to be equal."""
    for key in ("name", "transformations"):
        yield key, getattr(expected, key), getattr(found, key)
    for part in ("generator", "source"):
        one, other = getattr(expected, part), getattr(found, part)
        for key in one.__struct_fields__:
            yield f"{part}.{key}", getattr(one, key), getattr(other, key)


def _alike(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-9)
