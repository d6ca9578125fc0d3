"""Files are named by their content, whatever they are called, and the printed command converts them."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import shlex
import struct
import subprocess
import sys

import numpy as np
import pytest

from harness.core.storage.npz import read_archive
from harness.core.system.file_kind import HEAD_BYTES, kind_of

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
STUB = """
import numpy
class Group:
    pass
class Data:
    def __init__(self, value):
        self.shape, self._value = value.shape, value
    def __getitem__(self, key):
        return self._value
def File(path):
    both = numpy.zeros((3, 1), dtype=[("real", "f8"), ("imag", "f8")])
    both["imag"] = 2
    return {"stack": Data(numpy.arange(24.0).reshape(2, 3, 4)), "x": Data(both), "#refs#": Group()}
"""
"""In place of h5py, which may not be installed: a stack, a complex column and a group."""


def npy(array):
    import io

    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def matlab_7_3():
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b" ")
    return text + b"\x89HDF\r\n\x1a\n" + bytes(100)


def image(form):
    import io

    pil = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    pil.fromarray(IMAGE).save(stream, form)
    return stream.getvalue()


def matlab_5():
    import io

    scipy_io = pytest.importorskip("scipy.io")
    stream = io.BytesIO()
    scipy_io.savemat(stream, {"probe": np.ones((3, 4)) * 1j, "x": np.arange(5.0)})
    return stream.getvalue()


KINDS = {
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file", {"stack": (2, 3, 4), "x": (3,)}),
    "HDF5 behind a block": (
        lambda: bytes(512) + b"\x89HDF\r\n\x1a\n",
        "an HDF5 file",
        {"stack": (2, 3, 4), "x": (3,)},
    ),
    "MATLAB 7.3": (
        matlab_7_3,
        "a MATLAB file of version 7.3 (HDF5)",
        {"stack": (4, 3, 2), "x": (3,)},
    ),
    "MATLAB 5": (matlab_5, "a MATLAB file of version 5", {"probe": (3, 4), "x": (5,)}),
    "npy": (lambda: npy(IMAGE), "a single .npy array", {"scan": (3, 4)}),
    "PNG": (lambda: image("PNG"), "a PNG image", {"scan": (3, 4)}),
    "TIFF": (lambda: image("TIFF"), "a TIFF image", {"scan": (3, 4)}),
    "big TIFF, big-endian": (lambda: b"MM\0*" + bytes(9), "a TIFF image", None),
    "JPEG": (lambda: b"\xff\xd8\xff\xe0" + bytes(9), "a JPEG image", None),
    "JSON": (
        lambda: json.dumps({"x": [1, 2], "y": [3, 4]}).encode(),
        "a JSON document",
        {"x": (2,), "y": (2,)},
    ),
    "JSON list": (lambda: b"[1, 2, 3]", "a JSON document", {"scan": (3,)}),
    "columns": (lambda: b"# x y\n1 2\n3 4\n5 6\n", "a text file", {"scan": (3, 2)}),
    "CSV": (lambda: b"1,2\n3,4\n5,6\n", "a text file of comma-separated values", {"scan": (3, 2)}),
    "CSV with names": (
        lambda: b"x,y\n3,4\n5,6\n7,8\n",
        "a text file of comma-separated values",
        {"x": (3,), "y": (3,)},
    ),
    "pickle": (lambda: pickle.dumps({"x": IMAGE}), "a pickle, which is never loaded", None),
    "page": (lambda: b"<!DOCTYPE html><p>Not found", "an HTML page", None),
    "gzip": (lambda: gzip.compress(b"x"), "a gzip archive", None),
}


@pytest.mark.parametrize("case", KINDS)
@pytest.mark.parametrize("name", ["scan.npz", "it's a scan.data"])
def test_the_command_of_the_message_converts_the_file(tmp_path, case, name):
    """The kind is named whatever the file's name is; where there is a command, it makes an archive."""
    make, called, arrays = KINDS[case]
    path = tmp_path / name
    path.write_bytes(make())
    kind = kind_of(path.read_bytes()[:HEAD_BYTES])
    assert kind.name.startswith(called)
    remedy = kind.remedy(path)
    assert remedy.endswith(("`", ".", "numpy.savez."))
    if arrays is None:
        return
    command = shlex.split(remedy.split("`", 1)[1].rsplit("`", 1)[0])
    assert command[0] == "python"
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub/h5py.py").write_text(STUB)
    subprocess.run(
        [sys.executable, *command[1:]],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "stub")},
        check=True,
        cwd=tmp_path,
    )
    target = tmp_path / ("scan_converted.npz" if name == "scan.npz" else "it's a scan.npz")
    found = {key: array.shape for key, array in read_archive(target).items()}
    expected = {key.replace("scan", path.stem): shape for key, shape in arrays.items()}
    assert found == expected
    if case == "MATLAB 7.3":
        assert (read_archive(target)["x"] == 2j).all()


@pytest.mark.parametrize("head", [b"", b"\x00\x01\x02", b"PK\x03\x04", struct.pack("<d", 0.1) * 20])
def test_what_is_not_known_is_not_named(head):
    """Bytes that say nothing have no kind."""
    assert kind_of(head) is None


def test_text_that_is_cut_inside_a_character_is_text():
    """The head of a long file may end anywhere."""
    assert kind_of(("µ" * HEAD_BYTES).encode()[1 : HEAD_BYTES + 1]) is None
    assert kind_of((" " + "µ" * HEAD_BYTES).encode()[:HEAD_BYTES]).name == "a text file"
