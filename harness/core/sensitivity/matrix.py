"""The detection matrix: the result of every check for every fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.domain.interface import FaultKind

REFUSAL = "refusal"
DIGEST = "digest"
COMPARISON = "comparison"
REGISTRY = "registry"
AUDIT = "audit"
LIVENESS = "liveness"
METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Detection:
    """Result of one check for one fault.

    Attributes
    ----------
    check : str
        The check's name; for the metrics of a pipeline, ``<pipeline> metrics``.
    caught : bool
        Whether the check failed, as it should for a fault.
    margin : str
        By how much, in the unit of the check: ``2 findings``, ``31 tolerances``.
    detail : str
        What the check reported.
    figures : mapping of str to float
        Distance of each metric from its baseline, in tolerances; above 1 the metric failed.
    """

    check: str
    caught: bool
    margin: str = ""
    detail: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One fault and the results of all checks that ran, in the order in which CI runs them.

    ``fixture`` names what it was injected into, where there is more than one golden fixture.
    """

    id: str
    title: str
    kind: FaultKind
    detections: tuple[Detection, ...]
    description: str = ""
    unseen: str = ""
    harmless: bool = False
    fixture: str = ""

    @property
    def label(self) -> str:
        """The fault's id, and the fixture's name if there are several."""
        return f"{self.id} in {self.fixture}" if self.fixture else self.id

    @property
    def first(self) -> Detection | None:
        """The first check that caught the fault; None if none did."""
        return next((found for found in self.detections if found.caught), None)

    @property
    def caught(self) -> bool:
        """Whether any check caught the fault."""
        return self.first is not None

    @property
    def correct(self) -> bool:
        """Whether a fault was caught, or a harmless change was not reported."""
        return self.caught != self.harmless

    def by(self, check: str) -> Detection | None:
        """Result of *check*; None if it did not run."""
        return next((found for found in self.detections if found.check == check), None)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All faults, one row each, in the catalogue's order."""

    rows: tuple[Row, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        """Names of all checks that ran, in the order in which CI runs them."""
        return tuple(dict.fromkeys(found.check for row in self.rows for found in row.detections))

    @property
    def incorrect(self) -> tuple[Row, ...]:
        """Faults that no check caught, and harmless changes that a check reported."""
        return tuple(row for row in self.rows if not row.correct)

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The pipelines whose metrics were judged."""
        suffix = f" {METRICS}"
        return tuple(check.removesuffix(suffix) for check in self.checks if check.endswith(suffix))

    def blind(self, pipeline: str) -> tuple[str, ...]:
        """Metrics of *pipeline* that stayed within tolerance for every fault injected into a pipeline."""
        found_per_row = [row.by(metrics_of(pipeline)) for row in self.rows if row.kind == "pipeline"]
        figures = [found.figures for found in found_per_row if found is not None and found.figures]
        names = dict.fromkeys(name for found in figures for name in found)
        return tuple(name for name in names if all(found.get(name, 0) <= 1 for found in figures))

    def by_metrics_alone(self, row: Row) -> bool:
        """Whether some pipeline's metrics caught the fault of *row*."""
        results = (row.by(metrics_of(pipeline)) for pipeline in self.pipelines)
        return any(found.caught for found in results if found is not None)


def metrics_of(pipeline: str) -> str:
    """Name of the check that judges the metrics of *pipeline*."""
    return f"{pipeline} {METRICS}"
