"""What the command line and pytest's configuration ask for, and which project they mean."""

from __future__ import annotations

import math
import os
import shlex
import sys
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from harness.core.errors import UsageError
from harness.core.rerun.rerun_tests import PytestCall
from harness.core.storage.project import (
    REGISTRY,
    Project,
    nearest_registry,
    nearest_root,
    project_at,
    require_golden_directory,
)
from harness.core.storage.pytest_settings import (
    find_pytest_settings,
    is_true,
    read_pytest_settings,
    with_reason,
)
from harness.core.system.ci import require_not_ci

if TYPE_CHECKING:
    from collections.abc import Mapping

Unreferenced = Literal["ignore", "warn", "reject"]
_FALSE = frozenset({"n", "no", "f", "false", "off", "0"})  # as pytest has them


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of one session.

    Attributes
    ----------
    writes : bool
        Whether golden files may be recorded (``--force-regen`` or ``--regen-all``).
    reason : str
        Why they change.
    require_reason : bool
        Whether recording without a reason is an error.
    unreferenced : {"ignore", "warn", "reject"}
        What to do about registered golden files that no test used.
    max_drift : float
        Largest cumulative drift that may be recorded, in tolerances; 0 for no limit.
    reset_drift : bool
        Whether future cumulative drift is measured from what this session records.
    compress : bool
        Whether new archives are compressed.
    command : str
        The command line, for the records.
    call : PytestCall
        How pytest is called again to repeat tests.
    """

    writes: bool = False
    reason: str = ""
    require_reason: bool = False
    unreferenced: Unreferenced = "ignore"
    max_drift: float = 0.0
    reset_drift: bool = False
    compress: bool = False
    command: str = "pytest"
    call: PytestCall = field(default_factory=PytestCall, compare=False)

    def advice(self, text: str) -> str:
        """Return *text* with a command that records as it has to be typed in this project."""
        return with_reason(text) if self.require_reason and not self.reason else text


def find_session_project(config: pytest.Config) -> Project:
    """Return the project of a session: the nearest with a registry above rootdir, or where pytest started.

    Without a registry the project starts at rootdir, unless pytest has found no configuration there.

    Raises
    ------
    pytest.UsageError
        If pytest's own configuration has another golden directory than the project.
    HarnessError
        As :func:`~harness.core.storage.project.project_at`.
    """
    starts = (config.rootpath.resolve(), config.invocation_params.dir.resolve())
    root = next((found for start in starts if (found := nearest_registry(start))), None)
    if root is None:
        elsewhere = config.inipath is None or getattr(config.option, "inifilename", None)
        root = (nearest_root(starts[1]) if elsewhere else None) or starts[0]
    project = project_at(root)
    given = _pytest_values(config).get("golden_dir")
    if given not in {None, ""} and require_golden_directory(given, config.inipath) != project.golden_name:
        place = find_pytest_settings(root, "golden_dir").file or root / "pytest.ini"
        raise pytest.UsageError(
            f"golden_dir: expected {project.golden_name!r}, the golden directory of the project in {root}, "
            f"found {given!r}. `harness` would not find it there: set golden_dir in {place}."
        )
    return project


def read_settings(config: pytest.Config, root: Path) -> Settings:
    """Return the session's settings; an option takes precedence over its ini key.

    Raises
    ------
    pytest.UsageError
        If a value is not valid.
    """
    option = config.option
    values = {**find_pytest_settings(root).values, **_pytest_values(config)}

    def text(key: str, default: str = "") -> str:
        return str(getattr(option, key, None) or values.get(key, default))

    return Settings(
        # Without pytest-regressions there are no such options.
        writes=bool(getattr(option, "force_regen", False) or getattr(option, "regen_all", False)),
        reason=_reason(option.golden_reason or values.get("golden_reason", "")),
        require_reason=_flag("golden_require_reason", values.get("golden_require_reason", False)),
        unreferenced=_unreferenced(text("golden_unreferenced", "ignore")),
        max_drift=_max_drift(text("golden_max_drift", "0")),
        reset_drift=option.golden_reset_drift,
        compress=_flag("golden_compress", values.get("golden_compress", False)),
        command=shlex.join(["pytest", *sys.argv[1:]]),
        call=_pytest_call(config),
    )


def _pytest_call(config: pytest.Config) -> PytestCall:
    """How this session was called."""
    arguments = list(map(str, config.invocation_params.args))
    if config.pluginmanager.hasplugin("_cov"):  # it would replace this session's data by those of a part
        arguments.append("--no-cov")
    if getattr(config.option, "debug", None):  # pytest opens this file before any plugin can keep it from it
        arguments.append(f"--debug={os.devnull}")
    folder = config.invocation_params.dir
    is_module = Path(sys.argv[0]).name == "__main__.py"  # python -m pytest
    return PytestCall(tuple(arguments), folder, (str(folder),) if is_module else ())


def require_permission(project: Project, settings: Settings) -> None:
    """Raise if a session with these settings must not write golden files.

    Raises
    ------
    UsageError
        In CI, or if a reason is required and none is given.
    RefusedError
        If an earlier regeneration was interrupted.
    """
    if not settings.writes:
        return
    from harness.core.recording.transaction import require_settled
    from harness.core.storage.lock import is_write_locked

    require_not_ci()
    if not (project.is_interrupted and is_write_locked(project)):  # else another session is recording now
        require_settled(project)
    if settings.require_reason and not settings.reason:
        raise UsageError(
            "--golden-reason",
            expected="a reason",
            found="none",
            message="golden files are not recorded without a reason (golden_require_reason is set)",
            remedy='Give one with --golden-reason "...".',
        )


def shown_path(path: Path) -> str:
    """Return a path as it can be typed where pytest was started."""
    absolute, here = Path(os.path.abspath(path)), Path.cwd()  # noqa: PTH100 - resolve() would follow links
    near = absolute.is_relative_to(here) or any((above / REGISTRY).exists() for above in here.parents)
    return Path(os.path.relpath(absolute, here)).as_posix() if near else absolute.as_posix()


def _pytest_values(config: pytest.Config) -> Mapping[str, Any]:
    """Return the keys in the file that pytest has chosen, and those of ``--override-ini``."""
    values = dict(read_pytest_settings(config.inipath).values) if config.inipath else {}
    for item in getattr(config.option, "override_ini", None) or ():
        key, _, value = item.partition("=")
        if key.startswith("golden_"):
            values[key] = value
    return values


def _flag(key: str, value: object) -> bool:
    if not is_true(value) and str(value).strip().lower() not in _FALSE:
        raise pytest.UsageError(f"{key}: expected true or false, found {value!r}.")
    return is_true(value)


def _reason(value: object) -> str:
    if not isinstance(value, str):
        raise pytest.UsageError(f"golden_reason: expected a text, found {value!r}.")
    return value


def _unreferenced(word: str) -> Unreferenced:
    words = typing.get_args(Unreferenced)
    if word not in words:
        raise pytest.UsageError(f"golden_unreferenced: expected one of {', '.join(words)}, found {word!r}.")
    return typing.cast("Unreferenced", word)


def _max_drift(text: str) -> float:
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if not 0 <= limit < math.inf:  # false for NaN, too
        raise pytest.UsageError(
            f"golden_max_drift: expected a number of tolerances, 0 or more, found {text!r}."
        )
    return limit
