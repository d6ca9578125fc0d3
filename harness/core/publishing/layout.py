"""Names of the files that every publication has beside its golden files, and the packages that it needs."""

from __future__ import annotations

import importlib
from typing import Any

from harness.core.errors import DependencyError

METADATA = "ro-crate-metadata.json"
SUMS = "SHA256SUMS"
DEPOSIT = ".zenodo.json"
README = "README.md"
CONTRACT = "contract"
CITATION = "CITATION.cff"

DIGEST = "sha256:"

ENCODINGS = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".npz": "application/zip",
    ".png": "image/png",
    ".rst": "text/x-rst",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".txt": "text/plain",
    "": "text/plain",
}
"""Media types by suffix. The system's own table differs between machines."""


def encoding_of(name: str) -> str:
    """Return the media type of a file with this name.

    >>> encoding_of("golden/scan.npz"), encoding_of("LICENSE"), encoding_of("golden/scan.dat")
    ('application/zip', 'text/plain', 'application/octet-stream')
    """
    last = name.rpartition("/")[2]
    suffix = f".{last.rpartition('.')[2]}" if "." in last else ""
    return ENCODINGS.get(suffix, "application/octet-stream")


def require_module(name: str, purpose: str, extra: str) -> Any:
    """Return the module *name*, which the extra *extra* installs.

    Raises
    ------
    DependencyError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise DependencyError(
            package,
            expected=f"an installed package, {purpose}",
            found="none",
            message=f"{package} is needed {purpose} and cannot be imported",
            remedy=f"Install it: `pip install 'golden-harness[{extra}]'`.",
        ) from error
