"""Faults between a file and the computation: what is read is not what is stored."""

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

DEAD = 32
"""One pattern in so many is dead: 2 of 64."""


@in_children
@contextmanager
def scaled_twice() -> Iterator[None]:
    """P05: a loader brought the probe to natural units, and so did the code that it gave the probe to."""

    def scaled(experiment: Experiment) -> Experiment:
        return replace(experiment, probe=experiment.probe / experiment.light)

    with _prepared(scaled):
        yield


@in_children
@contextmanager
def last_centre_of_mass() -> Iterator[None]:
    """P09: positions of several files were centred each; a loop left the last file's centre to move all back.

    The files are the first and the second half of the scan. A position that would leave it stays at its edge.
    """
    with _prepared(_centred_on_the_last):
        yield


@in_children
@contextmanager
def nominal_positions() -> Iterator[None]:
    """P10: a loader took the positions that the stage was sent to, though the file has those that it reached.

    Where the file has none of the former, they are those of an even raster.
    """
    with _read(lambda arrays: {**arrays, "xcoords": _nominal(arrays, "x"), "ycoords": _nominal(arrays, "y")}):
        yield


@in_children
@contextmanager
def whole_pixels() -> Iterator[None]:
    """P19: positions were rounded to whole pixels, as indices into the object have to be."""
    with _read(lambda arrays: {**arrays, **{key: np.rint(arrays[key]) for key in ("xcoords", "ycoords")}}):
        yield


@in_children
@contextmanager
def half_precision() -> Iterator[None]:
    """P20: a cache between file and training stored the patterns as float16, to save space."""
    with _read(lambda arrays: {**arrays, "diffraction": arrays["diffraction"].astype(np.float16)}):
        yield


@in_children
@contextmanager
def dead_patterns() -> Iterator[None]:
    """P21: two patterns of 64 came without light, as where a shutter stayed closed or a write failed."""
    with _read(_with_dead):
        yield


@in_children
@contextmanager
def transposed_at_inference() -> Iterator[None]:
    """P22: inference read (N, H, W) patterns by the reader for (H, W, N) ones, which transposes always.

    Where N is H nothing was refused, and the patterns were scrambled.
    """
    from harness.ptycho.pipeline.model import infer
    from harness.ptycho.pipeline.model.experiment import read_experiment

    def read(fixture: Path) -> Experiment:
        with _read(_transposed):
            return read_experiment(fixture)

    with replaced(infer, "read_experiment", read):
        yield


def _read(change: Callable[[Arrays], Arrays]) -> AbstractContextManager[None]:
    """Change the arrays of a fixture when they are read."""
    from harness.core.storage.npz import read_archive
    from harness.ptycho.pipeline.model import experiment

    return replaced(experiment, "read_archive", lambda path: change(read_archive(path)))


def _prepared(change: Callable[[Experiment], Experiment]) -> AbstractContextManager[None]:
    """Change what was made of a fixture after it was read."""
    from harness.ptycho.pipeline.model.experiment import read_experiment

    return replaced_everywhere(read_experiment, lambda fixture: change(read_experiment(fixture)))


def _centred_on_the_last(experiment: Experiment) -> Experiment:
    from harness.ptycho.pipeline.model.forward import Windows

    x, y = (_moved_back(values) for values in (experiment.x, experiment.y))
    windows = Windows.at(
        x - experiment.corner[1],
        y - experiment.corner[0],
        patch=(experiment.probe.shape[0], experiment.probe.shape[1]),
        shape=experiment.windows.shape,
    )
    return replace(experiment, x=x, y=y, windows=windows)


def _moved_back(values: np.ndarray) -> np.ndarray:
    """Centre both halves of *values*, (N,), each by its own mean, and move them back by the last one's."""
    halves = np.array_split(values, 2)
    moved = np.concatenate([half - half.mean() + halves[-1].mean() for half in halves])
    return np.asarray(moved.clip(values.min(), values.max()))


def _nominal(arrays: Arrays, axis: str) -> np.ndarray:
    """Return the nominal positions along *axis*, (N,): the stored ones, or those of an even raster."""
    values = arrays[f"{axis}coords"]
    if f"{axis}coords_start" in arrays:
        return arrays[f"{axis}coords_start"]
    lines = np.array_split(np.argsort(values), round(np.sqrt(len(values))))
    pitch, first = np.polyfit(np.arange(len(lines)), [values[line].mean() for line in lines], 1)
    nominal = np.empty_like(values)
    for number, line in enumerate(lines):
        nominal[line] = first + pitch * number
    return nominal


def _with_dead(arrays: Arrays) -> Arrays:
    patterns = arrays["diffraction"].copy()
    patterns[DEAD // 2 :: DEAD] = 0
    return {**arrays, "diffraction": patterns}


def _transposed(arrays: Arrays) -> Arrays:
    moved = np.moveaxis(arrays["diffraction"], -1, 0)
    return {**arrays, "diffraction": np.ascontiguousarray(moved)}
