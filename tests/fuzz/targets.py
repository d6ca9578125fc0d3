"""Coverage-guided fuzzing: ``python targets.py archive|manifest|registry CORPUS... [libFuzzer options]``.

Whatever the bytes are, the reader returns what its writer would write again, or refuses; any other exception
ends the run with the input that caused it. ``run.py`` calls this for a given time.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

with atheris.instrument_imports(include=["harness", "zipfile", "numpy.lib", "json"]):
    import json.decoder  # noqa: F401 - to be instrumented
    import zipfile  # noqa: F401 - likewise

    import numpy as np

    from harness.core.errors import HarnessError
    from harness.core.fixtures.compare import compare
    from harness.core.fixtures.manifest import read_manifest
    from harness.core.fixtures.summary import summarise
    from harness.core.registry.registry import read_registry
    from harness.core.storage.digest import digest_arrays
    from harness.core.storage.documents import encode_document
    from harness.core.storage.npz import map_archive, read_archive, write_archive
    from harness.report.array_summary import array_lines
    from harness.report.drift import drift_lines

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SHOWN = 1 << 22  # bytes of arrays that are compared as well: the reader is under test, not numpy


def fuzz_archive(path: Path) -> None:
    """What was read is written again, digested, compared and shown like any other arrays."""
    arrays = read_archive(path)
    mapped = map_archive(path)
    if sum(array.nbytes for array in arrays.values()) > MOST_SHOWN:
        return
    list(drift_lines(compare(arrays, mapped), shown=3))
    array_lines(summarise(arrays))
    again = path.with_suffix(".again")
    write_archive(again, arrays)
    if digest_arrays(read_archive(again)) != digest_arrays(arrays):
        raise AssertionError("other arrays than were written")


def fuzz_manifest(path: Path) -> None:
    _require_round_trip(path, read_manifest)


def fuzz_registry(path: Path) -> None:
    _require_round_trip(path, read_registry)


def _require_round_trip(path: Path, read: Callable[[Path], object]) -> None:
    value = read(path)
    path.write_bytes(encode_document(value))
    if read(path) != value:
        raise AssertionError("another document than was written")


TARGETS = {"archive": fuzz_archive, "manifest": fuzz_manifest, "registry": fuzz_registry}


def main(name: str, arguments: list[str]) -> None:
    """Fuzz one target, in memory-backed files where the system has them."""
    target = TARGETS[name]
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a directory of its own
    path = Path(tempfile.mkdtemp(dir=shared)) / "input"
    warnings.simplefilter("ignore")  # of numbers that are beyond their dtype; a user sees none either
    np.seterr(all="ignore")

    def one(data: bytes) -> None:
        path.write_bytes(data)
        try:
            target(path)
        except HarnessError as error:
            str(error)

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
