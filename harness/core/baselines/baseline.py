"""Baselines: the metrics of a pipeline with their tolerances, and the comparison of new metrics with them.

A baseline is ``golden/<fixture>.<pipeline>.json``. For each metric it has the value, how far a new value may
be from it in either direction, and the samples that this was measured from; for each control, the margin by
which the metric must beat it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.errors import UsageError
from harness.core.storage.documents import encode_document, read_document
from harness.core.storage.names import require_distinct, require_name
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1

_LARGEST_COUNT = 2**53  # floats have all integers up to here
_SHOWN = 60  # characters of a wrong value


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric's value, its tolerance on either side, and the samples behind it.

    Attributes
    ----------
    value, tolerance : float
        A tolerance of 0 means that the comparison is exact.
    samples : tuple of float
        Values under numerical perturbations; the first is ``value``.
    spread : float
        Standard deviation of the samples.
    resolution : float
        Smallest step of a metric that can take only some values, else 0.
    better : {"higher", "lower"} or None
        The metric's good direction, if it has one.
    seeds : tuple of float
        Values with other seeds. They do not widen the tolerance.
    seed_spread : float or None
        Standard deviation of ``value`` and ``seeds``; None if no other seed was run.
    """

    value: float
    tolerance: float
    samples: tuple[float, ...] = ()
    spread: float = 0.0
    resolution: float = 0.0
    better: str | None = None
    seeds: tuple[float, ...] = ()
    seed_spread: float | None = None


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric's value for a control, and the margin by which the metric must beat it.

    The sign of ``margin`` is the metric's good direction: metric minus control must be at least ``margin`` if
    that is positive, and at most ``margin`` if that is negative.
    """

    value: float
    margin: float


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the tolerances were measured: rule, number of runs, what was varied in each, environment, date.

    In the file, ``perturbations`` is called ``conditions``.
    """

    rule: str
    runs: int
    perturbations: tuple[dict[str, str], ...] = msgspec.field(name="conditions")
    environment: dict[str, str]
    date: str


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pipeline's recorded metrics on one fixture.

    Attributes
    ----------
    schema : int
    metrics : dict of str to Metric
    controls : dict of str to dict
        By control, then by metric: :class:`Control`.
    certificate : Certificate
    fixture : str or None
        Digest of the arrays that the pipeline ran on; None if unknown.
    measure : str or None
        Reference ``module:function`` of the function that recomputes the metrics from the arrays that are
        stored beside the baseline; None if none are.
    """

    schema: int
    metrics: dict[str, Metric]
    controls: dict[str, dict[str, Control]]
    certificate: Certificate
    fixture: str | None = None
    measure: str | None = None


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """Outcome for one metric compared with its baseline or, if ``control`` is set, with that control."""

    name: str
    outcome: Outcome
    value: float | None
    expected: float | None
    allowed: float
    control: str | None = None
    better: str | None = None

    @property
    def distance(self) -> float:
        """New value minus baseline (or control); NaN where either is missing."""
        if self.value is None or self.expected is None:
            return math.nan
        return self.value - self.expected

    @property
    def is_gain(self) -> bool:
        """Whether a metric is better than its tolerance allows: rejected too, because it needs a reason."""
        if self.outcome is not Outcome.DRIFTED or self.control is not None or self.better is None:
            return False
        if not math.isfinite(self.distance):
            return False  # NaN is neither higher nor lower
        return (self.distance > 0) == (self.better == "higher")


_PLAIN_ARRAYS = frozenset({"numpy.ndarray", "torch.Tensor", "torch.nn.parameter.Parameter"})


def require_metrics(
    thing: str, metrics: object, controls: Mapping[str, Mapping[str, float]] | None = None
) -> dict[str, float]:
    """Return *metrics* with Python's own numbers; raise unless they are numbers under valid names.

    NaN and infinities are numbers: :func:`judge` reports them as drift, beside all other metrics.

    Parameters
    ----------
    thing : str
        Whose metrics they are, for the error: ``metrics 'lattice.net'``.
    metrics : object
        Must be a mapping of str to int or float, of Python or numpy. An array or a torch tensor without
        dimensions is taken as its one number.
    controls : mapping of str to mapping, optional
        Metrics of controls, held to the same rule.

    Raises
    ------
    UsageError
        If it is not a mapping, is empty, a name is not valid or a value is not a number: None, a list, a
        bool, a string or an array with dimensions. All such values are named.

    Examples
    --------
    >>> require_metrics("metrics 'lattice.net'", {"ssim": 0.5})
    {'ssim': 0.5}
    """
    for name, values in (controls or {}).items():
        require_name("control", name, directories=True)
        require_metrics(f"{thing}, control {name!r}", values)
    if not isinstance(metrics, Mapping) or not metrics:
        found = (
            "an empty one" if isinstance(metrics, Mapping) else f"a value of type {type(metrics).__name__}"
        )
        raise UsageError(
            thing, expected="a mapping of names to numbers", found=found, remedy="Pass {'name': value, ...}."
        )
    for name in metrics:
        require_name("metric", name, directories=True)
    require_distinct("metric", metrics)
    numbers = {name: _number(value) for name, value in metrics.items()}
    wrong = [
        f"{name} {_described(metrics[name])}" for name, value in numbers.items() if not _is_number(value)
    ]
    if wrong:
        raise UsageError(
            thing,
            expected="an int or a float for every metric",
            found=", ".join(wrong),
            remedy="Convert each value with float(), or leave the metric out.",
        )
    return {name: value if type(value) is int else float(value) for name, value in numbers.items()}


def _number(value: Any) -> Any:
    """Return the number of a plain array or tensor without dimensions; any other value as it is.

    Those of other classes may carry more than a number: a mask, a unit, coordinates.
    """
    kind = type(value)
    is_plain = f"{kind.__module__}.{kind.__name__}" in _PLAIN_ARRAYS
    return value.item() if is_plain and value.ndim == 0 else value


def with_tolerances(baseline: Baseline, tolerances: Mapping[str, Any]) -> Baseline:
    """Return *baseline* with other tolerances for some metrics.

    Parameters
    ----------
    baseline : Baseline
    tolerances : mapping of str to Tolerance
        By metric: ``atol`` and ``rtol``, which is relative to the baseline's value.
    """
    metrics = {
        name: msgspec.structs.replace(metric, tolerance=given.atol + given.rtol * abs(metric.value))
        if (given := tolerances.get(name)) is not None
        else metric
        for name, metric in baseline.metrics.items()
    }
    return msgspec.structs.replace(baseline, metrics=metrics)


def _is_number(value: object) -> bool:
    """Whether a value is a real number that a float can hold; a bool is a mistake."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    if isinstance(value, Integral):
        return abs(int(value)) <= _LARGEST_COUNT
    try:
        number = float(value)
    except OverflowError:
        return False
    return not math.isinf(number) or bool(value == number)  # else it is finite, but beyond all floats


def _described(value: object) -> str:
    text = repr(value)
    return f"{text if len(text) <= _SHOWN else text[:_SHOWN] + '...'} ({type(value).__name__})"


def judge(
    baseline: Baseline,
    metrics: Mapping[str, float],
    controls: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[MetricVerdict, ...]:
    """Compare every metric with its baseline and its controls.

    Parameters
    ----------
    baseline : Baseline
    metrics : mapping of str to float
        Measured in the new run.
    controls : mapping of str to mapping, optional
        The controls' metrics in the same run; stored values are used where one is missing.

    Returns
    -------
    tuple of MetricVerdict
        One for each metric of the baseline or the run, then one for each stored control and metric.
    """
    names = sorted(baseline.metrics.keys() | metrics.keys())
    values = [_judge_metric(name, baseline.metrics.get(name), metrics.get(name)) for name in names]
    beaten = [
        _judge_control(
            control, name, stored, metrics.get(name), _number((controls or {}).get(control, {}).get(name))
        )
        for control, entries in sorted(baseline.controls.items())
        for name, stored in sorted(entries.items())
    ]
    return (*values, *beaten)


def all_accepted(verdicts: tuple[MetricVerdict, ...]) -> bool:
    """Whether every metric is accepted."""
    return all(verdict.outcome.accepted for verdict in verdicts)


def encode_baseline(baseline: Baseline) -> bytes:
    """Return the canonical JSON of *baseline*."""
    return encode_document(baseline)


def read_baseline(path: Path) -> Baseline:
    """Read a baseline from a file. Raises as :func:`harness.core.storage.documents.decode_document`."""
    return read_document(path, Baseline, schema=SCHEMA)


def _judge_metric(name: str, stored: Metric | None, value: float | None) -> MetricVerdict:
    if stored is None:
        return MetricVerdict(
            name=name, outcome=Outcome.UNREGISTERED, value=value, expected=None, allowed=math.nan
        )
    if value is None:
        return MetricVerdict(name, Outcome.MISSING, None, stored.value, stored.tolerance)
    if value == stored.value:
        outcome = Outcome.SAME
    elif abs(value - stored.value) <= stored.tolerance:
        outcome = Outcome.TOLERATED
    else:
        outcome = Outcome.DRIFTED
    return MetricVerdict(name, outcome, value, stored.value, stored.tolerance, better=stored.better)


def _judge_control(
    control: str, name: str, stored: Control, value: float | None, measured: float | None
) -> MetricVerdict:
    """COLLAPSED unless the metric beats the control by the margin; a NaN never does."""
    # The margin is multiplied by its sign, so that "ahead" is positive whichever direction is the good one.
    reference = stored.value if measured is None else measured
    ahead = math.nan if value is None else math.copysign(1, stored.margin) * (value - reference)
    outcome = Outcome.SAME if ahead >= abs(stored.margin) else Outcome.COLLAPSED
    return MetricVerdict(name, outcome, value, reference, stored.margin, control)
