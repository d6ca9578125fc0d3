"""What the command line and the ini file of one pytest session ask for.

Every pytest run imports this module, with or without golden files, so it imports little.
"""

from __future__ import annotations

import math
import shlex
import sys
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pytest

from harness.core.errors import UsageError
from harness.core.system.ci import require_not_ci

if TYPE_CHECKING:
    from harness.core.storage.project import Project

Unreferenced = Literal["ignore", "warn", "reject"]


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
    command : str
        The command line, for the records.
    """

    writes: bool = False
    reason: str = ""
    require_reason: bool = False
    unreferenced: Unreferenced = "ignore"
    max_drift: float = 0.0
    reset_drift: bool = False
    command: str = "pytest"


def add_options(parser: pytest.Parser) -> None:
    """Add the command line options and ini keys; pytest-regressions adds --force-regen and --regen-all."""
    group = parser.getgroup("golden files")
    group.addoption("--golden-reason", metavar="TEXT", help="Why golden files change. Kept in the history.")
    group.addoption(
        "--golden-unreferenced",
        choices=typing.get_args(Unreferenced),
        help="What to do about golden files that no test used, after a complete run without failures.",
    )
    group.addoption(
        "--golden-max-drift",
        metavar="N",
        help="Do not record a file whose cumulative drift from its first version exceeds N tolerances. "
        "0: no limit.",
    )
    # Without an ini key: if every session reset the drift, none would ever accumulate.
    group.addoption(
        "--golden-reset-drift",
        action="store_true",
        help="Measure future cumulative drift from the versions recorded now.",
    )
    parser.addini("golden_dir", "Directory of the golden files, relative to rootdir.", default="golden")
    parser.addini("golden_reason", "Default of --golden-reason.", default="")
    parser.addini(
        "golden_require_reason", "Do not record golden files without a reason.", type="bool", default=False
    )
    parser.addini("golden_unreferenced", "Default of --golden-unreferenced.", default="ignore")
    parser.addini("golden_max_drift", "Default of --golden-max-drift.", default="0")


def read_settings(config: pytest.Config) -> Settings:
    """Return the session's settings; an option takes precedence over its ini key.

    Raises
    ------
    pytest.UsageError
        If a value is not valid.
    """
    option = config.option
    return Settings(
        writes=bool(option.force_regen or option.regen_all),
        reason=option.golden_reason or str(config.getini("golden_reason")),
        require_reason=bool(config.getini("golden_require_reason")),
        unreferenced=_unreferenced(option.golden_unreferenced or str(config.getini("golden_unreferenced"))),
        max_drift=_max_drift(option.golden_max_drift or str(config.getini("golden_max_drift"))),
        reset_drift=option.golden_reset_drift,
        command=shlex.join(["pytest", *sys.argv[1:]]),
    )


def require_permission(project: Project, settings: Settings) -> None:
    """Raise if a session with these settings must not write golden files, before its first test.

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

    require_not_ci()
    require_settled(project)
    if settings.require_reason and not settings.reason:
        raise UsageError(
            "--golden-reason",
            expected="a reason",
            found="none",
            message="golden files are not recorded without a reason (golden_require_reason is set)",
            remedy='Give one with --golden-reason "...".',
        )


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
