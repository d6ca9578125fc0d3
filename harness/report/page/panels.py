"""Panels of installed domains, drawn for one group of golden files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.baselines.baseline import read_baseline
from harness.core.domain.panels import Table
from harness.core.errors import DependencyError, HarnessError, printable
from harness.core.fixtures.manifest import read_manifest
from harness.core.storage.npz import Arrays

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np

    from harness.core.domain.panels import Image, Lines, Panel, PanelFunction, Points
    from harness.core.overview.collect import GroupState, Overview
    from harness.core.overview.golden_groups import GoldenGroup
    from harness.core.storage.project import Project
    from harness.report.drawing.figure import Figure
    from harness.report.page.budget import Budget


def panel_figures(
    state: GroupState,
    overview: Overview,
    panels: Sequence[PanelFunction],
    budget: Budget,
    left_out: list[str],
) -> Iterator[Figure | Table]:
    """Yield the figures and tables of all panels that have something to show of a group.

    What does not fit the budget or fails is named in *left_out*.
    """
    from harness.report.page.budget import figure_size

    for panel in _described(state, overview, panels, left_out):
        if isinstance(panel, Table):
            yield panel
            continue
        figure = _drawn(panel, left_out)
        if figure is not None and budget.take(figure_size(figure)):
            yield figure
        elif figure is not None:
            left_out.append(f"{figure.title}: the page would become too large")


def _described(
    state: GroupState, overview: Overview, panels: Sequence[PanelFunction], left_out: list[str]
) -> Iterator[Panel]:
    project, group = overview.project, state.group
    arrays = _arrays(project, group)
    document = _document(project, group)
    if not panels or not arrays or document is None:
        return
    beside = {
        other.group.name: _arrays(project, other.group)
        for other in overview.groups
        if other.group.name != group.name and _base(other.group.name) == _base(group.name)
    }
    for panel in panels:
        yield from _called(panel, (arrays, document, beside), left_out)


def _called(panel: PanelFunction, arguments: tuple[Any, Any, Any], left_out: list[str]) -> Sequence[Panel]:
    try:
        return tuple(panel(*arguments))
    except Exception as error:  # noqa: BLE001 - a figure that fails must not take the page with it
        name = getattr(panel, "__qualname__", type(panel).__name__)
        left_out.append(_failure(f"the figures of {getattr(panel, '__module__', '?')}:{name}", error))
        return ()


def _drawn(panel: Image | Lines | Points, left_out: list[str]) -> Figure | None:
    """Return the figure of a panel; None, and its name in *left_out*, if it cannot be drawn."""
    from harness.report.page.figures import draw

    try:
        return draw(panel)
    except DependencyError:
        raise
    except Exception as error:  # noqa: BLE001 - the values come from code of a domain
        left_out.append(_failure(str(getattr(panel, "title", type(panel).__name__)), error))
        return None


def _failure(what: str, error: Exception) -> str:
    return printable(f"{what}: {type(error).__name__}: {error}")


def _base(name: str) -> str:
    """Return the fixture's name in the name of a fixture or baseline: dots in directories do not count."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition('.')[0]}"


def _arrays(project: Project, group: GoldenGroup) -> Mapping[str, np.ndarray]:
    path = group.paths.get("fixture") or group.paths.get("result")
    try:
        return Arrays(project.locate(path)) if path else {}
    except HarnessError:
        return {}


def _document(project: Project, group: GoldenGroup) -> Mapping[str, Any] | None:
    """Return the manifest or baseline as plain values; None if there is none, or it cannot be read."""
    try:
        if "manifest" in group.paths:
            return _plain(read_manifest(project.locate(group.paths["manifest"])))
        if "baseline" in group.paths:
            return _plain(read_baseline(project.locate(group.paths["baseline"])))
    except HarnessError:
        pass
    return None


def _plain(document: Any) -> Mapping[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(document)
    return plain
