"""``harness verify`` compared with sha256sum, xxhsum, b3sum, pooch and DVC: processes, page cache warm."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import xxhash
from row import Ceiling, Row
from timing import HARNESS, alternate, command, peak_mb

import golden

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_POOCH = (
    "import json, pooch, sys\n"
    "for path, entry in json.load(open('registry.json'))['entries'].items():\n"
    "    assert pooch.file_hash(path, alg='sha256') == entry['sha256'].partition(':')[2]\n"
)
_READ = (
    "import os, sys, threading\n"
    "paths = iter(open('paths').read().split())\n"
    "def read():\n"
    "    buffer = bytearray(1 << 20)\n"
    "    for path in paths:\n"
    "        descriptor = os.open(path, os.O_RDONLY)\n"
    "        while os.readv(descriptor, [buffer]): pass\n"
    "        os.close(descriptor)\n"
    "threads = [threading.Thread(target=read) for _ in range(int(sys.argv[1]))]\n"
    "for thread in threads: thread.start()\n"
    "for thread in threads: thread.join()\n"
)
_LARGE_WHY = "the figure includes about 40 ms for the start of the command"


def measure(folder: Path) -> list[Row | Ceiling]:
    """1 GB in 1,000 files, 20,000 files of 4 KB, and memory for files of any size."""
    large, small, giant = folder / "large", folder / "small", folder / "giant"
    golden.sparse_files(giant, 1, 10**10)
    verify = (*HARNESS, "verify")
    rows: list[Row | Ceiling] = [
        *_of_large(large),
        *_of_small(small),
        Ceiling("memory of verify, 1 GB in 1,000 files", peak_mb(*verify, cwd=large), 60, "MB"),
        Ceiling("memory of verify, 20,000 files of 4 KB", peak_mb(*verify, cwd=small), 60, "MB"),
        Ceiling("memory of verify, 10 GB in one file", peak_mb(*verify, cwd=giant), 60, "MB"),
    ]
    for root in (large, small, giant):
        shutil.rmtree(root)
    return rows


def _of_large(root: Path) -> list[Row | Ceiling]:
    _lists(root, golden.files(root, 1000, 1_000_000))
    works = {
        "ours": command(*HARNESS, "verify", cwd=root),
        "sha256sum -c": command("sha256sum", "--quiet", "-c", "sha256", cwd=root),
        "pooch, SHA-256": command(sys.executable, "-c", _POOCH, cwd=root),
        "read": command(sys.executable, "-c", _READ, "2", cwd=root),
        **_installed("xxhsum -H2 -c", ("xxhsum", "-q", "-H2", "-c", "xxh128"), root),
        **_installed("b3sum -c", ("b3sum", "--quiet", "-c", "b3"), root),
    }
    taken = alternate(works)
    asked = {"sha256sum -c": 15.0, "pooch, SHA-256": 4.0, "xxhsum -H2 -c": 1.0}
    best = ("a process that reads the bytes", taken["read"])
    work = "verify, 1 GB in 1,000 files"
    return [
        Row(work, peer, taken["ours"], taken[peer], *best, asked.get(peer), _LARGE_WHY)
        for peer in works
        if peer not in {"ours", "read"}
    ]


def _of_small(root: Path) -> list[Row | Ceiling]:
    _lists(root, golden.files(root, 20_000, 4096))
    for words in (("git", "init", "-q"), (*_dvc(), "init", "-q"), (*_dvc(), "add", "-q", "golden")):
        subprocess.run(words, cwd=root, check=True, capture_output=True)
    works = {
        "ours": command(*HARNESS, "verify", cwd=root),
        "sha256sum -c": command("sha256sum", "--quiet", "-c", "sha256", cwd=root),
        "dvc status": command(*_dvc(), "status", "-q", cwd=root),
        "read": command(sys.executable, "-c", _READ, "1", cwd=root),
        **_installed("xxhsum -H2 -c", ("xxhsum", "-q", "-H2", "-c", "xxh128"), root),
    }
    taken = alternate(works)
    asked = {"sha256sum -c": 1.0, "xxhsum -H2 -c": 0.25, "dvc status": 10.0}
    best = ("a process that reads the bytes", taken["read"])
    work = "verify, 20,000 files of 4 KB"
    why = {
        "dvc status": "it reads modification times only; reading the files alone takes 7 % of its time",
        "xxhsum -H2 -c": "6.5 MB of registry.json are read first; a list of digests is a fifth of that",
    }
    return [
        Row(work, peer, taken["ours"], taken[peer], *best, asked[peer], why.get(peer, ""))
        for peer in works
        if peer not in {"ours", "read"}
    ]


def _lists(root: Path, paths: list[str]) -> None:
    """Write the lists of digests that the peers check, and the list of paths."""
    data = {path: (root / path).read_bytes() for path in paths}
    (root / "paths").write_text("\n".join(paths))
    digests: dict[str, Callable[[bytes], str]] = {
        "sha256": lambda b: hashlib.sha256(b).hexdigest(),
        "xxh128": xxhash.xxh3_128_hexdigest,
    }
    try:
        from blake3 import blake3
    except ImportError:
        pass
    else:
        digests["b3"] = lambda b: str(blake3(b).hexdigest())
    for name, digest in digests.items():
        (root / name).write_text("".join(f"{digest(data[path])}  {path}\n" for path in paths))


def _installed(name: str, words: tuple[str, ...], root: Path) -> dict[str, Callable[[], None]]:
    """Return the command under its name; nothing if the program is not installed."""
    return {name: command(*words, cwd=root)} if shutil.which(words[0]) else {}


def _dvc() -> tuple[str, ...]:
    return (sys.executable, "-m", "dvc")
