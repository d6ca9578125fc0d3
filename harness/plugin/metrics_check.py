"""The pytest fixture ``metrics_regression``: a pipeline's metrics against their baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from harness.core.baselines.baseline import (
    all_accepted,
    encode_baseline,
    judge,
    read_baseline,
    require_metrics,
)
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.errors import RefusedError
from harness.core.storage.atomic import replace_file
from harness.core.storage.names import require_golden_name
from harness.plugin.golden_check import GoldenCheck
from harness.report.verdicts import metric_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.registry.format import Kind
    from harness.core.verdict import Verdict


class MetricsRegression(GoldenCheck):
    """Compares metrics with their baselines."""

    __slots__ = ()

    def check(
        self,
        metrics: Mapping[str, float],
        name: str,
        controls: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Compare *metrics* with the baseline ``golden/<name>.json``.

        Parameters
        ----------
        metrics : mapping of str to float
            NaN and infinities have drifted, and cannot be recorded.
        name : str
            ``<fixture>.<pipeline>``; it may have directories.
        controls : mapping of str to mapping of str to float, optional
            Metrics of the controls in the same run, by control; the default is the values in the baseline.

        Raises
        ------
        GoldenMissingError
            If there is no such baseline. Nothing is written then.
        UsageError
            If a name is not valid, or a value is not a number.
        """
        __tracebackhide__ = True
        require_golden_name("baseline", name, dots=True)
        measured = require_metrics(f"metrics {name!r}", metrics, controls)
        filename = f"{name}.json"
        self.session.used.add(self.relative(filename))
        self.require_recorded(filename)
        golden = self.project.golden / filename
        before = read_baseline(golden) if golden.is_file() else None
        damaged: list[Verdict] = []
        lines: list[str] = []
        if before is not None:
            verdicts = judge(before, measured, controls)
            damaged = self.damaged(filename)
            lines = self.damage_lines(damaged)
            lines += [] if all_accepted(verdicts) else metric_lines(verdicts, accepted=True)
            if not lines:
                self.accept(filename)
                return
        _require_finite(name, measured, lines)
        self.perform(
            name,
            ".json",
            differences=lambda: lines,  # called only if there is a baseline, which has been found to differ
            report=lambda lines, _obtained: self._report(name, lines, damaged),
            dump=lambda path: replace_file(path, encode_baseline(provisional_baseline(measured, before))),
        )

    def kind(self, filename: str) -> Kind:  # noqa: ARG002 - the interface of both checks
        """Return "baseline"."""
        return "baseline"

    def _report(self, name: str, lines: list[str], damaged: Sequence[Verdict]) -> list[str]:
        differ = f"metrics {name!r} differ from their baseline, {self.shown(name)}.json:"
        if damaged:
            differ = f"the baseline of metrics {name!r} is not the one that was recorded:"
        more = ", then\nmeasure its tolerances with `harness calibrate`"
        return [differ, *(f"  {line}" for line in lines), *self.advice(damaged, more)]


def _require_finite(name: str, metrics: Mapping[str, float], lines: list[str]) -> None:
    """Raise if a metric is not finite, because it cannot be written: with the drift in *lines*, if any."""
    __tracebackhide__ = True
    wrong = ", ".join(f"{key} {value}" for key, value in metrics.items() if not math.isfinite(value))
    if wrong and lines:
        report = [f"metrics {name!r} differ from their baseline:", *(f"  {line}" for line in lines)]
        report.append("Metrics that are not finite cannot be recorded. Fix the pipeline first.")
        raise pytest.fail.Exception("\n".join(report), pytrace=False)
    if wrong:
        raise RefusedError(
            f"metrics {name!r}",
            expected="finite numbers, to be recorded",
            found=wrong,
            remedy="Fix the pipeline first.",
        )
