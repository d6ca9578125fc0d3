"""State of one pytest process: what its tests staged and used, and what may be recorded at its end.

Nothing here is a hook: :mod:`harness.plugin.hooks` reports events to a :class:`GoldenSession` and acts on its
answers. Every pytest run imports this module, so what only some sessions need is imported where it is used.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.core.recording.plan import Change
    from harness.core.recording.staged import Staged
    from harness.core.registry.format import Registry
    from harness.core.storage.project import Project
    from harness.core.verdict import Verdict
    from harness.plugin.settings import Settings

_GENERATED = frozenset({"fixture", "manifest", "baseline"})


class RecordedError(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # a factory made it
    """A test failure that only means: this golden file differs and will be recorded.

    Other failures prevent recording; this one does not.
    """

    __module__ = "builtins"  # as pytest's own outcomes: its summary then shows the name without a module


@dataclass(slots=True)
class GoldenSession:
    """One pytest process.

    Attributes
    ----------
    staged : list of Staged
        Files that tests want to record.
    used : set of str
        Golden files that tests compared with.
    obstacles : list of str
        Reasons not to record anything.
    gaps : list of str
        Reasons not to report unused golden files: tests that did not run.
    notes : list of str
        What checks have to say about files that are recorded.
    recorded : tuple of Change
        What was recorded.
    refusal : HarnessError or None
        Why recording failed.
    """

    project: Project
    settings: Settings
    staged: list[Staged] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    obstacles: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    recorded: tuple[Change, ...] = ()
    refusal: HarnessError | None = None
    _decoded: tuple[bytes, Registry] | None = None

    def registry(self) -> Registry:
        """Return the registry as it is on disk now; decoded again only if its bytes have changed."""
        from harness.core.registry.format import Registry, decode_registry
        from harness.core.registry.registry import read_registry_text

        path = self.project.registry
        text = read_registry_text(path)
        if text is None:
            return Registry({})
        if self._decoded is None or self._decoded[0] != text:
            self._decoded = text, decode_registry(text, str(path))
        return self._decoded[1]

    def verdicts(self, paths: Iterable[str]) -> list[Verdict]:
        """Compare golden files, as they are on disk now, with their registry entries."""
        from harness.core.registry.verify import verifier
        from harness.core.verdict import Outcome, Verdict

        entries = self.registry().entries
        verdict = verifier(self.project, entries)
        return [
            verdict(path) if path in entries else Verdict(path, Outcome.UNREGISTERED, "not in registry.json")
            for path in paths
        ]

    def to_plain(self) -> dict[str, Any]:
        """Return what a pytest-xdist worker sends to the controller, as plain values."""
        staged = [{**asdict(item), "data": str(item.data)} for item in self.staged]
        return {"staged": staged, "used": sorted(self.used), "notes": self.notes, "path": sys.path}

    def add_worker(self, plain: dict[str, Any]) -> None:
        """Add what a worker sent, in the form of :meth:`to_plain`."""
        from harness.core.recording.staged import Staged

        self.staged += [Staged(**{**item, "data": Path(item["data"])}) for item in plain["staged"]]
        self.used |= set(plain["used"])
        self.notes += plain["notes"]
        # pytest makes directories of tests importable in the workers only; generators run from this process.
        sys.path += [folder for folder in plain["path"] if folder not in sys.path]

    def record_staged(self, say: Callable[[str], None]) -> None:
        """Record all staged files, or none, and remove the staged copies.

        The result is in ``recorded`` or ``refusal``; neither is set if there are obstacles.
        """
        try:
            if not self.obstacles:
                self.recorded = self._record(say)
        except HarnessError as error:
            self.refusal = error
        finally:
            for item in self.staged:
                shutil.rmtree(item.directory, ignore_errors=True)

    def unreferenced(self) -> tuple[str, ...]:
        """Return the registered golden files that no test used; empty if some tests did not run."""
        if self.gaps:
            return ()
        entries = self.registry().entries
        made = (path for path, entry in entries.items() if entry.kind in _GENERATED)
        return tuple(path for path in made if path not in self.used)

    def save_unreferenced(self) -> None:
        """Save the list of unreferenced files for ``harness audit``, unless some tests did not run."""
        from harness.core.registry.unreferenced import remember

        if not self.gaps and self.project.registry.is_file():
            remember(self.project, self.unreferenced())

    def _record(self, say: Callable[[str], None]) -> tuple[Change, ...]:
        from harness.core.domain.rerun_generator import require_reproducible
        from harness.core.recording.commit import commit
        from harness.core.recording.cumulative_drift import DriftLimit
        from harness.core.recording.plan import plan
        from harness.core.registry.golden_names import name_of

        limit = DriftLimit(most=self.settings.max_drift, restart=self.settings.reset_drift)
        changes = plan(self.project, self.staged, limit)
        for item in self.staged:
            if item.kind == "manifest":
                say(f"running the generator of {name_of(self.project, item.path)} twice, in new processes")
                require_reproducible(self.project, item.data)
        commit(self.project, changes, reason=self.settings.reason, command=self.settings.command, say=say)
        return changes
