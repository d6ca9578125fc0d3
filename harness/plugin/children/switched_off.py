"""Options of the first pytest process that its children must not have, and how a failure begins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_OFF = {
    "force_regen": False,
    "regen_all": False,
    "golden_unreferenced": None,
    "golden_report": None,
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "maxfail": 0,
    "basetemp": None,
    "usepdb": False,
    "trace": False,
    "pastebin": None,
    "log_file": os.devnull,
    "xmlpath": None,
    "report_log": None,
    "htmlpath": None,
}
"""They would keep tests from running, wait for input, or write where the first process does."""


def switch_off(config: pytest.Config) -> None:
    """Set these options to what they are if nobody gives them."""
    for option, value in _OFF.items():
        if hasattr(config.option, option):
            setattr(config.option, option, value)


def first_line(longrepr: object) -> str:
    """Return the first line of a failure, without pytest's marks."""
    crash = getattr(longrepr, "reprcrash", None)
    words = longrepr[2] if isinstance(longrepr, tuple) else longrepr  # a skip has a file, a line and a reason
    lines = [line for line in str(words if crash is None else crash.message).splitlines() if line.strip()]
    return lines[0].strip() if lines else "no reason"
