"""Faults of the coordinates; patterns, probe and object stay."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault
from second_simulator.routes import columns_of


def _moved(arrays: Arrays, right: np.ndarray | float, down: np.ndarray | float) -> Arrays:
    return {**arrays, "xcoords": arrays["xcoords"] + right, "ycoords": arrays["ycoords"] + down}


def _mapped(arrays: Arrays, matrix: np.ndarray) -> Arrays:
    """Return *arrays* with a linear map of x and y about the middle of the scan."""
    x, y = arrays["xcoords"], arrays["ycoords"]
    mapped = matrix @ np.stack([x - x.mean(), y - y.mean()])
    return {**arrays, "xcoords": x.mean() + mapped[0], "ycoords": y.mean() + mapped[1]}


def offset(
    arrays: Arrays, _: np.random.Generator, size: float, share: tuple[float, float] = (0.6, 0.8)
) -> Arrays:
    """All positions lie *size* pixels off."""
    return _moved(arrays, share[0] * size, share[1] * size)


def scale(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The step, or the pixel size, is wrong by a share *size*."""
    return _mapped(arrays, (1 + size) * np.eye(2))


def scale_of_one_axis(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """One motor's calibration is wrong by a share *size*."""
    return _mapped(arrays, np.diag([1.0, 1 + size]))


def rotation(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The scan's axes are turned by *size* degrees against the detector's."""
    angle = np.deg2rad(size)
    return _mapped(arrays, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


def shear(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The axes are not perpendicular: x grows with y."""
    return _mapped(arrays, np.array([[1.0, size], [0.0, 1.0]]))


def drift(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The sample drifts by *size* pixels from the first to the last pattern."""
    along = size * np.linspace(-0.5, 0.5, len(arrays["xcoords"]))
    return _moved(arrays, 0.8 * along, 0.6 * along)


def backlash(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """Lines that run backwards lie *size* pixels off, as on a motor with play."""
    backwards = np.arange(len(arrays["xcoords"])) // columns_of(len(arrays["xcoords"])) % 2
    return _moved(arrays, size * (backwards - 0.5), 0.0)


def alternate(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """Every second position lies *size* pixels off."""
    return _moved(arrays, size * (np.arange(len(arrays["xcoords"])) % 2 - 0.5), 0.0)


def jitter(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """Each position is off by a random amount, *size* pixels rms on each axis."""
    return _moved(arrays, *(size * rng.standard_normal((2, len(arrays["xcoords"])))))


def one_position(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """One position is off by *size* pixels: an encoder missed a step."""
    right, down = np.zeros((2, len(arrays["xcoords"])))
    j, angle = rng.integers(len(right)), rng.uniform(0, 2 * np.pi)
    right[j], down[j] = size * np.cos(angle), size * np.sin(angle)
    return _moved(arrays, right, down)


def rounded(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Positions are rounded to whole pixels."""
    return {**arrays, "xcoords": np.rint(arrays["xcoords"]), "ycoords": np.rint(arrays["ycoords"])}


def truncated(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Positions are cut down to whole pixels, as by a cast to integer."""
    return {**arrays, "xcoords": np.floor(arrays["xcoords"]), "ycoords": np.floor(arrays["ycoords"])}


def subpixel_sign(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The part of a pixel is applied in the wrong direction."""
    whole = {key: np.rint(arrays[key]) for key in ("xcoords", "ycoords")}
    return {**arrays, **{key: 2 * whole[key] - arrays[key] for key in whole}}


def snapped(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Corners that end in one half are rounded half to even: centres jump by half a pixel, up or down."""
    height, width = arrays["probeGuess"].shape
    return {
        **arrays,
        "xcoords": np.rint(arrays["xcoords"] - width / 2 - 0.5) + 0.5 + width / 2,
        "ycoords": np.rint(arrays["ycoords"] - height / 2 - 0.5) + 0.5 + height / 2,
    }


def top_left(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Positions of the patches' first pixels are stored as those of their centres."""
    height, width = arrays["probeGuess"].shape
    return _moved(arrays, -width / 2, -height / 2)


def exchanged(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """X and y are exchanged."""
    return {**arrays, "xcoords": arrays["ycoords"], "ycoords": arrays["xcoords"]}


def mirrored(arrays: Arrays, _: np.random.Generator, __: float, axes: str = "x") -> Arrays:
    """An axis runs the other way."""
    obj = arrays["objectGuess"]
    changed = {"x": ("xcoords", obj.shape[1]), "y": ("ycoords", obj.shape[0])}
    return {**arrays, **{key: n - arrays[key] for key, n in (changed[axis] for axis in axes)}}


def from_the_centre(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Positions are relative to the object's centre."""
    rows, columns = arrays["objectGuess"].shape
    return _moved(arrays, -columns / 2, -rows / 2)


def in_another_unit(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """Positions are in another unit, relative to the object's centre; one object pixel is *size* units."""
    centred = from_the_centre(arrays, np.random.default_rng(0), 0)
    return {**centred, "xcoords": centred["xcoords"] * size, "ycoords": centred["ycoords"] * size}


def binned(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The object was binned, and its coordinates were scaled with it; the object is stored as it was."""
    return {**arrays, "xcoords": arrays["xcoords"] * size, "ycoords": arrays["ycoords"] * size}


def another_crop(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The object was cropped by 5 rows and 3 columns, and the coordinates were not changed."""
    return _moved(arrays, 3.0, 5.0)


def nominal(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Nominal places of a raster are stored where the real ones were read from encoders."""
    count = len(arrays["xcoords"])
    row, column = np.divmod(np.arange(count), columns_of(count))
    design = np.stack([np.ones(count), row, column], axis=1)
    fitted = {
        key: design @ np.linalg.lstsq(design, arrays[key], rcond=None)[0] for key in ("xcoords", "ycoords")
    }
    return {**arrays, **fitted}


def stuck_motor(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """From three quarters of the scan on, the recorded position stays the same on one axis."""
    x = arrays["xcoords"].copy()
    k = 3 * len(x) // 4
    x[k:] = x[k]
    return {**arrays, "xcoords": x}


def jump(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """From the middle of the scan on, the sample lies *size* pixels off: it slipped."""
    after = np.arange(len(arrays["xcoords"])) >= len(arrays["xcoords"]) // 2
    return _moved(arrays, 0.6 * size * (after - 0.5), 0.8 * size * (after - 0.5))


_OFFSET = r"offset|shift|moved|off by|all positions"
_SCALE = r"scale|step|stretch|magnif"
_SHEAR = r"shear|skew|perpendicular|drift"
"""Along a raster, y grows with time: x that grows with y is also x that drifts. One remedy mends both."""

_FREE = r"position"

FAULTS = (
    ScanFault("all positions off", "position", offset, _OFFSET, 0.25, "px"),
    ScanFault(
        "all positions off by half a pixel",
        "position",
        lambda a, r, s: offset(a, r, s, (1, 1)),
        _OFFSET,
        0.5,
        "px",
    ),
    ScanFault("positions of another crop", "position", another_crop, _OFFSET + "|crop|frame"),
    ScanFault("wrong scale", "position", scale, _SCALE, 0.005),
    ScanFault("very wrong scale", "position", scale, _SCALE, 0.06),
    ScanFault("wrong scale of one axis", "position", scale_of_one_axis, _SCALE, 0.01),
    ScanFault("rotated", "position", rotation, r"rotat|turn|angle", 0.3, "degrees"),
    ScanFault("very much rotated", "position", rotation, r"rotat|turn|angle", 5, "degrees"),
    ScanFault("sheared", "position", shear, _SHEAR, 0.01),
    ScanFault("drift", "position", drift, r"drift", 1, "px"),
    ScanFault("backlash", "position", backlash, r"backlash|lines|rows", 0.5, "px", needs={"route": "snake"}),
    ScanFault("every second position off", "position", alternate, r"alternate|second|backlash", 0.5, "px"),
    ScanFault("jitter", "position", jitter, r"jitter|each position|scatter|free|independent", 0.3, "px rms"),
    ScanFault("one position off", "position", one_position, r"position|pattern", 1.5, "px"),
    ScanFault("rounded to whole pixels", "position", rounded, r"round|whole|jitter|each position|scatter"),
    ScanFault("truncated to whole pixels", "position", truncated, r"truncat|round|whole|floor|" + _OFFSET),
    ScanFault(
        "sign of the part of a pixel", "position", subpixel_sign, r"sign|sub-?pixel|fraction|part of a pixel"
    ),
    ScanFault(
        "windows snapped to even corners",
        "position",
        snapped,
        r"snap|round|even|jitter|each position|scatter",
        needs={"route": "jittered", "whole": True},
    ),
    ScanFault("corners stored as centres", "position", top_left, r"corner|top.?left|first pixel"),
    ScanFault("x and y exchanged", "position", exchanged, r"x and y|swap|exchang"),
    ScanFault("x mirrored", "position", mirrored, r"mirror|flip|sign|revers"),
    ScanFault("y mirrored", "position", lambda a, r, s: mirrored(a, r, s, "y"), r"mirror|flip|sign|revers"),
    ScanFault(
        "x and y mirrored",
        "position",
        lambda a, r, s: mirrored(a, r, s, "xy"),
        r"mirror|flip|sign|revers|conjug",
    ),
    ScanFault("relative to the object's centre", "position", from_the_centre, r"centre"),
    ScanFault("metres", "position", in_another_unit, r"metre|meter|unit", 1.3e-8, "m per px"),
    ScanFault("micrometres", "position", in_another_unit, r"metre|meter|unit|scale", 0.013, "um per px"),
    ScanFault(
        "coordinates of a binned object",
        "position",
        binned,
        _SCALE + "|bin|unit|half",
        0.5,
    ),
    ScanFault(
        "nominal positions",
        "position",
        nominal,
        r"nominal|jitter|each position|scatter|position",
        needs={"route": "jittered"},
    ),
    ScanFault("a stuck motor", "position", stuck_motor, _FREE, needs={"route": "jittered"}),
    ScanFault("a slip in the middle", "position", jump, r"slip|jump|drift|step|" + _FREE, 1, "px"),
)
