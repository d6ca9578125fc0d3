"""Opening one array of an archive, mapped (stored) or inflated (compressed), and the digest of the file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from check import arrays
from row import Row
from timing import alternate

from harness.core.storage.digest import digest_file
from harness.core.storage.npz import map_archive, write_archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SIZE = 33_000_000


def measure(folder: Path) -> list[Row]:
    """Sum one of three arrays of 33 MB in all; then compute the digest of the archive."""
    found = arrays(_SIZE)
    stored, packed = folder / "stored.npz", folder / "packed.npz"
    write_archive(stored, found)
    np.savez_compressed(packed, **found)

    def map_and_sum() -> float:
        return float(map_archive(stored)["object"].sum())

    def load() -> float:
        with np.load(packed) as archive:
            return float(archive["object"].sum())

    taken = alternate(
        {
            "ours": map_and_sum,
            "np.load": load,
            "sum": found["object"].sum,
        },
        rounds=15,
    )
    row = Row("open an archive of 33 MB, sum one array of it", "np.load, compressed", taken["ours"],
              taken["np.load"], "the sum, in memory", taken["sum"], 20)  # fmt: skip
    return [row, *_digests(stored)]


def _digests(path: Path) -> list[Row]:
    works: dict[str, Callable[[], object]] = {"ours": lambda: digest_file(path), "read": path.read_bytes}
    works |= _peers(path)
    taken = alternate(works, rounds=15)
    return [
        Row("digest of a file of 33 MB", peer, taken["ours"], taken[peer], "reading it", taken["read"])
        for peer in works
        if peer not in {"ours", "read"}
    ]


def _peers(path: Path) -> dict[str, Callable[[], object]]:
    import pooch
    from blake3 import blake3
    from pytest_mpl.plugin import _hash_file

    def mpl() -> object:
        with path.open("rb") as stream:
            return _hash_file(stream)

    return {
        "pooch, SHA-256": lambda: pooch.file_hash(str(path), alg="sha256"),
        "pooch, xxh128": lambda: pooch.file_hash(str(path), alg="xxh128"),
        "pytest-mpl's hash": mpl,
        "blake3": lambda: blake3(path.read_bytes()).digest(),
        "hashlib, SHA-256": lambda: hashlib.sha256(path.read_bytes()).digest(),
    }
