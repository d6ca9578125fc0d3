"""Find recorded parameters that no array depends on: change each number slightly and make the fixture again.

A number is inert if no change of it, up or down, changes a digest: a photon count, for example, that the
manifest records and the generator ignores.
"""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.errors import RemakeError
from harness.core.fixtures.manifest import encode_manifest
from harness.core.rerun.reproducible import rerun_in_new_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.fixtures.manifest import Manifest

STEP = 1e-3
"""Relative change of a float; an integer is changed by one."""

KeyPath = tuple[str | int, ...]
"""Keys and indices of a number in nested parameters."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One recorded number, whether the arrays depend on it, and how that was found out."""

    name: str
    value: float
    live: bool
    why: str


def examine_parameters(
    manifest: Manifest, digest: str, source: Path | None = None, *, root: Path
) -> tuple[Parameter, ...]:
    """Change each recorded number of a deterministic generator, and see whether an array changes.

    A number is increased first. If the generator refuses that, or it changes nothing, the number is
    decreased. If both are refused the number is live, because the generator distinguishes it from its
    neighbours.

    Parameters
    ----------
    manifest : Manifest
    digest : str
        Content digest of the arrays that the generator makes today from the recorded parameters.
    source : Path, optional
        The source file, if the generator reads one.
    root : Path
        The project's root.

    Raises
    ------
    SourceMissingError, DependencyError
        As :func:`harness.core.rerun.reproducible.rerun_in_new_process`.
    """
    return tuple(
        _examine_one(manifest, keys, value, digest, lambda changed: _digest_of(changed, source, root))
        for keys, value in _numbers(manifest.generator.parameters)
    )


def _examine_one(
    manifest: Manifest, keys: KeyPath, value: float, digest: str, digest_of: Callable[[Manifest], str]
) -> Parameter:
    refusals, unchanged = [], []
    for neighbour in _neighbours(value):
        try:
            found = digest_of(_with_number(manifest, keys, neighbour))
        except RemakeError as error:
            refusals.append(f"{neighbour!r} is refused: {error.found}")
            continue
        if found != digest:
            return Parameter(_name(keys), value, live=True, why=f"{neighbour!r} makes other arrays")
        unchanged.append(repr(neighbour))
    if not unchanged:
        return Parameter(_name(keys), value, live=True, why="; ".join(refusals))
    made = f"{unchanged[0]} makes" if len(unchanged) == 1 else f"{' and '.join(unchanged)} make"
    why = "; ".join([f"{made} the same arrays", *refusals])
    return Parameter(_name(keys), value, live=False, why=why)


def _with_number(manifest: Manifest, keys: KeyPath, value: float) -> Manifest:
    """The manifest with one recorded number changed."""
    parameters = copy.deepcopy(manifest.generator.parameters)
    holder: Any = parameters
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    generator = msgspec.structs.replace(manifest.generator, parameters=parameters)
    return msgspec.structs.replace(manifest, generator=generator)


def _digest_of(manifest: Manifest, source: Path | None, root: Path) -> str:
    """Content digest of the arrays that the generator of *manifest* makes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "changed.json"
        path.write_bytes(encode_manifest(manifest))
        return rerun_in_new_process(path, source, root=root).manifest.digest


def _numbers(value: Any, keys: KeyPath = ()) -> Iterator[tuple[KeyPath, float]]:
    """Every number in nested parameters, with its keys and indices."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield keys, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, (*keys, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _numbers(item, (*keys, index))


def _neighbours(value: float) -> tuple[float, float]:
    if isinstance(value, int):
        return value + 1, value - 1
    step = abs(value) * STEP or STEP
    return value + step, value - step


def _name(keys: KeyPath) -> str:
    """A number's keys and indices as one name: ``noise.sigma`` or ``sizes[1]``."""
    parts = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return "".join(parts).removeprefix(".")
