"""What a domain offers by name: generators, pipelines, checks, faults, specimens and figures.

The core never imports a domain. A package registers a :class:`Domain` under the entry point group
``harness.domains``, or a project declares one in its ``[tool.harness]`` table; both are looked up by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.core.domain.panels import Table
    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.manifest import Manifest

FaultKind = Literal["fixture", "generator", "pipeline", "repository"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a dataset breaks: which key, what the rule expects, what the data contain.

    Attributes
    ----------
    check : str
        Name of the check that reports it.
    key : str
        Array or field that breaks the rule.
    expected, found : str
        What the rule asks for, and what is there; shapes, dtypes and units included.
    remedy : str
        The next step; empty if there is no obvious one.

    Examples
    --------
    >>> finding = Finding("contract", "probe", "complex64", "float32", "Use astype().")
    >>> f"{finding.key}: expected {finding.expected}, found {finding.found}. {finding.remedy}"
    'probe: expected complex64, found float32. Use astype().'
    """

    check: str
    key: str
    expected: str
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Everything that one check of a dataset found and measured.

    Attributes
    ----------
    check : str
        Name of the check.
    findings : tuple of Finding
        Empty if the dataset passes.
    measures : mapping of str to float
        Figures that the check computed on the way, whether or not it passed.
    notes : tuple of str
        Remarks that are not findings, such as what was not checked.
    tables : tuple of Table
        What the check worked out, to be printed and shown on the page.

    Examples
    --------
    >>> report = CheckReport("contract", measures={"positions": 64.0})
    >>> "passed" if not report.findings else "failed"
    'passed'
    """

    check: str
    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a pipeline run, with its cost.

    Attributes
    ----------
    name : str
        For example ``train`` or ``infer``.
    seconds : float
        Wall time in seconds.
    peak_mb : float
        Peak resident memory in MB (1e6 bytes).
    inputs : mapping of str to str
        Digests of the arrays that the stage read, by array name, in the fixture's dtypes and units. Empty if
        the stage does not report them.
    cpu_seconds : float
        CPU time in seconds; 0 if the stage does not report it.

    Examples
    --------
    >>> stage = Stage("infer", seconds=1.5, peak_mb=210.0)
    >>> f"{stage.name}: {stage.seconds} s"
    'infer: 1.5 s'
    """

    name: str
    seconds: float
    peak_mb: float
    inputs: Mapping[str, str] = field(default_factory=dict)
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """What a pipeline measured on one fixture.

    Attributes
    ----------
    pipeline : str
        The pipeline's name.
    metrics : mapping of str to float
        Figures of this run, by name.
    controls : mapping of str to mapping
        The same metrics for each control: a trivial answer that a working pipeline must beat.
    stages : tuple of Stage
    artifacts : mapping of str to Path
        Files that the pipeline wrote below its output directory.
    better : mapping of str to {"higher", "lower"}
        The good direction of each metric that has one.
    notes : tuple of str
        Remarks that a reader of the figures needs.
    resolution : mapping of str to float
        Smallest step of a metric that can take only some values.
    measured : Path or None
        An .npz archive of the arrays that the metrics were computed from.
    measure : str or None
        Reference ``module:function`` of the function that recomputes the metrics: it takes the fixture's
        arrays and those in ``measured``.
    decisive : tuple of str
        The metrics in which a working pipeline is ahead of its controls on any fixture; empty for all that
        have a good direction.

    Examples
    --------
    >>> result = PipelineResult(
    ...     pipeline="mean",
    ...     metrics={"mae": 0.25},
    ...     controls={"zero": {"mae": 0.5}},
    ...     stages=(Stage("infer", 0.1, 50.0, {"image": "xxh128:0"}),),
    ...     artifacts={},
    ...     better={"mae": "lower"},
    ... )
    >>> result.inputs
    {'infer': {'image': 'xxh128:0'}}
    """

    pipeline: str
    metrics: Mapping[str, float]
    controls: Mapping[str, Mapping[str, float]]
    stages: tuple[Stage, ...]
    artifacts: Mapping[str, Path]
    better: Mapping[str, Literal["higher", "lower"]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    resolution: Mapping[str, float] = field(default_factory=dict)
    measured: Path | None = None
    measure: str | None = None
    decisive: tuple[str, ...] = ()

    @property
    def inputs(self) -> Mapping[str, Mapping[str, str]]:
        """Digests of what each stage read: stage, array, digest. Stages that do not report are left out."""
        return {stage.name: stage.inputs for stage in self.stages if stage.inputs}


@dataclass(frozen=True, slots=True)
class Fault:
    """One known bug, and the small change that injects it.

    Attributes
    ----------
    id : str
        Its number in the catalogue.
    title : str
        What goes wrong, in one line.
    kind : {"fixture", "generator", "pipeline", "repository"}
        Where the bug is injected; this decides what ``inject`` takes and returns.
    inject : callable
        Injects the bug, and leaves its argument unchanged unless noted. Its docstring cites where the bug
        occurred.

        - fixture: arrays by name -> arrays by name.
        - generator: a manifest -> a manifest whose generator has the bug.
        - pipeline: a pipeline -> a pipeline with the bug.
        - repository: the :class:`~harness.core.storage.project.Project` of a scratch copy, changed in place.
    unseen : str
        Why no check of the data alone can detect it; empty if one can.
    pipelines : tuple of str
        Pipelines that can have it; empty for all.
    applies : callable
        Whether a fixture with the given manifest can have it, because it belongs to this domain for instance.
    quick : bool
        Whether a quick run includes it (pipeline faults only).
    harmless : bool
        Whether it is a control: a change that no check may report.

    Examples
    --------
    >>> def halved(arrays):
    ...     return {name: array / 2 for name, array in arrays.items()}
    >>> fault = Fault("X01", "intensities are halved", kind="fixture", inject=halved)
    >>> fault.inject({"image": 8.0})
    {'image': 4.0}
    """

    id: str
    title: str
    kind: FaultKind
    inject: Callable[..., Any] = field(compare=False)
    unseen: str = ""
    pipelines: tuple[str, ...] = ()
    applies: Callable[[Manifest], bool] = field(default=lambda _: True, compare=False)
    quick: bool = False
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class Specimen:
    """One valid dataset of a domain, used to measure how often checks raise false alarms.

    Attributes
    ----------
    name : str
    make : callable
        Makes the dataset: takes nothing, returns a :class:`~harness.core.fixtures.fixture.Fixture`.
    pipelines : tuple of str
        Pipelines that can run on it; empty for all.
    checks_only : bool
        Whether no pipeline runs on it: hundreds of such specimens are checked in minutes.

    Examples
    --------
    >>> import numpy as np
    >>> from harness.core.fixtures.fixture import make_fixture
    >>> from harness.core.fixtures.manifest import Generator, Source
    >>> def flat():
    ...     call, source = Generator("field:flat", 1), Source("simulated", "xxh128:0")
    ...     return make_fixture("flat", {"image": np.ones(4)}, generator=call, source=source)
    >>> Specimen("flat", make=flat).make().name
    'flat'
    """

    name: str
    make: Callable[[], Fixture] = field(compare=False)
    pipelines: tuple[str, ...] = ()
    checks_only: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the pipelines of a domain are compared on one fixture.

    Attributes
    ----------
    pipelines : tuple of str
        Those that are compared, in this order; a project's own engines come after them.
    metrics : mapping of str to str
        The metrics to show, and what to call them in a narrow column.
    picture : callable
        Draws one picture of all results: ``picture(fixture, results, path)``, with the results by pipeline.

    Examples
    --------
    >>> Comparison(("mean", "median"), {"mean_absolute_error": "MAE"}, lambda *_: None).pipelines
    ('mean', 'median')
    """

    pipelines: tuple[str, ...]
    metrics: Mapping[str, str]
    picture: Callable[[Path, Mapping[str, PipelineResult], Path], None] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Domain:
    """What one domain registers. Every value is a reference ``module:attribute``, imported when first used.

    Attributes
    ----------
    name : str
    generators : mapping of str to str
        Functions that return a :class:`~harness.core.fixtures.fixture.Fixture`.
    pipelines : mapping of str to str
        Functions ``(fixture, output, *, threads, seed, progress) -> PipelineResult``. One that needs more
        than this package installs may have an attribute ``require``: a function that raises a
        :class:`~harness.core.errors.DependencyError` if that is missing.
    checks : mapping of str to str
        Functions that take a dataset's arrays and return a :class:`CheckReport`.
    corrections : mapping of str to str
        By name of the check: functions that take a dataset's arrays, and return a copy in which what it
        finds is corrected, and the remedies, a tuple of str. For ``harness check --apply``.
    faults, specimens : tuple of str
        Each refers to a list or tuple of :class:`Fault` or :class:`Specimen`.
    measures : tuple of str
        Functions that measure a pipeline's metrics again, from a fixture's arrays and those that
        :attr:`PipelineResult.measured` has. ``harness audit --remeasure`` calls no others.
    engines : mapping of str to mapping
        By name of the pipeline: settings of a program that runs as one, in a form that ``engine`` knows.
    engine : str
        Function ``(name, settings, root) -> pipeline`` that makes a pipeline of such settings, for the
        project at *root*; empty if this domain has none.
    comparison : str
        A :class:`Comparison`, for ``harness engines``; empty if this domain has none.
    files : tuple of str
        Objects that read and write the field's own files
        (:class:`~harness.core.data_files.DataFiles`).
    panels : tuple of str
        Functions that describe figures of a golden file for the page of ``harness report``. Each takes the
        file's arrays, its manifest or baseline as plain values, and the arrays of the golden files beside it
        by their names, and returns a sequence of panels (:mod:`harness.core.domain.panels`): an empty one if
        the file is not of its kind.

    Examples
    --------
    >>> domain = Domain("optics", generators={"grating": "optics.fixtures:grating"})
    >>> domain.generators["grating"]
    'optics.fixtures:grating'
    """

    name: str
    generators: Mapping[str, str] = field(default_factory=dict)
    pipelines: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    corrections: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    specimens: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    engines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    engine: str = ""
    comparison: str = ""
