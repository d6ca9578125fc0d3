"""Faults of the stored object; patterns, probe and positions stay."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault, counts_of, with_counts
from second_simulator.objects import strong_phase, voronoi
from second_simulator.physics import intensities


def _changed(change):
    def inject(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
        return {
            **arrays,
            "objectGuess": np.ascontiguousarray(change(arrays["objectGuess"]), dtype=np.complex64),
        }

    return inject


def _square(change):
    """Return a fault of an object that is first padded to a square, so that it may be turned."""

    def padded(obj: np.ndarray) -> np.ndarray:
        turned = change(obj)
        return turned if turned.shape == obj.shape else _fitted(turned, obj.shape)

    return _changed(padded)


def _fitted(obj: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return *obj* cropped or repeated at its edges to *shape*, about its centre."""
    rows, columns = (
        np.clip(np.arange(n) + (m - n) // 2, 0, m - 1) for n, m in zip(shape, obj.shape, strict=True)
    )
    return obj[np.ix_(rows, columns)]


def another_object(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """The object of another scan."""
    make = strong_phase if rng.uniform() < 0.5 else voronoi
    return {**arrays, "objectGuess": make(rng, arrays["objectGuess"].shape).astype(np.complex64)}


def moved(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The object was clipped to another frame: it begins *size* rows later and a column earlier."""
    return {**arrays, "objectGuess": np.roll(arrays["objectGuess"], (-int(size), 1), (0, 1))}


def illuminated_twice(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """Exit waves were used as object patches, and illuminated again."""
    counts, unit = counts_of(arrays)
    twice = arrays["probeGuess"].astype(np.complex128) ** 2
    light = intensities(
        twice[None], arrays["objectGuess"].astype(np.complex128), arrays["xcoords"], arrays["ycoords"]
    )
    light *= counts.sum() / light.sum()
    return with_counts(arrays, rng.poisson(light).astype(np.float64), unit)


def optical_depth(obj: np.ndarray) -> np.ndarray:
    """Return the logarithm of the transmission instead of the transmission."""
    return np.log(np.maximum(np.abs(obj), 1e-3)) + 1j * np.angle(obj)


_OBJECT = r"object"

FAULTS = (
    ScanFault("object conjugated", "object", _changed(np.conj), _OBJECT),
    ScanFault("object transposed", "object", _square(np.transpose), _OBJECT + r"|x and y"),
    ScanFault(
        "object mirrored left to right", "object", _changed(lambda o: o[:, ::-1]), _OBJECT + r"|mirror"
    ),
    ScanFault("object mirrored top to bottom", "object", _changed(lambda o: o[::-1]), _OBJECT + r"|mirror"),
    ScanFault(
        "object turned by 180 degrees", "object", _changed(lambda o: o[::-1, ::-1]), _OBJECT + r"|mirror"
    ),
    ScanFault("object turned by 90 degrees", "object", _square(np.rot90), _OBJECT),
    ScanFault("amplitude of the object alone", "object", _changed(np.abs), _OBJECT),
    ScanFault("phase of the object alone", "object", _changed(lambda o: np.exp(1j * np.angle(o))), _OBJECT),
    ScanFault(
        "phase of the object in turns",
        "object",
        _changed(lambda o: np.abs(o) * np.exp(1j * np.angle(o) / (2 * np.pi))),
        _OBJECT,
    ),
    ScanFault(
        "real and imaginary part exchanged", "object", _changed(lambda o: o.imag + 1j * o.real), _OBJECT
    ),
    ScanFault("optical depth of the object", "object", _changed(optical_depth), _OBJECT),
    ScanFault(
        "inverse of the object", "object", _changed(lambda o: 1 / np.where(np.abs(o) < 0.2, 0.2, o)), _OBJECT
    ),
    ScanFault("a flat object", "object", _changed(np.ones_like), _OBJECT),
    ScanFault("the object of another scan", "object", another_object, _OBJECT),
    ScanFault(
        "object in another frame", "object", moved, _OBJECT + r"|offset|shift|moved|crop|frame", 3, "px"
    ),
    ScanFault("patterns illuminated twice", "object", illuminated_twice, r"probe|twice|object"),
)
