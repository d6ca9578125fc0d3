"""Kinds of files by their first bytes; nothing that cannot be read is opened."""

import io
import os
import zipfile

import numpy as np
import pytest

from harness.ptycho.files.kind import kind_of_file


def a_zip() -> bytes:
    stream = io.BytesIO()
    zipfile.ZipFile(stream, "w").close()
    return stream.getvalue()


def an_npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


HDF5 = b"\x89HDF\r\n\x1a\n"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04rest", "zip"),
        (a_zip(), "zip"),
        (an_npy(), "npy"),
        (b"MATLAB 5.0 MAT-file, Platform".ljust(128), "mat"),
        (HDF5, "hdf5"),
        (bytes(512) + HDF5, "hdf5"),
        (b"MATLAB 7.3 MAT-file".ljust(512) + HDF5, "hdf5"),
        (bytes(2048) + HDF5, "hdf5"),
        ((2).to_bytes(8, "little") + b"{}", "safetensors"),
        ((1 << 40).to_bytes(8, "little") + b"{}", None),
        (b"", None),
        (b"x, y\n1, 2\n", None),
        (b"\x80\x04pickle", None),
    ],
)
def test_the_first_bytes_decide_whatever_the_name(tmp_path, content, kind):
    path = tmp_path / "scan.anything"
    path.write_bytes(content)
    assert kind_of_file(path) == kind


def test_a_folder_a_missing_file_and_a_pipe(tmp_path):
    """A pipe would block for ever."""
    assert kind_of_file(tmp_path) == "folder"
    assert kind_of_file(tmp_path / "missing") is None
    assert kind_of_file("a\0b") is None
    os.mkfifo(tmp_path / "pipe")
    assert kind_of_file(tmp_path / "pipe") is None
