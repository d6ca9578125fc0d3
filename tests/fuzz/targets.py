"""Coverage-guided fuzzing: ``python targets.py TARGET CORPUS... [libFuzzer options]``.

For any bytes, a reader returns a value that its writer can write and that is read again, or it raises a
HarnessError. Any other exception ends the run with the input that caused it. ``run.py`` sets the time.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["harness", "zipfile", "numpy.lib", "json"]):
    import json.decoder  # noqa: F401 - imported to be instrumented
    import zipfile  # noqa: F401 - likewise

    import numpy as np

    from harness.core.errors import HarnessError
    from harness.core.fixtures.compare import compare
    from harness.core.fixtures.manifest import read_manifest
    from harness.core.fixtures.summary import summarise
    from harness.core.registry.format import decode_registry, encode_registry
    from harness.core.registry.history import append, decode_history
    from harness.core.storage.digest import digest_arrays
    from harness.core.storage.documents import encode_document
    from harness.core.storage.npz import map_archive, read_archive, write_archive
    from harness.report.array_summary import array_lines
    from harness.report.drift import drift_lines

MOST_SHOWN = 1 << 22  # bytes of arrays that are compared too: the reader is under test, not numpy


def fuzz_archive(path: Path) -> None:
    """Arrays that were read can be compared, shown, written and read again, with the same digest."""
    arrays = read_archive(path)
    mapped = map_archive(path)
    if sum(array.nbytes for array in arrays.values()) > MOST_SHOWN:
        return
    list(drift_lines(compare(arrays, mapped), shown=3))
    array_lines(summarise(arrays))
    again = path.with_suffix(".again")
    write_archive(again, arrays)
    if digest_arrays(read_archive(again)) != digest_arrays(arrays):
        raise AssertionError("the arrays changed when they were written and read again")


def fuzz_manifest(path: Path) -> None:
    manifest = read_manifest(path)
    path.write_bytes(encode_document(manifest))
    _require_same(read_manifest(path), manifest)


def fuzz_registry(path: Path) -> None:
    registry = decode_registry(path.read_bytes(), path.name)
    _require_same(decode_registry(encode_registry(registry), path.name), registry)


def fuzz_history(path: Path) -> None:
    history = decode_history(path.read_bytes(), path.name)
    lines = [*history.records.values(), *history.environments.values()]
    _require_same(decode_history(append(b"", lines), path.name), history)


def _require_same(again: object, value: object) -> None:
    if again != value:
        raise AssertionError("the document changed when it was written and read again")


TARGETS = {
    "archive": fuzz_archive,
    "manifest": fuzz_manifest,
    "registry": fuzz_registry,
    "history": fuzz_history,
}


def main(name: str, arguments: list[str]) -> None:
    """Fuzz one target, with its file in memory where the system allows it."""
    target = TARGETS[name]
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a directory of its own
    path = Path(tempfile.mkdtemp(dir=shared)) / "input"
    warnings.simplefilter("ignore")  # about numbers out of range, which the command line hides too
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
