"""What the two pytest fixtures check, as pytest-regressions' own fixtures do.

A check reads golden/ and never writes there: what ``--force-regen`` or ``--regen-all`` asks for is staged.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest
from pytest_regressions.common import perform_regression_check

from harness.core.baselines.baseline import accepted, encode_baseline, judge, read_baseline
from harness.core.baselines.calibrate import provisional
from harness.core.errors import GoldenMissingError, HarnessError
from harness.core.fixtures.compare import compare
from harness.core.fixtures.degenerate import require_informative
from harness.core.fixtures.manifest import encode_manifest, manifest_differences, read_manifest
from harness.core.recording.regenerate import Staged, staging_directory
from harness.core.storage.documents import replace_file
from harness.core.storage.npz import map_archive, write_archive
from harness.plugin.session import RecordedError
from harness.report.drift import drift_lines
from harness.report.verdicts import metric_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    import numpy as np

    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.tolerance import Tolerance
    from harness.core.registry.registry import Kind
    from harness.core.storage.project import Project
    from harness.plugin.session import GoldenSession


@dataclass(frozen=True, slots=True)
class _Regression:
    """The test that asks, and the session that knows where golden files are and gathers new ones."""

    request: pytest.FixtureRequest
    tmp_path: Path
    session: GoldenSession

    @property
    def project(self) -> Project:
        """Where the golden files are."""
        return self.session.project

    def _relative(self, filename: str) -> str:
        return f"{self.project.golden_name}/{filename}"

    def _damage(self, *filenames: str) -> list[str]:
        """What the registry says against golden files, a line each."""
        verdicts = self.session.verdicts(map(self._relative, filenames))
        return [f"{v.name}: {v.outcome.value}: {v.detail}" for v in verdicts if not v.outcome.accepted]

    def _require_recorded(self, filename: str) -> None:
        path = self.project.golden / filename
        if not path.is_file() and not self.session.settings.writes:
            raise GoldenMissingError(
                f"golden {filename!r}",
                expected=f"a file at {self._relative(filename)}",
                found="none, and nothing was written",
                remedy=f"Restore it with `git checkout -- {self._relative(filename)}`, "
                "or record it with `pytest --force-regen`.",
            )

    def _perform(
        self,
        stem: str,
        extension: str,
        check: Callable[[Path, Path], None],
        dump: Callable[[Path], None],
        dump_beside: Callable[[Path], list[str]] = lambda _: [],
    ) -> None:
        """Let pytest-regressions compare, reading golden/ and writing to a staging directory."""
        __tracebackhide__ = True
        staging = staging_directory(self.project)
        try:
            perform_regression_check(
                datadir=cast("Any", self.project.golden),
                original_datadir=staging,
                request=self.request,
                check_fn=check,
                dump_fn=dump,
                dump_aux_fn=dump_beside,
                extension=extension,
                basename=stem,
                obtained_filename=self.tmp_path / f"{stem}.obtained{extension}",
            )
        except AssertionError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        except pytest.fail.Exception as failure:
            raise self._renamed(failure, staging) from None
        finally:
            self._stage(staging)

    def _renamed(self, failure: BaseException, staging: Path) -> RecordedError:
        """Say where the file will be golden, not where it is staged."""
        text = str(failure).replace(f"{staging}{os.sep}", f"{self.project.golden_name}/")
        return RecordedError(f"{text}\nIt is written when the session ends.", pytrace=False)

    def _stage(self, staging: Path) -> None:
        """Put down what was written for the session's end, or remove the empty directory."""
        files = sorted(staging.iterdir())
        for file in files:
            kind = self._kind(file.name)
            self.session.staged.append(
                Staged(self._relative(file.name), kind, file, self.request.node.nodeid)
            )
        if not files:
            staging.rmdir()

    def _kind(self, filename: str) -> Kind:
        raise NotImplementedError


class FixtureRegression(_Regression):
    """Compares fixtures with their golden copies."""

    __slots__ = ()

    def check(
        self,
        fixture: Fixture,
        tolerances: Mapping[str, Tolerance | Mapping[str, float]] | None = None,
        *,
        allow_nonfinite: bool | Collection[str] = False,
        allow_constant: bool | Collection[str] = False,
    ) -> None:
        """Compare *fixture* with ``golden/<name>.npz`` and ``golden/<name>.json``.

        Where every digest is the golden manifest's and both files are intact by the registry, nothing is
        loaded or written. Otherwise everything is compared, and everything that differs is reported.

        Parameters
        ----------
        fixture : Fixture
        tolerances : mapping of str to Tolerance or mapping, optional
            By array name, keys ``atol``, ``rtol`` and ``ulp``; by dtype where absent.
        allow_nonfinite, allow_constant : bool or collection of str
            Arrays that may be recorded though they hold NaN or infinities, or a single value.

        Raises
        ------
        GoldenMissingError
            If nothing is recorded under the fixture's name. Nothing is written then.
        DegenerateError
            If the fixture shall be recorded and carries nothing.
        """
        __tracebackhide__ = True
        archive, manifest = f"{fixture.name}.npz", f"{fixture.name}.json"
        self.session.used |= {self._relative(archive), self._relative(manifest)}
        if self._is_same(fixture, archive, manifest):
            return
        if self.session.settings.writes:
            golden = self._golden_arrays(archive)
            require_informative(
                fixture.name,
                fixture.arrays,
                golden,
                allow_nonfinite=allow_nonfinite,
                allow_constant=allow_constant,
            )
        self._require_recorded(archive)
        self._require_recorded(manifest)

        def check_arrays(obtained: Path, expected: Path) -> None:
            __tracebackhide__ = True
            lines = self._differences(fixture, expected, tolerances)
            if lines:
                raise AssertionError(self._report(fixture.name, obtained, lines))

        def dump_beside(path: Path) -> list[str]:
            beside = path.with_name(path.name.replace(".npz", ".json"))
            replace_file(beside, encode_manifest(fixture.manifest))
            return [str(beside)] if path.parent == self.tmp_path else []

        self._perform(
            fixture.name, ".npz", check_arrays, lambda path: write_archive(path, fixture.arrays), dump_beside
        )

    def _kind(self, filename: str) -> Kind:
        return "fixture" if filename.endswith(".npz") else "manifest"

    def _golden_arrays(self, archive: str) -> Mapping[str, np.ndarray] | None:
        """What is golden now; None where nothing is, or nothing that can be read."""
        try:
            return map_archive(self.project.golden / archive)
        except HarnessError:
            return None

    def _is_same(self, fixture: Fixture, archive: str, manifest: str) -> bool:
        """Whether the golden manifest describes this very fixture, and both files are intact."""
        if self._damage(archive, manifest):
            return False
        golden = read_manifest(self.project.golden / manifest)
        return golden.digest == fixture.manifest.digest and not manifest_differences(golden, fixture.manifest)

    def _differences(
        self,
        fixture: Fixture,
        expected: Path,
        tolerances: Mapping[str, Tolerance | Mapping[str, float]] | None,
    ) -> list[str]:
        archive, manifest = expected.name, f"{fixture.name}.json"
        lines = self._damage(archive, manifest)
        try:
            lines += drift_lines(compare(map_archive(expected), fixture.arrays, tolerances))
            golden = read_manifest(self.project.golden / manifest)
            lines += manifest_differences(golden, fixture.manifest)
        except HarnessError as error:
            if not lines:
                raise
            lines.append(str(error))
        return lines

    def _report(self, name: str, obtained: Path, lines: list[str]) -> str:
        golden = self._relative(f"{name}.npz")
        return "\n".join(
            [
                f"fixture {name!r} is not its golden copy:",
                *(f"  {line}" for line in lines),
                f"Look at it with `harness diff {golden} {obtained}`.",
                "If the change is wanted, record it with `pytest --force-regen`.",
            ]
        )


class MetricsRegression(_Regression):
    """Compares metrics with their baselines."""

    __slots__ = ()

    def check(
        self,
        metrics: Mapping[str, float],
        name: str,
        controls: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Compare *metrics* with the baseline ``golden/<name>.json``.

        Parameters
        ----------
        metrics : mapping of str to float
        name : str
            ``<fixture>.<pipeline>``.
        controls : mapping of str to mapping of str to float, optional
            Metrics of the controls in the same run, a flat object for one; the stored ones where absent.

        Raises
        ------
        GoldenMissingError
            If there is no such baseline. Nothing is written then.
        """
        __tracebackhide__ = True
        filename = f"{name}.json"
        self.session.used.add(self._relative(filename))
        self._require_recorded(filename)
        golden = self.project.golden / filename
        if golden.is_file() and not self._drift(golden, metrics, controls):
            return

        def check_values(_: Path, expected: Path) -> None:
            __tracebackhide__ = True
            lines = self._drift(expected, metrics, controls)
            if lines:
                raise AssertionError(self._report(name, lines))

        def dump(path: Path) -> None:
            before = read_baseline(golden) if golden.is_file() else None
            replace_file(path, encode_baseline(provisional(metrics, before)))

        self._perform(name, ".json", check_values, dump)

    def _kind(self, filename: str) -> Kind:  # noqa: ARG002 - the interface of both
        return "baseline"

    def _drift(
        self, golden: Path, metrics: Mapping[str, float], controls: Mapping[str, Mapping[str, float]] | None
    ) -> list[str]:
        """What keeps the metrics from being accepted, a line each."""
        lines = self._damage(golden.name)
        verdicts = judge(read_baseline(golden), metrics, controls)
        return lines if accepted(verdicts) else lines + metric_lines(verdicts)

    def _report(self, name: str, lines: list[str]) -> str:
        return "\n".join(
            [
                f"metrics {name!r} are not their baseline, {self._relative(name)}.json:",
                *(f"  {line}" for line in lines),
                "If the change is wanted, record it with `pytest --force-regen`, and measure its",
                "tolerances with `harness calibrate`.",
            ]
        )
