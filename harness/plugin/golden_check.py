"""What both regression fixtures share: damaged or missing golden files, pytest-regressions, staging.

A check reads golden/ and never writes there: what ``--force-regen`` or ``--regen-all`` asks for is staged. A
session that was not asked to write writes nothing but, after a failure, the obtained data.
"""

from __future__ import annotations

import inspect
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

from harness.core.errors import GoldenMissingError, UnwritableError
from harness.core.recording.staged import Staged
from harness.core.storage.atomic import make_directory, unwritable_on_error
from harness.core.storage.lfs import absent_content
from harness.core.verdict import Outcome
from harness.plugin.expected_failure import is_expected_to_fail
from harness.plugin.session import GoldenOutcome, RecordedError
from harness.plugin.settings import shown_path
from harness.report.plain_lines import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project
    from harness.core.verdict import Verdict
    from harness.plugin.session import GoldenSession

AnyData = TypeVar("AnyData")

_CHANGED = "golden file changed since it was recorded"
_REGISTER = "Register it with `harness add`, re-record it with `pytest --force-regen`, or delete it."
_RERECORD = "If the change is intended, re-record it with `pytest --force-regen`"


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

    @property
    def test(self) -> str:
        """The test's id."""
        return str(self.request.node.nodeid)

    @property
    def writes(self) -> bool:
        """Whether what differs is recorded: the session may, and the test is not expected to fail."""
        return self.session.may_write() and not is_expected_to_fail(self.request.node)

    def inputs(self, data: AnyData) -> AnyData:
        """Return *data*, the inputs of what is checked; `harness calibrate` changes their last bits here.

        So it measures how much rounding of the inputs grows in the results. In all other sessions *data* is
        returned as it is.

        Parameters
        ----------
        data : array_like or mapping
            Arrays, tensors, tables and numbers, and mappings and lists of them.

        Examples
        --------
        In a test module::

            def test_spectrum(arrays_regression):
                samples = arrays_regression.inputs(signal())
                arrays_regression.check(np.fft.rfft(samples))
        """
        return data

    def relative(self, filename: str) -> str:
        """Return a golden file's path as the registry writes it."""
        return f"{self.project.golden_name}/{filename}"

    def shown(self, filename: str) -> str:
        """Return a golden file's path as it can be typed where pytest was started."""
        return shown_path(self.project.golden / filename)

    def damaged(self, *filenames: str) -> list[Verdict]:
        """Return the verdicts on golden files that do not match the registry; reads each file."""
        verdicts = self.session.verdicts(map(self.relative, filenames))
        return [verdict for verdict in verdicts if not verdict.outcome.accepted]

    def require_recorded(self, filename: str) -> None:
        """Raise :class:`GoldenMissingError` if a golden file is missing and this check does not write.

        If the session was asked to write and must not, the reason is raised instead.
        """
        path = self.project.golden / filename
        if path.is_file() or self.writes:
            return
        self._note_prohibition()
        if self.session.refusal is not None:
            raise self.session.refusal
        shown = self.shown(filename)
        self.note_outcome(filename, "missing")
        if absent := absent_content(self.project.root, self.relative(filename)):
            raise GoldenMissingError(
                f"golden file {filename!r}",
                expected=f"a file at {shown}",
                found=f"{absent.found} to content that this clone does not have",
                remedy=f"Run `{absent.command}` in {self.project.root}.",
            )
        raise GoldenMissingError(
            f"golden file {filename!r}",
            expected=f"a file at {shown}",
            found="none",
            remedy=self.session.settings.advice(
                "Record it with `pytest --force-regen`, or, if it was deleted, restore it with "
                f"`git checkout -- {shown}`."
            ),
        )

    def note_outcome(self, filename: str, word: str, share: float = 0.0, label: str = "") -> None:
        """Note for the summary what came of comparing with a golden file."""
        self.session.note_outcome(self.test, self.relative(filename), GoldenOutcome(word, share, label))

    def accept(self, *filenames: str) -> None:
        """Note that this test has accepted golden files as they are, if the session may change them."""
        if self.writes:
            place = self._place()
            self.session.kept += [
                Staged(self.relative(name), self.kind(name), self.project.golden / name, self.test, place)
                for name in filenames
            ]

    def perform(  # noqa: PLR0913 - all are named by the caller
        self,
        stem: str,
        extension: str,
        *,
        differences: Callable[[], list[str]],
        report: Callable[[list[str], Path], list[str]],
        dump: Callable[[Path], None],
        dump_beside: Callable[[Path], list[str]] = lambda _: [],
    ) -> bool:
        """Compare with a golden file, or stage a new one; return whether one was staged.

        Parameters
        ----------
        stem, extension : str
            Of the golden file.
        differences : callable
            Returns what differs from the golden file, a line each; empty if it is accepted.
        report : callable
            ``report(lines, obtained)`` returns a failure's first lines; *obtained* is where the new data are.
        dump : callable
            Writes the new content to a path.
        dump_beside : callable, optional
            Writes further files next to that path and returns their names.
        """
        __tracebackhide__ = True
        obtained = self.tmp_path / f"{stem}.obtained{extension}"
        staging = self._staging_directory() if self.writes else None
        if staging is not None:
            return self._stage_difference(staging, stem, obtained, differences, dump, dump_beside)
        lines = differences()
        if not lines:
            return False
        self._note_prohibition()
        if self.session.settings.writes and is_expected_to_fail(self.request.node):
            why = f"{self.relative(stem)}{extension} ({self.test} is expected to fail)"
            self.session.left.append((self.test, why))
        self.note_outcome(f"{stem}{extension}", "drifted")
        text = [*report(lines, obtained), *self._save_obtained(obtained, dump, dump_beside)]
        raise pytest.fail.Exception(plain_text("\n".join(text)), pytrace=False)

    def damage_lines(self, damaged: Sequence[Verdict]) -> list[str]:
        """Return a line for each damaged golden file: in what way it is not what was recorded."""
        return [
            f"{v.name}: {_CHANGED if v.outcome is Outcome.DRIFTED else v.outcome.value}: {v.detail}"
            for v in damaged
        ]

    def advice(self, damaged: Sequence[Verdict], more: str = "") -> list[str]:
        """Return what to do about a difference: about the golden files first, if they were changed.

        Parameters
        ----------
        damaged : sequence of Verdict
        more : str
            What else to do after re-recording.
        """
        if self.session.refusal is not None:
            return [self.session.settings.advice(str(self.session.refusal))]
        remedies = list(dict.fromkeys(verdict.remedy or _REGISTER for verdict in damaged))
        return [self.session.settings.advice(line) for line in remedies or [f"{_RERECORD}{more}."]]

    def kind(self, filename: str) -> Kind:
        """Return the kind under which a staged file is registered."""
        raise NotImplementedError

    def _note_prohibition(self) -> None:
        """Note that a golden file differs in a session that was asked to write and must not."""
        if self.session.settings.writes and self.session.prohibition() is not None:
            self.session.refusal = self.session.prohibition()

    def _save_obtained(
        self, obtained: Path, dump: Callable[[Path], None], dump_beside: Callable[[Path], list[str]]
    ) -> list[str]:
        """Write the new data where pytest keeps them; without space for them the report is all there is."""
        try:
            make_directory(obtained.parent)  # a name may have directories
            dump(obtained)
            dump_beside(obtained)
        except (OSError, UnwritableError) as error:
            return [f"The obtained data could not be saved: {error}"]
        return []

    def _staging_directory(self) -> Path | None:
        """Return a new directory; None if none can be made: the difference is then reported all the same."""
        try:
            return self.session.staging_directory()
        except UnwritableError as error:
            self.session.refusal = error
            return None

    def _stage_difference(  # noqa: PLR0913, PLR0917 - those of perform
        self,
        staging: Path,
        stem: str,
        obtained: Path,
        differences: Callable[[], list[str]],
        dump: Callable[[Path], None],
        dump_beside: Callable[[Path], list[str]],
    ) -> bool:
        """Run pytest-regressions' check, which reads golden/ and writes to a staging directory."""
        __tracebackhide__ = True
        # Without this plugin there are no options that write, so it is imported here.
        from pytest_regressions.common import perform_regression_check

        def check(_obtained: Path, _expected: Path) -> None:
            if differences():
                raise AssertionError

        for file in (staging / stem, obtained):
            with unwritable_on_error(file.parent):  # not flushed: what a killed process leaves is removed
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
                extension=obtained.suffix,
                basename=stem,
                obtained_filename=obtained,
            )
        except pytest.fail.Exception as failure:
            self.session.raised.add(self.test)
            raise self._recorded_error(failure, staging) from None
        finally:
            staged = self._stage(staging)
        return staged

    def _recorded_error(self, failure: BaseException, staging: Path) -> RecordedError:
        """Show the golden path instead of the staged one, and say when it is written."""
        text = str(failure).replace(f"{staging}{os.sep}", f"{self.project.golden_name}/")
        return RecordedError(
            f"{text}\nIt is written at the end of the session, unless a test fails for another reason.",
            pytrace=False,
        )

    def _stage(self, staging: Path) -> bool:
        """Add the staged files to the session; return whether there are any, else remove the directory."""
        files = sorted(file for file in staging.rglob("*") if file.is_file())
        place = self._place()
        for file in files:
            path = self.relative(file.relative_to(staging).as_posix())
            self.session.staged.append(Staged(path, self.kind(file.name), file, self.test, place))
        if not files:
            shutil.rmtree(staging)
        return bool(files)

    def _place(self) -> str:
        """Return the file and line from which the check was called."""
        frame = inspect.currentframe()
        while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("harness.plugin."):
            frame = frame.f_back
        if frame is None:
            return ""
        file = Path(frame.f_code.co_filename)
        inside = file.is_relative_to(self.project.root)
        shown = file.relative_to(self.project.root).as_posix() if inside else file.name
        return f"{shown}:{frame.f_lineno}"
