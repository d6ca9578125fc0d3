"""The checks that CI runs, each returning whether it caught a fault."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.baseline import judge
from harness.core.errors import HarnessError
from harness.core.fixtures.compare import compare
from harness.core.fixtures.manifest import describe_arrays, unlike_arrays
from harness.core.provenance.audit import audit
from harness.core.provenance.evidence import gather
from harness.core.provenance.finding import Rank
from harness.core.provenance.inert_parameters import examine_parameters
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
    from pathlib import Path

    from harness.core.baselines.baseline import Baseline, MetricVerdict
    from harness.core.domain.interface import CheckReport, PipelineResult
    from harness.core.fixtures.compare import ArrayDrift
    from harness.core.fixtures.manifest import Manifest
    from harness.core.provenance.finding import AuditFinding
    from harness.core.storage.project import Project

Arrays = dict[str, np.ndarray]


def refused(check: str, error: Exception) -> Detection:
    """Detection by an exception: a check that cannot run fails its CI job, so the fault is caught."""
    detail = f"{error.thing}: {error.found}" if isinstance(error, HarnessError) else repr(error)
    return Detection(check, caught=True, margin="refused", detail=detail)


def by_check(name: str, check: Callable[[Arrays], CheckReport], arrays: Arrays) -> Detection:
    """Run a check of a domain, which sees the data alone and no golden file."""
    report = check(arrays)
    findings = report.findings
    detail = "; ".join(f"{finding.key}: {finding.found}" for finding in findings)
    return Detection(name, bool(findings), _count(len(findings), "finding"), detail)


def by_array_digests(expected: Manifest, arrays: Arrays) -> Detection:
    """Compare the digests of *arrays* with those in the manifest *expected*."""
    differing = unlike_arrays(expected.arrays, describe_arrays(arrays))
    return Detection(DIGEST, bool(differing), _count(len(differing), "array"), "; ".join(differing))


def by_inputs(misread: Collection[str]) -> Detection:
    """Report the inputs of a pipeline whose digests differ from the manifest's, listed in *misread*."""
    return Detection(DIGEST, bool(misread), _count(len(misread), "input"), "; ".join(misread))


def by_comparison(golden: Mapping[str, np.ndarray], arrays: Mapping[str, np.ndarray]) -> Detection:
    """Compare *arrays* with their golden copies element by element, with the tolerances of their dtypes."""
    drifted = [array for array in compare(golden, arrays).arrays if not array.accepted]
    if not drifted:
        return Detection(COMPARISON, caught=False)
    away = {drift.name: array_distance(golden.get(drift.name), arrays.get(drift.name)) for drift in drifted}
    worst = max(drifted, key=lambda drift: away[drift.name])
    distance = away[worst.name]
    margin = format_tolerances(distance) if math.isfinite(distance) else f"another {_aspect(worst)}"
    return Detection(COMPARISON, caught=True, margin=margin, detail=f"{len(drifted)} arrays, {worst.name}")


def by_metrics(
    pipeline: str, run: Callable[[], PipelineResult], baseline: Baseline
) -> tuple[Detection, PipelineResult | None]:
    """Run a pipeline and judge its metrics by *baseline*; also return its result, None if it raised."""
    check = metrics_of(pipeline)
    try:
        result = run()
    except Exception as error:  # noqa: BLE001 - whatever a broken pipeline raises fails its job
        return refused(check, error), None
    return by_verdicts(check, judge(baseline, result.metrics, result.controls)), result


def by_verdicts(check: str, verdicts: Collection[MetricVerdict]) -> Detection:
    """One detection from the verdicts on all metrics: a collapse first, then the metric farthest off."""
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
    """Run what ``harness verify`` runs."""
    wrong = [verdict for verdict in verify(project) if not verdict.outcome.accepted]
    detail = "; ".join(f"{verdict.name}: {verdict.outcome.value}" for verdict in wrong)
    return Detection(REGISTRY, bool(wrong), _count(len(wrong), "verdict"), detail)


def audit_findings(project: Project) -> frozenset[AuditFinding]:
    """Findings of ``harness audit`` that are broken or weak."""
    return frozenset(f for f in audit(gather(project)) if f.rank is not Rank.INFORMATIONAL)


def by_audit(project: Project, before: frozenset[AuditFinding]) -> Detection:
    """Run what ``harness audit`` runs, and report findings that were not there *before* the fault."""
    known = {(finding.path, finding.rule) for finding in before}
    new = sorted((f for f in audit_findings(project) if (f.path, f.rule) not in known), key=_weight)
    detail = "; ".join(f"{finding.path}: {finding.rule} ({finding.rank.value})" for finding in new)
    return Detection(AUDIT, bool(new), _count(len(new), "finding"), detail)


def by_liveness(manifest: Manifest, digest: str, root: Path) -> Detection:
    """Run what ``harness reproduce --liveness`` runs; report recorded numbers that no array depends on."""
    inert = [parameter for parameter in examine_parameters(manifest, digest, root=root) if not parameter.live]
    detail = "; ".join(f"{parameter.name}: {parameter.why}" for parameter in inert)
    return Detection(LIVENESS, bool(inert), _count(len(inert), "parameter"), detail)


def _weight(finding: AuditFinding) -> tuple[int, str, str]:
    """Sort key of findings: broken before weak."""
    return list(Rank).index(finding.rank), finding.path, finding.rule


def _tolerances(verdict: MetricVerdict) -> float:
    """Distance of a metric from its baseline, in tolerances; infinite if the tolerance is zero."""
    away = abs(verdict.distance)
    if verdict.outcome is Outcome.SAME:
        return 0.0
    return away / verdict.allowed if verdict.allowed > 0 and math.isfinite(away) else math.inf


def _most(figures: Mapping[str, float]) -> str:
    return format_tolerances(max(figures.values(), default=0.0))


def format_tolerances(number: float) -> str:
    """A number of tolerances in a few characters: 0.7, 31, 6e5."""
    if math.isfinite(number) and number >= 1000:  # noqa: PLR2004 - three digits are read at a glance
        mantissa, _, exponent = f"{number:.0e}".partition("e")
        return f"{mantissa}e{int(exponent)} tolerances"
    return f"{number:.0f} tolerances" if number >= 10 else f"{number:.2g} tolerances"  # noqa: PLR2004


def _aspect(array: ArrayDrift) -> str:
    return array.aspect.value if array.aspect else "value"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""
