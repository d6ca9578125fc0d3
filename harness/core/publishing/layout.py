"""Names and media types of the files that every publication has beside its golden files."""

from __future__ import annotations

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
