"""Runs of tests, or samples from other machines -> documents with measured tolerances. Writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.core.baselines.array_tolerances import Row, merged, read_tolerance_document, row_of
from harness.core.baselines.baseline import read_baseline
from harness.core.baselines.measured_metrics import PLATFORM, Run, with_samples
from harness.core.baselines.platforms import platform_of, variables_of
from harness.core.baselines.samples import Deviation, encode_samples
from harness.core.errors import HarnessError, RefusedError, UsageError
from harness.core.fixtures.manifest import read_manifest
from harness.core.fixtures.tolerance import largest_magnitude
from harness.core.registry.golden_names import manifest_of, tolerances_of
from harness.core.registry.registry import read_registry
from harness.core.storage.npz import map_archive
from harness.core.system.environment import fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from harness.core.baselines.array_tolerances import ToleranceDocument
    from harness.core.baselines.baseline import Baseline
    from harness.core.baselines.samples import ArraySample, MetricSample, Samples
    from harness.core.rerun.calibration_runs import TestRun
    from harness.core.storage.project import Project

_SAMPLES = '`pytest --golden-samples FILE` there and `harness calibrate --samples FILE --reason "..."` here'


class Calibrated(NamedTuple):
    """Measured tolerances by golden name: of arrays, and of metrics."""

    arrays: dict[str, ToleranceDocument]
    metrics: dict[str, Baseline]


class _Source(NamedTuple):
    """Samples of one session, how it was made, what an error calls it, and its failures by test."""

    samples: Samples
    described: dict[str, str]
    label: str
    failures: Mapping[str, str]


def from_runs(project: Project, runs: Sequence[TestRun], names: Collection[str] | None = None) -> Calibrated:
    """Return the tolerances that follow from runs on this machine; the first run is the plain one.

    Parameters
    ----------
    project : Project
    runs : sequence of TestRun
    names : collection of str, optional
        Golden names to measure; the default is all that a test checks.

    Raises
    ------
    RefusedError
        If the plain run does not pass, or a run lacks an array or a metric.
    UsageError
        If no test checks one of *names*.
    """
    here = fingerprint()
    sources = [
        _Source(run.samples, run.perturbation.describe(), f"run {number}", run.failures)
        for number, run in enumerate(runs, start=1)
    ]
    first = sources[0]
    measured = first.samples.arrays.keys() | first.samples.metrics.keys()
    _require_measured(measured if names is None else names, first)
    chosen = sorted(measured if names is None else names)
    arrays, metrics = {}, {}
    for name in chosen:
        if name in first.samples.arrays:
            _require_passing(name, first.samples.arrays[name])
            tests = first.samples.arrays[name].tests
            found = [_array_sample(source, name, tests) for source in sources]
            row = row_of(platform_of(here), [s.described for s in sources], [s.arrays for s in found])
            arrays[name] = _document(project, name, found[0], [row])
        else:
            _require_passing_metrics(name, first.samples.metrics[name])
            tests = first.samples.metrics[name].tests
            metrics[name] = _baseline(
                project,
                name,
                [_metric_run(project, name, source, str(platform_of(here)), tests) for source in sources],
            )
    return Calibrated(arrays, metrics)


def from_samples(
    project: Project, given: Mapping[str, Samples], names: Collection[str] | None = None
) -> Calibrated:
    """Return the tolerances as they are with the samples of other machines, a row for each platform.

    Parameters
    ----------
    project : Project
    given : mapping of str to Samples
        By the name of the file.
    names : collection of str, optional
        Golden names to change; the default is all that there are samples of.

    Raises
    ------
    UsageError
        If samples are of a golden file that there is not, or of another version of it.
    RefusedError
        If a sample has another dtype or shape, or a metric that is not finite.
    """
    unique = {encode_samples(samples): (label, samples) for label, samples in given.items()}
    sources = [
        _Source(samples, variables_of(samples.environment), label, {}) for label, samples in unique.values()
    ]
    known = _golden_names(project)
    for source in sources:
        for name in (*source.samples.arrays, *source.samples.metrics):
            if name not in known:
                raise _unknown(source.label, name)
    measured = {name for s in sources for name in (*s.samples.arrays, *s.samples.metrics)}
    for name in names or ():
        if name not in measured:
            raise _unmeasured(name, "no sample of it in these files")
    arrays, metrics = {}, {}
    for name in sorted(measured if names is None else names):
        of_arrays = [source for source in sources if name in source.samples.arrays]
        if of_arrays:
            found = [_array_sample(source, name) for source in of_arrays]
            rows = list(_rows(of_arrays, found))
            for source, sample in zip(of_arrays, found, strict=True):
                _require_golden(project, name, sample, source.label)
            arrays[name] = _document(project, name, found[0], rows)
        else:
            runs = [
                _metric_run(project, name, source, str(platform_of(source.samples.environment)))
                for source in sources
                if name in source.samples.metrics
            ]
            metrics[name] = _baseline(project, name, runs)
    return Calibrated(arrays, metrics)


def read_document_if_any(project: Project, name: str) -> ToleranceDocument | None:
    """Return the measured tolerances of a golden archive as they are; None if it has none."""
    file = tolerances_of(project.golden / f"{name}.npz")
    path = project.relative(file)
    entry = read_registry(project.registry).entries.get(path)
    if entry is not None and entry.kind != "tolerances":
        raise UsageError(
            path,
            expected="measured tolerances, or no file",
            found=f"a {entry.kind}",
            remedy=f"Rename it: `harness mv {path} NAME`.",
        )
    return read_tolerance_document(file) if file.is_file() else None


def current_document(project: Project, name: str) -> ToleranceDocument:
    """Return the measured tolerances of the golden arrays as they are now.

    Raises
    ------
    UsageError
        If there are none, or they are of other arrays.
    """
    document = read_document_if_any(project, name)
    manifest = manifest_of(project.golden / f"{name}.npz")
    found = "none"
    if document is not None and manifest.is_file():
        if document.golden == read_manifest(manifest).digest:
            return document
        found = "those of other golden arrays"
    raise UsageError(
        name,
        expected="measured tolerances of its arrays",
        found=found,
        remedy=f'Measure them first: `harness calibrate {name} --reason "..."`.',
    )


def _golden_names(project: Project) -> set[str]:
    prefix = f"{project.golden_name}/"
    return {
        path.removeprefix(prefix).removesuffix(".npz").removesuffix(".json")
        for path, entry in read_registry(project.registry).entries.items()
        if entry.kind in {"fixture", "baseline"}
    }


def _rows(sources: Sequence[_Source], found: Sequence[ArraySample]) -> Iterator[Row]:
    """Yield a row for each platform; sessions of one platform are runs of one row."""
    groups: dict[str, list[tuple[_Source, ArraySample]]] = {}
    for source, sample in zip(sources, found, strict=True):
        groups.setdefault(platform_of(source.samples.environment).digest, []).append((source, sample))
    for group in groups.values():
        platform = platform_of(group[0][0].samples.environment)
        yield row_of(platform, [s.described for s, _ in group], [sample.arrays for _, sample in group])


def _document(project: Project, name: str, sample: ArraySample, rows: Iterable[Row]) -> ToleranceDocument:
    golden = map_archive(project.golden / f"{name}.npz")
    described = {
        array: Deviation(one.dtype, one.shape, largest_magnitude(golden[array]))
        if golden[array].dtype.kind in "biufc"
        else Deviation(one.dtype, one.shape)
        for array, one in sample.arrays.items()
    }
    return merged(sample.golden, described, rows, read_document_if_any(project, name))


def _baseline(project: Project, name: str, runs: Sequence[Run]) -> Baseline:
    return with_samples(read_baseline(project.golden / f"{name}.json"), runs)


def _array_sample(source: _Source, name: str, tests: Sequence[str] = ()) -> ArraySample:
    """Return the sample of one archive in one session; raise if it cannot be measured."""
    sample = source.samples.arrays.get(name)
    if sample is None:
        raise _missing(name, source, tests)
    for array, found in sample.arrays.items():
        if found.unlike:
            raise RefusedError(
                f"{name}, array {array!r}, {source.label}",
                expected="the golden array's name, dtype and shape",
                found=found.unlike,
                message=f"{name}, array {array!r}, {source.label}: {found.unlike}",
                remedy="Fix the test first: no tolerance holds that.",
            )
    return sample


def _metric_run(
    project: Project, name: str, source: _Source, platform: str, tests: Sequence[str] = ()
) -> Run:
    """Return the metrics of one session; raise if one is missing, not finite, or of another golden value."""
    sample = source.samples.metrics.get(name)
    if sample is None:
        raise _missing(name, source, tests)
    baseline = read_baseline(project.golden / f"{name}.json")
    values = {}
    for metric, stored in baseline.metrics.items():
        found = sample.metrics.get(metric)
        if found is None or found.value is None:
            raise RefusedError(
                f"{name}, metric {metric!r}, {source.label}",
                expected="a finite number",
                found="none" if found is None else "a number that is not finite",
                remedy="Fix the test first.",
            )
        if found.golden != stored.value:
            raise _other_version(name, source.label, f"{metric} {found.golden!r}", f"{stored.value!r}")
        values[metric] = found.value
    return Run({PLATFORM: platform, **source.described}, values)


def _require_golden(project: Project, name: str, sample: ArraySample, label: str) -> None:
    """Raise unless a sample was measured on the golden arrays as they are now."""
    manifest = read_manifest(manifest_of(project.golden / f"{name}.npz"))
    if sample.golden != manifest.digest:
        raise _other_version(name, label, sample.golden, manifest.digest)
    shapes = {array: tuple(entry.shape) for array, entry in manifest.arrays.items()}
    if shapes != {array: one.shape for array, one in sample.arrays.items()}:
        raise RefusedError(
            f"{label}, {name}",
            expected=f"the arrays {', '.join(sorted(shapes))} in their golden shapes",
            found=", ".join(f"{array} {one.shape}" for array, one in sample.arrays.items()) or "none",
            remedy="Write the samples again: `pytest --golden-samples FILE`.",
        )


def _require_measured(names: Collection[str], first: _Source) -> None:
    for name in names:
        if name not in first.samples.arrays and name not in first.samples.metrics:
            failure = next(iter(first.failures.items()), None)
            raise _unmeasured(
                name, "no test checks it" + (f"; {failure[0]} failed: {failure[1]}" if failure else "")
            )


def _require_passing(name: str, sample: ArraySample) -> None:
    failed = [array for array, found in sample.arrays.items() if not found.accepted and not found.unlike]
    if failed:
        raise _not_passing(sample.tests, f"{name}: {', '.join(failed)}")


def _require_passing_metrics(name: str, sample: MetricSample) -> None:
    failed = [metric for metric, found in sample.metrics.items() if not found.accepted]
    if failed:
        raise _not_passing(sample.tests, f"{name}: {', '.join(failed)}")


def _not_passing(tests: Sequence[str], what: str) -> RefusedError:
    return RefusedError(
        ", ".join(tests),
        expected="a test that passes before its tolerances are measured",
        found=f"a drift of {what}",
        message=f"{', '.join(tests)} does not pass without perturbations: {what} has drifted",
        remedy="Fix or re-record it first. If the golden files are of another machine, use "
        f"{_SAMPLES} instead.",
    )


def _missing(name: str, source: _Source, tests: Sequence[str]) -> HarnessError:
    failure = next(((test, found) for test, found in source.failures.items() if test in {*tests, ""}), None)
    found = f"none; {failure[0]} failed: {failure[1]}" if failure else "none"
    return RefusedError(
        f"{name}, {source.label} ({', '.join(f'{k}={v}' for k, v in source.described.items())})",
        expected="what the test checks in the first run",
        found=found,
        remedy="Make the test independent of other tests and of the settings of this run.",
    )


def _unmeasured(name: str, found: str) -> UsageError:
    return UsageError(
        name,
        expected="a golden file that a test checks",
        found=found,
        message=f"{name} cannot be measured: {found}",
        remedy="Write a test for it, or name another.",
    )


def _unknown(label: str, name: str) -> UsageError:
    return UsageError(
        label,
        expected="samples of golden files of this project",
        found=f"one of {name}, which is not registered",
        remedy="Use the samples of the same commit: `pytest --golden-samples FILE`.",
    )


def _other_version(name: str, label: str, found: str, expected: str) -> UsageError:
    return UsageError(
        f"{label}, {name}",
        expected=f"samples of the golden version here, {expected}",
        found=f"those of {found}",
        message=f"{label} was measured on another version of {name}: expected {expected}, found {found}",
        remedy="Use the samples of the same commit: `pytest --golden-samples FILE`.",
    )
