"""Measure spread and amplification of well-known operations; write the table of docs/tolerances.md.

Run it as ``python benchmarks/tolerances.py`` in an environment with SciPy and PyTorch. It makes a project
with a test for each operation, records its golden files and calibrates them as a user would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "tolerances.md"
BEGIN, END = "<!-- benchmarks/tolerances.py: begin -->", "<!-- benchmarks/tolerances.py: end -->"

TESTS = """
import numpy as np
import pytest

def noise(*shape, dtype="f8"):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)

def rfft(x):
    return np.fft.rfft(x)

def matmul(x):
    return x @ x.T

def svd(x):
    return np.linalg.svd(x, compute_uv=False)

def exp(x):
    return np.exp(x)

def total(x):
    return x.sum()

def conv2d(x):
    import torch
    kernel = torch.from_numpy(noise(8, 3, 5, 5, dtype="f4"))
    return torch.nn.functional.conv2d(torch.from_numpy(x), kernel)

def sosfilt(x):
    from scipy import signal
    return signal.sosfilt(signal.butter(8, 0.05, output="sos"), x)

def spline(x):
    from scipy import interpolate
    t = np.linspace(0, 1, x.size)
    return interpolate.UnivariateSpline(t, np.sin(9 * t) + 0.1 * x, s=0.01 * x.size)(t)

def optimiser(x):
    from scipy import optimize
    return optimize.minimize(optimize.rosen, x, method="BFGS").x

def normal(_):
    return np.random.default_rng(7).normal(size=10000)

def hilbert(x):
    return np.linalg.solve(x / (np.arange(12)[:, None] + np.arange(12) + 1.0), np.ones(12))

def logistic(x):
    for _ in range(100):
        x = 3.9 * x * (1 - x)
    return x

CASES = {
    "FFT: `np.fft.rfft`, 4096": (rfft, noise(4096)),
    "matmul: `x @ x.T`, 256 x 256": (matmul, noise(256, 256, dtype="f4")),
    "singular values: `np.linalg.svd`, 100 x 100": (svd, noise(100, 100)),
    "`np.exp`, 10000": (exp, noise(10000)),
    "`x.sum()`, 10^6": (total, noise(1_000_000, dtype="f4")),
    "`torch.nn.functional.conv2d`, 3 x 64 x 64, 5 x 5": (conv2d, noise(1, 3, 64, 64, dtype="f4")),
    "`scipy.signal.sosfilt`, order 8, 4096": (sosfilt, noise(4096)),
    "spline fit: `UnivariateSpline`, 200": (spline, noise(200)),
    "optimiser: BFGS on Rosenbrock's function": (optimiser, np.array([-1.2, 1.0, 0.7])),
    "random normal: `default_rng(7).normal`": (normal, None),
    "linear system: Hilbert matrix, 12 x 12": (hilbert, np.ones((12, 12))),
    "chaos: 100 steps of the logistic map": (logistic, np.linspace(0.1, 0.9, 50)),
}

@pytest.mark.parametrize("number", range(len(CASES)))
def test_case(arrays_regression, number):
    function, given = list(CASES.values())[number]
    if given is not None:
        given = arrays_regression.inputs(given)
    arrays_regression.check(function(given))
"""

HEAD = (
    "| operation | dtype | spread | ULP | growth | tolerance |",
    "|---|---|---|---|---|---|",
)


def measure(folder: Path) -> dict[str, Any]:
    """Return what ``harness calibrate --json`` prints in a project with these tests."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_operations.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_ADDOPTS"}}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    run("pytest", "-q", "--regen-all", "--golden-reason", "first")
    shown = run("harness", "calibrate", "--runs", "24", "--reason", "table", "--json")
    return json.loads(shown)["tolerances"]


def rows(documents: dict[str, Any]) -> list[str]:
    """Return the table's lines, in the order of the cases."""
    names: dict[str, Any] = {}
    exec(TESTS, names)  # noqa: S102 - the text above
    lines = []
    for number, label in enumerate(names["CASES"]):
        (array,) = documents[f"test_operations/test_case-{number}"]["arrays"].values()
        lines.append(row(label, array))
    return lines


def row(label: str, array: dict[str, Any]) -> str:
    """Return one operation's line: its spread is relative to the largest magnitude in the array."""
    spread = array["spread"]
    relative = spread.get("absolute", 0.0) / array["scale"] if array["scale"] else 0.0
    grown = spread.get("amplification")
    limit = f"rtol {array['rtol']:.1e}" if array["rtol"] else f"atol {array['atol']:.1e}"
    cells = (
        label,
        array["dtype"],
        f"{relative:.1e}" if relative else "0",
        f"{spread.get('ulp', 0):.3g}",
        "" if grown is None else f"{grown:.1e}",
        limit if array["class"] == "measured" else array["class"],
    )
    return f"| {' | '.join(cells)} |"


def page_with(page: str, table: str) -> str:
    """Return the page with another table between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> None:
    """Measure, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        documents = measure(Path(folder))
    (platform,) = next(iter(documents.values()))["platforms"].values()
    named = platform["platform"]
    libraries = ", ".join(f"{name} {version}" for name, version in named["libraries"].items())
    caption = f"{named['system']} {named['machine']} {named['cpu']}, {libraries}; {platform['runs']} runs"
    table = "\n".join((*HEAD, *rows(documents), "", f"{caption}."))
    PAGE.write_text(page_with(PAGE.read_text("utf-8"), table), "utf-8")


if __name__ == "__main__":
    main()
