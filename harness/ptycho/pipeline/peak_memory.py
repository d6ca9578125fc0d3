"""How much memory this process has needed at most."""

from __future__ import annotations

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Return this process's peak resident memory in MB (1e6 bytes); 0 where the system does not tell.

    Linux tells it in /proc: there, getrusage would count the parent's memory at the time of the fork. On
    macOS getrusage counts bytes.
    """
    if STATUS.exists():
        line = next(s for s in STATUS.read_text().splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return 0.0
