"""The results of the checks in one pytest process, by test: a test that is repeated counts once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from harness.core.obtained.results import CheckResult, SessionResults, sorted_checks
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_Name = tuple[str, str]
"""Kind and golden name."""


@dataclass(slots=True)
class Noted:
    """Results by test, kind and golden name."""

    tests: dict[str, dict[_Name, CheckResult]] = field(default_factory=dict)

    def add(self, result: CheckResult) -> None:
        """Note a check's result; of two checks in a test under one name, the worse one counts."""
        names = self.tests.setdefault(result.test, {})
        known = names.get((result.kind, result.stem))
        if known is None or known.outcome.accepted or not result.outcome.accepted:
            names[result.kind, result.stem] = result

    def checks(self) -> Iterator[CheckResult]:
        """Yield all results."""
        return (result for names in self.tests.values() for result in names.values())

    def of(self, test: str) -> tuple[CheckResult, ...]:
        """Return the results of one test."""
        return tuple(self.tests.get(test, {}).values())

    def drop(self, test: str) -> tuple[CheckResult, ...]:
        """Forget the results of a test, and return them."""
        return tuple(self.tests.pop(test, {}).values())

    def end(self, test: str, *, seconds: float | None = None, unfit: str = "") -> None:
        """Note how long a test took, and why what it obtained must not become golden."""
        for name, result in self.tests.get(test, {}).items():
            self.tests[test][name] = msgspec.structs.replace(
                result,
                seconds=result.seconds if seconds is None else max(seconds, 0.0),
                unfit=result.unfit or unfit,
            )

    def recorded(self, golden: str, paths: Collection[str]) -> None:
        """Note that files of the directory *golden*, by their paths in the registry, were recorded."""
        for test, names in self.tests.items():
            for name, result in names.items():
                own = (f"{golden}/{result.stem}{suffix}" for suffix in (".npz", ".json"))
                if not result.outcome.accepted and any(path in paths for path in own):
                    done = msgspec.structs.replace(result, outcome=Outcome.SAME, word="recorded", lines=())
                    self.tests[test][name] = done

    def to_plain(self) -> str:
        """Return what a worker sends to the controller."""
        return msgspec.json.encode(list(self.checks())).decode()

    def add_worker(self, plain: str) -> None:
        """Add what a worker sent."""
        for result in msgspec.json.decode(plain, type=list[CheckResult]):
            self.add(result)

    def results(
        self, environment: dict[str, str], digest: str, *, seconds: float, complete: bool
    ) -> SessionResults:
        """Return all results as those of a session that ends now, in an environment with this digest."""
        return SessionResults(
            at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=max(seconds, 0.0),
            environment=environment,
            environment_digest=digest,
            checks=sorted_checks(self.checks()),
            complete=complete,
        )
