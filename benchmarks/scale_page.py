"""The tables of docs/scale.md: what benchmarks/scale.py has measured, and a plan computed from it.

``python benchmarks/scale.py --page`` writes them. Every figure of the plan has its formula beside it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"

FILES = 1_000_000
BYTES = 10_000_000_000_000
"""What the plan is for."""

KEYS_PER_LIST = 1000
"""Objects that one listing request of an S3 store names."""
SHARD_ENTRIES = 10_000
LINE_BYTES = 100
"""Of a line with a shard's name and its SHA-256."""
NIGHTS = 30
HOUR = 3600.0


class Planned(NamedTuple):
    """A figure of the plan, its unit, and the formula that it comes from."""

    what: str
    value: float
    unit: str
    formula: str


class Measured(NamedTuple):
    """What a work takes at the largest measured size."""

    count: int
    cpu: float
    mebibytes: float
    size: int


def largest(known: dict[str, Any], work: str) -> Measured:
    """Return the figures of a work at the largest size."""
    one = max((point for point in known["points"] if point["work"] == work), key=lambda point: point["count"])
    return Measured(one["count"], one["cpu"], one["mebibytes"], one["size"])


def exponent(known: dict[str, Any], work: str) -> float:
    """Return by which power seconds grow from the second largest size to the largest."""
    points = sorted((one for one in known["points"] if one["work"] == work), key=lambda one: one["count"])
    one, other = points[-2:]
    return math.log(other["cpu"] / one["cpu"]) / math.log(other["count"] / one["count"])


def plan(known: dict[str, Any], files: int = FILES, size: int = BYTES) -> list[Planned]:
    """Return the plan for so many golden files of so many bytes together.

    Everything that was measured to grow linearly is multiplied by the ratio of the counts.
    """
    read, verify, audit = (largest(known, work) for work in ("read registry.json", "verify", "audit"))
    listed, stored = largest(known, "store: list"), largest(known, "store: verify, bytes only there")
    ours, peer = largest(known, "tests: arrays_regression"), largest(known, "tests: np.load, assert_allclose")
    rate = stored.size / stored.cpu
    shards = math.ceil(files / SHARD_ENTRIES)
    entry, each = read.size / read.count, (ours.cpu - peer.cpu) / ours.count
    hours = size / rate / HOUR
    shard_lists = f"shards x {LINE_BYTES} bytes"
    lists = f"files / {KEYS_PER_LIST:,}, rounded up"
    nightly = f"a {NIGHTS}th each night"
    return [
        Planned("registry as one file", files * entry / 1e6, "MB", "files x bytes of an entry"),
        Planned("reading it", files * read.cpu / read.count, "s", "files x seconds of an entry"),
        Planned("memory for it", files * read.mebibytes / read.count, "MiB", "files x MiB of an entry"),
        Planned("shards", shards, "", f"files / {SHARD_ENTRIES:,}, rounded up"),
        Planned("a shard", SHARD_ENTRIES * entry / 1e6, "MB", f"{SHARD_ENTRIES:,} x bytes of an entry"),
        Planned("list of shards below one root", shards * LINE_BYTES / 1e3, "kB", shard_lists),
        Planned("history", files * verify.size / verify.count / 1e6, "MB", "files x bytes of a record"),
        Planned("audit", files * audit.cpu / audit.count / HOUR, "h", "files x seconds of a file"),
        Planned("memory of an audit", files * audit.mebibytes / audit.count, "MiB", "files x MiB of a file"),
        Planned("checks of a full test run", files / 2 * each / HOUR, "h", "files / 2 x seconds of a check"),
        Planned("is everything there: requests", math.ceil(files / KEYS_PER_LIST), "", lists),
        Planned(
            "is everything there: time", files * listed.cpu / listed.count, "s", "files x seconds of one"
        ),
        Planned("read everything: requests", files, "", "one for each file"),
        Planned("read everything: bytes", size / 1e12, "TB", "all"),
        Planned("read everything: time", hours, "h", "bytes / measured bytes a second"),
        Planned(f"{nightly}: requests", math.ceil(files / NIGHTS), "", f"files / {NIGHTS}, rounded up"),
        Planned(f"{nightly}: bytes", size / NIGHTS / 1e9, "GB", f"bytes / {NIGHTS}"),
        Planned(f"{nightly}: time", hours / NIGHTS, "h", f"hours of everything / {NIGHTS}"),
    ]


def blocks(known: dict[str, Any]) -> dict[str, str]:
    """Return the text of each generated block of the page, by name."""
    found = {"measured": _measured(known), "plan": _plan(known)}
    return found | {"large": _large(known["large"])}


def write(known: dict[str, Any]) -> None:
    """Write all blocks into the page."""
    text = PAGE.read_text("utf-8")
    for name, block in blocks(known).items():
        begin, end = (f"<!-- benchmarks/scale.py:{name}: {word} -->" for word in ("begin", "end"))
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{block}{end}{rest.partition(end)[2]}"
    PAGE.write_text(text, "utf-8")


def _measured(known: dict[str, Any]) -> str:
    works = list(dict.fromkeys(point["work"] for point in known["points"]))
    rows = ["| work | count | seconds | memory | bytes | growth |", "|---|---|---|---|---|---|"]
    for work in works:
        points = sorted((one for one in known["points"] if one["work"] == work), key=lambda one: one["count"])
        for one in points:
            size = f"{one['size']:,}" if one["size"] else ""
            is_last = one is points[-1] and len(points) > 1
            power = f"{exponent(known, work):.2f}" if is_last else ""
            rows.append(
                f"| {work} | {one['count']:,} | {one['cpu']:.2f} s | {one['mebibytes']:.0f} MiB "
                f"| {size} | {power} |"
            )
    return "\n".join(rows) + "\n"


def _plan(known: dict[str, Any]) -> str:
    rows = ["| figure | | formula |", "|---|---|---|"]
    rows += (f"| {one.what} | {_number(one.value)} {one.unit} | {one.formula} |" for one in plan(known))
    return "\n".join(rows) + "\n"


def _large(large: dict[str, Any]) -> str:
    rows = [
        f"An array of {large['bytes']:,} bytes:\n",
        "| step | memory | processor | disk of the project |",
        "|---|---|---|---|",
    ]
    rows += (
        f"| {one['step']} | {one['mebibytes']} MiB | {one['cpu']:.0f} s | {one['disk'] / 1e9:.1f} GB |"
        for one in large["steps"]
    )
    return "\n".join(rows) + "\n"


def _number(value: float) -> str:
    """Return a figure with three digits, or all digits of a whole number."""
    if value >= 1000 or value == int(value):
        return f"{round(value):,}"
    return f"{value:.3g}"
