"""README.md of a publication: what somebody who finds it needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.publishing.layout import CONTRACT, METADATA, SUMS
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.publishing.selection import Selection


def readme_text(selection: Selection) -> bytes:
    """Return the text of README.md."""
    return ("\n".join(_lines(selection)) + "\n").encode()


def _lines(selection: Selection) -> Iterator[str]:
    said, golden = selection.description, selection.project.golden_name
    yield from (f"# {said.title}", "", selection.summary, "")
    yield f"- by: {'; '.join(person.full_name for person in said.authors)}"
    yield f"- licence: {said.licence}, see {', '.join(path.name for path in said.licence_files)}"
    if said.repository:
        yield f"- from: {said.repository}" + (f", version {said.version}" if said.version else "")
    yield from ("", "| file | kind | bytes | recorded |", "|---|---|---|---|")
    for path, file in selection.files.items():
        yield f"| `{path}` | {file.entry.kind} | {file.entry.size} | {file.version.at} |"
    yield from ("", f"`{SUMS}` has the SHA-256 of every file: `sha256sum --check {SUMS}`.")
    yield f"`{METADATA}` describes them as an RO-Crate. `{REGISTRY}` and `{golden}/{HISTORY_NAME}` are read"
    yield "by golden-harness: `harness verify` compares, `harness audit` traces each file to its source."
    if selection.contract is not None:
        yield f"`{CONTRACT}{selection.contract.suffix}` says what a dataset must have."
    yield from ("", "To use them as golden files of another project, run there:", "")
    yield "    pip install golden-harness"
    yield '    harness fetch ARCHIVE --reason "..."'
