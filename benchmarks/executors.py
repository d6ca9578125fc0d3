"""Measure what a task costs here and on a Dask cluster of this machine, with one worker and with two.

Run it from a checkout: python benchmarks/executors.py [--page docs/cluster.md]. Seconds are of CPU time, of
all processes together: the caller, the scheduler, the workers and their children. A clock would measure what
else this machine does. The executors take turns, so that another clock rate affects all of them alike.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dask

from harness.commands.datasets.check import _Asked, check_file
from harness.core.storage.npz import write_archive
from harness.core.storage.project import require_inner
from harness.core.system.executors.dask_cluster import DaskExecutor
from harness.core.system.executors.interface import run_in_order
from harness.core.system.executors.local import LocalExecutor
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.simulate import simulate

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from loopback_cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.core.system.executors.interface import Executor

ROUNDS = 2
EMPTY = 16
SCANS = 4
MARKS = "<!-- benchmarks/executors.py: {} -->"


class Work(NamedTuple):
    """A function, its items, and what a table calls the work."""

    name: str
    call: Callable[..., object]
    items: Sequence[object]


def main() -> None:
    """Print a table, or write it into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--page", type=Path, help="replace the table in this page")
    page = parser.parse_args().page
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join(table(measure(Path(folder))))
    if page is None:
        print(text)
        return
    begin, end = MARKS.format("begin"), MARKS.format("end")
    known = page.read_text("utf-8")
    block = f"{begin}\n{text}\n{end}"
    page.write_text(re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, known, flags=re.DOTALL))


def measure(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Return CPU seconds for each work and executor, one figure for each round."""
    works = [
        Work("a task that does nothing", require_inner, ["golden/scan.npz"] * EMPTY),
        Work("the check of a scan of 64 patterns", check_file, scans(folder)),
    ]
    one, two = Cluster(folder / "one"), Cluster(folder / "two")
    try:
        one.add_worker()
        for _ in range(2):
            two.add_worker()
        places: dict[str, tuple[Executor, Cluster | None]] = {
            "1 process here": (LocalExecutor(1), None),
            "2 processes here": (LocalExecutor(2), None),
            "1 worker": (DaskExecutor(one.address), one),
            "2 workers": (DaskExecutor(two.address), two),
        }
        found: dict[str, dict[str, list[float]]] = {
            work.name: {place: [] for place in places} for work in works
        }
        for _ in range(ROUNDS):
            for work in works:
                for place, (executor, cluster) in places.items():
                    before = seconds(cluster)
                    run_in_order(executor, work.call, work.items)
                    found[work.name][place].append((seconds(cluster) - before) / len(work.items))
    finally:
        one.close()
        two.close()
    return found


def scans(folder: Path) -> list[_Asked]:
    """Write scans, and return what asks for their checks."""
    files = [folder / f"{number}.npz" for number in range(SCANS)]
    for number, file in enumerate(files):
        write_archive(file, contract_form(simulate(positions=64, detector=64, seed=number).arrays())[0])
    return [_Asked(file, {}, None) for file in files]


def seconds(cluster: Cluster | None) -> float:
    """Return the CPU seconds of this process, its children that have ended, and a cluster's processes."""
    own = sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )
    return own + sum(_ticks(process.pid) for process in (cluster.processes if cluster else ()))


def _ticks(process: int) -> float:
    """Return the CPU seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def table(found: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """Return the lines of a table: medians in seconds, one column for each executor."""
    places = list(next(iter(found.values())))
    lines = [f"| CPU time of a task | {' | '.join(places)} |", f"|---|{'---|' * len(places)}"]
    for name, by_place in found.items():
        cells = [f"{statistics.median(by_place[place]):.2f} s" for place in places]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    with dask.config.set({"distributed.comm.timeouts.connect": "60s"}):
        main()
