"""Golden files that a test needs and that are not here: fetched from the store, or listed as missing."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, UnreadableError
from harness.core.storage.atomic import is_absent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

_SHOWN = 5


@dataclass(slots=True)
class AbsentFiles:
    """What one pytest process has fetched, and what it could not fetch.

    Attributes
    ----------
    project : Project
    fetched : set of str
        Files that are here now.
    missing : dict of str to str
        Why others are not, by path.
    """

    project: Project
    fetched: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)
    _silence: HarnessError | None = None
    """Why the store does not answer: it is not asked again for every test."""

    def bring(self, entries: Mapping[str, Entry]) -> None:
        """Fetch those of the registered files that are not here, if the project has a store.

        Raises
        ------
        UnreadableError
            If one of them cannot be had.
        UsageError, DependencyError
            If the store's address is not valid, or a package that it needs is not installed.
        """
        located = {path: self.project.locate(path) for path in entries}
        absent = {path: entries[path] for path, file in located.items() if is_absent(file)}
        if not absent:  # what stores need is not even imported then
            return
        with (
            warnings.catch_warnings()
        ):  # a project may make errors of warnings that only other packages cause
            warnings.simplefilter("ignore")
            problems = self._fetch(absent)
        if problems:
            from harness.core.registry.stored.fetching import not_here

            self.missing |= {path: error.message or error.found for path, error in problems.items()}
            raise not_here(self.project, problems)

    def lines(self) -> Iterator[str]:
        """Yield what the summary says: what was fetched, and what is missing with the command to fetch it."""
        if self.fetched:
            yield f"fetched from the store: {_some(sorted(self.fetched))}"
        missing = sorted(self.missing.keys() - self.fetched)
        if not missing:
            return
        from harness.core.registry.stored.fetching import fetch_command

        what = "1 golden file" if len(missing) == 1 else f"{len(missing)} golden files"
        yield f"not here, and could not be fetched: {what} that tests need"
        yield from (f"  {path}" for path in missing)
        yield from dict.fromkeys(f"  {self.missing[path]}" for path in missing)
        yield f"When the store can be reached, run `{fetch_command(self.project, missing)}`."

    def to_plain(self) -> dict[str, Any]:
        """Return what a pytest-xdist worker sends to the controller."""
        return {"fetched": sorted(self.fetched), "missing": self.missing}

    def add_worker(self, plain: dict[str, Any]) -> None:
        """Add what a worker sent, in the form of :meth:`to_plain`."""
        self.fetched |= set(plain["fetched"])
        self.missing |= plain["missing"]

    def _fetch(self, absent: Mapping[str, Entry]) -> Mapping[str, HarnessError]:
        from harness.core.registry.stored.cached_store import find_cached_store
        from harness.core.registry.stored.fetching import fetch_files

        remote = find_cached_store(self.project)
        if remote is None:
            return {}
        if self._silence is not None:
            return dict.fromkeys(absent, self._silence)
        found = fetch_files(self.project, absent)
        self.fetched |= set(found.placed)
        if found.problems:
            try:
                remote.store.sizes([next(iter(absent.values())).sha256])
            except UnreadableError as error:
                self._silence = _unreachable(remote.store.url, error.found)
                return dict.fromkeys(found.problems, self._silence)
        return found.problems


def _unreachable(url: str, found: str) -> UnreadableError:
    return UnreadableError(
        url,
        expected="a store that answers",
        found=found,
        message=f"the store {url} could not be reached: it gave {found}",
        remedy="Try again; if it stays so, check the store and your access to it.",
    )


def _some(paths: list[str]) -> str:
    more = len(paths) - _SHOWN
    return ", ".join([*paths[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])
