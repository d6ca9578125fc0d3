"""Many golden files, many objects, many tests: seconds and memory at 1,000, 10,000 and 100,000 of them.

    python benchmarks/scale.py [--most 100000] [--only registry,bytes,tests] [--save] [--page]

Each command runs in a process of its own; seconds are those of the processor, because they do not depend on
what else the machine does. Fails if a figure is above its limit, or if seconds grow faster than linearly.
With --save the results go to benchmarks/scale.json; ``--page`` writes the tables of docs/scale.md from it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import scale_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HERE = Path(__file__).parent
_RESULTS = _HERE / "scale.json"
_SIZES = (1_000, 10_000, 100_000)
_BYTES = (10_000_000, 100_000_000, 1_000_000_000)
_TESTS = (100, 1_000, 10_000)
_HARNESS = [sys.executable, "-m", "harness"]
_LAUNCHER = """
import json, os, subprocess, sys
done = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
output = done.stdout.read()
_, status, used = os.wait4(done.pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024,
                  len(output), output[-300:].decode()]))
"""
"""Runs a command and reports on it. It is small: the system counts a parent's memory as its child's."""

LIMITS = {
    "read registry.json": (3.0, 300),
    "verify": (6.0, 512),
    "status": (10.0, 512),
    "audit": (90.0, 1024),
    "report": (45.0, 1024),
    "store: list": (10.0, 256),
    "store: push, nothing to do": (20.0, 512),
    "store: gc --dry-run": (40.0, 1024),
    "store: verify, files only there": (60.0, 512),
    "tests: arrays_regression": (60.0, 512),
}
"""At most so many seconds of the processor and MiB, at the largest size."""

MOST_PAGE_BYTES = 4_000_000
STEEPEST = 1.15
"""Exponent of the growth of seconds, of works that take a second or more."""
MOST_PER_TEST = 0.006
"""Seconds that a check may add to a test that loads an array and compares it."""


@dataclass(frozen=True, slots=True)
class Point:
    """One command at one size: processor seconds, MiB, and bytes that it has written or read."""

    work: str
    count: int
    cpu: float
    mebibytes: float
    size: int = 0


def run(words: list[str], cwd: Path, accept: tuple[int, ...] = (0,)) -> tuple[float, float, int]:
    """Run a command; return its processor seconds, peak MiB, and bytes of output."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        check=True,
    )
    code, cpu, mebibytes, written, end = json.loads(done.stdout)
    if code not in accept:
        raise RuntimeError(f"{words}: exit {code}: {end}")
    return cpu, mebibytes, written


def point(
    work: str, count: int, words: list[str], cwd: Path, size: int = 0, **options: tuple[int, ...]
) -> Point:
    """Run a command; print and return its figures."""
    cpu, mebibytes, written = run(words, cwd, **options)
    found = Point(work, count, round(cpu, 3), round(mebibytes, 1), size or written)
    print(f"{found.work:34} {count:8,} {cpu:9.2f} s {mebibytes:8.0f} MiB {found.size:14,} bytes", flush=True)
    return found


def project(folder: Path, count: int) -> Path:
    """Make a project in git with *count* golden files of 64 bytes."""
    import golden

    root = folder / str(count)
    golden.files(root, count, 64)
    (root / "pyproject.toml").write_text(f'[tool.harness]\nstore = "{folder}/store"\n')
    (root / ".gitignore").write_text(".harness/\n")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.fsync=none"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "golden files"]):
        subprocess.run([*git, *words], cwd=root, check=True)
    return root


def registry_points(folder: Path, count: int) -> Iterator[Point]:
    """Yield what commands take in a project with so many entries."""
    root = project(folder, count)
    read = (
        "from pathlib import Path; from harness.core.registry.registry import read_registry; "
        "read_registry(Path('registry.json'))"
    )
    size = (root / "registry.json").stat().st_size
    yield point("read registry.json", count, [sys.executable, "-c", read], root, size)
    history = (root / "golden" / "history.jsonl").stat().st_size
    yield point("verify", count, [*_HARNESS, "verify"], root, history)
    yield point("status", count, [*_HARNESS, "status"], root)
    yield point("audit", count, [*_HARNESS, "audit"], root, accept=(0, 1))
    page = root / ".harness" / "page.html"
    found = point("report", count, [*_HARNESS, "report", "--output", str(page)], root)
    yield Point(**{**asdict(found), "size": page.stat().st_size})
    yield from store_points(folder, root, count)


def store_points(folder: Path, root: Path, count: int) -> Iterator[Point]:
    """Yield what the same commands take when the store has the files."""
    fill(root, folder / "store")
    script = (
        "from pathlib import Path; from harness.core.storage.project import Project; "
        "from harness.core.storage.remote.settings import find_store; "
        "print(sum(1 for _ in find_store(Project(Path('.'))).objects()))"
    )
    yield point("store: list", count, [sys.executable, "-c", script], root)
    yield point("store: push, nothing to do", count, [*_HARNESS, "push"], root)
    yield point("store: gc --dry-run", count, [*_HARNESS, "gc", "--dry-run"], root, accept=(0, 1))
    for file in (root / "golden").rglob("*.bin"):
        file.unlink()
    yield point("store: verify, files only there", count, [*_HARNESS, "verify"], root)


def fill(root: Path, store: Path) -> None:
    """Put every golden file into a store in a directory, without waiting for the disk as ``push`` does."""
    for file in (root / "golden").rglob("*.bin"):
        data = file.read_bytes()
        name = hashlib.sha256(data).hexdigest()
        target = store / "sha256" / name[:2] / name[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def byte_points(folder: Path, count: int) -> Iterator[Point]:
    """Yield what verifying *count* bytes takes, in 8 files that are here, and in objects of a store."""
    import golden

    root, size = folder / str(count), count // 8
    root.mkdir()
    (root / "pyproject.toml").write_text(f'[tool.harness]\nstore = "{folder}/store"\n')
    golden.files(root, 8, size)
    yield point("verify, bytes here", count, [*_HARNESS, "verify"], root, count)
    fill(root, folder / "store")
    for file in (root / "golden").rglob("*.bin"):
        file.unlink()
    yield point("store: verify, bytes only there", count, [*_HARNESS, "verify"], root, count)


_MODULE = """
from pathlib import Path
import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden" / "test_many"

def made(number):
    return np.arange(20.0) + number

@pytest.mark.parametrize("number", range(COUNT))
def test_ours(number, arrays_regression):
    arrays_regression.check({"a": made(number)})

@pytest.mark.parametrize("number", range(COUNT))
def test_peer(number):
    np.testing.assert_allclose(np.load(GOLDEN / f"test_ours-{number}.npz")["a"], made(number))
"""


def test_points(folder: Path, count: int) -> Iterator[Point]:
    """Yield what sessions of so many tests take, with two workers: ours, and tests that load and compare."""
    import numpy as np

    import golden
    from harness.core.fixtures.fixture import make_fixture
    from harness.core.fixtures.manifest import Generator, Source, encode_manifest
    from harness.core.registry.registry import describe_file
    from harness.core.storage.npz import write_archive

    root = folder / f"tests_{count}"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (root / "test_many.py").write_text(_MODULE.replace("COUNT", str(count)))
    entries = {}
    for number in range(count):
        test = f"test_many.py::test_ours[{number}]"
        call = Generator("test_many:test_ours", 1, {}, path=".", test=test)
        stem = f"test_many/test_ours-{number}"
        array = {"a": np.arange(20.0) + number}
        made = make_fixture(stem, array, generator=call, source=Source("simulated", "none"))
        archive = root / "golden" / f"{stem}.npz"
        manifest = archive.with_suffix(".json")
        archive.parent.mkdir(parents=True, exist_ok=True)
        write_archive(archive, array)  # without waiting for the disk, as a recording does
        manifest.write_bytes(encode_manifest(made.manifest))
        entries[f"golden/{stem}.npz"] = describe_file(archive, "fixture")
        entries[f"golden/{stem}.json"] = describe_file(manifest, "manifest")
    golden.register(root, entries)
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "-k"]
    yield point("tests: arrays_regression", count, [*pytest, "test_ours"], root)
    yield point("tests: np.load, assert_allclose", count, [*pytest, "test_peer"], root)


def growth(points: list[Point], work: str) -> float:
    """Return the exponent of the growth of a work's seconds from the second largest size to the largest."""
    last = sorted((one for one in points if one.work == work), key=lambda one: one.count)[-2:]
    if len(last) < 2:
        return 0.0
    return math.log(last[1].cpu / last[0].cpu) / math.log(last[1].count / last[0].count)


def failures(points: list[Point]) -> list[str]:
    """Return what is above its limit, a line each."""
    found = []
    for work, (seconds, mebibytes) in LIMITS.items():
        last = max((one for one in points if one.work == work), key=lambda one: one.count, default=None)
        if last is None:
            continue
        if last.cpu > seconds or last.mebibytes > mebibytes:
            found.append(
                f"{work}: {last.cpu:.1f} s and {last.mebibytes:.0f} MiB; at most {seconds} s, {mebibytes} MiB"
            )
        if last.cpu >= 1 and growth(points, work) > STEEPEST:
            found.append(f"{work}: seconds grow with exponent {growth(points, work):.2f}; at most {STEEPEST}")
        if work == "report" and last.size > MOST_PAGE_BYTES:
            found.append(f"{work}: a page of {last.size} bytes; at most {MOST_PAGE_BYTES}")
    return found + _slow_tests(points)


def _slow_tests(points: list[Point]) -> list[str]:
    sessions = [one for one in points if one.work.startswith("tests:")]
    most = max((one.count for one in sessions), default=0)
    last = {one.work.partition(": ")[2]: one for one in sessions if one.count == most}
    if not last:
        return []
    each = (last["arrays_regression"].cpu - last["np.load, assert_allclose"].cpu) / most
    print(f"a check adds {each * 1e3:.2f} ms to a test")
    return [f"a check adds {each:.4f} s to a test; at most {MOST_PER_TEST} s"] if each > MOST_PER_TEST else []


def save(points: list[Point]) -> None:
    """Keep figures in benchmarks/scale.json, in place of older ones of the same work and count."""
    known = json.loads(_RESULTS.read_text()) if _RESULTS.exists() else {}
    new = {(one.work, one.count) for one in points}
    others = [one for one in known.get("points", []) if (one["work"], one["count"]) not in new]
    known["points"] = [*others, *map(asdict, points)]
    _RESULTS.write_text(json.dumps(known, indent=1) + "\n")


def main() -> int:
    """Measure, write the page, and return 1 if a figure is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--most", type=int, default=_SIZES[-1])
    parser.add_argument("--only", default="registry,bytes,tests")
    parser.add_argument("--save", action="store_true", help="into benchmarks/scale.json")
    parser.add_argument("--page", action="store_true", help="only write the tables of docs/scale.md")
    asked = parser.parse_args()
    if asked.page:
        scale_page.write(json.loads(_RESULTS.read_text()))
        return 0
    parts: dict[str, tuple[Callable[[Path, int], Iterator[Point]], tuple[int, ...]]] = {
        "registry": (registry_points, _SIZES),
        "bytes": (byte_points, _BYTES),
        "tests": (test_points, _TESTS),
    }
    points: list[Point] = []
    for name in asked.only.split(","):
        measure, sizes = parts[name]
        for count in (size for number, size in enumerate(sizes) if _SIZES[number] <= asked.most):
            with tempfile.TemporaryDirectory() as folder:
                points += measure(Path(folder), count)
            if asked.save:
                save(points)
    wrong = failures(points)
    print("\n".join(wrong) or "all figures are within their limits")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
