"""What every file format promises, as one class of tests that the tests of each format inherit.

``python contract.py MODULE:NAME`` reads one path a line, each in a process of its own with limits on memory
and time, and answers with a line of JSON: how it ended, and a digest of what was read.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError, RefusedError
from harness.core.storage.digest import digest_array
from harness.ptycho.files.content import LAYERS, MASKS, MODES, NOT_ARRAYS, Content
from harness.ptycho.files.format import Format, Reading
from harness.ptycho.files.geometry import Geometry
from harness.ptycho.scan.forward import amplitude

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
MEMORY = 512 * MIB
"""How much more memory a reader may ask for than the process has after its imports."""

LARGEST_RSS = 256 * MIB
CPU_SECONDS = 20
PIXELS = 1e-9
"""Largest error of a coordinate, in object pixels."""

WAVELENGTH, DISTANCE, DETECTOR_PIXEL = 1.24e-10, 2.1, (5.5e-5, 7.5e-5)


@dataclass(frozen=True, slots=True)
class Sizes:
    """N positions, H x W detector pixels, and how many pixels the object has beyond a window on each axis."""

    positions: int = 7
    height: int = 12
    width: int = 10
    below: int = 21
    right: int = 31
    modes: int = 3
    layers: int = 2
    mask: str = "each"

    def all_different(self) -> bool:
        object_sides = (self.height + self.below, self.width + self.right)
        return len({self.positions, self.height, self.width, self.modes, self.layers, *object_sides}) == 7


sizes = st.builds(
    Sizes,
    positions=st.integers(4, 11),
    height=st.integers(5, 16),
    width=st.integers(5, 16),
    below=st.integers(8, 25),
    right=st.integers(8, 25),
    modes=st.integers(1, 3),
    layers=st.integers(1, 3),
    mask=st.sampled_from(["none", "one", "each"]),
)
"""Odd and even sides alike."""


def made(size: Sizes, seed: int = 0) -> Content:
    """Return a content that has every part, with amplitudes that its object and probe explain."""
    rng = np.random.default_rng(seed)
    shape = (size.height + size.below, size.width + size.right)
    layers = [_smooth(rng, shape) for _ in range(size.layers)]
    modes = [_beam(rng, (size.height, size.width)) / (1 + i) for i in range(size.modes)]
    x = rng.uniform(size.width / 2, shape[1] - size.width / 2, size.positions)
    y = rng.uniform(size.height / 2, shape[0] - size.height / 2, size.positions)
    patterns = np.sqrt(sum(amplitude(mode, np.prod(layers, axis=0), x, y) ** 2 for mode in modes))
    mask = _mask(rng, size, patterns.shape)
    counted = patterns if mask is None else patterns * mask
    return Content(
        diffraction=counted.astype(np.float32),
        object=np.array(layers, np.complex64),
        probe=np.array(modes, np.complex64),
        x=x,
        y=y,
        x_start=x + 0.25,
        y_start=y - 0.125,
        scan_index=np.arange(size.positions) * 2 + 3,
        mask=mask,
        truth=(rng.normal(size=patterns.shape) + 1j).astype(np.complex64),
        geometry=_geometry(size),
    )


def _smooth(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.indices(shape)
    waves = np.sin(rows / rng.uniform(1.5, 4)) + np.cos(columns / rng.uniform(1.5, 4) + rows / 7)
    return (1 - 0.1 * rng.random(shape)) * np.exp(0.6j * waves)


def _beam(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = (np.arange(n) - n / 2 + 0.2 for n in shape)
    radius = (rows[:, None] / shape[0]) ** 2 + (columns / shape[1]) ** 2
    return 30 * np.exp(-radius * 12 + 2j * radius + 1j * rng.random() * columns)


def _mask(rng: np.random.Generator, size: Sizes, shape: tuple[int, ...]) -> np.ndarray | None:
    if size.mask == "none":
        return None
    mask: np.ndarray = rng.random(shape if size.mask == "each" else shape[1:]) > 0.1
    mask[..., 0, 1], mask[..., 2, 2] = False, True
    return mask


def _geometry(size: Sizes) -> Geometry:
    counts = (size.height, size.width)
    pixel = [WAVELENGTH * DISTANCE / (n * d) for n, d in zip(counts, DETECTOR_PIXEL, strict=True)]
    return Geometry(
        wavelength=WAVELENGTH,
        distance=DISTANCE,
        detector_pixel=DETECTOR_PIXEL,
        object_pixel=(pixel[0], pixel[1]),
        object_center=(3.1e-7, -2.3e-6),
    )


def only(content: Content, parts: frozenset[str]) -> Content:
    """Return what a file that stores *parts* can have of a content; one mode where it holds one."""
    arrays = {one.name: getattr(content, one.name) for one in fields(content) if one.name not in NOT_ARRAYS}
    kept: dict[str, Any] = {name: value if name in parts else None for name, value in arrays.items()}
    for name, part in (("object", LAYERS), ("probe", MODES)):
        if kept[name] is not None and part not in parts:
            kept[name] = kept[name][:1]
    if kept["mask"] is not None and MASKS not in parts and kept["mask"].ndim == 3:
        kept["mask"] = kept["mask"].all(axis=0)
        kept["diffraction"] = kept["diffraction"] * kept["mask"]
    lengths = {
        one.name: getattr(content.geometry, one.name)
        for one in fields(content.geometry)
        if f"geometry.{one.name}" in parts
    }
    return Content(**kept, geometry=Geometry(**lengths))


class FormatContract:
    """Inherit this and name the format; override what differs.

    Attributes
    ----------
    format : Format
    reference : str
        ``module:NAME`` of it, for the process that reads broken files.
    exact : bool
        Whether amplitudes come back bit for bit. Those stored as intensities come back as their square roots.
    needs : frozenset of str
        Parts without which the format refuses to write.
    always : frozenset of str
        Parts that every file of the format has: a content without them gets assumed ones.
    changes : tuple of str
        What the transformations say after a file of the format was read.
    smallest : Sizes
        A content that the format can store, for all tests but the one of shapes.
    reading : Reading
        What a caller has to add.
    cuts : int
        How many lengths a file is truncated to.
    shortens : bool
        Whether a truncated file may be a sound one with fewer parts. Those that are left must not differ.
    """

    format: ClassVar[Format]
    reference: ClassVar[str]
    exact: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    always: ClassVar[frozenset[str]] = frozenset()
    changes: ClassVar[tuple[str, ...]] = ()
    smallest: ClassVar[Sizes] = Sizes()
    reading: ClassVar[Reading] = Reading()
    cuts: ClassVar[int] = 24
    shortens: ClassVar[bool] = False

    # What a format may override

    def sample(self, size: Sizes) -> Content:
        """Return a content with every part that the format holds."""
        return only(made(size), self.format.holds)

    def write(self, path: Path, content: Content) -> None:
        """Write a file of the format: another writer, where harness only reads it."""
        assert self.format.write is not None
        self.format.write(path, content)

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:  # noqa: ARG002 - for those who override it
        """Yield broken copies of the file at *path*, made in *folder*; each must be refused."""
        yield from ()

    # What they all promise

    @given(size=sizes)
    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.filter_too_much],
    )
    def test_what_is_written_is_read(self, size):
        """Every part that the format holds, with its dtype; coordinates to a billionth of a pixel."""
        assume(size.all_different() or size.modes == 1 or size.layers == 1)
        assume(len({size.positions, size.height, size.width}) == 3)
        content = self.sample(size)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "scan")
            self.write(path, content)
            self.assert_same(content, self.format.read(path, self.reading))

    def test_all_that_it_holds_is_in_the_sample(self):
        """Otherwise the round trip would prove nothing of the rest."""
        assert self.sample(self.smallest).parts() == self.format.holds

    def test_changes_are_recorded(self, stored):
        """Axes, units, roots: a manifest names every change."""
        notes = self.format.read(stored, self.reading).transformations
        for change in self.changes:
            assert any(change in note for note in notes), (change, notes)

    @pytest.mark.parametrize("name", ["scan", "scan.dat", "scan.npz", "scan.h5", "scan.mat", "ünï cödé.zip"])
    def test_it_is_recognised_by_content(self, tmp_path, name):
        """Neither name nor suffix says what a file is."""
        path = tmp_path / name
        self.write(path, self.sample(self.smallest))
        assert self.format.recognise(path)
        self.assert_same(self.sample(self.smallest), self.format.read(path, self.reading))

    def test_no_other_format_recognises_it(self, stored):
        """One file, one format."""
        library = pytest.importorskip("harness.ptycho.files.library")
        found = [one.name for one in library.all_formats() if one.recognise(stored)]
        assert found == [self.format.name]

    def test_it_recognises_no_other_file(self, tmp_path):
        """Text, noise, an empty file, an empty folder: recognising raises nothing."""
        for number, data in enumerate(
            (b"", b"x, y\n1, 2\n", os.urandom(4096), b"PK\3\4", b"\x89HDF\r\n\x1a\n")
        ):
            path = tmp_path / str(number)
            path.write_bytes(data)
            assert not self.format.recognise(path)
        (tmp_path / "folder").mkdir()
        assert not self.format.recognise(tmp_path / "folder")

    def test_what_it_cannot_be_without_is_refused(self, tmp_path):
        """Nothing is written then."""
        if self.format.write is None:
            pytest.skip("harness does not write it")
        for part in sorted(self.needs):
            with pytest.raises(RefusedError):
                self.format.write(tmp_path / "scan", replace(self.sample(self.smallest), **{part: None}))
            assert not any(tmp_path.iterdir()), part

    def test_what_else_it_holds_may_be_missing(self, tmp_path):
        """A file without an optional part is written, and read without it."""
        if self.format.write is None:
            pytest.skip("harness does not write it")
        optional = self.format.holds - self.needs - self.always - {LAYERS, MODES, MASKS}
        arrays = sorted(part for part in optional if not part.startswith("geometry."))
        for number, part in enumerate(arrays):
            pair = {"x": "y", "y": "x", "x_start": "y_start", "y_start": "x_start"}
            less = replace(self.sample(self.smallest), **dict.fromkeys({part, pair.get(part, part)}))
            self.format.write(tmp_path / str(number), less)
            assert getattr(self.format.read(tmp_path / str(number), self.reading), part) is None, part

    def test_broken_files_are_refused(self, stored, tmp_path):
        """Truncated anywhere, or harmed: one error, in bounded memory, and no reader is killed."""
        folder = tmp_path / "broken"
        folder.mkdir()
        cut = list(truncated(stored, folder, self.cuts))
        harmed = list(self.harms(stored, folder))
        whole, *results = outcomes(self.reference, [stored, *cut, *harmed], self.reading)
        assert whole.ended == "read", whole
        for path, result in zip(cut, results, strict=False):
            assert result.is_refused or (result.ended == "read" and self._may_be_read(result, whole)), (
                path.name,
                result,
            )
        for path, result in zip(harmed, results[len(cut) :], strict=True):
            assert result.is_refused, (path.name, result)
        assert max(result.grown for result in results) < LARGEST_RSS

    def _may_be_read(self, result: Result, whole: Result) -> bool:
        parts, all_parts = set(result.digest.split("; ")), set(whole.digest.split("; "))
        return parts <= all_parts if self.shortens else parts == all_parts

    def assert_same(self, content: Content, back: Content) -> None:
        """Compare every part of *content* with what was read *back*."""
        missing = content.parts() - back.parts()
        assert not missing, f"not read: {sorted(missing)}"
        for name in sorted(part for part in content.parts() if "." not in part):
            self.assert_same_array(name, getattr(content, name), getattr(back, name), content)
        for one in fields(content.geometry):
            expected = getattr(content.geometry, one.name)
            if expected is not None:
                np.testing.assert_allclose(getattr(back.geometry, one.name), expected, rtol=1e-12, atol=1e-21)

    def assert_same_array(self, name: str, expected: np.ndarray, found: np.ndarray, content: Content) -> None:
        assert found.shape == expected.shape, name
        if name in ("x", "y", "x_start", "y_start"):
            if content.object is None and name in ("x", "y"):
                expected = on_the_smallest_canvas(expected, content, name)
            assert found.dtype == np.float64
            np.testing.assert_allclose(found, expected, rtol=0, atol=PIXELS, err_msg=name)
        elif name == "diffraction" and not self.exact:
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=0, err_msg=name)
        else:
            assert found.dtype == expected.dtype, name
            np.testing.assert_array_equal(found, expected, err_msg=name)

    @pytest.fixture
    def stored(self, tmp_path):
        """A file of the format."""
        path = tmp_path / "stored"
        self.write(path, self.sample(self.smallest))
        return path


def on_the_smallest_canvas(values: np.ndarray, content: Content, axis: str) -> np.ndarray:
    """Return coordinates so that the first window begins at the canvas's edge."""
    assert content.diffraction is not None
    side = content.diffraction.shape[2 if axis == "x" else 1]
    return values - values.min() + side / 2


def truncated(path: Path, folder: Path, cuts: int) -> Iterator[Path]:
    """Yield shorter copies of a file; of a folder, copies in which one of its files is shorter or missing."""
    if path.is_dir():
        for number, part in enumerate(sorted(p for p in path.rglob("*") if p.is_file())):
            for share in (0, 1, 2):
                copy = Path(shutil.copytree(path, folder / f"cut {number} {share}"))
                target = copy / part.relative_to(path)
                target.unlink() if not share else _cut(target, part.stat().st_size * share // 3)
                yield copy
        return
    size = path.stat().st_size
    for length in sorted({*range(0, size, max(1, size // cuts)), 1, 8, 511, 512, 513, size - 8, size - 1}):
        if 0 <= length < size:
            yield _copy_of(path, folder / f"cut {length}", length)


def _copy_of(path: Path, target: Path, length: int) -> Path:
    shutil.copyfile(path, target)
    _cut(target, length)
    return target


def _cut(path: Path, length: int) -> None:
    os.truncate(path, length)


# The process that reads broken files


@dataclass(frozen=True, slots=True)
class Result:
    """How reading a file ended: ``read``, ``UnreadableError`` or a traceback; by how much memory grew."""

    ended: str
    grown: int
    digest: str = ""

    @property
    def is_refused(self) -> bool:
        return self.ended.endswith("Error") and " " not in self.ended


def outcomes(reference: str, paths: list[Path], reading: Reading) -> list[Result]:
    """Read each of *paths* by the format at *reference*, in processes with limits."""
    call = [sys.executable, __file__, reference, json.dumps(asdict(reading))]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    lines = "".join(f"{json.dumps(str(path))}\n" for path in paths)
    done = subprocess.run(call, input=lines, capture_output=True, text=True, check=True, env=env)
    results = [Result(**json.loads(line)) for line in done.stdout.splitlines()]
    assert len(results) == len(paths), done.stderr
    return results


def _serve(reference: str, reading: Reading) -> None:
    module, name = reference.split(":")
    format = getattr(import_module(module), name)  # noqa: A001 - what it is
    first = json.loads(sys.stdin.readline())
    _read(format, Path(first), reading)  # once here, so that each fork has what reading imports
    for line in [json.dumps(first), *sys.stdin]:
        sys.stdout.write(_in_a_fork(format, Path(json.loads(line)), reading) + "\n")


def _in_a_fork(format: Format, path: Path, reading: Reading) -> str:  # noqa: A002 - what it is
    here, there = os.pipe()
    child = os.fork()
    if not child:
        _limit()
        before = _resident()
        answer = _read(format, path, reading) | {"grown": max(0, _resident() - before)}
        os.write(there, json.dumps(answer).encode())
        os._exit(0)
    os.close(there)
    with open(here, "rb") as stream:  # noqa: PTH123 - a descriptor
        text = stream.read().decode()
    _, status = os.waitpid(child, 0)
    return text or json.dumps({"ended": f"killed, status {status}", "grown": 0})


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    addresses = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(format: Format, path: Path, reading: Reading) -> dict[str, str]:  # noqa: A002 - what it is
    try:
        format.recognise(path)
        content = format.read(path, reading)
    except HarnessError as error:
        if "\n" in str(error):
            return {"ended": f"an error of several lines: {error}"}
        return {"ended": type(error).__name__, "digest": str(error)}
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
        return {"ended": f"a traceback: {type(error).__name__}: {error}"}
    return {"ended": "read", "digest": digest_of(content)}


def digest_of(content: Content) -> str:
    """Return what tells two contents apart, part by part."""
    arrays = sorted(part for part in content.parts() if "." not in part)
    lengths = {one.name: getattr(content.geometry, one.name) for one in fields(content.geometry)}
    digests = [f"{name} {digest_array(getattr(content, name))}" for name in arrays]
    return "; ".join([*digests, *(f"{name} {value}" for name, value in lengths.items() if value is not None)])


if __name__ == "__main__":
    _serve(sys.argv[1], Reading(**json.loads(sys.argv[2])))
