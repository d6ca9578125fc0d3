"""Named arrays under the keys of the dataset contract, made of a content and made into one.

A container only has to store them; what they mean, and in which axis order they are, is decided here.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import RefusedError
from harness.core.fixtures.manifest import Source
from harness.ptycho.files.canonical.partial import partial_content
from harness.ptycho.files.content import LAYERS, MASKS, MODES, Content
from harness.ptycho.files.geometry import Geometry
from harness.ptycho.files.npz import NEEDED, scan_of_arrays
from harness.ptycho.scan.rules import BAD_PIXELS, RULES, STACKS
from harness.ptycho.scan.scan import KEYS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from harness.ptycho.files.format import Reading

ARRAYS = frozenset({*KEYS, LAYERS, MODES, MASKS})
"""Parts of a content that any container of named arrays can store."""

LENGTHS = tuple(one.name for one in fields(Geometry))
"""Names of the lengths, which are stored as attributes where a container has them."""

GEOMETRY = frozenset(f"geometry.{name}" for name in LENGTHS)
SEVERAL = 3
"""Axes of an object with layers, and of a probe with modes."""

_SINGLE = {"objectGuess": "(1, M, M')", "probeGuess": "(1, H, W)"}


def is_canonical(names: Collection[str]) -> bool:
    """Return whether arrays of these names are a scan under the contract's keys, or a part of one.

    Patterns under their old name, ``diff3d``, are PtychoPINN's (:mod:`harness.ptycho.files.ptychopinn`).

    Examples
    --------
    >>> is_canonical({"diffraction", "xcoords"}), is_canonical({"diff3d", "xcoords"}), is_canonical({"image"})
    (True, False, False)
    """
    there = set(names)
    if "diffraction" in there:
        return "photon_energy_eV" not in there  # that marks harness.ptycho.files.ptychodus.slac
    return "diff3d" not in there and {"objectGuess", "probeGuess"} <= there


def arrays_of(content: Content) -> dict[str, np.ndarray]:
    """Return what a content has, under the contract's keys; a single mode or layer without an axis for it.

    Raises
    ------
    RefusedError
        The content has neither patterns nor an object with its probe: no reader would recognise the file.

    Examples
    --------
    >>> probe = np.ones((1, 4, 4), np.complex64)
    >>> sorted((key, a.shape) for key, a in arrays_of(Content(probe=probe, object=probe)).items())
    [('objectGuess', (4, 4)), ('probeGuess', (4, 4))]
    """
    arrays = {key: array for part, key in KEYS.items() if (array := getattr(content, part)) is not None}
    if not is_canonical(arrays):
        raise RefusedError(
            "diffraction",
            expected="patterns, or an object with its probe",
            found=", ".join(sorted(arrays)) or "neither",
            remedy="Convert a file that has them.",
        )
    return {key: _single(key, array) for key, array in arrays.items()}


def _single(key: str, array: np.ndarray) -> np.ndarray:
    return array[0] if key in _SINGLE and len(array) == 1 else array


def content_of(
    name: str,
    arrays: Mapping[str, np.ndarray],
    reading: Reading,
    *,
    geometry: Geometry | None = None,
    left_out: tuple[str, ...] = (),
) -> Content:
    """Return the content that named arrays of a file hold.

    Parameters
    ----------
    name : str
        The file's name, which every error begins with.
    arrays : mapping of str to ndarray
        Under the keys of the contract, or their older names. ``probeGuess`` may be (modes, H, W) and
        ``objectGuess`` (layers, M, M').
    reading : Reading
        Its ``axes`` is the order of the diffraction's axes; see :func:`harness.ptycho.files.npz.read_scan`.
    geometry : Geometry, optional
    left_out : tuple of str
        What the file has besides.

    Raises
    ------
    UnreadableError, RefusedError, UsageError
        As :func:`harness.ptycho.files.npz.read_scan`.

    Examples
    --------
    >>> from harness.ptycho.files.format import Reading
    >>> from harness.ptycho.scan.simulate import simulate
    >>> arrays = simulate(positions=16, detector=32, step=6.0).arrays()
    >>> content_of("scan.h5", arrays, Reading()).probe.shape
    (1, 32, 32)
    """
    arrays, notes = _without_single_axes(arrays)
    if _is_complete(arrays):
        scan = scan_of_arrays(name, arrays, source=Source(name, ""), axes=reading.axes, transformations=notes)
        parts: dict[str, Any] = {part: getattr(scan, part) for part in KEYS}
        parts |= {"object": scan.object[np.newaxis], "probe": scan.probe[np.newaxis]}
        content = Content(**parts, transformations=scan.transformations)
    else:
        content = partial_content(name, arrays, reading.axes, notes)
    others = sorted(arrays.keys() - RULES.keys() - {BAD_PIXELS})
    notes = tuple(n for n in content.transformations if n not in {f"{key}: left out" for key in others})
    return replace(
        content, geometry=geometry or Geometry(), transformations=notes, left_out=(*others, *left_out)
    )


def _without_single_axes(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return the arrays with a single mode or layer as (H, W), and notes of those that had an axis for it."""
    single = [key for key in _SINGLE if key in arrays and arrays[key].shape[:-2] == (1,)]
    notes = tuple(f"{key}: axes {_SINGLE[key]} -> {_SINGLE[key].replace('1, ', '')}" for key in single)
    return {key: array[0] if key in single else array for key, array in arrays.items()}, notes


def _is_complete(arrays: Mapping[str, np.ndarray]) -> bool:
    """Return whether the arrays are a whole scan of one mode and one layer."""
    has_others = all(key in arrays for key in NEEDED if key != "diffraction")
    has_patterns = any(key in arrays for key in STACKS)
    return has_others and has_patterns and all(arrays[key].ndim != SEVERAL for key in _SINGLE)
