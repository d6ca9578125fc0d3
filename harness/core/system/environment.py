"""What produced a value: interpreter, libraries, processor, threads, commit."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from harness.core.system.git import read_git

_PACKAGES = ("numpy", "scipy", "scikit-image", "torch")
_KERNEL_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "OMP_NUM_THREADS",
)


@dataclass(frozen=True, slots=True)
class Revision:
    """A work tree's commit, and whether it held changes that no commit has."""

    commit: str | None
    dirty: bool


def fingerprint() -> dict[str, str]:
    """Versions, processor capability and kernel settings that may move a result's last bits.

    No package is imported for it, and nothing in it names a host, a user or a path.
    """
    found = {
        "harness": _version("golden-harness"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_capability(),
        "cores": str(os.cpu_count()),
    }
    found |= {name: _version(name) for name in _PACKAGES}
    found |= {name: os.environ[name] for name in _KERNEL_VARIABLES if name in os.environ}
    return found


def revision(root: Path) -> Revision:
    """Commit and state of the work tree at *root*; no commit where git or a repository is missing."""
    commit = _git(root, "rev-parse", "HEAD")
    return Revision(commit, bool(_git(root, "status", "--porcelain")))


def author(root: Path) -> str:
    """Name that git knows the user by, ``unknown`` where it knows none."""
    return _git(root, "config", "user.name") or "unknown"


def _git(root: Path, *arguments: str) -> str | None:
    return (read_git(root, *arguments) or "").strip() or None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _cpu_capability() -> str:
    """Widest vector instructions of the processor, where the system tells."""
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8").lower()
    except OSError:
        return platform.machine() or "unknown"
    return next((name for name in ("avx512f", "avx2", "asimd") if name in told), platform.machine())
