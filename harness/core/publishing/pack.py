"""A selection -> a directory that is an RO-Crate, and the same as a .zip archive: the same bytes each time.

Both are made under hidden names and renamed when they are complete, so that an error leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import RefusedError, UsageError
from harness.core.publishing.crate import Packed, crate_metadata, what_it_is
from harness.core.publishing.deposit import deposit_metadata
from harness.core.publishing.layout import CONTRACT, DEPOSIT, DIGEST, METADATA, README, SUMS
from harness.core.publishing.readme import readme_text
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.history import append
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.atomic import make_directory, unwritable_on_error
from harness.core.storage.digest import sha256_file
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.publishing.selection import Selection
    from harness.core.registry.history import Environment, Record

_BLOCK_BYTES = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3
_SUFFIX = ".zip"
_LARGE = 1 << 31
_MODE, _FOLDER_MODE = 0o644, 0o755


def publish(selection: Selection, *, directory: Path | None = None, archive: Path | None = None) -> str:
    """Write a selection to a new directory, or a new .zip archive, or both.

    Returns
    -------
    str
        The archive's digest ``sha256:...``; empty without an archive.

    Raises
    ------
    UsageError
        If neither is named, or the archive's name does not end with .zip or is in the directory.
    RefusedError
        If one exists, or is in the golden directory; or a golden file has changed since it was selected.
    UnwritableError
        If one cannot be written. Nothing is left behind.
    DependencyError
        If a package of the extra ``publish`` is missing.
    """
    targets = _targets(selection, directory, archive)
    digest = ""
    with _drafts(targets) as (folder, draft):
        _write_crate(selection, folder)
        if archive is not None:
            _write_archive(folder, draft)
            digest = sha256_file(draft)
            _rename(draft, archive)
        if directory is not None:
            _rename(folder, directory)
    return digest


def _targets(selection: Selection, directory: Path | None, archive: Path | None) -> list[Path]:
    """Return where to write, the directory first; raise if one of them cannot be made as it is named."""
    targets = [path for path in (directory, archive) if path is not None]
    if not targets:
        raise UsageError(
            "publish",
            expected="--output DIRECTORY or --archive FILE.zip",
            found="neither",
            remedy="Say where to write it.",
        )
    if archive is not None and archive.suffix != _SUFFIX:
        raise UsageError(
            f"--archive {archive}",
            expected=f"a name that ends with {_SUFFIX}",
            found=archive.name,
            remedy="Archives of other kinds are not written.",
        )
    if archive and directory and archive.absolute().is_relative_to(directory.absolute()):
        raise UsageError(
            f"--archive {archive}",
            expected="a path outside the new directory",
            found="one in it",
            remedy="Choose another path.",
        )
    for target in targets:
        _require_new(selection, target)
    return targets


def _require_new(selection: Selection, target: Path) -> None:
    golden = Path(os.path.realpath(selection.project.golden))
    inside = Path(os.path.realpath(target)).is_relative_to(golden)
    if inside or os.path.lexists(target):
        raise RefusedError(
            str(target),
            expected="a new path outside the golden directory",
            found="a path in it" if inside else "something that exists",
            message=f"{target} is in the golden directory" if inside else f"{target} exists already",
            remedy="Nothing was written. Choose another path" + ("." if inside else ", or remove it first."),
        )


@contextmanager
def _drafts(targets: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Give the block a hidden new directory and the path of a hidden file, beside the targets.

    What was not renamed in the block is removed after it, with directories that were made for the targets.
    """
    folder, draft = _hidden(targets[0], "files"), _hidden(targets[-1], "archive")
    above = {place for target in targets for place in target.absolute().parents if not place.exists()}
    try:
        with unwritable_on_error(targets[0]):
            for target in targets:
                make_directory(target.absolute().parent)
            folder.mkdir(mode=_FOLDER_MODE)
            yield folder, draft
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # the error of the block matters more
            draft.unlink(missing_ok=True)
        for place in sorted(above, reverse=True):
            with suppress(OSError):  # it has what was written
                place.rmdir()


def _hidden(target: Path, use: str) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.{use}")


def _rename(draft: Path, target: Path) -> None:
    with unwritable_on_error(target):
        draft.rename(target)


def _write_crate(selection: Selection, folder: Path) -> None:
    """Write all files of a publication; the list of sums last."""
    packed: dict[str, Packed] = {}
    for path, file in selection.files.items():
        made = _copy(selection.project.locate(path), folder / path, what_it_is(file))
        if f"{DIGEST}{made.sha256}" != file.entry.sha256:
            raise _changed(path)
        packed[path] = made
    for name, (source, what) in _documents(selection).items():
        packed[name] = _copy(source, folder / name, what)
    for name, (data, what) in _texts(selection).items():
        packed[name] = _put(data, folder / name, what)
    packed = dict(sorted(packed.items()))
    sums = {name: file.sha256 for name, file in packed.items()}
    sums[METADATA] = _put(crate_metadata(selection, packed), folder / METADATA, "").sha256
    _put(_sums_text(sums), folder / SUMS, "")


def _documents(selection: Selection) -> dict[str, tuple[Path, str]]:
    """Return the files of the project that go with its golden files, and what they are."""
    said = selection.description
    found = {path.name: (path, f"the licence {said.licence}") for path in said.licence_files}
    if said.citation is not None:
        found[said.citation.name] = (said.citation, "how to cite the project")
    if selection.contract is not None:
        found[f"{CONTRACT}{selection.contract.suffix}"] = (selection.contract, "what a dataset must have")
    return found


def _texts(selection: Selection) -> dict[str, tuple[bytes, str]]:
    """Return the files that are written for the publication, and what they are."""
    entries = {path: file.entry for path, file in selection.files.items()}
    history = f"{selection.project.golden_name}/{HISTORY_NAME}"
    return {
        REGISTRY: (encode_registry(Registry(entries)), "size, digests and newest record of each golden file"),
        history: (append(b"", _lines(selection)), "who recorded each golden file, when, why and with what"),
        README: (readme_text(selection), "what this is, and how to use it"),
        DEPOSIT: (deposit_metadata(selection), "metadata for a deposit in Zenodo"),
    }


def _lines(selection: Selection) -> Iterator[Record | Environment]:
    """Yield the environments, then the records, the oldest first."""
    yield from (selection.environments[digest] for digest in sorted(selection.environments))
    records = {digest: record for file in selection.files.values() for digest, record in file.records.items()}
    yield from (records[digest] for digest in sorted(records, key=lambda one: (records[one].at, one)))


def _sums_text(sums: Mapping[str, str]) -> bytes:
    """Return the list that ``sha256sum --check`` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()


def _copy(source: Path, target: Path, what: str) -> Packed:
    state, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as before, target.open("xb") as stream:
        while block := before.read(_BLOCK_BYTES):
            stream.write(block)
            state.update(block)
            size += len(block)
    target.chmod(_MODE)
    return Packed(size, state.hexdigest(), what)


def _put(data: bytes, target: Path, what: str) -> Packed:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    target.chmod(_MODE)
    return Packed(len(data), hashlib.sha256(data).hexdigest(), what)


def _write_archive(folder: Path, target: Path) -> None:
    """Write the files of *folder* to a .zip archive, sorted, without compression, dates or owners.

    Compressed bytes would depend on the version of zlib.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as archive:
        for path in files:
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            info.create_system, info.external_attr = _UNIX, _PLAIN_FILE
            info.file_size = path.stat().st_size
            with (
                path.open("rb") as stream,
                archive.open(info, "w", force_zip64=info.file_size >= _LARGE) as out,
            ):
                shutil.copyfileobj(stream, out, _BLOCK_BYTES)


def _changed(path: str) -> RefusedError:
    return RefusedError(
        path,
        expected="the recorded bytes",
        found="others",
        message=f"{path} changed while it was copied",
        remedy="Nothing was written. Repeat the command.",
    )
