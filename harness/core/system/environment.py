"""What produced a value: interpreter, libraries, processor, kernel settings, commit and author."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from harness.core.system.git import read_git
from harness.core.system.git_objects import ask_git, has_commits, is_in_repository
from harness.core.system.work_tree import changed_paths

_PACKAGES = ("numpy", "scipy", "scikit-image", "torch")
KERNEL_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
)
# Recorded from the environment, not with threadpoolctl: a library's thread pool can be examined only after
# importing the library, and these settings are read when it loads.


@dataclass(frozen=True, slots=True)
class Revision:
    """A work tree's commit (None if there is none), and whether it has uncommitted changes."""

    commit: str | None
    dirty: bool


def fingerprint() -> dict[str, str]:
    """Return versions, processor capability and kernel settings, which may change a result's last bits.

    No package is imported to find its version. No value names a host, a user or a path.
    """
    values = {
        "harness": _version("golden-harness"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_capability(),
        "cores": str(os.cpu_count()),
    }
    values |= {name: _version(name) for name in _PACKAGES}
    values |= {name: os.environ[name] for name in KERNEL_VARIABLES if name in os.environ}
    return values


def revision(root: Path) -> Revision:
    """Return the state of the work tree at *root*. Its commit is None without a repository or a commit.

    Raises
    ------
    UnreadableError
        If there is a repository, and git cannot be run or cannot read it.
    """
    if not is_in_repository(root):
        return Revision(None, dirty=False)
    commit = ask_git(root, "rev-parse", "HEAD").strip() if has_commits(root) else None
    return Revision(commit, dirty=bool(changed_paths(root)))


def author(root: Path) -> str:
    """Return the user's name from git's configuration, or ``unknown``; undecodable bytes are U+FFFD."""
    return (read_git(root, "config", "user.name") or "").strip() or "unknown"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _cpu_capability() -> str:
    """Return the widest vector instructions of the processor, or its architecture if not known."""
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8").lower()
    except OSError:
        return platform.machine() or "unknown"
    return next((name for name in ("avx512f", "avx2", "asimd") if name in flags), platform.machine())
