"""The pytest fixture ``metrics_regression``: a pipeline's metrics against their baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.baselines.baseline import all_accepted, encode_baseline, judge, read_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.storage.atomic import replace_file
from harness.plugin.golden_check import GoldenCheck
from harness.report.verdicts import metric_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.registry.format import Kind


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
        name : str
            ``<fixture>.<pipeline>``.
        controls : mapping of str to mapping of str to float, optional
            Metrics of the controls in the same run, by control; the default is the values in the baseline.

        Raises
        ------
        GoldenMissingError
            If there is no such baseline. Nothing is written then.
        """
        __tracebackhide__ = True
        filename = f"{name}.json"
        self.session.used.add(self.relative(filename))
        self.require_recorded(filename)
        golden = self.project.golden / filename
        before = read_baseline(golden) if golden.is_file() else None
        lines: list[str] = []
        if before is not None:
            verdicts = judge(before, metrics, controls)
            lines = self.damage(filename) + ([] if all_accepted(verdicts) else metric_lines(verdicts))
            if not lines:
                return

        def fail(_obtained: Path, _expected: Path) -> None:
            __tracebackhide__ = True
            raise AssertionError(self._report(name, lines))

        self.perform(
            name,
            ".json",
            fail,  # called only if there is a baseline, which has been found to differ
            lambda path: replace_file(path, encode_baseline(provisional_baseline(metrics, before))),
        )

    def kind(self, filename: str) -> Kind:  # noqa: ARG002 - the interface of both checks
        """Return "baseline"."""
        return "baseline"

    def _report(self, name: str, lines: list[str]) -> str:
        return "\n".join(
            [
                f"metrics {name!r} differ from their baseline, {self.relative(name)}.json:",
                *(f"  {line}" for line in lines),
                "If the change is intended, re-record it with `pytest --force-regen`, then",
                "measure its tolerances with `harness calibrate`.",
            ]
        )
