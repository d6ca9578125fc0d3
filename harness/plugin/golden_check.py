"""What both regression fixtures share: damaged or missing golden files, pytest-regressions, staging.

A check reads golden/ and never writes there: what ``--force-regen`` or ``--regen-all`` asks for is staged.
After a failure the obtained data are saved below ``.harness/obtained``.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import pytest

from harness.core.errors import GoldenMissingError, HarnessError, UnwritableError
from harness.core.obtained.results import CheckResult
from harness.core.recording.staged import Staged
from harness.core.storage.atomic import make_directory, unwritable_on_error
from harness.core.storage.digest import sha256_file
from harness.core.storage.lfs import absent_content
from harness.core.verdict import Outcome
from harness.plugin.expected_failure import is_expected_to_fail
from harness.plugin.outcomes.array_results import property_text
from harness.plugin.session import DifferenceError, RecordedError
from harness.plugin.settings import shown_path
from harness.report.plain_lines import plain_line, plain_text
from harness.report.terminal.screen import Screen, can_write_blocks, fitted, screen_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from harness.core.obtained.results import ArrayResult, Word
    from harness.core.obtained.results import Kind as ResultKind
    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project
    from harness.core.verdict import Verdict
    from harness.plugin.session import GoldenSession

AnyData = TypeVar("AnyData")

_CHANGED = "golden file changed since it was recorded"
_REGISTER = "Register it with `harness add`, re-record it with `pytest --force-regen`, or delete it."
_RERECORD = "If the change is intended, re-record it with `pytest --force-regen`"
_PROPERTY = "golden:"  # of a test, in JUnit reports
_MOST_LINES, _LONGEST_LINE = 100, 500
_WIDTH = 80
_MOST_KEPT = 1 << 30
"""Bytes of obtained data that are saved: what is larger is mapped or in a store, where the test has it."""


@dataclass(frozen=True, slots=True)
class NewFiles:
    """What would be golden under a name, if what a check obtained were recorded.

    Attributes
    ----------
    stem : str
        The golden name.
    dumps : mapping of str to callable
        Writes a file to a path, by suffix; that of the file that is compared comes first.
    size : int
        Bytes of its arrays; 0 if they do not matter.
    """

    stem: str
    dumps: Mapping[str, Callable[[Path], None]]
    size: int = 0

    @property
    def suffix(self) -> str:
        """The suffix of the file that is compared."""
        return next(iter(self.dumps))

    def dump(self, path: Path) -> None:
        """Write the file that is compared."""
        self.dumps[self.suffix](path)

    def dump_beside(self, path: Path) -> list[Path]:
        """Write all other files next to that one, and return their paths."""
        others = {
            path.with_suffix(suffix): dump for suffix, dump in self.dumps.items() if suffix != self.suffix
        }
        for other, dump in others.items():
            dump(other)
        return list(others)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the data of a failing check were saved.

    Attributes
    ----------
    files : dict of str to str
        Their digests, by name below ``.harness/obtained``.
    shown : str
        The path of the first one, as it can be typed where pytest was started; empty if they were not saved.
    problem : str
        Why they were not.
    """

    files: dict[str, str] = field(default_factory=dict)
    shown: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """One test's check: the test that runs it, its temporary directory, and the session."""

    request: pytest.FixtureRequest
    tmp_path: Path
    session: GoldenSession

    result_kind: ClassVar[ResultKind]
    """What its results are called."""
    suffixes: ClassVar[tuple[str, ...]]
    """Of the golden files that it compares with."""

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

    def bring(self, *filenames: str) -> None:
        """Fetch golden files that are registered and not here, if the project has a store.

        Raises
        ------
        UnreadableError
            If one cannot be had: the test then fails with its name, and with the command that fetches it.
        """
        entries = self.session.registry().entries
        paths = (self.relative(name) for name in filenames)
        self.session.absent.bring({path: entries[path] for path in paths if path in entries})

    def damaged(self, *filenames: str) -> list[Verdict]:
        """Return the verdicts on golden files that do not match the registry; reads each file."""
        verdicts = self.session.verdicts(map(self.relative, filenames))
        return [verdict for verdict in verdicts if not verdict.outcome.accepted]

    def require_recorded(self, filename: str, new: NewFiles, unfit: Callable[[], str] = str) -> None:
        """Raise :class:`GoldenMissingError` if a golden file is missing and this check does not write.

        If the session was asked to write and must not, the reason is raised instead. What would be golden is
        saved; *unfit* returns why it must not be.
        """
        path = self.project.golden / filename
        if path.is_file() or self.writes:
            return
        self._note_prohibition()
        if self.session.refusal is not None:
            raise self.session.refusal
        shown = self.shown(filename)
        self.session.raised.add(self.test)
        others = self.damaged(*(f"{new.stem}{suffix}" for suffix in self.suffixes))
        files = self.keep(new).files
        self.note(new.stem, Outcome.MISSING, "missing", damaged=others, files=files, unfit=unfit())
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
            remedy=self._rename_hint(filename, new)
            + self.session.settings.advice(
                "Record it with `pytest --force-regen`, or, if it was deleted, restore it with "
                f"`git checkout -- {shown}`."
            ),
        )

    def _rename_hint(self, filename: str, new: NewFiles) -> str:
        """Return what to type if the golden file was left under the test's former name; else nothing."""
        if filename != f"{new.stem}{new.suffix}" or not self.session.hints_left:
            return ""
        self.session.hints_left -= 1
        from harness.core.fixtures.manifest import read_manifest
        from harness.core.recording.renamed_test import find_renaming

        digest = None
        if new.suffix == ".npz" and self.session.keeps:
            with contextlib.suppress(HarnessError):
                digest = read_manifest(self.session.obtained_directory() / f"{new.stem}.json").digest
        entries, path = self.session.registry().entries, self.relative(filename)
        found = find_renaming(self.project, entries, path, digest=digest, used=self.session.used)
        if found is None:
            return ""
        return f'If it was renamed: `harness mv {found.old} {found.new} --reason "..."`. '

    def note(  # noqa: PLR0913 - the parts of a result, by name
        self,
        stem: str,
        outcome: Outcome,
        word: Word,
        arrays: Sequence[ArrayResult] = (),
        *,
        damaged: Sequence[Verdict] = (),
        lines: Sequence[str] = (),
        files: Mapping[str, str] = MappingProxyType({}),
        unfit: str = "",
    ) -> None:
        """Note what came of this check: for the summary, for reports, and for those who look later.

        Parameters
        ----------
        stem : str
            The golden name.
        outcome : Outcome
        word : str
        arrays : sequence of ArrayResult
        damaged : sequence of Verdict
            On golden files that do not match the registry.
        lines : sequence of str
            What differs.
        files : mapping of str to str
            Digests of what was saved, by name.
        unfit : str
            Why it must not become golden.
        """
        result = CheckResult(
            test=self.test,
            stem=stem,
            kind=self.result_kind,
            outcome=outcome,
            word=word,
            arrays=tuple(arrays),
            lines=tuple(plain_line(line)[:_LONGEST_LINE] for line in lines[:_MOST_LINES]),
            golden=self._golden_digests(stem, {verdict.name for verdict in damaged}),
            files=dict(files),
            unfit=unfit,
        )
        self.session.noted.add(result)
        key, properties = f"{_PROPERTY}{stem}", self.request.node.user_properties
        properties[:] = [pair for pair in properties if pair[0] != key]
        properties.append((key, property_text(word, arrays)))

    def keep(self, new: NewFiles) -> Kept:
        """Save what this check obtained below ``.harness/obtained``; say where, or why it cannot be saved."""
        if not self.session.keeps:
            return Kept()
        if new.size > _MOST_KEPT:
            return Kept(
                problem=f"The obtained data ({new.size / 1e9:.3g} GB) are not saved: more than 1 GiB."
            )
        try:
            path = self.session.obtained_directory() / f"{new.stem}{new.suffix}"
            make_directory(path.parent)  # a name may have directories
            new.dump(path)
            files = [path, *new.dump_beside(path)]
            names = [f"{new.stem}{file.suffix}" for file in files]
            return Kept(dict(zip(names, map(sha256_file, files), strict=True)), shown_path(path))
        except (OSError, HarnessError) as error:
            return Kept(problem=f"The obtained data could not be saved: {error}")

    def keep_accepted(self, new: NewFiles) -> Mapping[str, str]:
        """Save what a check that passed has obtained, if this session keeps that; return the digests."""
        return self.keep(new).files if self.session.keeps_accepted else {}

    def _golden_digests(self, stem: str, damaged: Container[str]) -> dict[str, str]:
        """Return the digests of the golden files that a check compares with; only damaged ones are read."""
        entries = self.session.registry().entries
        found: dict[str, str] = {}
        for name in (f"{stem}{suffix}" for suffix in self.suffixes):
            relative, path = self.relative(name), self.project.golden / name
            if path.is_file():
                intact = relative in entries and relative not in damaged
                found[name] = entries[relative].sha256 if intact else sha256_file(path)
        return found

    def accept(self, *filenames: str) -> None:
        """Note that this test has accepted golden files as they are, if the session may change them."""
        if self.writes:
            place = self._place()
            self.session.kept += [
                Staged(self.relative(name), self.kind(name), self.project.golden / name, self.test, place)
                for name in filenames
            ]

    def perform(
        self,
        new: NewFiles,
        *,
        differences: Callable[[], list[str]],
        report: Callable[[list[str], str], list[str]],
        note: Callable[[list[str], Kept], None],
    ) -> bool:
        """Compare with a golden file, or stage a new one; return whether one was staged.

        Parameters
        ----------
        new : NewFiles
        differences : callable
            Returns what differs from the golden file, a line each; empty if it is accepted.
        report : callable
            ``report(lines, obtained)`` returns a failure's first lines; *obtained* is where the new data are,
            empty if they could not be saved.
        note : callable
            ``note(lines, kept)`` notes the result of a check that failed.
        """
        __tracebackhide__ = True
        staging = self._staging_directory(new.stem) if self.writes else None
        if staging is not None:
            return self._stage_difference(staging, new, differences, note)
        lines = differences()
        if not lines:
            return False
        self._note_prohibition()
        if self.session.settings.writes and is_expected_to_fail(self.request.node):
            why = f"{self.relative(new.stem)}{new.suffix} ({self.test} is expected to fail)"
            self.session.left.append((self.test, why))
        self.session.raised.add(self.test)
        kept = self.keep(new)
        note(lines, kept)
        text = [*report(lines, kept.shown), *([kept.problem] if kept.problem else [])]
        shown = fitted(plain_text("\n".join(text)).split("\n"), self.screen())
        raise DifferenceError("\n".join(shown), pytrace=False)

    def screen(self) -> Screen:
        """Return what pytest's terminal can show; there is none in a worker of pytest-xdist."""
        reporter = self.request.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not reporter.isatty:
            return Screen()
        # pytest has replaced sys.stdout, but it still writes to the original one.
        return screen_of(sys.__stdout__)._replace(terminal=True, unicode=can_write_blocks(sys.__stdout__))

    def diff_lines(self, filename: str, obtained: str) -> list[str]:
        """Return how to see all differences between a golden file and *obtained*, if that is not empty."""
        if not obtained:
            return []
        command = f"  harness diff {self.shown(filename)}"
        fits = len(f"{command} {obtained}") <= _WIDTH or os.name == "nt"  # where no line can be continued
        lines = [f"{command} {obtained}"] if fits else [f"{command} \\", f"    {obtained}"]
        return ["To see all differences, run", *lines]

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

    def _staging_directory(self, stem: str) -> Path | None:
        """Return a directory to stage a name in; None if none can be made: the difference is reported."""
        try:
            return self.session.staging_directory(stem)
        except UnwritableError as error:
            self.session.refusal = error
            return None

    def _stage_difference(
        self,
        staging: Path,
        new: NewFiles,
        differences: Callable[[], list[str]],
        note: Callable[[list[str], Kept], None],
    ) -> bool:
        """Run pytest-regressions' check, which reads golden/ and writes to a staging directory."""
        __tracebackhide__ = True
        # Without this plugin there are no options that write, so it is imported here.
        from pytest_regressions.common import perform_regression_check

        obtained = self.tmp_path / f"{new.stem}.obtained{new.suffix}"
        lines: list[str] = []

        def dump(path: Path) -> None:
            if path != obtained or new.size <= _MOST_KEPT:  # nothing reads what is obtained
                new.dump(path)

        def check(_obtained: Path, _expected: Path) -> None:
            lines.extend(differences())
            if lines:
                raise AssertionError

        def dump_beside(path: Path) -> list[str]:
            others = new.dump_beside(path)
            return list(map(str, others)) if path.is_relative_to(self.tmp_path) else []

        for file in (staging / new.stem, obtained):
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
                extension=new.suffix,
                basename=new.stem,
                obtained_filename=obtained,
            )
        except pytest.fail.Exception as failure:
            self.session.raised.add(self.test)
            raise self._recorded_error(failure, staging) from None
        finally:
            staged = self._stage(staging, new)
            if staged:
                note(lines, Kept())
        return staged

    def _recorded_error(self, failure: BaseException, staging: Path) -> RecordedError:
        """Show the golden path instead of the staged one, and say when it is written."""
        text = str(failure).replace(f"{staging}{os.sep}", f"{self.project.golden_name}/")
        return RecordedError(
            f"{text}\nIt is written at the end of the session, unless a test fails for another reason.",
            pytrace=False,
        )

    def _stage(self, staging: Path, new: NewFiles) -> bool:
        """Add the staged files to the session; return whether there are any."""
        files = sorted(file for suffix in new.dumps if (file := staging / f"{new.stem}{suffix}").is_file())
        place = self._place()
        for file in files:
            path = self.relative(file.relative_to(staging).as_posix())
            self.session.staged.append(Staged(path, self.kind(file.name), file, self.test, place))
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
