"""Harms of HDF5 files: each takes a copy of a file and the key of a dataset, and makes the file hostile."""

from __future__ import annotations

import shutil
import zlib
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

h5py = pytest.importorskip("h5py", reason="h5py is not installed: the extra `files` brings it")

HUGE = 1 << 36


def replaced(file: h5py.File, key: str, **arguments: Any) -> h5py.Dataset:
    """Put another dataset in the place of one."""
    kept = dict(file[key].attrs)
    del file[key]
    new = file.create_dataset(key, **arguments)
    new.attrs.update(kept)
    return new


def _soft_to_nowhere(file: h5py.File, key: str) -> None:
    del file[key]
    file[key] = h5py.SoftLink("/nowhere")


def _circle(file: h5py.File, key: str) -> None:
    del file[key]
    file[key] = h5py.SoftLink("/circle")
    file["circle"] = h5py.SoftLink(f"/{key}")


def _external(file: h5py.File, key: str) -> None:
    file.copy(file[key], "other")
    del file[key]
    file[key] = h5py.ExternalLink(Path(file.filename).name, "/other")


def _through_external_group(file: h5py.File, key: str) -> None:
    file["elsewhere"] = h5py.ExternalLink(Path(file.filename).name, "/")
    file.move(key, "other")
    file[key] = h5py.SoftLink("/elsewhere/other")


def _external_storage(file: h5py.File, key: str) -> None:
    array = np.asarray(file[key])
    replaced(file, key, shape=array.shape, dtype=array.dtype, external=[("/etc/passwd", 0, array.nbytes)])


def _virtual(file: h5py.File, key: str) -> None:
    """The other file's dataset has the name of one of this file."""
    shape, dtype = file[key].shape, file[key].dtype
    file["data"] = np.zeros(shape, dtype)
    layout = h5py.VirtualLayout(shape, dtype)
    layout[...] = h5py.VirtualSource("../other.h5", "data", shape=shape)
    del file[key]
    file.create_virtual_dataset(key, layout)


def _virtual_through_link(file: h5py.File, key: str) -> None:
    shape, dtype = file[key].shape, file[key].dtype
    file["elsewhere"] = h5py.ExternalLink("../other.h5", "/")
    layout = h5py.VirtualLayout(shape, dtype)
    layout[...] = h5py.VirtualSource(".", "elsewhere/data", shape=shape)
    del file[key]
    file.create_virtual_dataset(key, layout)


def _unstored(file: h5py.File, key: str) -> None:
    axes = file[key].ndim
    replaced(file, key, shape=(HUGE, *[1] * (axes - 1)), dtype="f8", chunks=True, fillvalue=1.0)


def _late_contiguous(file: h5py.File, key: str) -> None:
    replaced(file, key, shape=(HUGE, *[1] * (file[key].ndim - 1)), dtype="f8")


def _bomb(file: h5py.File, key: str) -> None:
    """Zeros that gzip packs a thousand to one: 1 GiB in 1 MiB."""
    axes = file[key].ndim
    shape = (1 << 27, *[1] * (axes - 1))
    chunk = (1 << 22, *[1] * (axes - 1))
    new = replaced(file, key, shape=shape, dtype="f8", chunks=chunk, compression="gzip")
    new[: 1 << 22] = 0


def _chunk_bomb(file: h5py.File, key: str) -> None:
    """A chunk of a few bytes that inflates to 1 GiB."""
    axes = file[key].ndim
    new = replaced(file, key, shape=[8] * axes, dtype="f8", chunks=(8,) * axes, compression="gzip")
    new.id.write_direct_chunk((0,) * axes, gibibyte())


@cache
def gibibyte() -> bytes:
    """Return 1 GiB of zeros, packed."""
    packer = zlib.compressobj(9)
    first, again = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * 1023


def _huge_chunk(file: h5py.File, key: str) -> None:
    axes = file[key].ndim
    shape = [1] * axes
    replaced(
        file,
        key,
        shape=shape,
        maxshape=[None] * axes,
        dtype="f8",
        chunks=(1 << 28, *shape[1:]),
        compression="gzip",
    )


def _references(file: h5py.File, key: str) -> None:
    replaced(file, key, data=np.array([file.ref] * 3, h5py.ref_dtype))


def _variable_length(file: h5py.File, key: str) -> None:
    new = replaced(file, key, shape=(2,), dtype=h5py.vlen_dtype(np.float64))
    new[0] = [1.0, 2.0]


def _text(file: h5py.File, key: str) -> None:
    replaced(file, key, data=["a", "b"])


def _compound(file: h5py.File, key: str) -> None:
    replaced(file, key, data=np.zeros(file[key].shape, [("x", "f4"), ("y", "f8")]))


def _opaque(file: h5py.File, key: str) -> None:
    replaced(file, key, data=np.zeros(file[key].shape, "V8"))


def _zero_size(file: h5py.File, key: str) -> None:
    replaced(file, key, shape=(0, *file[key].shape[1:]), dtype=file[key].dtype)


def _empty(file: h5py.File, key: str) -> None:
    replaced(file, key, data=h5py.Empty("f8"))


def _group(file: h5py.File, key: str) -> None:
    del file[key]
    file.create_group(key)


def _renamed(file: h5py.File, key: str) -> None:
    file.move(key, f"{key}_old")


def _one_axis_more(file: h5py.File, key: str) -> None:
    replaced(file, key, data=np.asarray(file[key])[None, None, None, None])


def _filter_unknown(file: h5py.File, key: str) -> None:
    """A filter that nobody has, as mandatory."""
    shape = file[key].shape
    del file[key]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(shape)
    plist.set_filter(299, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple(shape)
    new = h5py.h5d.create(file.id, key.encode(), h5py.h5t.NATIVE_DOUBLE, space, plist)
    new.write_direct_chunk((0,) * len(shape), np.zeros(shape).tobytes())


HARMS: dict[str, Callable[[h5py.File, str], None]] = {
    name.lstrip("_"): harm
    for name, harm in list(globals().items())
    if callable(harm) and name.startswith("_") and getattr(harm, "__module__", None) == __name__
}
"""By name; each is refused where the dataset is needed."""


@contextmanager
def changed(path: Path, target: Path) -> Iterator[h5py.File]:
    """Open a copy of a file for writing."""
    shutil.copyfile(path, target)
    with h5py.File(target, "r+") as file:
        yield file


def harmed(path: Path, folder: Path, *keys: str) -> Iterator[Path]:
    """Yield a copy of the file for every harm, on each of *keys*."""
    for key in keys:
        for name, harm in HARMS.items():
            target = folder / f"{name} {key.replace('/', '_')}"
            with changed(path, target) as file:
                harm(file, key)
            yield target
