"""The pytest fixture ``fixture_regression``: fixtures against their golden files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.core.baselines.array_tolerances import SUFFIX
from harness.core.baselines.platforms import platform_of
from harness.core.domain.import_path import with_import_place
from harness.core.errors import HarnessError, StaleFormatError
from harness.core.fixtures.degenerate import blank_arrays, require_informative, require_sensitive
from harness.core.fixtures.large.golden_blocks import golden_blocks, has_tree
from harness.core.fixtures.manifest import (
    encode_manifest,
    is_older_schema,
    manifest_differences,
    read_manifest,
)
from harness.core.fixtures.tolerance import DefaultTolerance
from harness.core.registry.golden_names import manifest_of, tolerances_of
from harness.core.rerun.deviations import array_sample
from harness.core.storage.arrays.block_digests import LARGE
from harness.core.storage.atomic import unwritable_on_error
from harness.core.storage.npz import map_archive, write_archive
from harness.core.system.environment import fingerprint
from harness.core.verdict import Outcome
from harness.plugin.golden_check import GoldenCheck, NewFiles
from harness.plugin.node_names import node_id
from harness.plugin.outcomes.array_results import array_results
from harness.plugin.stored_tolerances import Applied, applied, require_wide_enough
from harness.report.drift import drift_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from harness.core.fixtures.compare import Drift
    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.manifest import Manifest
    from harness.core.fixtures.tolerance import Given
    from harness.core.obtained.results import Word
    from harness.core.registry.format import Kind
    from harness.core.verdict import Verdict


@dataclass(slots=True)
class GoldenArrays:
    """The golden arrays of one check; mapped when they are first asked for, unless they are at hand."""

    archive: Path
    arrays: Mapping[str, np.ndarray] | None = None

    def read(self) -> Mapping[str, np.ndarray]:
        """Return the arrays. Raises as :func:`~harness.core.storage.npz.map_archive`."""
        if self.arrays is None:
            self.arrays = map_archive(self.archive)
        return self.arrays


class FixtureRegression(GoldenCheck):
    """Compares fixtures with their golden files."""

    __slots__ = ()

    result_kind = "fixture"
    suffixes = (".npz", ".json")

    def check(
        self,
        fixture: Fixture,
        tolerances: Given | None = None,
        *,
        allow_nonfinite: bool | Collection[str] = False,
        allow_constant: bool | Collection[str] = False,
    ) -> None:
        """Compare *fixture* with ``golden/<name>.npz`` and ``golden/<name>.json``.

        If both golden files match the registry and all digests are equal, no array is loaded and nothing is
        written. Otherwise everything is compared, and everything that differs is reported.

        Parameters
        ----------
        fixture : Fixture
        tolerances : mapping of str to Tolerance or mapping, optional
            By array name, with the keys ``atol``, ``rtol`` and ``ulp``. The default depends on
            the golden array's dtype and its largest magnitude.
        allow_nonfinite, allow_constant : bool or collection of str
            Arrays that may be recorded although they hold NaN or infinity, or a single value.

        Raises
        ------
        GoldenMissingError
            If no golden file has the fixture's name. Nothing is written then.
        DegenerateError
            If an array to be recorded is all NaN, all zero or constant, has new non-finite values, or is
            smaller than its own tolerance.
        """
        __tracebackhide__ = True
        archive, manifest = f"{fixture.name}.npz", f"{fixture.name}.json"
        self.session.used |= {self.relative(archive), self.relative(manifest)}
        self.bring(archive, manifest, f"{fixture.name}{SUFFIX}")
        by_blocks = self._may_read_blocks(archive, manifest)
        damaged = self._damaged(*() if by_blocks else (archive,), manifest, f"{fixture.name}{SUFFIX}")
        same = not damaged and self._is_same(fixture, manifest)
        golden = GoldenArrays(self.project.golden / archive)
        if by_blocks and not same:
            golden, damaged = self._read_blocks(fixture, manifest, damaged)
        measured = Applied(tolerances)
        if not same or tolerances or self.session.collector is not None:  # else nothing has to be read
            measured = self._measured(fixture.name, tolerances, damaged, golden)
        if self.session.collector is not None and not damaged:
            self.take_sample(fixture, measured)
        if same:
            self.accept(archive, manifest)
            self.note(fixture.name, Outcome.SAME, "identical")
            return
        if self.writes:  # arrays that are only compared may be anything
            require_informative(
                fixture.name,
                fixture.arrays,
                self._golden_arrays(archive),
                allow_nonfinite=allow_nonfinite,
                allow_constant=allow_constant,
            )
            self._note_insensitive(fixture, require_sensitive(fixture.name, fixture.arrays, tolerances))
            self._note_blank(fixture)
        new = self._new_files(fixture)

        def unfit() -> str:
            return self._unfit(fixture, tolerances, allow_nonfinite, allow_constant)

        self.require_recorded(archive, new, unfit)
        self.require_recorded(manifest, new, unfit)
        compared: list[Drift] = []
        staged = self.perform(
            new,
            differences=lambda: self._differences(fixture, measured, damaged, compared, golden),
            report=lambda lines, obtained: self._report(fixture.name, lines, damaged, obtained),
            note=lambda lines, kept: self.note(
                fixture.name,
                damaged[0].outcome if damaged else Outcome.DRIFTED,
                "drifted",
                array_results(compared),
                damaged=damaged,
                lines=lines,
                files=kept.files,
                unfit=unfit() if kept.files else "",
            ),
        )
        if not staged:
            self.accept(archive, manifest)
            self._note_accepted(new, compared, measured)

    def _new_files(self, fixture: Fixture) -> NewFiles:
        """Return the archive and the manifest that would be golden."""

        def dump_manifest(path: Path) -> None:
            generator = with_import_place(fixture.manifest.generator, self.project.root, self.request.path)
            with unwritable_on_error(path):  # not flushed: a recording copies what is staged
                path.write_bytes(encode_manifest(replace(fixture.manifest, generator=generator)))

        def dump_archive(path: Path) -> None:
            write_archive(path, fixture.arrays, compress=self.session.settings.compress)

        size = sum(array.nbytes for array in fixture.arrays.values())
        return NewFiles(fixture.name, {".npz": dump_archive, ".json": dump_manifest}, size)

    def _unfit(
        self,
        fixture: Fixture,
        tolerances: Given | None,
        allow_nonfinite: bool | Collection[str],
        allow_constant: bool | Collection[str],
    ) -> str:
        """Return why the arrays must not be recorded; empty if they may."""
        try:
            require_informative(
                fixture.name,
                fixture.arrays,
                self._golden_arrays(f"{fixture.name}.npz"),
                allow_nonfinite=allow_nonfinite,
                allow_constant=allow_constant,
            )
            require_sensitive(fixture.name, fixture.arrays, tolerances)
        except HarnessError as error:
            return str(error)
        return ""

    def take_sample(self, fixture: Fixture, measured: Applied) -> None:
        """Note how far every array is from its golden copy, whatever the tolerances are."""
        if self.session.collector is None:
            return
        archive = self.project.golden / f"{fixture.name}.npz"
        if not archive.is_file():
            return
        golden = map_archive(archive)
        given = (measured.given or {}).items()
        sample = array_sample(
            read_manifest(manifest_of(archive)).digest,
            golden,
            fixture.arrays,
            test=node_id(self.request.node, self.project.root),
            dtypes={
                name: one.dtype for name, one in given if isinstance(one, DefaultTolerance) and one.dtype
            },
            rejected=frozenset(
                drift.name for drift in measured.compare(golden, fixture.arrays).arrays if not drift.accepted
            ),
        )
        self.session.collector.add_arrays(self.test, fixture.name, sample)

    def _may_read_blocks(self, archive: str, manifest: str) -> bool:
        """Whether a golden archive, which is large, needs not be read to know whether it differs, and where.

        Its manifest is intact and has digests of blocks, and its size is the registered one. A session that
        records reads it, and so does `harness verify`.
        """
        entry = self.session.registry().entries.get(self.relative(archive))
        path = self.project.golden / archive
        if entry is None or entry.size <= LARGE or self.writes or not path.is_file():
            return False
        if path.stat().st_size != entry.size or self.damaged(manifest):
            return False
        try:
            return has_tree(read_manifest(self.project.golden / manifest))
        except HarnessError:
            return False

    def _read_blocks(
        self, fixture: Fixture, manifest: str, damaged: list[Verdict]
    ) -> tuple[GoldenArrays, list[Verdict]]:
        """Return the golden arrays of which only differing blocks are read, and the damaged files.

        If the digests contradict each other, the archive is read as a whole: to see which of them is wrong,
        and to compare all of it.
        """
        archive = f"{fixture.name}.npz"
        path = self.project.golden / archive
        try:
            arrays = golden_blocks(path, read_manifest(self.project.golden / manifest), fixture)
        except HarnessError:
            arrays = None
        if arrays is not None:
            return GoldenArrays(path, arrays), damaged
        found = self.damaged(archive)
        if not found:
            self.session.remarks.append(
                f"{self.relative(manifest)}: its digests of blocks are not those of the golden arrays, which "
                "were compared as a whole; run `harness audit`"
            )
        return GoldenArrays(path), [*damaged, *found]

    def _damaged(self, *names: str) -> list[Verdict]:
        """Return the verdicts on golden files that do not match the registry; the last has tolerances.

        A session that records does not look at measured tolerances: they are measured again after it.
        """
        *others, measured = names
        if not (self.project.golden / measured).exists():
            return self.damaged(*others)
        self.session.used.add(self.relative(measured))
        if self.writes:
            return self.damaged(*others)
        return self.damaged(*names)

    def _measured(
        self, name: str, tolerances: Given | None, damaged: Sequence[Verdict], golden: GoldenArrays
    ) -> Applied:
        """Return the tolerances that apply: those that the test gives, else those that were measured."""
        archive = self.project.golden / f"{name}.npz"
        file = tolerances_of(archive)
        if damaged or self.writes or not file.exists() or not self._is_registered_as_measured(file):
            return Applied(tolerances)
        found = applied(archive, tolerances)
        if found.stale:
            self.session.remarks.append(
                f"{self.relative(name)}{SUFFIX} was measured on other golden arrays and is ignored; "
                f'run `harness calibrate {name} --reason "..."`'
            )
        if found.document is not None and tolerances:
            require_wide_enough(f"{self.test}, {name}", tolerances, golden.read(), found.document)
        return found

    def _is_registered_as_measured(self, file: Path) -> bool:
        """Whether a file holds tolerances, and not a baseline that somebody has given such a name."""
        entry = self.session.registry().entries.get(self.project.relative(file))
        return entry is not None and entry.kind == "tolerances"

    def _note_accepted(self, new: NewFiles, compared: Sequence[Drift], measured: Applied) -> None:
        """Note for the summary how close the arrays are to their golden copies."""
        name = new.stem
        if all(drift.identical for drift in compared):
            self.note(name, Outcome.SAME, "identical")
            return
        if measured.defaults:
            self.session.remarks.append(
                f"tolerances were not measured on this platform, {platform_of(fingerprint())}: the default "
                "ones apply where they are wider; measure with `pytest --golden-samples FILE`"
            )
        reported = [array for drift in compared for array in measured.reported(drift)]
        for array in reported:
            self.session.remarks.append(
                f"{self.relative(name)}.npz, {array.name} is only reported: it differs by up to "
                f"{array.max_absolute:.3g}"
            )
        word: Word = "report-only" if reported else "within tolerance"
        files = self.keep_accepted(new)
        self.note(name, Outcome.TOLERATED, word, array_results(compared), files=files)

    def kind(self, filename: str) -> Kind:
        """Return "fixture" for the archive, else "manifest"."""
        return "fixture" if filename.endswith(".npz") else "manifest"

    def _note_insensitive(self, fixture: Fixture, counts: Mapping[str, int]) -> None:
        """Note for the summary, in a line, how many elements are too small to be seen to change."""
        if not counts:
            return
        name = max(counts, key=lambda array: counts[array] / fixture.arrays[array].size)
        others = f", and some of {_more(counts)}," if len(counts) > 1 else ""
        size = fixture.arrays[name].size
        self.session.notes.append(
            f"{self.relative(fixture.name)}.npz, {name}: {counts[name]} of {size} elements{others} are "
            "smaller than the tolerance, so that no change of them alone could fail"
        )

    def _note_blank(self, fixture: Fixture) -> None:
        """Note for the summary, in a line, which arrays to be recorded have not one finite number."""
        blank = blank_arrays(fixture.arrays)
        if blank:
            others = f" and {_more(blank)}" if len(blank) > 1 else ""
            self.session.notes.append(
                f"{self.relative(fixture.name)}.npz, {blank[0]}{others}: not one finite number"
            )

    def _golden_arrays(self, archive: str) -> Mapping[str, np.ndarray] | None:
        """Return the golden arrays; None if there are none or they cannot be read."""
        try:
            return map_archive(self.project.golden / archive)
        except HarnessError:
            return None

    def _is_same(self, fixture: Fixture, manifest: str) -> bool:
        """Return whether the golden manifest, which is intact, describes exactly this fixture."""
        try:
            golden = read_manifest(self.project.golden / manifest)
        except StaleFormatError as error:
            if self.writes and is_older_schema(error):
                return False  # to be recorded again in the new schema
            raise
        return golden.digest == fixture.outline.digest and not self._manifest_lines(golden, fixture)

    def _manifest_lines(self, golden: Manifest, fixture: Fixture) -> list[str]:
        """Return what differs in the manifests; a session that records also sees that a module was moved."""
        lines = manifest_differences(golden, fixture.outline)
        if self.session.settings.writes:
            now = with_import_place(fixture.outline.generator, self.project.root, self.request.path).path
            if now != golden.generator.path:
                lines.append(f"manifest generator.path: expected {golden.generator.path}, found {now}")
        return lines

    def _differences(
        self,
        fixture: Fixture,
        measured: Applied,
        damaged: Sequence[Verdict],
        compared: list[Drift],
        golden: GoldenArrays,
    ) -> list[str]:
        """Return the damage and all differences, a line each; what cannot be read is one of the lines."""
        expected = self.project.golden / f"{fixture.name}.npz"
        lines = self.damage_lines(damaged)
        try:
            arrays = golden.read()
            compared.append(measured.compare(arrays, fixture.arrays))
            lines += drift_lines(compared[-1], screen=self.screen())
            lines += measured.explanations(compared[-1], arrays, fixture.arrays)
            here = self.relative(f"{fixture.name}.npz")
            explained = measured.elsewhere(compared[-1], arrays, fixture.arrays)
            self.session.remarks += [f"{here}, {line}" for line in explained]
            lines += self._manifest_lines(read_manifest(manifest_of(expected)), fixture)
        except HarnessError as error:
            if not lines and not (self.writes and isinstance(error, StaleFormatError)):
                raise
            lines.append(str(error))
        return lines

    def words(self, name: str) -> tuple[str, str]:
        """Return how a failure begins: that the fixture differs, or that the golden files do."""
        return (
            f"fixture {name!r} differs from its golden files:",
            f"the golden files of fixture {name!r} are not those that were recorded:",
        )

    def _report(self, name: str, lines: list[str], damaged: Sequence[Verdict], obtained: str) -> list[str]:
        differs, damage = self.words(name)
        return [
            damage if damaged else differs,
            *(f"  {line}".rstrip() for line in lines),
            *self.diff_lines(f"{name}.npz", obtained),
            *self.advice(damaged),
        ]


def _more(names: Collection[str]) -> str:
    """Say how many arrays there are beside the one that is named."""
    count = len(names) - 1
    return f"{count} more array{'s' if count > 1 else ''}"
