"""A registry of 100,000 entries: load, look one up, replace one, save; compared with json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from row import Row
from timing import alternate

import golden
from harness.core.registry.format import encode_registry
from harness.core.registry.registry import read_registry, with_entries
from harness.core.storage.atomic import replace_file

if TYPE_CHECKING:
    from pathlib import Path

_COUNT = 100_000


def measure(folder: Path) -> list[Row]:
    """Both read and write the same text; ours also refuses duplicate keys."""
    path, theirs = folder / "registry.json", folder / "theirs.json"
    path.write_bytes(encode_registry(golden.many_entries(_COUNT)))
    theirs.write_bytes(path.read_bytes())
    data, name = path.read_bytes(), "golden/part_050/050000.bin"

    def ours() -> None:
        registry = read_registry(path)
        replace_file(path, encode_registry(with_entries(registry, {name: registry.entries[name]})))

    def peer() -> None:
        with theirs.open() as stream:
            tree = json.load(stream)
        tree["entries"][name] = {**tree["entries"][name], "size": 1}
        with theirs.open("w") as stream:
            json.dump(tree, stream)

    taken = alternate({"ours": ours, "json": peer, "copy": lambda: (folder / "copy").write_bytes(data)})
    return [Row("registry of 100,000 entries: load, look up, replace, save", "json.load and json.dump",
                taken["ours"], taken["json"], "writing the bytes", taken["copy"], 1,
                "ours checks every key and value and waits for the disk; json does neither")]  # fmt: skip
