"""The checks that a user's CI runs, each asked whether it sees a fault."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.baseline import judge
from harness.core.errors import HarnessError
from harness.core.fixtures.compare import compare
from harness.core.fixtures.manifest import describe_arrays
from harness.core.provenance.audit import audit
from harness.core.provenance.evidence import gather
from harness.core.provenance.finding import Rank
from harness.core.provenance.inert_parameters import examine
from harness.core.recording.distance import array_distance
from harness.core.registry.verify import verify
from harness.core.sensitivity.matrix import (
    AUDIT,
    COMPARISON,
    DIGEST,
    LIVENESS,
    REGISTRY,
    Detection,
    metrics_of,
)
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from harness.core.baselines.baseline import Baseline, MetricVerdict
    from harness.core.domain.interface import CheckReport, PipelineResult
    from harness.core.fixtures.compare import ArrayDrift
    from harness.core.fixtures.manifest import Manifest
    from harness.core.provenance.finding import AuditFinding
    from harness.core.storage.project import Project

Arrays = dict[str, np.ndarray]


def refused(check: str, error: Exception) -> Detection:
    """The answer of a check that could not even be run: the fault is caught, as a failing job would."""
    told = f"{error.thing}: {error.found}" if isinstance(error, HarnessError) else repr(error)
    return Detection(check, caught=True, margin="refused", detail=told)


def by_check(name: str, check: Callable[[Arrays], CheckReport], arrays: Arrays) -> Detection:
    """Ask a domain's check of the data alone: no golden copy is looked at."""
    report = check(arrays)
    findings = report.findings
    detail = "; ".join(f"{finding.key}: {finding.found}" for finding in findings)
    return Detection(name, bool(findings), _count(len(findings), "finding"), detail)


def by_array_digests(expected: Manifest, arrays: Arrays) -> Detection:
    """Compare arrays with the digests in a manifest."""
    found = describe_arrays(arrays)
    names = sorted(expected.arrays.keys() | found.keys())
    differing = [name for name in names if expected.arrays.get(name) != found.get(name)]
    return Detection(DIGEST, bool(differing), _count(len(differing), "array"), "; ".join(differing))


def by_inputs(misread: Collection[str]) -> Detection:
    """Compare the digests of what a pipeline read with the manifest's; *misread* are those that differ."""
    return Detection(DIGEST, bool(misread), _count(len(misread), "input"), "; ".join(misread))


def by_comparison(golden: Mapping[str, np.ndarray], arrays: Mapping[str, np.ndarray]) -> Detection:
    """Compare arrays with their golden copies, element by element, within the tolerances of their dtypes."""
    drifted = [array for array in compare(golden, arrays).arrays if not array.accepted]
    if not drifted:
        return Detection(COMPARISON, caught=False)
    away = {drift.name: array_distance(golden.get(drift.name), arrays.get(drift.name)) for drift in drifted}
    worst = max(drifted, key=lambda drift: away[drift.name])
    told = away[worst.name]
    margin = tolerances(told) if math.isfinite(told) else f"another {_aspect(worst)}"
    return Detection(COMPARISON, caught=True, margin=margin, detail=f"{len(drifted)} arrays, {worst.name}")


def by_metrics(
    pipeline: str, run: Callable[[], PipelineResult], baseline: Baseline
) -> tuple[Detection, PipelineResult | None]:
    """Run a pipeline and judge its metrics by the baseline; also what it came to, if it came to anything."""
    check = metrics_of(pipeline)
    try:
        result = run()
    except Exception as error:  # noqa: BLE001 - whatever a broken pipeline raises fails its job
        return refused(check, error), None
    return judged(check, judge(baseline, result.metrics, result.controls)), result


def judged(check: str, verdicts: Collection[MetricVerdict]) -> Detection:
    """Verdicts on metrics as one answer, which names the worst of them, and a collapse first."""
    figures = {v.name: _tolerances(v) for v in verdicts if v.control is None}
    wrong = [verdict for verdict in verdicts if not verdict.outcome.accepted]
    if not wrong:
        return Detection(check, caught=False, margin=_most(figures), figures=figures)
    collapsed = [v for v in wrong if v.outcome is Outcome.COLLAPSED]
    worst = max(figures, key=lambda name: figures[name])
    details = [f"collapsed: {v.name} is not ahead of {v.control}" for v in collapsed[:1]]
    details += [f"{len([v for v in wrong if v.control is None])} metrics, {worst}"]
    return Detection(check, caught=True, margin=_most(figures), detail="; ".join(details), figures=figures)


def by_registry(project: Project) -> Detection:
    """Run ``harness verify``."""
    wrong = [verdict for verdict in verify(project) if not verdict.outcome.accepted]
    detail = "; ".join(f"{verdict.name}: {verdict.outcome.value}" for verdict in wrong)
    return Detection(REGISTRY, bool(wrong), _count(len(wrong), "verdict"), detail)


def findings(project: Project) -> frozenset[AuditFinding]:
    """What ``harness audit`` finds broken or weak."""
    return frozenset(f for f in audit(gather(project)) if f.rank is not Rank.INFORMATIONAL)


def by_audit(project: Project, before: frozenset[AuditFinding]) -> Detection:
    """Run ``harness audit``: what it finds that it did not find *before* the fault."""
    known = {(finding.path, finding.rule) for finding in before}
    new = sorted((f for f in findings(project) if (f.path, f.rule) not in known), key=_weight)
    detail = "; ".join(f"{finding.path}: {finding.rule} ({finding.rank.value})" for finding in new)
    return Detection(AUDIT, bool(new), _count(len(new), "finding"), detail)


def by_liveness(manifest: Manifest, digest: str) -> Detection:
    """Run ``harness reproduce --liveness``: recorded numbers that nothing depends on."""
    inert = [parameter for parameter in examine(manifest, digest) if not parameter.live]
    detail = "; ".join(f"{parameter.name}: {parameter.why}" for parameter in inert)
    return Detection(LIVENESS, bool(inert), _count(len(inert), "parameter"), detail)


def _weight(finding: AuditFinding) -> tuple[int, str, str]:
    """Order findings, the heaviest first."""
    return list(Rank).index(finding.rank), finding.path, finding.rule


def _tolerances(verdict: MetricVerdict) -> float:
    """Distance of a metric from its baseline, in tolerances; infinite where it is off an exact one."""
    away = abs(verdict.distance)
    if verdict.outcome is Outcome.SAME:
        return 0.0
    return away / verdict.allowed if verdict.allowed > 0 and math.isfinite(away) else math.inf


def _most(figures: Mapping[str, float]) -> str:
    return tolerances(max(figures.values(), default=0.0))


def tolerances(number: float) -> str:
    """So many tolerances, shortly: 0.7, 31, 6e5."""
    if math.isfinite(number) and number >= 1000:  # noqa: PLR2004 - three digits are read at a glance
        mantissa, _, exponent = f"{number:.0e}".partition("e")
        return f"{mantissa}e{int(exponent)} tolerances"
    return f"{number:.0f} tolerances" if number >= 10 else f"{number:.2g} tolerances"  # noqa: PLR2004


def _aspect(array: ArrayDrift) -> str:
    return array.aspect.value if array.aspect else "value"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""
