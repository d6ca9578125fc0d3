"""``arrays_regression`` of large arrays, in sessions of their own: peak memory, and what is read."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path

import numpy as np
import pytest

MEBIBYTES = {"mapped": 200, "zarr": 320}
MOST_MEBIBYTES = {"mapped": 96, "zarr": 232}
"""By how much a check of so many may raise the peak: a store reads and unpacks 64 at once."""

SOURCES = {
    "mapped": """
        return np.load(os.path.join(os.path.dirname(__file__), "found.npy"), mmap_mode="r")
    """,
    "zarr": """
        zarr = pytest.importorskip("zarr")
        values = np.load(os.path.join(os.path.dirname(__file__), "found.npy"), mmap_mode="r")
        group = zarr.open_group(str(folder / "s.zarr"), mode="w")
        make = getattr(group, "create_array", None) or group.create_dataset
        array = make("deep", shape=values.shape, chunks=(400, 1024), dtype=values.dtype)
        for start in range(0, len(values), 400):
            array[start : start + 400] = values[start : start + 400]
        return group
    """,
}

MODULE = '''
import json, os
import numpy as np
import pytest


def data(folder):
    """What the test checks."""
    SOURCE


def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM"))


def test_large(arrays_regression, tmp_path):
    values = data(tmp_path)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak counts from here
    before = peak()
    try:
        arrays_regression.check(values)
    finally:
        with open(os.environ["PEAKS"], "a") as file:
            file.write(json.dumps(peak() - before) + "\\n")
'''


@pytest.fixture
def large(pytester, tmp_path, monkeypatch):
    """Make a project whose test checks a large array from a source; return how to run it, and its peaks."""
    peaks = tmp_path / "peaks.jsonl"
    monkeypatch.setenv("PEAKS", str(peaks))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def make(source: str, element: float = 0.0) -> None:
        pytester.path.joinpath("registry.json").touch(exist_ok=True)
        if not pytester.path.joinpath("registry.json").read_text():
            pytester.path.joinpath("registry.json").write_text('{"entries": {}, "schema": 2}')
        rows = (MEBIBYTES[source] << 20) // 4096
        found = np.lib.format.open_memmap(
            pytester.path / "found.npy", mode="w+", dtype="f4", shape=(rows, 1024)
        )
        found[::97] = np.arange(1024)
        found[rows // 2, 7] = element
        found.flush()
        pytester.makepyfile(
            test_large=MODULE.replace(
                "SOURCE", textwrap.indent(textwrap.dedent(SOURCES[source]), "    ").strip()
            )
        )

    def run(*options: str):
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly", *options)
        measured = [json.loads(line) for line in peaks.read_text().splitlines()]
        peaks.unlink()
        return result, measured

    return make, run, pytester.path


linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists() or not os.access("/proc/self/clear_refs", os.W_OK),
    reason="this system does not tell a process its peak memory",
)


@linux
@pytest.mark.parametrize("source", SOURCES)
def test_no_check_holds_the_array(large, source):
    """Recorded, the same, and with one element changed: each in less memory than the array."""
    if source == "zarr":
        pytest.importorskip("zarr", reason="zarr is not installed")
    make, run, root = large
    make(source)
    recorded, peaks = run("--force-regen", "--golden-reason", "test")
    recorded.stdout.fnmatch_lines("*1 recorded*")
    same, more = run()
    same.assert_outcomes(passed=1)
    make(source, element=5000.0)
    other, most = run()
    row = (MEBIBYTES[source] << 20) // 8192
    other.stdout.fnmatch_lines(
        ["*: 1 of * elements differ*", f"*[[]{row}, 7[]]: expected 0.0, found 5000.0*"]
    )
    assert max(peaks + more + most) < MOST_MEBIBYTES[source]
    (manifest,) = (root / "golden" / "test_large").glob("*.json")
    (array,) = json.loads(manifest.read_text())["arrays"].values()
    assert len(array["tree"]["blocks"]) == MEBIBYTES[source] / 8


def test_the_golden_archive_is_not_read_where_it_is_equal(large):
    """A damaged block there does not show in a check. `harness verify` reads all of it, and finds it."""
    make, run, root = large
    make("mapped")
    run("--force-regen", "--golden-reason", "test")
    archive = root / "golden" / "test_large" / "test_large.npz"
    with archive.open("r+b") as file:
        file.seek(archive.stat().st_size // 4)
        file.write(b"damaged")
    same, _ = run()
    same.assert_outcomes(passed=1)
    make("mapped", element=5000.0)
    other, _ = run()
    other.stdout.fnmatch_lines("*1 of 52428800 elements differ*")
    with archive.open("r+b") as file:
        file.seek(archive.stat().st_size // 2 + 4096)
        file.write(b"damaged")
    damaged, _ = run()
    damaged.stdout.fnmatch_lines("*the golden files * are not those that were recorded*")
