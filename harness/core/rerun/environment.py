"""Environment variables of the processes in which fixtures are made again."""

from __future__ import annotations

import os
from pathlib import Path


def clean_environment() -> dict[str, str]:
    """Return this process's environment, but with a new hash seed and with absolute paths to import from."""
    environment = dict(os.environ)
    environment.pop("PYTHONHASHSEED", None)
    listed = environment.get("PYTHONPATH", "").split(os.pathsep)
    environment["PYTHONPATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in listed if entry)
    return environment
