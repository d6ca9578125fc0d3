"""Peak resident memory of the running process."""

from __future__ import annotations

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Return this process's peak resident memory in MB (1e6 bytes), or 0 if the system does not report it.

    >>> peak_mb() >= 0
    True
    """
    # Not getrusage on Linux: a child's ru_maxrss starts at its parent's memory at the time of the fork.
    if STATUS.exists():
        line = next(s for s in STATUS.read_text().splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6  # /proc counts in KiB
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes on macOS
    return 0.0
