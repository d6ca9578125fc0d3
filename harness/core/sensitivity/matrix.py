"""What each check said of each fault: the detection matrix, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.domain.fault import Kind

REFUSAL = "refusal"
DIGEST = "digest"
COMPARISON = "comparison"
REGISTRY = "registry"
AUDIT = "audit"
LIVENESS = "liveness"
METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Detection:
    """One check's answer to one fault.

    Attributes
    ----------
    check : str
        The check's name; a pipeline's metrics are ``<pipeline> metrics``.
    caught : bool
    margin : str
        By how much, in the check's own terms: ``2 findings``, ``31 tolerances``.
    detail : str
        What it said.
    figures : mapping of str to float
        Of metrics: how far each is off, in tolerances, and above 1 where it is refused.
    """

    check: str
    caught: bool
    margin: str = ""
    detail: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One fault and the answers of all checks that were asked, in the order in which CI runs them."""

    id: str
    title: str
    kind: Kind
    detections: tuple[Detection, ...]
    story: str = ""
    unseen: str = ""
    harmless: bool = False

    @property
    def first(self) -> Detection | None:
        """The first check that caught it; None if it went through."""
        return next((found for found in self.detections if found.caught), None)

    @property
    def caught(self) -> bool:
        """Whether any check caught it."""
        return self.first is not None

    @property
    def right(self) -> bool:
        """Whether the harness did what it should: caught a fault, or left alone what is none."""
        return self.caught != self.harmless

    def by(self, check: str) -> Detection | None:
        """The answer of *check*; None if it was not asked."""
        return next((found for found in self.detections if found.check == check), None)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All faults, one row each, in the catalogue's order."""

    rows: tuple[Row, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        """Every check that was asked anything, in the order in which CI runs them."""
        return tuple(dict.fromkeys(found.check for row in self.rows for found in row.detections))

    @property
    def missed(self) -> tuple[Row, ...]:
        """Faults that nothing caught, and harmless changes that something did."""
        return tuple(row for row in self.rows if not row.right)

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The pipelines whose metrics were asked."""
        suffix = f" {METRICS}"
        return tuple(check.removesuffix(suffix) for check in self.checks if check.endswith(suffix))

    def blind(self, pipeline: str) -> tuple[str, ...]:
        """Metrics of *pipeline* that let every fault pass which was injected into a pipeline."""
        asked = [row.by(metrics_of(pipeline)) for row in self.rows if row.kind == "pipeline"]
        figures = [found.figures for found in asked if found is not None and found.figures]
        names = dict.fromkeys(name for found in figures for name in found)
        return tuple(name for name in names if all(found.get(name, 0) <= 1 for found in figures))

    def by_metrics_alone(self, row: Row) -> bool:
        """Whether some pipeline's metrics caught the fault of *row*."""
        asked = (row.by(metrics_of(pipeline)) for pipeline in self.pipelines)
        return any(found.caught for found in asked if found is not None)


def metrics_of(pipeline: str) -> str:
    """Name of the check that a pipeline's metrics are."""
    return f"{pipeline} {METRICS}"
