"""Canonical data as a torch file: a dict of tensors, as ``torch.save`` writes it.

A ``.pt`` is a zip archive with a pickle that says how to build the tensors, and their numbers beside it. The
pickle is looked at before torch sees it: what names anything but tensors and their storages is refused. Then
``torch.load(weights_only=True)`` builds the tensors, and runs nothing either.
"""

from __future__ import annotations

import pickletools
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.core.storage.atomic import is_regular, unwritable_on_error
from harness.core.storage.npz_members import MAX_INFLATED, ZIP_ERRORS
from harness.ptycho.files.canonical.arrays import ARRAYS, arrays_of, content_of
from harness.ptycho.files.format import Format, Reading, Written
from harness.ptycho.files.package import needed_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.ptycho.files.content import Content

_LARGEST_PICKLE = 1 << 20
"""The pickle of an accepted file in bytes, at most: the numbers are not in it."""

_PICKLE = "/data.pkl"
_MOST_MEMBERS = 1 << 12
_ALLOWED = frozenset(
    {"collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"}
)
"""What a pickle of tensors names, besides storages."""

_NAMES = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ", "NEWOBJ_EX"})
"""Opcodes that name code, or make an object of what was named."""

_REWRITE = "Write it again with torch.save, as a dict of tensors."


def _recognise(path: Path) -> bool:
    """Whatever torch wrote is read, or refused with what is wrong with it: no other format has a data.pkl."""
    try:
        if not is_regular(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(_PICKLE) for name in archive.namelist())
    except (OSError, *ZIP_ERRORS):
        return False


def _pickle(path: Path) -> bytes:
    """Return the pickle of a torch file, once its archive is one that torch writes."""
    try:
        if not is_regular(path):
            raise _unreadable(path, "a directory, pipe or device")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _require_plain(path, members)
            pickles = [info for info in members if info.filename.endswith(_PICKLE)]
            if len(pickles) != 1 or pickles[0].file_size > _LARGEST_PICKLE:
                raise _unreadable(path, "a zip archive without one small data.pkl in it")
            return archive.read(pickles[0])
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except ZIP_ERRORS as error:
        raise _unreadable(path, f"a damaged zip archive ({error})") from error


def _require_plain(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse archives with compressed members, which torch never writes and could not be bounded."""
    if len(members) > _MOST_MEMBERS:
        raise _unreadable(path, f"{len(members)} members")
    packed = next((info for info in members if info.compress_type != zipfile.ZIP_STORED), None)
    if packed is not None:
        raise _unreadable(path, f"a compressed member, {packed.filename}")
    if len({info.filename for info in members}) != len(members):
        raise _unreadable(path, "two members of the same name")


def _unreadable(path: Path, found: str, remedy: str = _REWRITE) -> UnreadableError:
    return UnreadableError(str(path), expected="a dict of tensors of torch.save", found=found, remedy=remedy)


def _operations(pickle: bytes) -> Iterator[tuple[str, Any]]:
    for opcode, argument, _ in pickletools.genops(pickle):
        yield opcode.name, argument


def _require_tensors_only(path: Path, pickle: bytes) -> None:
    """Refuse a pickle that names anything but tensors."""
    try:
        for name, argument in _operations(pickle):
            named = argument if name == "GLOBAL" else None
            if name in _NAMES and not (named in _ALLOWED or _is_storage(named)):
                found = f"a pickle that names {named or 'code'}, which could run when loaded"
                raise _unreadable(path, found, "Write tensors alone, with torch.save.")
    except (ValueError, UnicodeDecodeError) as error:
        raise _unreadable(path, f"a damaged pickle ({error})") from error


def _is_storage(named: str | None) -> bool:
    module, _, name = (named or "").partition(" ")
    return module == "torch" and name.isidentifier() and name.endswith("Storage")


def _read(path: Path, reading: Reading) -> Content:
    _require_tensors_only(path, _pickle(path))
    _require_checksums(path)
    torch = needed_module("torch", "torch files", "ptycho")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError as error:
        raise _unreadable(path, "more data than fits into memory") from error
    except Exception as error:  # torch does not document what it raises
        first = str(error).partition("\n")[0]
        raise _unreadable(path, f"a damaged one ({first})") from error
    if not isinstance(loaded, dict):
        raise _unreadable(path, f"a {type(loaded).__name__}")
    tensors = {key: value for key, value in loaded.items() if isinstance(value, torch.Tensor)}
    others = tuple(str(key) for key in loaded if key not in tensors)
    limit = path.stat().st_size + MAX_INFLATED
    arrays = {str(key): _array(path, str(key), tensor, limit, torch) for key, tensor in tensors.items()}
    return content_of(path.name, arrays, reading, left_out=others)


def _require_checksums(path: Path) -> None:
    """Refuse an archive with a member of another checksum: torch does not look at them."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (OSError, *ZIP_ERRORS) as error:
        raise _unreadable(path, f"a damaged zip archive ({error})") from error
    if damaged is not None:
        raise _unreadable(path, f"{damaged} with a wrong checksum")


def _array(path: Path, key: str, tensor: Any, limit: int, torch: Any) -> np.ndarray:
    """Return the numbers of a tensor, once they are known to be in the file."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise _unreadable(path, f"{key}, which is not a dense tensor")
    if tensor.numel() * tensor.element_size() > limit:  # a stride of 0 repeats what is there once
        raise _unreadable(path, f"{key} of shape {tuple(tensor.shape)}, which is more than the file holds")
    try:
        return np.array(tensor.detach().resolve_conj().resolve_neg().numpy())
    except (RuntimeError, TypeError) as error:
        raise _unreadable(path, f"{key} of dtype {tensor.dtype}, which numpy has not") from error


def _write(path: Path, content: Content) -> Written:
    torch = needed_module("torch", "torch files", "ptycho")
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in arrays_of(content).items()}
    with (
        unwritable_on_error(path),
        path.open("wb") as stream,
    ):  # to a path, torch writes its name into the file
        torch.save(tensors, stream)
    return Written()


FORMAT = Format(
    name="torch",
    title="canonical data (torch)",
    suffixes=(".pt", ".pth"),
    holds=ARRAYS,
    canonical=True,
    uses=frozenset({"axes"}),
    recognise=_recognise,
    read=_read,
    write=_write,
)
FORMATS = (FORMAT,)
