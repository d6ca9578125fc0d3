"""Faults of the detector's frame: orientation, axes and centre."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault, counts_of, with_counts, with_stack
from second_simulator.physics import intensities


def _changed(change):
    """Return a fault that applies *change* to the stack, and to the mask where there is one."""

    def inject(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
        return with_stack(arrays, change(arrays["diffraction"]))

    inject.__doc__ = change.__doc__
    return inject


def flip_rows(stack):
    """Rows are stored from the last to the first, as np.flip does: the zero frequency moves by a pixel."""
    return stack[:, ::-1]


def flip_columns(stack):
    """Columns are stored from the last to the first, as np.flip does."""
    return stack[:, :, ::-1]


def turn_half(stack):
    """Patterns are turned by 180 degrees as arrays."""
    return stack[:, ::-1, ::-1]


def transpose(stack):
    """Rows and columns are exchanged."""
    return stack.swapaxes(1, 2)


def turn_left(stack):
    """Patterns are turned by 90 degrees as arrays."""
    return np.rot90(stack, 1, (1, 2))


def turn_right(stack):
    """Patterns are turned by -90 degrees as arrays."""
    return np.rot90(stack, -1, (1, 2))


def transpose_other(stack):
    """Patterns are mirrored at their other diagonal, as arrays."""
    return stack[:, ::-1, ::-1].swapaxes(1, 2)


def _about_zero(stack, *axes):
    """Return frequencies q as -q along *axes*; the zero frequency stays."""
    return np.roll(np.flip(stack, axes), [(stack.shape[a] + 1) % 2 for a in axes], axes)


def negate_rows(stack):
    """Frequencies of rows have the other sign; the zero frequency stays at the centre."""
    return _about_zero(stack, 1)


def negate_columns(stack):
    """Frequencies of columns have the other sign; the zero frequency stays at the centre."""
    return _about_zero(stack, 2)


def negate_both(stack):
    """All frequencies have the other sign, as with an inverse Fourier transform."""
    return _about_zero(stack, 1, 2)


def corner(stack):
    """The zero frequency is at the corner."""
    return np.fft.ifftshift(stack, axes=(1, 2))


def one_axis_unshifted(stack):
    """The zero frequency is at the centre of the rows, but at the edge of the columns."""
    return np.fft.ifftshift(stack, axes=2)


def shifted_twice(stack):
    """Fftshift was used to take the shift back: on an odd number of pixels that leaves one pixel."""
    return np.fft.fftshift(np.fft.fftshift(stack, axes=(1, 2)), axes=(1, 2))


def positions_last(stack):
    """A stack of (H, W, N) is stored as (N, H, W), where N is equal to H."""
    return np.moveaxis(stack, 0, -1)


def moved(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The zero frequency is a whole number of rows off the centre."""
    return with_stack(arrays, np.roll(arrays["diffraction"], int(size), axis=1))


def moved_both(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The zero frequency is off the centre in both directions."""
    return with_stack(arrays, np.roll(arrays["diffraction"], (int(size), -int(size) - 1), axis=(1, 2)))


def moved_by_a_part(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """The zero frequency is a part of a pixel off: the detector was not aligned."""
    counts, unit = counts_of(arrays)
    probe, obj = arrays["probeGuess"] / unit, arrays["objectGuess"].astype(np.complex128)
    clean = intensities(probe[None], obj, arrays["xcoords"], arrays["ycoords"], (size, 0.0))
    is_noisy = bool(np.all(counts == np.rint(counts)))
    return with_counts(arrays, rng.poisson(clean).astype(np.float64) if is_noisy else clean, unit)


_TURNED = r"flip|mirror|rotat|turn|transpos|exchang|orient|conjug"
_CENTRE = r"centre|center|corner|shift|zero frequency|moved|off"

FAULTS = (
    ScanFault("rows flipped as arrays", "detector", _changed(flip_rows), _TURNED),
    ScanFault("columns flipped as arrays", "detector", _changed(flip_columns), _TURNED),
    ScanFault("turned by 180 degrees as arrays", "detector", _changed(turn_half), _TURNED),
    ScanFault("rows and columns exchanged", "detector", _changed(transpose), _TURNED),
    ScanFault("turned by 90 degrees as arrays", "detector", _changed(turn_left), _TURNED),
    ScanFault("turned by -90 degrees as arrays", "detector", _changed(turn_right), _TURNED),
    ScanFault("mirrored at the other diagonal", "detector", _changed(transpose_other), _TURNED),
    ScanFault("rows flipped about zero", "detector", _changed(negate_rows), _TURNED),
    ScanFault("columns flipped about zero", "detector", _changed(negate_columns), _TURNED),
    ScanFault("both flipped about zero", "detector", _changed(negate_both), _TURNED),
    ScanFault("zero frequency at the corner", "detector", _changed(corner), r"corner|zero frequency"),
    ScanFault("one axis unshifted", "detector", _changed(one_axis_unshifted), _CENTRE),
    ScanFault(
        "fftshift for ifftshift, odd size",
        "detector",
        _changed(shifted_twice),
        _CENTRE,
        needs={"shape": (45, 45)},
    ),
    ScanFault(
        "(H, W, N) stored as (N, H, W)",
        "detector",
        _changed(positions_last),
        r"axes|axis",
        needs={"shape": (48, 48), "positions": 48},
    ),
    ScanFault("detector moved by whole pixels", "detector", moved, _CENTRE, 1, "px"),
    ScanFault("detector moved in both directions", "detector", moved_both, _CENTRE, 2, "px"),
    ScanFault("detector moved by a part of a pixel", "detector", moved_by_a_part, _CENTRE, 0.5, "px"),
)
