"""The pytest fixture ``metrics_regression``: a pipeline's metrics against their baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.core.baselines.baseline import (
    all_accepted,
    encode_baseline,
    judge,
    read_baseline,
    require_metrics,
    with_tolerances,
)
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.errors import GoldenMissingError, RefusedError, UsageError
from harness.core.fixtures.tolerance import Tolerance, read_tolerances
from harness.core.storage.atomic import replace_file
from harness.core.storage.names import require_golden_name
from harness.core.verdict import Outcome
from harness.plugin.golden_check import GoldenCheck, Kept, NewFiles
from harness.plugin.node_names import (
    golden_name,
    missing_variant,
    node_id,
    require_plain_name,
    variant_name,
)
from harness.plugin.outcomes.array_results import metric_results
from harness.plugin.session import DifferenceError
from harness.plugin.stored_tolerances import require_wide_enough_metrics
from harness.report.verdicts import metric_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.core.baselines.baseline import Baseline, MetricVerdict
    from harness.core.fixtures.tolerance import AnyTolerance
    from harness.core.registry.format import Kind
    from harness.core.verdict import Verdict


class MetricsRegression(GoldenCheck):
    """Compares metrics with their baselines."""

    __slots__ = ()

    result_kind = "baseline"
    suffixes = (".json",)

    def check(
        self,
        metrics: Mapping[str, float],
        name: str | None = None,
        tolerances: Mapping[str, Tolerance | Mapping[str, float]] | None = None,
        *,
        controls: Mapping[str, Mapping[str, float]] | None = None,
        variant: str | None = None,
    ) -> None:
        """Compare *metrics* with the baseline ``golden/<name>.json``.

        Parameters
        ----------
        metrics : mapping of str to float
            NaN and infinities have drifted, and cannot be recorded.
        name : str, optional
            It may have directories. For a pipeline's metrics it is ``<fixture>.<pipeline>``; the default is
            ``<module>/<test>.metrics``.
        tolerances : mapping of str to Tolerance or mapping, optional
            By metric, with the keys ``atol`` and ``rtol``; the default is that of the baseline.
        controls : mapping of str to mapping of str to float, optional
            Metrics of the controls in the same run, by control; the default is the values in the baseline.
        variant : str, optional
            What makes the numbers differ so much that they need a baseline of their own, such as ``"cuda"``:
            ``golden/<name>/variant-cuda.json``. That of another variant is never used instead.

        Raises
        ------
        GoldenMissingError
            If there is no such baseline. Nothing is written then.
        UsageError
            If a name is not valid, a value is not a number, or a test checks twice without a name.
        """
        __tracebackhide__ = True
        plain, name = self._plain_name(name), self.baseline_name(name, variant)
        measured = require_metrics(f"metrics {name!r}", metrics, controls)
        given = read_tolerances(tolerances, set(measured), things="metrics")
        _require_plain(given)
        filename = f"{name}.json"
        self.session.used.add(self.relative(filename))
        self.bring(filename)
        try:
            self.require_recorded(filename, _new_files(name, _recorded(measured, None, given)))
        except GoldenMissingError as error:
            raise missing_variant(error, self.project, plain, variant, ".json") from None
        golden = self.project.golden / filename
        before = read_baseline(golden) if golden.is_file() else None
        damaged: list[Verdict] = []
        lines: list[str] = []
        verdicts: tuple[MetricVerdict, ...] = ()
        if before is not None:
            damaged = self.damaged(filename)
            tight = None if self.writes else (f"{self.test}, {name}", given, before)
            before = with_tolerances(before, given)
            verdicts = judge(before, measured, controls)
            if self.session.collector is not None and not damaged:
                self.session.collector.add_metrics(
                    self.test, name, node_id(self.request.node, self.project.root), verdicts
                )
            if tight is not None:
                require_wide_enough_metrics(*tight)
            lines = self.damage_lines(damaged)
            lines += [] if all_accepted(verdicts) else metric_lines(verdicts, accepted=True)
            if not lines:
                self.accept(filename)
                self._note_accepted(_new_files(name, _recorded(measured, before, given)), verdicts)
                return

        def note(lines: list[str], kept: Kept) -> None:
            outcome = damaged[0].outcome if damaged else _worst(verdicts)
            arrays = metric_results(verdicts)
            self.note(name, outcome, "drifted", arrays, damaged=damaged, lines=lines, files=kept.files)

        if not all(map(math.isfinite, measured.values())):
            note(lines, Kept())
        _require_finite(name, measured, lines)
        recorded = _recorded(measured, before, given)
        self._note_insensitive(filename, recorded)
        self.perform(
            _new_files(name, recorded),
            differences=lambda: lines,  # called only if there is a baseline, which has been found to differ
            report=lambda lines, _obtained: self._report(name, lines, damaged),
            note=note,
        )

    def kind(self, filename: str) -> Kind:  # noqa: ARG002 - the interface of both checks
        """Return "baseline"."""
        return "baseline"

    def baseline_name(self, name: str | None, variant: str | None) -> str:
        """Return the name of the baseline that a check asks for; raise if the test has used it before."""
        plain = self._plain_name(name)
        wanted = plain if variant is None else variant_name(plain, variant)
        return self._claimed(wanted, given=name is not None)

    def _plain_name(self, name: str | None) -> str:
        """Return the baseline's name without its variant."""
        if name is None:
            return f"{golden_name(node_id(self.request.node, self.project.root))}.metrics"
        require_golden_name("baseline", name, dots=True)
        require_plain_name(name)
        return name

    def _claimed(self, name: str, *, given: bool) -> str:
        """Return a baseline's name; raise if it is the test's own and the test has used it before."""
        if not given and not self.session.claim(self.test, name):
            raise UsageError(
                f"metrics {name!r}",
                expected="one check under each name",
                found="a second one in the same test",
                message=f"{self.test} checks metrics {name!r} twice",
                remedy='Give each check of a test its own name: check(metrics, "NAME").',
            )
        return name

    def _note_insensitive(self, filename: str, recorded: Baseline) -> None:
        """Note for the summary which metrics are so small that no change of them could be seen."""
        for name, metric in recorded.metrics.items():
            if 0 < abs(metric.value) <= metric.tolerance:
                self.session.notes.append(
                    f"{self.relative(filename)}, {name}: {metric.value:g} is not larger than its tolerance, "
                    f"{metric.tolerance:g}: no change of it to zero or to its double could fail"
                )

    def _note_accepted(self, new: NewFiles, verdicts: Iterable[MetricVerdict]) -> None:
        """Note for the summary how close the metrics are to their baseline."""
        differing = metric_results(verdicts)
        if not differing:
            self.note(new.stem, Outcome.SAME, "identical")
            return
        files = self.keep_accepted(new)
        self.note(new.stem, Outcome.TOLERATED, "within tolerance", differing, files=files)

    def _report(self, name: str, lines: list[str], damaged: Sequence[Verdict]) -> list[str]:
        differ = f"metrics {name!r} differ from their baseline, {self.shown(name)}.json:"
        if damaged:
            differ = f"the baseline of metrics {name!r} is not the one that was recorded:"
        more = ', then\nmeasure its tolerances with `harness calibrate --reason "..."`'
        return [differ, *(f"  {line}" for line in lines), *self.advice(damaged, more)]


def _recorded(
    measured: Mapping[str, float], before: Baseline | None, given: Mapping[str, AnyTolerance]
) -> Baseline:
    """Return the baseline that would be recorded."""
    return with_tolerances(provisional_baseline(measured, before), given)


def _new_files(name: str, recorded: Baseline) -> NewFiles:
    return NewFiles(name, {".json": lambda path: replace_file(path, encode_baseline(recorded))})


def _worst(verdicts: Iterable[MetricVerdict]) -> Outcome:
    """Return the outcome of a check that failed."""
    collapsed = any(verdict.outcome is Outcome.COLLAPSED for verdict in verdicts)
    return Outcome.COLLAPSED if collapsed else Outcome.DRIFTED


def _require_plain(given: Mapping[str, AnyTolerance]) -> None:
    """Raise unless all tolerances have an absolute and a relative part alone, which a baseline can hold."""
    for name, tolerance in given.items():
        if not isinstance(tolerance, Tolerance) or tolerance.ulp:
            raise UsageError(
                f"tolerance for {name}",
                expected="keys among atol, rtol for a metric",
                found="ulp" if isinstance(tolerance, Tolerance) else type(tolerance).__name__,
                remedy="Give atol or rtol.",
            )


def _require_finite(name: str, metrics: Mapping[str, float], lines: list[str]) -> None:
    """Raise if a metric is not finite, because it cannot be written: with the drift in *lines*, if any."""
    __tracebackhide__ = True
    wrong = ", ".join(f"{key} {value}" for key, value in metrics.items() if not math.isfinite(value))
    if wrong and lines:
        report = [f"metrics {name!r} differ from their baseline:", *(f"  {line}" for line in lines)]
        report.append("Metrics that are not finite cannot be recorded. Fix the pipeline first.")
        raise DifferenceError("\n".join(report), pytrace=False)
    if wrong:
        raise RefusedError(
            f"metrics {name!r}",
            expected="finite numbers, to be recorded",
            found=wrong,
            remedy="Fix the pipeline first.",
        )
