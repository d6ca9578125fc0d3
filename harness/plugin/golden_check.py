"""What both regression fixtures share: damaged or missing golden files, pytest-regressions, staging.

A check reads golden/ and never writes there: what ``--force-regen`` or ``--regen-all`` asks for is staged.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest
from pytest_regressions.common import perform_regression_check

from harness.core.errors import GoldenMissingError
from harness.core.recording.staged import Staged, staging_directory
from harness.plugin.session import RecordedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project
    from harness.plugin.session import GoldenSession


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """One test's check: the test that runs it, its temporary directory, and the session."""

    request: pytest.FixtureRequest
    tmp_path: Path
    session: GoldenSession

    @property
    def project(self) -> Project:
        """The project that the golden files belong to."""
        return self.session.project

    def relative(self, filename: str) -> str:
        """Return a golden file's path as the registry writes it."""
        return f"{self.project.golden_name}/{filename}"

    def damage(self, *filenames: str) -> list[str]:
        """Return a line for each golden file that does not match the registry; reads each file."""
        verdicts = self.session.verdicts(map(self.relative, filenames))
        return [f"{v.name}: {v.outcome.value}: {v.detail}" for v in verdicts if not v.outcome.accepted]

    def require_recorded(self, filename: str) -> None:
        """Raise :class:`GoldenMissingError` if a golden file is missing and this session does not write."""
        path = self.project.golden / filename
        if not path.is_file() and not self.session.settings.writes:
            raise GoldenMissingError(
                f"golden file {filename!r}",
                expected=f"a file at {self.relative(filename)}",
                found="none",
                remedy="Record it with `pytest --force-regen`, or, if it was deleted, restore it with "
                f"`git checkout -- {self.relative(filename)}`.",
            )

    def perform(
        self,
        stem: str,
        extension: str,
        check: Callable[[Path, Path], None],
        dump: Callable[[Path], None],
        dump_beside: Callable[[Path], list[str]] = lambda _: [],
    ) -> None:
        """Run pytest-regressions' check, which reads golden/ and writes to a staging directory.

        Parameters
        ----------
        stem, extension : str
            Of the golden file.
        check : callable
            ``check(obtained, expected)`` raises AssertionError if the files differ.
        dump : callable
            Writes the new content to a path.
        dump_beside : callable, optional
            Writes further files next to that path and returns their names.
        """
        __tracebackhide__ = True
        staging = staging_directory(self.project)
        obtained = self.tmp_path / f"{stem}.obtained{extension}"
        for file in (staging / stem, obtained):  # a name may have directories
            file.parent.mkdir(parents=True, exist_ok=True)
        try:
            # It reads from *datadir* and writes to *original_datadir*: one is golden/, the other is not.
            perform_regression_check(
                datadir=cast("Any", self.project.golden),
                original_datadir=staging,
                request=self.request,
                check_fn=check,
                dump_fn=dump,
                dump_aux_fn=dump_beside,
                extension=extension,
                basename=stem,
                obtained_filename=obtained,
            )
        except AssertionError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        except pytest.fail.Exception as failure:
            raise self._recorded_error(failure, staging) from None
        finally:
            self._stage(staging)

    def _recorded_error(self, failure: BaseException, staging: Path) -> RecordedError:
        """Show the golden path instead of the staged one, and say when it is written."""
        text = str(failure).replace(f"{staging}{os.sep}", f"{self.project.golden_name}/")
        return RecordedError(
            f"{text}\nIt is written at the end of the session, unless a test fails for another reason.",
            pytrace=False,
        )

    def _stage(self, staging: Path) -> None:
        """Add the staged files to the session, or remove the empty directory."""
        files = sorted(file for file in staging.rglob("*") if file.is_file())
        for file in files:
            path = self.relative(file.relative_to(staging).as_posix())
            self.session.staged.append(Staged(path, self.kind(file.name), file, self.request.node.nodeid))
        if not files:
            shutil.rmtree(staging)

    def kind(self, filename: str) -> Kind:
        """Return the kind under which a staged file is registered."""
        raise NotImplementedError
