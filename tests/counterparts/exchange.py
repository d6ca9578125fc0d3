"""Files exchanged with the programs that they come from, and how far apart the arrays are afterwards.

Run as a program, this writes the table of docs/files-round-trip.md. The interpreters of the other
environments are named by HARNESS_PTYCHODUS_PYTHON and HARNESS_CDTOOLS_PYTHON; `make counterparts` makes them.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from contract import Sizes, made, only

from harness.core.storage.npz import read_archive
from harness.ptycho.files import library
from harness.ptycho.files.content import Content
from harness.ptycho.files.format import Reading
from harness.ptycho.files.geometry import completed
from harness.ptycho.files.join import join
from harness.ptycho.scan.residual import Dataset

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs/files-round-trip.md"
MARK = "tests/counterparts/exchange.py"

PROGRAMS = {"ptychodus": "HARNESS_PTYCHODUS_PYTHON", "cdtools": "HARNESS_CDTOOLS_PYTHON"}
"""Program -> the variable with the interpreter of its environment."""

Arrays = dict[str, Any]
OUT, BACK = "harness writes", "harness reads"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One format, written by one side and read by the other.

    ``parts`` are the names of the formats in which the files of the other side are written, if it needs more
    than one; harness joins them.
    """

    program: str
    format: str
    direction: str
    parts: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """In one line."""
        return f"{self.format}, {self.direction}, {self.program}"

    @property
    def counts_rows(self) -> bool:
        """Whether the other side gives patterns the numbers of their rows: the file has no index for it."""
        return self.format in ("cxi", "ptychodus-training") or (self.format, self.direction) == (
            "slac-npz",
            OUT,
        )

    @property
    def is_relative(self) -> bool:
        """Whether coordinates are only known up to an offset: a raw file has no object."""
        return self.program == "cdtools"


_BOTH = ("ptychodus-product", "ptychodus-product-npz", "ptychodus-diffraction", "ptychodus-diffraction-npz")
EXCHANGES = (
    *(Exchange("ptychodus", name, OUT) for name in (*_BOTH, "ptychodus-training", "cxi", "slac-npz")),
    *(Exchange("ptychodus", name, BACK, (name,)) for name in (*_BOTH, "ptychodus-training", "ptychopinn")),
    Exchange("ptychodus", "cxi", BACK, ("cxi", "cxi-product")),
    Exchange("ptychodus", "product and diffraction", BACK, ("ptychodus-diffraction", "ptychodus-product")),
    Exchange("ptychodus", "product and diffraction, .npz", BACK, _BOTH[1::2]),
    Exchange("cdtools", "cxi", OUT),
    Exchange("cdtools", "cxi", BACK, ("cxi",)),
)


@dataclass(frozen=True, slots=True)
class Found:
    """How far apart the arrays of one exchange are.

    Attributes
    ----------
    pixels : float
        The largest error of a coordinate in pixels; NaN if the format has none.
    arrays : dict of str to float
        By array: the largest difference as a share of the largest magnitude.
    are_masks_equal, are_indexes_equal : bool
    residual : float
        Forward residual of what was read; NaN if it is not a whole scan.
    """

    pixels: float
    arrays: dict[str, float]
    are_masks_equal: bool
    are_indexes_equal: bool
    residual: float

    @property
    def largest(self) -> float:
        """The largest difference of object, probe and patterns."""
        return max(self.arrays.values(), default=float("nan"))


def interpreter(program: str) -> str | None:
    """Return the interpreter of a program's environment, if its variable is set."""
    return os.environ.get(PROGRAMS[program]) or None


def various() -> Content:
    """Return a scan of odd and even sides, modes, a mask, an off-centre object and an index with gaps."""
    return replace(made(Sizes(mask="one", layers=1)), x_start=None, y_start=None, truth=None)


def minimal() -> Content:
    """Return minimal_v1 with the lengths of a common experiment."""
    arrays = read_archive(ROOT / "golden/minimal_v1.npz")
    content = Content(
        diffraction=arrays["diffraction"],
        object=arrays["objectGuess"][None],
        probe=arrays["probeGuess"][None],
        x=arrays["xcoords"],
        y=arrays["ycoords"],
        scan_index=arrays["scan_index"],
    )
    geometry, _ = completed(content.geometry, arrays["probeGuess"].shape)
    return replace(content, geometry=replace(geometry, object_center=(0.0, 0.0)))


def exchanged(content: Content, exchanges: tuple[Exchange, ...]) -> dict[Exchange, Found]:
    """Exchange one content in each way, with one process for each program."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows = np.arange(len(np.asarray(content.x)))
        for name, index in (("arrays", content.scan_index), ("rows", rows)):
            np.savez(place / f"{name}.npz", **plain(replace(content, scan_index=index)))
        jobs = {one: _job(one, content, place / str(n)) for n, one in enumerate(exchanges)}
        for program in {one.program for one in exchanges}:
            calls = [call for one, calls in jobs.items() if one.program == program for call in calls]
            _run(program, [str(word) for call in calls for word in call])
        return {one: _found(one, content, place / str(n)) for n, one in enumerate(exchanges)}


def plain(content: Content) -> Arrays:
    """Return a content as arrays that need no explanation: intensities, bad pixels, lengths."""
    geometry, shape = content.geometry, np.asarray(content.diffraction).shape
    mask = np.ones(shape[1:], bool) if content.mask is None else content.mask
    return {
        "patterns": np.square(np.asarray(content.diffraction, np.float64)) * mask,
        "bad_pixels": ~mask,
        "object": content.object,
        "probe": content.probe,
        "x": content.x,
        "y": content.y,
        "index": content.scan_index,
        "wavelength": geometry.wavelength,
        "distance": geometry.distance,
        "detector_pixel": geometry.detector_pixel,
        "object_pixel": geometry.object_pixel,
        "object_center": geometry.object_center,
    }


def _job(one: Exchange, content: Content, place: Path) -> list[tuple[object, ...]]:
    """Return what the other side has to do; what harness writes is written now."""
    place.mkdir()
    if one.direction == BACK:
        arrays = place.parent / ("rows.npz" if one.counts_rows else "arrays.npz")
        return [("write", part, arrays, place / f"{part}.npz") for part in one.parts]
    form = _format(one.format)
    if one.is_relative:
        content = replace(content, object=None, probe=None)
    assert form.write is not None
    form.write(place / "file.npz", only(content, form.holds & content.parts()))
    return [("read", one.format, place / "file.npz", place / "read.npz")]


def _format(name: str) -> Any:
    return next(form for form in library.all_formats() if form.name == name)


def _run(program: str, words: list[str]) -> None:
    python = interpreter(program)
    assert python, f"{PROGRAMS[program]} is not set"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [python, str(HERE / f"{program}_side.py"), *words],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr


def _found(one: Exchange, content: Content, place: Path) -> Found:
    """Compare what one side has read with what the other has written."""
    if one.direction == OUT:
        got = dict(np.load(place / "read.npz"))
    else:
        contents = [_read(place / f"{part}.npz") for part in one.parts]
        whole = contents[0] if len(contents) == 1 else join(*contents)
        got = {key: value for key, value in plain_or_less(whole).items() if value is not None}
    expected = plain(content)
    if one.counts_rows:
        expected["index"] = np.arange(len(expected["x"]))
    if one.format == "slac-npz":  # it has no mask, and harness says so
        expected["bad_pixels"] = np.zeros_like(expected["bad_pixels"])
    if one.is_relative:
        got |= {key: got[key] - got[key].min() + expected[key].min() for key in "xy"}
    return _compared(expected, got)


def _read(path: Path) -> Content:
    form = library.find_format(path)
    assert form is not None, path.name
    return form.read(path, Reading())


def plain_or_less(content: Content) -> Arrays:
    """Return a content as :func:`plain` does, without what it has not."""
    stack = np.zeros((1, 1, 1)) if content.diffraction is None else content.diffraction
    arrays = plain(replace(content, diffraction=stack))
    return arrays if content.diffraction is not None else arrays | {"patterns": None, "bad_pixels": None}


def _compared(expected: Arrays, got: Arrays) -> Found:
    pixels = [float(np.abs(expected[key] - got[key]).max()) for key in "xy" if key in got]
    shares = {key: _share(expected[key], got[key]) for key in ("object", "probe", "patterns") if key in got}
    index = got.get("index", got.get("indexes"))
    bad = got.get("bad_pixels")
    return Found(
        pixels=max(pixels, default=float("nan")),
        arrays=shares,
        are_masks_equal=bad is None or np.array_equal(bad, expected["bad_pixels"]),
        are_indexes_equal=index is None or np.array_equal(index, expected["index"]),
        residual=_residual({**{key: expected[key] for key in ("object", "probe")}, **got}),
    )


def _share(expected: np.ndarray, got: np.ndarray) -> float:
    got = got.reshape(expected.shape)
    return float(np.abs(expected - got).max() / np.abs(expected).max())


def _residual(got: Arrays) -> float:
    """Return the forward residual of the first mode and layer; NaN without patterns or positions."""
    if "patterns" not in got or "x" not in got or len(got["probe"].reshape(-1, *got["probe"].shape[-2:])) > 1:
        return float("nan")
    probe, obj = (got[key].reshape(-1, *got[key].shape[-2:])[0] for key in ("probe", "object"))
    dataset = Dataset(np.sqrt(got["patterns"].astype(np.float64)), probe, obj, got["x"], got["y"])
    return dataset.residuals().residual


def table() -> str:
    """Return the table of all exchanges as Markdown, its rows in the order of :data:`EXCHANGES`."""
    some, whole = exchanged(various(), EXCHANGES), exchanged(minimal(), EXCHANGES)
    lines = [
        "| format | direction | other side | largest coordinate error, px | largest difference | residual |",
        "|---|---|---|---|---|---|",
    ]
    for one in EXCHANGES:
        pixels = max(some[one].pixels, whole[one].pixels)
        largest = max(some[one].largest, whole[one].largest)
        cells = (f"`{one.format}`", one.direction, one.program, _number(pixels), _number(largest))
        lines.append(f"| {' | '.join(cells)} | {_residual_text(whole[one].residual)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if np.isnan(value) else "0" if value == 0 else f"{value:.1e}"


def _residual_text(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.4f}"


if __name__ == "__main__":
    before, _, rest = PAGE.read_text("utf-8").partition(f"<!-- {MARK}: begin -->\n")
    after = rest.partition(f"<!-- {MARK}: end -->")[2]
    PAGE.write_text(f"{before}<!-- {MARK}: begin -->\n{table()}\n<!-- {MARK}: end -->{after}", "utf-8")
