"""What one pytest session wants of the golden files, what stands in its way, and how it ends.

Nothing here is a hook: the plugin tells a :class:`GoldenSession` what happens and does what it answers. What
only some sessions need is imported by them: every pytest run starts this module, golden files or none.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from harness.core.errors import HarnessError, UsageError
from harness.core.system.ci import require_not_ci

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.core.recording.regenerate import Change, Staged
    from harness.core.registry.registry import Entry, Registry
    from harness.core.storage.project import Project
    from harness.core.verdict import Verdict

Unreferenced = Literal["ignore", "warn", "reject"]
_GENERATED = frozenset({"fixture", "manifest", "baseline"})


class RecordedError(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # a factory made it
    """A test's failure that only says: this golden file differs, and is recorded when the session ends."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line and the ini file ask for.

    ``max_walk`` is the number of tolerances that a golden file may be from its first version, 0 for any;
    ``new_origin`` makes what this session records the first version of the walks to come.
    """

    writes: bool = False
    reason: str = ""
    require_reason: bool = False
    unreferenced: Unreferenced = "ignore"
    max_walk: float = 0.0
    new_origin: bool = False
    command: str = "pytest"


@dataclass(slots=True)
class GoldenSession:
    """One pytest process: what its tests staged and used, and why nothing may be recorded.

    ``obstacles`` are reasons to record nothing; ``gaps`` are reasons not to call a golden file unreferenced.
    """

    project: Project
    settings: Settings
    staged: list[Staged] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    obstacles: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    recorded: tuple[Change, ...] = ()
    refusal: HarnessError | None = None
    _seen: tuple[bytes, Registry] | None = None
    _is_same: Callable[[str, Entry], bool] | None = None

    def registry(self) -> Registry:
        """Return the registry as it is on disk now; it is decoded again only if its text is another."""
        from harness.core.registry.registry import LIMIT, decode_registry, read_registry
        from harness.core.storage.documents import read_text

        path = self.project.registry
        if not os.path.lexists(path):
            return read_registry(path)
        text = read_text(path, LIMIT)
        if self._seen is None or self._seen[0] != text:
            self._seen = text, decode_registry(text, path)
        return self._seen[1]

    def verdicts(self, paths: Iterable[str]) -> list[Verdict]:
        """Return what golden files come to by their entries, from their bytes as they are now."""
        entries = self.registry().entries
        return [self._verdict(path, entries.get(path)) for path in paths]

    def _verdict(self, path: str, entry: Entry | None) -> Verdict:
        from harness.core.registry.verify import comparison, verify_entry
        from harness.core.verdict import Outcome, Verdict

        if entry is None:
            return Verdict(path, Outcome.UNREGISTERED, "in no entry of registry.json")
        if self._is_same is None:
            self._is_same = comparison(self.project)
        if self._is_same(path, entry):
            return Verdict(path, Outcome.SAME)
        return verify_entry(self.project, path, entry)

    def report(self) -> dict[str, Any]:
        """What a worker hands to the controller, in plain values."""
        staged = [{**asdict(item), "data": str(item.data)} for item in self.staged]
        return {"staged": staged, "used": sorted(self.used)}

    def take_over(self, report: dict[str, Any]) -> None:
        """Add what a worker reported."""
        from harness.core.recording.regenerate import Staged

        self.staged += [Staged(**{**item, "data": Path(item["data"])}) for item in report["staged"]]
        self.used |= set(report["used"])

    def settle(self, say: Callable[[str], None]) -> None:
        """Record all that was staged, or none of it; keep what came of it."""
        try:
            if not self.obstacles:
                self.recorded = self._record(say)
        except HarnessError as error:
            self.refusal = error
        finally:
            for folder in {item.data.parent for item in self.staged}:
                shutil.rmtree(folder, ignore_errors=True)

    def unreferenced(self) -> tuple[str, ...]:
        """Registered golden files that no test used; none in a session that has gaps."""
        if self.gaps:
            return ()
        entries = self.registry().entries
        made = (path for path, entry in entries.items() if entry.kind in _GENERATED)
        return tuple(path for path in made if path not in self.used)

    def remember_unreferenced(self) -> None:
        """Keep what this session knows of unreferenced files for an audit; nothing if it has gaps."""
        from harness.core.registry.unreferenced import remember

        if not self.gaps and self.project.registry.is_file():
            remember(self.project, self.unreferenced())

    def _record(self, say: Callable[[str], None]) -> tuple[Change, ...]:
        from harness.core.recording.cumulative_drift import Leash
        from harness.core.recording.regenerate import commit, plan

        leash = Leash(self.settings.max_walk, self.settings.new_origin)
        changes = plan(self.project, self.staged, leash)
        for item in self.staged:
            if item.kind == "manifest":
                say(f"making {item.data.stem} twice in fresh processes")
                _require_reproducible(self.project, item)
        commit(self.project, changes, reason=self.settings.reason, command=self.settings.command, say=say)
        return changes


def require_permission(project: Project, settings: Settings) -> None:
    """Raise unless a session with these settings may write golden files, before its first test.

    Raises
    ------
    UsageError
        If this is CI, or a reason is required and none is given.
    RefusedError
        If an earlier regeneration was interrupted.
    """
    if not settings.writes:
        return
    from harness.core.recording.transaction import require_settled

    require_not_ci()
    require_settled(project)
    if settings.require_reason and not settings.reason:
        raise UsageError(
            "regeneration",
            expected="a reason",
            found="none, and golden_require_reason is set",
            remedy='Say why: --golden-reason "...".',
        )


def _require_reproducible(project: Project, item: Staged) -> None:
    """Make a staged fixture twice more, each in a fresh process; all three must be the same."""
    from harness.core.domain.rerun_generator import remake, require_repeatable
    from harness.core.domain.sources import find_source
    from harness.core.fixtures.fixture import read_fixture

    staged = read_fixture(item.data.with_suffix(".npz"))
    source = find_source(project, staged.manifest.source)
    again = [remake(item.data, source) for _ in range(2)]
    require_repeatable(staged.name, [staged, *again])
