"""``harness calibrate``: measure tolerances by repeated runs of tests and pipelines, or from samples."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, cast

import click

from harness.commands.group import verb
from harness.commands.options import (
    chosen_executor,
    command_line,
    emit,
    executor_options,
    json_option,
    project_to_write,
    registered_path,
    root_option,
    the_fixture,
)
from harness.core.baselines.tolerance_rule import CLASSES
from harness.core.system.ci import require_not_ci

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harness.core.baselines.array_tolerances import ToleranceDocument
    from harness.core.baselines.baseline import Baseline
    from harness.core.baselines.samples import Samples
    from harness.core.baselines.tolerance_rule import ToleranceClass
    from harness.core.domain.run_pipeline import Call, Run
    from harness.core.recording.staged import Staged
    from harness.core.registry.format import Kind
    from harness.core.registry.golden_names import BaselineFiles
    from harness.core.rerun.calibration_runs import TestRun
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Apart, Executor

_FEWEST = 2
_PIPELINE_AND_FILE = 2


@verb("calibrate")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--runs", type=click.IntRange(min=_FEWEST), default=12, show_default=True, help="Number of runs."
)
@click.option(
    "--seeds",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Number of extra runs of a pipeline with other seeds.",
)
@click.option("--quick", is_flag=True, help="Make 4 runs and no more than 1 with another seed.")
@click.option("--samples", is_flag=True, help="Names are files of `pytest --golden-samples`, to be merged.")
@click.option(
    "--class",
    "kind",
    type=click.Choice([*CLASSES, "automatic"]),
    help="Choose the class of the arrays of NAME, or the measured one again.",
)
@click.option("--array", "arrays", multiple=True, help="With --class: only this array. May be repeated.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of runs at the same time.",
)
@executor_options
@click.option("--dry-run", is_flag=True, help="Print the tolerances and record nothing. Also in CI.")
@click.option("--reason", help="Why the tolerances change; kept in their records.  [required]")
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    names: tuple[str, ...],
    runs: int,
    seeds: int,
    quick: bool,
    samples: bool,
    kind: str | None,
    arrays: tuple[str, ...],
    jobs: int,
    executor: str | None,
    dask: str | None,
    dry_run: bool,
    reason: str | None,
    root: Path | None,
    as_json: bool,
) -> int:
    """NAME is a golden file that a test checks, a directory of them, or a pipeline.

    Without a name, everything is measured. A pipeline may have a fixture's file after it.

    The first run is unperturbed. The others vary the number of threads, the CPU kernels, the hash seed and
    the last bit of the inputs, as another machine would. Arrays that no tolerance can hold are only reported.
    Samples of other machines are merged with --samples. Runs of workers of a Dask cluster that differ from
    this machine are kept as such samples. This command runs code of the project.

    \b
    Examples:
      harness calibrate --quick --reason "first tolerances"
      harness calibrate network --jobs 2 --reason "first baseline"
      harness calibrate --dask tcp://127.0.0.1:8786 --reason "first tolerances"
      harness calibrate --samples linux.json macos.json --reason "CI of 1.2"
      harness calibrate --samples *.json --dry-run
      harness calibrate tests/test_orbit/test_end --class report-only --reason "chaotic"
    """
    from harness.report.terminal.progress import progress_bar

    if not dry_run:
        require_not_ci()
        if reason is None:
            raise click.UsageError("Missing option '--reason'.")
    if samples and kind:
        raise click.UsageError("--samples and --class exclude each other.")
    if (samples or kind) and not names:
        raise click.UsageError("Missing argument 'NAME'.")
    if arrays and not kind:
        raise click.UsageError("--array needs --class.")
    project = project_to_write(root)
    if samples:
        found = _Measured(*_merged(project, names))
    elif kind:
        found = _Measured(_reclassified(project, names, kind, arrays, reason or ""))
    else:
        where = chosen_executor(executor, dask, jobs=jobs, project=project, workspace=True)
        amount = _Amount(min(runs, 4) if quick else runs, min(seeds, 1) if quick else seeds, jobs, where)
        chosen = _split(project, names)
        with progress_bar("calibrate") as progress:
            found = _run_all(project, chosen, amount, progress)
    if not dry_run:
        _record(project, found, reason or "")
    kept = [] if dry_run else _keep_apart(project, found)
    emit(
        {
            "baselines": found.baselines(),
            "tolerances": found.arrays,
            "unmeasured": found.unmeasured,
            "apart": kept,
            "dry_run": dry_run,
        },
        as_json=as_json,
        render=lambda: _show(found, dry_run=dry_run),
    )
    return 0


def _keep_apart(project: Project, found: _Measured) -> list[str]:
    """Write the runs of workers that differ as samples, and say on standard error how to merge them."""
    if not found.apart:
        return []
    from harness.core.rerun.samples_apart import keep_samples

    kept = keep_samples(project, found.apart)
    click.echo(
        f"note: {len(kept)} runs of other environments are kept apart. To merge them: "
        f'`harness calibrate --samples {" ".join(kept)} --reason "..."`',
        err=True,
    )
    return kept


class _Amount(NamedTuple):
    """How many runs there are, with other seeds, and at the same time; and where."""

    runs: int
    seeds: int
    jobs: int
    executor: Executor


class _Chosen(NamedTuple):
    """What is to be measured: pipelines, each on a fixture, and golden names.

    ``names`` is None for all that tests check.
    """

    pipelines: tuple[tuple[str, Path], ...]
    names: tuple[str, ...] | None


class _Measured(NamedTuple):
    """What was measured: tolerances of arrays and metrics of tests, and pipelines with the bytes behind them.

    ``unmeasured`` are golden names that no test checks, ``apart`` what workers measured that differ from this
    machine.
    """

    arrays: Mapping[str, ToleranceDocument]
    metrics: Mapping[str, Baseline] = MappingProxyType({})
    pipelines: Mapping[str, tuple[Baseline, bytes | None]] = MappingProxyType({})
    unmeasured: tuple[str, ...] = ()
    apart: tuple[Samples, ...] = ()

    def baselines(self) -> dict[str, Baseline]:
        """All baselines by name."""
        return {**{name: baseline for name, (baseline, _) in self.pipelines.items()}, **self.metrics}


def _run_all(
    project: Project, chosen: _Chosen, amount: _Amount, progress: Callable[[str, float], None]
) -> _Measured:
    """Make all runs of the pipelines, then of the tests."""
    from harness.core.errors import UsageError
    from harness.core.rerun.samples_apart import samples_of_pipeline, samples_of_tests

    others: list[Apart]
    pipelines, samples = {}, []
    for pipeline, fixture in chosen.pipelines:
        name, others = _baseline_name(fixture, pipeline, project), []
        pipelines[name] = _measure(
            pipeline, fixture, amount, project.root, progress=progress, apart=others.append
        )
        samples += samples_of_pipeline(name, pipelines[name][0], others)
    if chosen.names == ():
        return _Measured({}, pipelines=pipelines, apart=tuple(samples))
    wanted, others = chosen.names, []
    runs = _run_tests(project, wanted, amount, progress, others.append)
    samples += samples_of_tests(others)
    from harness.core.rerun.calibrated import from_runs

    found = from_runs(project, runs, wanted)
    measured = found.arrays.keys() | found.metrics.keys()
    if not (measured or pipelines):
        failed = next(iter(runs[0].failures.items()), None)
        raise UsageError(
            "NAME",
            expected="a golden file that a test checks, or a pipeline with a baseline",
            found=f"neither; {failed[0]}: {failed[1]}" if failed else "neither",
            message="there is nothing to measure: no test checks golden arrays or metrics, and no pipeline "
            "has a baseline" + (f" ({' '.join(filter(None, failed))})" if failed else ""),
            remedy='Record some, or name a pipeline: `harness calibrate PIPELINE --reason "..."`.',
        )
    left = [name for name in _tested_names(project) if name not in measured] if wanted is None else []
    return _Measured(found.arrays, found.metrics, pipelines, tuple(left), tuple(samples))


def _run_tests(
    project: Project,
    names: tuple[str, ...] | None,
    amount: _Amount,
    progress: Callable[[str, float], None],
    apart: Callable[[Apart], None],
) -> list[TestRun]:
    from harness.core.baselines.perturbations import numpy_features, perturbations_of_tests
    from harness.core.rerun.calibration_runs import run_under

    return run_under(
        project,
        perturbations_of_tests(amount.runs, numpy_features()),
        tests=_tests_of(project, names or ()),
        jobs=amount.jobs,
        # Processes of pytest need no processes around them here.
        executor=None if amount.executor.scratch is None else amount.executor,
        apart=apart,
        progress=progress,
    )


def _tests_of(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    """Return the tests of some golden arrays, if each manifest names its test; else none, for all tests."""
    import msgspec

    from harness.core.errors import HarnessError
    from harness.core.fixtures.manifest import read_manifest

    found = []
    for name in names:
        try:
            test = read_manifest(project.golden / f"{name}.json").generator.test
        except HarnessError:
            return ()
        if test is msgspec.UNSET or not test:
            return ()
        found.append(str(test))
    return tuple(found)


def _tested_names(project: Project) -> list[str]:
    """Return the golden names that tests may check: fixtures, and baselines that are not of a pipeline."""
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.registry.golden_names import fixtures, name_of, pipeline_baselines
    from harness.core.registry.registry import read_registry

    of_pipelines = {
        project.relative(path)
        for *_, path in pipeline_baselines(project, find_catalogue(project.root).pipelines)
    }
    entries = read_registry(project.registry).entries.items() if project.registry.exists() else ()
    baselines = [
        name_of(project, path)
        for path, entry in entries
        if entry.kind == "baseline" and path not in of_pipelines
    ]
    archives = [name_of(project, project.relative(path)) for path in fixtures(project)] if entries else []
    return sorted({*archives, *baselines})


def _split(project: Project, words: Sequence[str]) -> _Chosen:
    """Return what the words name: golden names, and pipelines; a single one may have a fixture's file."""
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.registry.golden_names import pipeline_baselines

    declared = find_catalogue(project.root).pipelines
    if not words:
        known = pipeline_baselines(project, declared) if project.registry.exists() else ()
        measurable = tuple((item.pipeline, item.fixture) for item in known if not _left_out(project, item))
        return _Chosen(measurable, None)
    if len(words) == _PIPELINE_AND_FILE and words[0] in declared and words[1].endswith(".npz"):
        return _Chosen(((words[0], Path(words[1])),), ())
    pipelines = [word for word in words if word in declared]
    names = [name for word in words if word not in declared for name in _golden(project, word, declared)]
    fixture = the_fixture(project.root) if pipelines else Path()
    return _Chosen(tuple((name, fixture) for name in pipelines), tuple(dict.fromkeys(names)))


def _left_out(project: Project, item: BaselineFiles) -> bool:
    """Say so and return True if a pipeline is optional, and what it needs is not installed.

    Raises
    ------
    DependencyError
        What it needs is not installed, and it is not optional.
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.domain.run_pipeline import missing_requirement
    from harness.core.domain.settings import optional_pipelines

    missing = missing_requirement(find_catalogue(project.root).load("pipelines", item.pipeline))
    if missing is None:
        return False
    if item.pipeline not in optional_pipelines(project.root):
        raise missing
    click.echo(f"not measured: {item.pipeline} (optional): {missing}", err=True)
    return True


def _golden(project: Project, word: str, pipelines: Iterable[str] = ()) -> list[str]:
    """Return the golden names that a word means: a name, the path of a file, or a directory of them.

    Raises
    ------
    UsageError
        If there are none.
    """
    from difflib import get_close_matches

    from harness.core.errors import UsageError

    path = registered_path(project, word).removeprefix(f"{project.golden_name}/").rstrip("/")
    known = _tested_names(project)
    for suffix in ("", ".tolerances.json", ".npz", ".json"):
        if path.endswith(suffix) and path.removesuffix(suffix) in known:
            return [path.removesuffix(suffix)]
    inside = [name for name in known if name.startswith(f"{path}/")]
    if inside:
        return inside
    close = get_close_matches(word, [*known, *pipelines], n=1)
    raise UsageError(
        word,
        expected="a golden file that a test checks, or a pipeline",
        found="neither",
        message=f"{word!r} is neither a golden file that a test checks nor a pipeline",
        remedy=f"Did you mean {close[0]}?" if close else "Without a name, everything is measured.",
    )


def _merged(
    project: Project, files: Sequence[str]
) -> tuple[Mapping[str, ToleranceDocument], Mapping[str, Baseline]]:
    """Return the tolerances as they are with the samples in *files*."""
    from harness.core.baselines.samples import read_samples
    from harness.core.rerun.calibrated import from_samples

    found = from_samples(project, {file: read_samples(Path(file)) for file in files})
    return found.arrays, found.metrics


def _reclassified(
    project: Project, words: Sequence[str], kind: str, arrays: Sequence[str], reason: str
) -> dict[str, ToleranceDocument]:
    """Return the tolerances with another class for some arrays, or all of the named golden files.

    Raises
    ------
    UsageError
        If they were not measured, or there is no such array.
    """
    from harness.core.baselines.array_tolerances import with_class
    from harness.core.errors import UsageError
    from harness.core.rerun.calibrated import current_document

    found = {}
    for name in dict.fromkeys(name for word in words for name in _golden(project, word)):
        document = current_document(project, name)
        unknown = [array for array in arrays if array not in document.arrays]
        if unknown:
            raise UsageError(
                f"--array {unknown[0]}",
                expected=f"one of {', '.join(document.arrays)}",
                found=f"no such array in {name}",
                remedy="Correct the name.",
            )
        chosen = None if kind == "automatic" else cast("ToleranceClass", kind)
        found[name] = with_class(document, arrays or document.arrays, chosen, reason)
    return found


def _baseline_name(fixture: Path, pipeline: str, project: Project) -> str:
    """Return the name of the baseline of a pipeline on a fixture."""
    from harness.core.storage.names import require_golden_name

    name = f"{_fixture_name(fixture, project)}.{pipeline}"
    require_golden_name("baseline", name, dots=True)
    return name


def _fixture_name(fixture: Path, project: Project) -> str:
    """Return a fixture's name: its path in the golden directory, or, outside of it, that of its file."""
    file, golden = fixture.resolve(), project.golden.resolve()
    inside = file.relative_to(golden) if file.is_relative_to(golden) else Path(file.name)
    return inside.with_suffix("").as_posix()


def _measure(  # noqa: PLR0913 - what runs, and where
    pipeline: str,
    fixture: Path,
    amount: _Amount,
    root: Path,
    *,
    progress: Callable[[str, float], None],
    apart: Callable[[Apart], None],
) -> tuple[Baseline, bytes | None]:
    """Make all runs; return the baseline, and the .npz bytes that its values were measured on.

    *apart* gets the runs of workers that differ.
    """
    from harness.core.baselines.calibrate import calibrated_baseline
    from harness.core.baselines.perturbations import other_seeds, perturbations
    from harness.core.domain.run_pipeline import Call
    from harness.core.storage.digest import digest_arrays
    from harness.core.storage.npz import read_archive

    with tempfile.TemporaryDirectory(dir=amount.executor.scratch) as folder:
        kept = Path(folder) / "measured.npz"
        calls = [
            Call(root, pipeline, fixture.resolve(), perturbation)
            for perturbation in (*perturbations(amount.runs), *other_seeds(amount.seeds))
        ]
        calls[0] = replace(calls[0], keep=kept)
        done = _all(calls, amount.executor, progress, apart)
        arrays = kept.read_bytes() if kept.is_file() else None
    samples = [run.sample for run in done]
    return calibrated_baseline(
        samples[: amount.runs],
        better=done[0].better,
        resolution=done[0].resolution,
        fixture=digest_arrays(read_archive(fixture)),
        seeds=samples[amount.runs :],
        measure=done[0].measure,
    ), arrays


def _all(
    calls: list[Call],
    executor: Executor,
    progress: Callable[[str, float], None],
    apart: Callable[[Apart], None],
) -> list[Run]:
    """Make all runs, report each when it ends, and return them in the order of *calls*."""
    from harness.core.domain.run_pipeline import perform
    from harness.core.system.executors.interface import run_in_order

    def report(number: int, run: Run, done: int) -> None:
        progress(_run_line(number + 1, len(calls), calls[number].pipeline, run), done / len(calls))

    return run_in_order(executor, perform, calls, label=_label, apart=apart, on_result=report)


def _label(call: Call) -> str:
    described = ", ".join(f"{key}={value}" for key, value in call.perturbation.describe().items())
    return f"{call.pipeline} on {call.fixture.name} with {described}"


def _record(project: Project, measured: _Measured, reason: str) -> None:
    """Commit everything that was measured as golden files, in one transaction."""
    from harness.core.recording.commit import commit
    from harness.core.recording.plan import plan

    with tempfile.TemporaryDirectory() as folder:
        staged = list(_all_staged(Path(folder), project.golden_name, measured))
        commit(project, plan(project, staged), reason=reason, command=command_line())


def _all_staged(folder: Path, golden: str, measured: _Measured) -> Iterator[Staged]:
    """Write everything to *folder*, a directory for each name, and yield it as staged files."""
    from harness.core.baselines.array_tolerances import SUFFIX, encode_tolerances
    from harness.core.baselines.baseline import encode_baseline

    number = 0
    for name, (baseline, arrays) in measured.pipelines.items():
        number += 1
        yield _staged(
            folder / f"{number}.json", f"{golden}/{name}.json", "baseline", encode_baseline(baseline)
        )
        if arrays is not None:
            yield _staged(folder / f"{number}.npz", f"{golden}/{name}.npz", "result", arrays)
    for name, baseline in measured.metrics.items():
        number += 1
        yield _staged(
            folder / f"{number}.json", f"{golden}/{name}.json", "baseline", encode_baseline(baseline)
        )
    for name, document in measured.arrays.items():
        number += 1
        data = encode_tolerances(document)
        yield _staged(folder / f"{number}.json", f"{golden}/{name}{SUFFIX}", "tolerances", data)


def _staged(file: Path, path: str, kind: Kind, data: bytes) -> Staged:
    from harness.core.recording.staged import Staged
    from harness.core.storage.atomic import replace_file

    replace_file(file, data)
    return Staged(path, kind, file)


def _run_line(number: int, runs: int, pipeline: str, run: Run) -> str:
    """Return what was perturbed in one run."""
    perturbation = run.sample.perturbation
    described = perturbation.describe()
    kernels = described.get("ATEN_CPU_CAPABILITY", "native")
    noise = f", noise {perturbation.noise}" if perturbation.noise is not None else ""
    seed = f", seed {described['seed']}" if "seed" in described else ""
    threads = described["threads"] + (" thread" if described["threads"] == "1" else " threads")
    return f"{pipeline} {number}/{runs}: {threads}, {kernels} kernels{noise}{seed}"


def _show(measured: _Measured, *, dry_run: bool) -> None:
    from harness.report.metric_tables import (
        array_table,
        calibration_table,
        measured_metric_table,
        tolerance_lines,
    )
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table

    done = "would record" if dry_run else "recorded"
    tables = [
        calibration_table(baseline, f"{done} {name}") for name, (baseline, _) in measured.pipelines.items()
    ]
    tables += [array_table(measured.arrays), measured_metric_table(measured.metrics)]
    for table in tables:
        if table.rows:
            show_table(table)
            show_lines([""])
    lines = [
        *tolerance_lines(measured.arrays),
        *(f"not measured: {name}, which no test has checked" for name in measured.unmeasured),
    ]
    count = len(measured.arrays) + len(measured.metrics)
    if count:
        lines.append(f"{done} the tolerances of {count} golden file{'s' if count > 1 else ''}")
    show_lines(map(plain_line, lines if dry_run else [*lines, "next: pytest"]))
