"""``fixture_regression.check``, pytest-regressions' own check and syrupy's snapshots in one pytest session.

``measure`` starts pytest on this module in a temporary project. Sizes are in bytes of all arrays together.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from row import Ceiling, Row
from timing import Figure, alternate

import golden

if TYPE_CHECKING:
    import pytest

SIZES = {"1.4 MB": 1_400_000, "33 MB": 33_000_000}
LARGE = 330_000_000
_HERE = Path(__file__).parent


def arrays(size: int) -> dict[str, np.ndarray]:
    """Return three arrays that look like measurements, the same at every call."""
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(size // 24) for name in ("diffraction", "object", "probe")}


def moved(size: int) -> dict[str, np.ndarray]:
    """Return the same arrays with the last bit of one number changed."""
    found = arrays(size)
    middle = found["object"].size // 2
    found["object"][middle] = np.nextafter(found["object"][middle], 9)
    return found


def measure(folder: Path) -> list[Row | Ceiling]:
    """Run the tests below in a project in *folder*, twice: to record, and to measure."""
    rows: list[Row | Ceiling] = []
    for label, size in SIZES.items():
        times = _session(folder / label.replace(" ", "_"), size)
        same, peer = f"check, nothing changed, {label}", "ndarrays_regression.check"
        ours, best = times["check"], ("one xxh3 pass over the bytes", times["hash"])
        rows += [
            Row(same, peer, ours, times[peer], *best, 200),
            Row(f"make the fixture and check it, {label}", peer, times["make"], times[peer], *best),
            Row(same, "syrupy, bytes", ours, times["syrupy"], *best),
            Row(f"check, one last bit, {label}", peer, times["moved"], times["moved peer"],
                "a sum over the bytes", times["sum"], 3),
        ]  # fmt: skip
        if label == "33 MB":
            rows.append(Row(same, best[0], ours, best[1], *best, 1 / 3))
    rows.append(_memory(folder / "large"))
    return rows


def _session(root: Path, size: int) -> dict[str, Figure]:
    root.mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    golden.record(root, golden.fixture("scan", arrays(size)))
    (root / "test_check.py").write_text("from check import test_checks\n")
    output = root / "times.json"
    for option in ("--snapshot-update", "--no-header"):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", option],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(_HERE), "SIZE": str(size), "TIMES": str(output)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:])
    return {name: Figure(*value) for name, value in json.loads(output.read_text()).items()}


def test_checks(
    fixture_regression: Any, ndarrays_regression: Any, snapshot: Any, request: pytest.FixtureRequest
) -> None:
    """Time each check on arrays that did not change, and on arrays with one changed bit."""
    from syrupy.extensions.single_file import SingleFileSnapshotExtension

    size = int(os.environ["SIZE"])
    same, other = arrays(size), moved(size)
    fixture, drifted = golden.fixture("scan", same), golden.fixture("scan", other)
    recorded = request.path.parent / "recorded.npz"
    np.savez_compressed(recorded, **same)  # what --force-regen would have left

    def snap() -> None:
        whole = snapshot.use_extension(SingleFileSnapshotExtension)(
            name="scan"
        )  # a new one each time: it counts its uses
        assert whole == b"".join(array.tobytes() for array in same.values())

    def peer(found: dict[str, np.ndarray]) -> None:
        ndarrays_regression.check(found, fullpath=recorded)

    views = [array.view(np.uint8) for array in same.values()]
    taken = alternate(
        {
            "check": lambda: fixture_regression.check(fixture),
            "make": lambda: fixture_regression.check(golden.fixture("scan", same)),
            "ndarrays_regression.check": lambda: peer(same),
            "syrupy": snap,
            "moved": lambda: fixture_regression.check(drifted),
            "moved peer": lambda: peer(other),
            "hash": lambda: [xxhash.xxh3_128_intdigest(view) for view in views],
            "sum": lambda: [array.sum() for array in same.values()],
        }
    )
    times = {name: [value.median, value.spread] for name, value in taken.items()}
    Path(os.environ["TIMES"]).write_text(json.dumps(times))


def _memory(root: Path) -> Ceiling:
    """Measure the peak memory of a check that has to compare all elements, because one bit changed."""
    root.mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    golden.record(root, golden.fixture("scan", arrays(LARGE)))
    (root / "test_peak.py").write_text("from check import test_peak\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(_HERE)},
        capture_output=True,
        text=True,
        check=True,
    )
    peak = float(done.stdout.partition("PEAK ")[2].split()[0])
    return Ceiling("memory of a check, one last bit, 330 MB", peak, 1.2 * LARGE / 1e6 + 80, "MB")


def test_peak(fixture_regression: Any) -> None:
    """Print the peak memory of one check; the arrays themselves are included."""
    fixture = golden.fixture("scan", moved(LARGE))
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of making them
    fixture_regression.check(fixture)
    status = Path("/proc/self/status").read_text()
    print("PEAK", int(status.partition("VmHWM:")[2].split()[0]) * 1.024 / 1000, "MB")
