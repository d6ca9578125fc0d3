"""What a domain offers by name: generators, pipelines, checks and faults.

The core never imports a domain. A domain registers a :class:`Domain` under the entry point group
``harness.domains``, or a project names one in its ``[tool.harness]`` table; both are looked up by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule of a dataset: which key, what the rule expects, what the data hold."""

    check: str
    key: str
    expected: str
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All that one check of a dataset found, with the figures it measured on the way."""

    check: str
    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a pipeline: its wall time in seconds, its peak resident memory in MB (1e6 bytes).

    ``inputs`` are digests of the arrays that went into it, by name, in the fixture's dtypes and units.
    """

    name: str
    seconds: float
    peak_mb: float
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """What a pipeline measured on one fixture.

    ``metrics`` and every entry of ``controls`` share their keys; ``better`` says of a metric whether more or
    less of it is better, where it is either; ``artifacts`` are files below the output directory that the
    pipeline was given; ``notes`` are what a reader of the figures has to know;
    ``resolution`` is the smallest step of a metric that cannot take every value. ``measured`` is one archive
    of the arrays that the metrics were measured on, and ``measure`` the reference of a function that does it
    again: it takes the fixture's arrays and those, and returns the metrics.
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

    @property
    def inputs(self) -> Mapping[str, Mapping[str, str]]:
        """What each stage that says so read: stage, array, digest."""
        return {stage.name: stage.inputs for stage in self.stages if stage.inputs}


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain's table. Every value is a reference ``module:attribute``, imported when it is used.

    ``faults`` and ``specimens`` are references to tables, each a sequence of
    :class:`~harness.core.domain.fault.Fault` or :class:`~harness.core.domain.specimen.Specimen`.
    """

    name: str
    generators: Mapping[str, str] = field(default_factory=dict)
    pipelines: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    specimens: tuple[str, ...] = ()
