"""The golden files of a publication: read, and checked against its registry, records and manifests.

All of it comes from others. Nothing that it names is run or imported, and no path of it is written to here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.core.baselines.array_tolerances import read_tolerance_document
from harness.core.baselines.baseline import read_baseline
from harness.core.errors import RefusedError
from harness.core.fixtures.fixture import require_matching_manifest
from harness.core.fixtures.manifest import read_manifest
from harness.core.publishing.fetching.unpack import Unpacked, damaged, unpack
from harness.core.publishing.selection import Vouched, vouch
from harness.core.recording.removal import baselines_of, select
from harness.core.registry.golden_names import archive_of, name_of
from harness.core.registry.history import decode_history, read_history_text
from harness.core.registry.registry import HISTORY_NAME, describe_file, history_path, read_registry
from harness.core.storage.npz import Arrays
from harness.core.storage.project import REGISTRY, Project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.registry.history import Environment


@dataclass(frozen=True, slots=True)
class Published:
    """A publication whose files, records and manifests agree.

    Attributes
    ----------
    project : Project
        The unpacked publication, which has a registry and golden files as a project has.
    files : mapping of str to Vouched
        By path, sorted.
    environments : mapping of str to Environment
        By digest.
    sums : str
        Digest of its list of sums.
    """

    project: Project
    files: Mapping[str, Vouched]
    environments: Mapping[str, Environment]
    sums: str

    def select(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Return the paths that names or paths stand for, with what goes with them; all without any."""
        if not wanted:
            return tuple(self.files)
        chosen = select(self.project, wanted)
        return tuple(sorted({*chosen, *baselines_of(self.project, chosen)}))


def read_published(path: Path, folder: Path, *, shown: str = "") -> Published:
    """Return the golden files of a published directory or .zip archive, copied to *folder*.

    Errors call it *shown*, by default its path.

    Raises
    ------
    UnreadableError, RefusedError
        As :func:`~harness.core.publishing.fetching.unpack.unpack`; also if a golden file, its registry entry
        and its records contradict each other, or an archive or manifest is damaged.
    """
    thing = shown or str(path)
    unpacked = unpack(path, folder, thing)
    project = Project(folder, _golden_name(thing, unpacked))
    registry = read_registry(project.registry)
    history = decode_history(read_history_text(project), f"{thing}: {HISTORY_NAME}")
    _require_whole(thing, project, unpacked, registry.entries)
    files, environments = vouch(history, dict(sorted(registry.entries.items())))
    for name, entry in registry.entries.items():
        _require_sound(project, name, entry)
    return Published(project, files, environments, unpacked.sums)


def _golden_name(thing: str, unpacked: Unpacked) -> str:
    """Return the golden directory of a publication: that of its only history."""
    if REGISTRY not in unpacked.names:
        raise damaged(thing, f"no {REGISTRY} in it")
    paths = map(PurePosixPath, unpacked.names)
    places = [path.parent for path in paths if path.name == HISTORY_NAME]
    if len(places) != 1 or places[0] == PurePosixPath():
        raise damaged(thing, f"{len(places) or 'no'} {HISTORY_NAME} in a golden directory")
    return str(places[0])


def _require_whole(thing: str, project: Project, unpacked: Unpacked, entries: Mapping[str, Entry]) -> None:
    """Raise unless the golden directory has exactly the registered files, with their digests."""
    golden = f"{project.golden_name}/"
    own = project.relative(history_path(project))
    there = {name for name in unpacked.names if name.startswith(golden)} - {own}
    if differing := sorted(there ^ entries.keys()):
        where = "not in its registry" if differing[0] in there else "in its registry, and not in it"
        raise damaged(thing, f"{differing[0]} {where}")
    for path, entry in entries.items():
        if describe_file(project.root / path, entry.kind, entry.record) != entry:
            raise RefusedError(
                f"{thing}: {path}",
                expected=f"the size and digests of its {REGISTRY}",
                found="others",
                remedy="Nothing was changed. Get it again from where it was published.",
            )


def _require_sound(project: Project, path: str, entry: Entry) -> None:
    """Raise unless a file can be what its entry says that it is."""
    file = project.root / path
    if path.endswith(".npz"):
        Arrays(file)
    if entry.kind == "baseline":
        read_baseline(file)
    elif entry.kind == "tolerances":
        read_tolerance_document(file)
    elif entry.kind == "manifest":
        manifest, archive = read_manifest(file), archive_of(file)
        if manifest.name != name_of(project, path):
            raise RefusedError(
                path,
                expected=f"a manifest of {name_of(project, path)!r}",
                found=f"one of {manifest.name!r}",
                remedy="Nothing was changed. Publish it again under one name.",
            )
        if archive.is_file():
            require_matching_manifest(archive, Arrays(archive), manifest)
