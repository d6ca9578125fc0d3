"""Whether a process of this machine is still running."""

from __future__ import annotations

import os


def is_running(process: int) -> bool:
    """Return whether there is a process with this number, whoever owns it. Not for Windows.

    >>> is_running(os.getpid())
    True
    """
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True
