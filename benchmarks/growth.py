"""Time by size, at sizes that differ by powers of ten, to show what grows faster than linearly."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from row import Growth
from timing import seconds

import golden
from harness.core.fixtures.fixture import write_fixture
from harness.core.registry.verify import verify
from harness.core.storage.project import Project
from harness.core.verdict import exit_code
from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline.run import network

_RUNS = 3


def measure(folder: Path) -> list[Growth]:
    """Measure verify by the number of entries and of bytes, and training by the number of positions."""
    entries = tuple((float(count), _verify_entries(folder, count)) for count in (10**2, 10**3, 10**4, 10**5))
    sizes = tuple((float(size), _verify_bytes(folder, size)) for size in (10**6, 10**7, 10**8, 10**9, 10**10))
    train = tuple((float(count), _train(folder, count)) for count in (16, 64, 256))
    return [
        Growth("verify", "files of 64 bytes", entries),
        Growth("verify", "bytes in 10 files", sizes),
        Growth("train", "positions", train),
    ]


def _verify_entries(folder: Path, count: int) -> float:
    root = folder / f"entries_{count}"
    golden.files(root, count, 64)
    return _verify(root)


def _verify_bytes(folder: Path, size: int) -> float:
    root = folder / f"bytes_{size}"
    golden.sparse_files(root, 10, size // 10)
    return _verify(root)


def _verify(root: Path) -> float:
    def work() -> None:
        if exit_code(verify(Project(root))):
            raise RuntimeError(f"{root}: not intact")

    work()
    taken = statistics.median(seconds(work) for _ in range(_RUNS))
    shutil.rmtree(root)
    return taken


def _train(folder: Path, positions: int) -> float:
    path, _ = write_fixture(minimal(positions=positions, name=f"scan_{positions}"), folder)
    with tempfile.TemporaryDirectory() as output:
        done = network(path, Path(output), limit=600.0)
    return sum(stage.seconds for stage in done.stages if stage.name == "train")


def plot(growths: list[Growth], path: Path) -> None:
    """Draw the time over the size for each task, with a line that grows linearly."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    drawn = Figure(figsize=(11, 3.6), layout="constrained")
    for axes, growth in zip(drawn.subplots(1, len(growths)), growths, strict=True):
        sizes, taken = zip(*growth.points, strict=True)
        axes.loglog(sizes, taken, "o-", label="measured")
        axes.loglog(sizes, [taken[-1] * size / sizes[-1] for size in sizes], "--", label="linear")
        axes.set(title=growth.work, xlabel=growth.size, ylabel="seconds")
        axes.set_xticks(sizes, [f"{size:g}".replace("e+", "e") for size in sizes], minor=False)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend()
    drawn.savefig(path, dpi=110, metadata={"Software": None})
