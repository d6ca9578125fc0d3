"""A group of golden files as an item of the page: its files, checks, figures, tolerances and records."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.fixtures.tolerance import Tolerance
from harness.core.obtained.obtained_files import obtained_directory, plain_file
from harness.core.storage.npz import Arrays
from harness.report.page.budget import view_size
from harness.report.page.measured import measured_line, metric_lines, tolerance_lines
from harness.report.page.model import CheckLine, FileLine, Item
from harness.report.page.panels import panel_figures
from harness.report.page.timeline import make_timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeVar

    import numpy as np

    from harness.core.domain.panels import PanelFunction, Table
    from harness.core.obtained.results import ArrayResult, CheckResult
    from harness.core.overview.collect import GroupState, Overview
    from harness.core.storage.project import Project
    from harness.core.verdict import Verdict
    from harness.report.drawing.figure import Figure
    from harness.report.page.array_views import ArrayView
    from harness.report.page.budget import Budget
    from harness.report.page.model import MetricLine, ToleranceLine

    Part = TypeVar("Part")

OPEN_GROUPS = 3
"""Groups whose details are open at first, if they do not match: the first ones are the most severe."""

MOST_ARRAYS = 24
"""Arrays of one golden file that are drawn; those that differ come first."""

_ENOUGH = "figures: those of other files come first"
_TOO_LARGE = "the page would become too large"


@dataclass(frozen=True, slots=True)
class _Work:
    """One group while its item is made.

    Attributes
    ----------
    state : GroupState
    overview : Overview
    panels : sequence of callable
    budget : Budget
    left_out : list of str
        Grows by what is not shown, and why.
    """

    state: GroupState
    overview: Overview
    panels: Sequence[PanelFunction]
    budget: Budget
    left_out: list[str] = field(default_factory=list)

    @property
    def project(self) -> Project:
        """The project of all groups."""
        return self.overview.project

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """What the last session says of the files as they are."""
        return () if self.state.superseded else self.state.checks

    @property
    def today(self) -> dict[str, ArrayResult]:
        """What the last session found of each array or metric that is not the same."""
        return {result.name: result for check in self.checks for result in check.arrays}

    def file(self, kind: str) -> Path | None:
        """Return the group's file of a kind; None if it has none."""
        path = self.state.group.paths.get(kind)
        return self.project.locate(path) if path else None

    def obtained(self, suffix: str) -> Path | None:
        """Return the file with what one of the checks obtained, the first that kept one."""
        names = (name for check in self.checks for name in check.obtained if name.endswith(suffix))
        name = next(names, None)
        return plain_file(obtained_directory(self.project), name) if name else None

    def attempt(self, what: str, call: Callable[[], Part]) -> Part | None:
        """Return what *call* returns; None if a file cannot be read, which is noted."""
        try:
            return call()
        except HarnessError as error:
            self.left_out.append(f"{what}: {error}")
            return None


def short_item(number: int, state: GroupState) -> Item:
    """Return a group of golden files without its details."""
    group, outcome = state.group, state.outcome
    return Item(number, group.name, group.kind, outcome.value, outcome.accepted, has_details=False)


def make_item(
    number: int, state: GroupState, overview: Overview, panels: Sequence[PanelFunction], budget: Budget
) -> Item:
    """Return a group of golden files with its details, and with figures while the budget lasts."""
    work = _Work(state, overview, panels, budget)
    metrics = work.attempt("metrics", lambda: _metrics(work)) or ()
    tolerances = work.attempt("tolerances", lambda: _tolerances(work)) or ()
    measured = (work.attempt("certificate", lambda: _measured(work)) if metrics else None) or ""
    views, figures = _drawn(work)
    return Item(
        number=number,
        name=state.group.name,
        kind=state.group.kind,
        word=state.outcome.value,
        accepted=state.outcome.accepted,
        headline=_headline(work),
        note=_note(work),
        files=tuple(_file_line(verdict, work.project) for verdict in state.group.verdicts),
        checks=tuple(map(_check_line, state.checks)),
        metrics=metrics,
        measured=measured,
        tolerances=tolerances,
        views=views,
        figures=figures,
        timeline=make_timeline(state, overview.environments, overview.limit),
        left_out=tuple(work.left_out),
        is_open=number < OPEN_GROUPS and not state.outcome.accepted,
    )


def _headline(work: _Work) -> str:
    """Return the largest difference, or why a file is not accepted; empty if all is the same."""
    results = list(work.today.values())
    if results:
        worst = max(results, key=_share)
        where = f", at {list(worst.worst)}" if worst.worst else ""
        return f"{worst.name}: {_largest(worst)}{where}"
    odd = [verdict for verdict in work.state.group.verdicts if not verdict.outcome.accepted]
    return odd[0].detail if odd else ""


def _largest(result: ArrayResult) -> str:
    if result.share is not None:
        return f"{result.share:.3g} tolerances"
    if result.max_absolute and not (result.atol or result.rtol or result.ulp):
        return f"off by {result.max_absolute:.3g}, no difference is allowed"
    return "no tolerance accepts the difference"


def _share(result: ArrayResult) -> float:
    return math.inf if result.share is None else result.share


def _note(work: _Work) -> str:
    if work.state.superseded:
        return (
            "The last session compared with another version of this file. What it found is listed, "
            "but does not count."
        )
    if work.overview.session is None or work.state.checks or work.state.group.kind == "file":
        return ""
    return "No test compared with this file in the last session."


def _file_line(verdict: Verdict, project: Project) -> FileLine:
    try:
        size = f"{project.locate(verdict.name).stat().st_size:,} bytes"
    except (HarnessError, OSError):
        size = ""
    accepted = verdict.outcome.accepted
    return FileLine(verdict.name, size, verdict.outcome.value, accepted, verdict.detail, verdict.remedy)


def _check_line(check: CheckResult) -> CheckLine:
    lines = check.lines or tuple(result.text for result in check.arrays)
    return CheckLine(check.test, check.word, check.outcome.accepted, f"{check.seconds:.2f} s", lines)


def _metrics(work: _Work) -> tuple[MetricLine, ...]:
    baseline = work.file("baseline")
    return metric_lines(baseline, work.obtained(".json"), compared=bool(work.checks)) if baseline else ()


def _tolerances(work: _Work) -> tuple[ToleranceLine, ...]:
    file = work.file("tolerances")
    return tolerance_lines(file, work.today) if file else ()


def _measured(work: _Work) -> str:
    baseline = work.file("baseline")
    return measured_line(baseline) if baseline else ""


def _drawn(work: _Work) -> tuple[tuple[ArrayView, ...], tuple[Figure | Table, ...]]:
    """Return the views of a group's arrays, and the figures of its domain."""
    paths = work.state.group.paths
    if "fixture" not in paths and "result" not in paths:
        return (), ()
    if not work.budget.begin_group():
        work.left_out.append(_ENOUGH)
        return (), ()
    views = tuple(_views(work))
    panels = panel_figures(work.state, work.overview, work.panels, work.budget, work.left_out)
    return views, work.attempt("figures of the field", lambda: tuple(panels)) or ()


def _views(work: _Work) -> Iterator[ArrayView]:
    """Yield a view of each array: those that differ first, until there are enough."""
    today = work.today
    golden = work.attempt("golden arrays", lambda: _arrays(work.file("fixture") or work.file("result"))) or {}
    obtained = work.attempt("obtained arrays", lambda: _arrays(work.obtained(".npz"))) or {}
    names = sorted(golden.keys() | obtained.keys(), key=lambda name: (name not in today, name))
    for name in names[:MOST_ARRAYS]:
        view = _view(work, name, golden, obtained)
        if view is not None and work.budget.take(view_size(view)):
            yield view
        elif view is not None:
            work.left_out.append(f"figures of {name}: {_TOO_LARGE}")
    if len(names) > MOST_ARRAYS:
        work.left_out.append(f"figures of {len(names) - MOST_ARRAYS} arrays more, of {len(names)}")


def _view(
    work: _Work, name: str, golden: Mapping[str, np.ndarray], obtained: Mapping[str, np.ndarray]
) -> ArrayView | None:
    from harness.report.page.array_views import views

    result = work.today.get(name)
    tolerance = Tolerance(result.atol, result.rtol, result.ulp) if result else None
    return work.attempt(f"array {name}", lambda: views(golden.get(name), obtained.get(name), name, tolerance))


def _arrays(path: Path | None) -> Mapping[str, np.ndarray]:
    """Return the arrays of a file, each read when it is asked for; none if there is no file."""
    return Arrays(path) if path is not None else {}
