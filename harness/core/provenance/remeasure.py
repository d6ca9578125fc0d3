"""Measure a baseline's metrics again on the arrays that are stored beside it, in a child process.

If the metrics differ although the code is the recorded one, the baseline or its arrays were edited. If the
code changed too, the new code may be the reason.

A baseline is data: a clone brings it. So the function that it names is called only if an installed domain or
the project's pyproject.toml declares it, and only if somebody asked for measuring again.
``python -m harness.core.provenance.remeasure ORDER`` does it: ORDER is a JSON file, and the answer is written
beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.baselines.baseline import require_metrics
from harness.core.domain.catalogue import find_catalogue
from harness.core.errors import HarnessError
from harness.core.registry.golden_names import archive_of, split_baseline_name
from harness.core.storage.npz import read_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.baselines.baseline import Baseline

ROUNDING = 1e-6
"""Relative difference in double precision that another machine may cause."""

_ANSWER = "answer.json"


@dataclass(frozen=True, slots=True)
class Remeasured:
    """Metrics of the stored arrays, measured today.

    Attributes
    ----------
    differing : mapping of str to float
        Metrics that differ from the baseline, with their values today.
    obstacle : str
        Why the metrics could not be measured; empty if they were.
    remedy : str
        What to do about the obstacle; may be empty.
    """

    differing: Mapping[str, float]
    obstacle: str = ""
    remedy: str = ""


def remeasure(
    baseline: Baseline, path: Path, root: Path, located: Callable[[Path], Path] = lambda path: path
) -> Remeasured | None:
    """Measure the metrics of the baseline at *path* again; None if it has no stored arrays.

    Runs code of the project, or of an installed domain, in a new process and an empty directory.

    Parameters
    ----------
    baseline : Baseline
    path : Path
        ``<fixture>.<pipeline>.json``, beside the fixture's archive and ``<fixture>.<pipeline>.npz``.
    root : Path
        The project's directory.
    located : callable, optional
        Says where the bytes of a golden file are, if they are not at its path.
    """
    if baseline.measure is None:
        return None
    order = {
        "measure": baseline.measure,
        "root": str(root.absolute()),
        "fixture": str(located(path.with_name(f"{split_baseline_name(path.stem)[0]}.npz")).absolute()),
        "measured": str(located(archive_of(path)).absolute()),
    }
    answer = _ask_child(order)
    if "metrics" in answer:
        return Remeasured(_differing(baseline, answer["metrics"]))
    return Remeasured({}, answer["obstacle"], answer["remedy"])


def _ask_child(order: Mapping[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "order.json"
        place.write_text(json.dumps(order), "utf-8")
        done = subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", __name__, str(place)],
            cwd=folder,
            env=_environment(),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        answer = Path(folder) / _ANSWER
        if answer.is_file():
            found: dict[str, Any] = json.loads(answer.read_bytes())
            return found
        lines = done.stderr.strip().splitlines()
        obstacle = lines[-1] if lines else f"the process ended with exit code {done.returncode}"
        return {"obstacle": obstacle, "remedy": ""}


def _environment() -> dict[str, str]:
    """Environment of this process, with absolute paths to import from: the child runs elsewhere."""
    listed = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return dict(os.environ, PYTHONPATH=os.pathsep.join(str(Path(entry).absolute()) for entry in listed))


def _differing(baseline: Baseline, found: Mapping[str, float]) -> dict[str, float]:
    """Metrics that differ from the baseline by more than rounding, or a metric's resolution, explains."""
    return {
        name: found.get(name, float("nan"))
        for name, metric in baseline.metrics.items()
        if not abs(found.get(name, float("nan")) - metric.value)
        <= max(ROUNDING * abs(metric.value), metric.resolution)
    }


def _measure(order: Mapping[str, str]) -> dict[str, Any]:
    """Call the function that an order names, if it is declared; return its metrics or the obstacle."""
    try:
        measure = find_catalogue(Path(order["root"])).load_measure(order["measure"])
        found = measure(read_archive(order["fixture"]), read_archive(order["measured"]))
        return {"metrics": require_metrics(order["measure"], found)}
    except HarnessError as error:
        obstacle = error.message or f"{error.thing}: expected {error.expected}, found {error.found}"
        return {"obstacle": obstacle, "remedy": error.remedy}
    except Exception as error:  # noqa: BLE001 - whatever the project's code raises is the answer
        return {"obstacle": f"{type(error).__name__}: {error}", "remedy": ""}


def _main(place: Path) -> None:
    answer = _measure(json.loads(place.read_bytes()))
    place.with_name(_ANSWER).write_text(json.dumps(answer), "utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
