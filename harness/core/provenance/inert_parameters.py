"""Does every recorded number matter? Each is changed slightly, and the fixture made again.

A parameter that leaves every digest as it is, whichever way it goes, is inert: the manifest says of the
arrays what is not so, a photon count that nothing uses.
"""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.domain.rerun_generator import remake
from harness.core.errors import RemakeError
from harness.core.fixtures.manifest import encode_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.fixtures.manifest import Manifest

STEP = 1e-3
"""How far a float is changed, of its own magnitude; an integer is changed by one."""

Place = tuple[str | int, ...]
"""Keys and indices that lead to a number in nested parameters."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One recorded number, whether the arrays depend on it, and what says so."""

    name: str
    value: float
    live: bool
    why: str


def examine(manifest: Manifest, digest: str, source: Path | None = None) -> tuple[Parameter, ...]:
    """Change each recorded number of a repeatable generator, and see whether an array changes.

    A number goes up first. Where that is refused or changes nothing it goes down. Where both are refused it
    is live: the generator tells it from its neighbours.

    Parameters
    ----------
    manifest : Manifest
    digest : str
        Content digest of what the generator makes of the recorded parameters today.
    source : Path, optional
        The source file, for a generator that reads one.

    Raises
    ------
    SourceMissingError, DependencyError
        As :func:`harness.core.domain.rerun_generator.remake`.
    """
    return tuple(
        _examine_one(manifest, place, value, digest, source)
        for place, value in _numbers(manifest.generator.parameters)
    )


def _examine_one(
    manifest: Manifest, place: Place, value: float, digest: str, source: Path | None
) -> Parameter:
    refusals, unchanged = [], []
    for neighbour in _neighbours(value):
        try:
            found = _digest_with(manifest, place, neighbour, source)
        except RemakeError as error:
            refusals.append(f"{neighbour!r} is refused: {error.found}")
            continue
        if found != digest:
            return Parameter(_name(place), value, live=True, why=f"{neighbour!r} makes other arrays")
        unchanged.append(repr(neighbour))
    if not unchanged:
        return Parameter(_name(place), value, live=True, why="; ".join(refusals))
    made = f"{unchanged[0]} makes" if len(unchanged) == 1 else f"{' and '.join(unchanged)} make"
    why = "; ".join([f"{made} the same arrays", *refusals])
    return Parameter(_name(place), value, live=False, why=why)


def _digest_with(manifest: Manifest, place: Place, value: float, source: Path | None) -> str:
    """Content digest of what the generator makes with one number changed."""
    parameters = copy.deepcopy(manifest.generator.parameters)
    holder: Any = parameters
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    generator = msgspec.structs.replace(manifest.generator, parameters=parameters)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{manifest.name}.json"
        path.write_bytes(encode_manifest(msgspec.structs.replace(manifest, generator=generator)))
        return remake(path, source).manifest.digest


def _numbers(value: Any, place: Place = ()) -> Iterator[tuple[Place, float]]:
    """Every number in nested parameters, with its place."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _numbers(item, (*place, index))


def _neighbours(value: float) -> tuple[float, float]:
    if isinstance(value, int):
        return value + 1, value - 1
    step = abs(value) * STEP or STEP
    return value + step, value - step


def _name(place: Place) -> str:
    """A number's place as Python writes it, ``noise.sigma`` or ``sizes[1]``."""
    parts = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
    return "".join(parts).removeprefix(".")
