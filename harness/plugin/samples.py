"""What ``--golden-samples`` collects in one pytest process, and the file that it writes at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.baselines.samples import (
    SCHEMA,
    ArraySample,
    MetricSample,
    MetricValue,
    Samples,
    encode_samples,
    joined,
)
from harness.core.errors import UsageError
from harness.core.storage.atomic import make_directory, replace_file
from harness.core.system.environment import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.core.baselines.baseline import MetricVerdict
    from harness.core.storage.project import Project


class _Plain(msgspec.Struct, frozen=True):
    """What a pytest-xdist worker sends: samples by test and golden name."""

    arrays: dict[str, dict[str, ArraySample]]
    metrics: dict[str, dict[str, MetricSample]]


@dataclass(slots=True)
class Collector:
    """Samples of one process, by test and golden name: a test that is repeated counts once."""

    arrays: dict[str, dict[str, ArraySample]] = field(default_factory=dict)
    metrics: dict[str, dict[str, MetricSample]] = field(default_factory=dict)

    def begin(self, test: str) -> None:
        """Forget earlier attempts of a test."""
        self.arrays.pop(test, None)
        self.metrics.pop(test, None)

    def add_arrays(self, test: str, name: str, sample: ArraySample) -> None:
        """Note the arrays of one check."""
        names = self.arrays.setdefault(test, {})
        names[name] = joined(names[name], sample) if name in names else sample

    def add_metrics(self, test: str, name: str, node: str, verdicts: Iterable[MetricVerdict]) -> None:
        """Note the metrics of one check that have a golden value; *node* is the test's id in the project."""
        values = {
            one.name: MetricValue(
                one.expected,
                one.value if one.value is not None and math.isfinite(one.value) else None,
                one.outcome.accepted,
            )
            for one in verdicts
            if one.control is None and one.expected is not None
        }
        self.metrics.setdefault(test, {})[name] = MetricSample((node,), values)

    def to_plain(self) -> Any:
        """Return what a worker sends to the controller."""
        return msgspec.json.encode(_Plain(self.arrays, self.metrics)).decode()

    def add_worker(self, plain: str) -> None:
        """Add what a worker sent."""
        sent = msgspec.json.decode(plain, type=_Plain)
        self.arrays |= sent.arrays
        self.metrics |= sent.metrics

    def samples(self) -> Samples:
        """Return everything that was collected, by golden name."""
        arrays: dict[str, list[ArraySample]] = {}
        for name, sample in (item for names in self.arrays.values() for item in names.items()):
            arrays.setdefault(name, []).append(sample)
        metrics: dict[str, list[MetricSample]] = {}
        for name, one in (item for names in self.metrics.values() for item in names.items()):
            metrics.setdefault(name, []).append(one)
        return Samples(
            SCHEMA,
            fingerprint(),
            {name: reduce(joined, found) for name, found in arrays.items()},
            {name: reduce(_farther, found) for name, found in metrics.items()},
        )

    def write(self, path: Path) -> str:
        """Write the samples to a file; return a line about it."""
        found = self.samples()
        make_directory(path.parent)
        replace_file(path, encode_samples(found))
        arrays = sum(len(sample.arrays) for sample in found.arrays.values())
        metrics = sum(len(sample.metrics) for sample in found.metrics.values())
        return f"samples of {arrays} arrays and {metrics} metrics: {path}"


def _farther(one: MetricSample, other: MetricSample) -> MetricSample:
    """Join two tests' metrics; of each metric the value that is farther from the golden one."""
    metrics = dict(one.metrics)
    for name, new in other.metrics.items():
        known = metrics.get(name, new)
        metrics[name] = max(known, new, key=_distance)
    return MetricSample(tuple(dict.fromkeys((*one.tests, *other.tests))), metrics)


def _distance(metric: MetricValue) -> float:
    return math.inf if metric.value is None else abs(metric.value - metric.golden)


def samples_file(word: str | None, project: Project, *, writes: bool) -> Path | None:
    """Return the file that ``--golden-samples`` names; None if it was not given.

    Raises
    ------
    UsageError
        If it is in the golden directory or a directory, or the session records golden files.
    """
    if not word:
        return None
    path = Path(word).absolute()
    wrong = None
    if writes:
        wrong = "a session that records golden files"
    elif path.is_dir():
        wrong = "a directory"
    elif path.resolve().is_relative_to(project.golden.resolve()):
        wrong = f"a file below {project.golden_name}/"
    if wrong is None:
        return path
    return _refuse(word, wrong)


def _refuse(word: str, wrong: str) -> Path:
    raise UsageError(
        f"--golden-samples {word}",
        expected="a file outside of the golden directory, in a session that only compares",
        found=wrong,
        remedy="Choose another file, and leave out --force-regen and --regen-all.",
    )
