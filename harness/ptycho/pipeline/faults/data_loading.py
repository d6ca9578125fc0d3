"""Faults of reading a fixture: the computation gets other values than the file holds."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.pipeline.inject import in_children, replaced, replaced_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from harness.ptycho.pipeline.model.experiment import Experiment

    Arrays = dict[str, np.ndarray]

PATTERNS_PER_DEAD = 32
"""One pattern in so many is dead: 2 of 64."""


@in_children
@contextmanager
def scaled_twice() -> Iterator[None]:
    """P05: both the loader and the code that called it divided the probe by its scale."""

    def scaled_again(experiment: Experiment) -> Experiment:
        return replace(experiment, probe=experiment.probe / experiment.probe_scale)

    with _changed_experiment(scaled_again):
        yield


@in_children
@contextmanager
def last_centre_of_mass() -> Iterator[None]:
    """P09: positions of several files were each centred, then all moved back by the last file's centre.

    The two files are the first and the second half of the scan. A position that would leave the scan's range
    is set to its edge.
    """
    with _changed_experiment(lambda experiment: _moved(experiment, _centred_by_last_half)):
        yield


@in_children
@contextmanager
def nominal_positions() -> Iterator[None]:
    """P10: the loader used the nominal positions, although the file also has the true ones.

    If the file has no nominal positions, those of a regular raster are used.
    """
    with _changed_arrays(
        lambda arrays: {**arrays, "xcoords": _nominal(arrays, "x"), "ycoords": _nominal(arrays, "y")}
    ):
        yield


@in_children
@contextmanager
def whole_pixels() -> Iterator[None]:
    """P19: positions were rounded to whole pixels, to be used as indices into the object."""
    with _changed_arrays(
        lambda arrays: {**arrays, **{key: np.rint(arrays[key]) for key in ("xcoords", "ycoords")}}
    ):
        yield


@in_children
@contextmanager
def half_precision() -> Iterator[None]:
    """P20: a cache between file and training stored the patterns as float16 to save space."""
    with _changed_arrays(lambda arrays: {**arrays, "diffraction": arrays["diffraction"].astype(np.float16)}):
        yield


@in_children
@contextmanager
def dead_patterns() -> Iterator[None]:
    """P21: two patterns of 64 are all zero, as after a closed shutter or a failed write."""
    with _changed_arrays(_with_dead_patterns):
        yield


@in_children
@contextmanager
def transposed_at_inference() -> Iterator[None]:
    """P22: inference read (N, H, W) patterns with a reader for (H, W, N), which always transposes.

    If N equals H the shapes still match, so no error is raised and the patterns are scrambled.
    """
    from harness.ptycho.pipeline.model import infer
    from harness.ptycho.pipeline.model.experiment import read_experiment

    def read(fixture: Path) -> Experiment:
        with _changed_arrays(_transposed):
            return read_experiment(fixture)

    with replaced(infer, "read_experiment", read):
        yield


@in_children
@contextmanager
def half_pixel_snapping() -> Iterator[None]:
    """P23: the first pixel of a window, which lies between two pixels, was rounded half to even.

    pty-chi 2.1 and 2.2 did this for patches with an even number of pixels around whole-numbered centres:
    windows began at 28, 30, 30, 32, 32 instead of 28.5, 29.5, 30.5, so each patch was half a pixel off, one
    way or the other. Centres between pixels were read correctly there. Here the whole part of every centre is
    snapped so, and the fraction is kept, so that a scan with any coordinates has the fault.
    """
    with _changed_experiment(lambda experiment: _moved(experiment, _snapped)):
        yield


def _changed_arrays(change: Callable[[Arrays], Arrays]) -> AbstractContextManager[None]:
    """Apply *change* to the arrays of every fixture that is read."""
    from harness.core.storage.npz import read_archive
    from harness.ptycho.pipeline.model import experiment

    return replaced(experiment, "read_archive", lambda path: change(read_archive(path)))


def _changed_experiment(change: Callable[[Experiment], Experiment]) -> AbstractContextManager[None]:
    """Apply *change* to the experiment that is made of every fixture that is read."""
    from harness.ptycho.pipeline.model.experiment import read_experiment

    return replaced_everywhere(read_experiment, lambda fixture: change(read_experiment(fixture)))


def _moved(experiment: Experiment, move: Callable[[np.ndarray], np.ndarray]) -> Experiment:
    """Return the experiment with positions, (N,) along each axis, as *move* returns them."""
    from harness.ptycho.pipeline.model.forward import Windows

    x, y = (move(values) for values in (experiment.x, experiment.y))
    windows = Windows.centred_at(
        x - experiment.corner[1],
        y - experiment.corner[0],
        patch=(experiment.probe.shape[0], experiment.probe.shape[1]),
        shape=experiment.windows.shape,
    )
    return replace(experiment, x=x, y=y, windows=windows)


def _snapped(values: np.ndarray) -> np.ndarray:
    """Return *values*, (N,), half a pixel off: to the side on which the window's first pixel is even.

    A position that would leave the scan's range is set to its edge.
    """
    between = np.floor(values) + 0.5
    return np.asarray((values + np.rint(between) - between).clip(values.min(), values.max()))


def _centred_by_last_half(values: np.ndarray) -> np.ndarray:
    """Return *values*, (N,): each half centred by its own mean, and moved back by the last half's mean."""
    halves = np.array_split(values, 2)
    moved = np.concatenate([half - half.mean() + halves[-1].mean() for half in halves])
    return np.asarray(moved.clip(values.min(), values.max()))


def _nominal(arrays: Arrays, axis: str) -> np.ndarray:
    """Return the nominal positions along *axis*, (N,): the stored ones, or those of a regular raster."""
    values = arrays[f"{axis}coords"]
    if f"{axis}coords_start" in arrays:
        return arrays[f"{axis}coords_start"]
    # A square raster has sqrt(N) lines; a straight line through their means gives its origin and pitch.
    lines = np.array_split(np.argsort(values), round(np.sqrt(len(values))))
    pitch, first = np.polyfit(np.arange(len(lines)), [values[line].mean() for line in lines], 1)
    nominal = np.empty_like(values)
    for number, line in enumerate(lines):
        nominal[line] = first + pitch * number
    return nominal


def _with_dead_patterns(arrays: Arrays) -> Arrays:
    patterns = arrays["diffraction"].copy()
    patterns[PATTERNS_PER_DEAD // 2 :: PATTERNS_PER_DEAD] = 0
    return {**arrays, "diffraction": patterns}


def _transposed(arrays: Arrays) -> Arrays:
    moved = np.moveaxis(arrays["diffraction"], -1, 0)
    return {**arrays, "diffraction": np.ascontiguousarray(moved)}
